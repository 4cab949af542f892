#include "espalier/stages/given_properties.hpp"

#include <algorithm>
#include <charconv>
#include <sstream>

#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/engine/verify.hpp"
#include "espalier/formats/vnnlib.hpp"
#include "espalier/stages/environment.hpp"
#include "espalier/stages/parameters.hpp"
#include "stages/column.hpp"

namespace espalier::stages {

using task::Attempt;
using task::Field;
using task::Parameters;
using task::Schema;
using task::StageContext;
using task::StageResult;
using task::ValueType;

namespace {

std::string word(const auto& value) { return std::string(base::word_of(engine::words(value), value)); }

task::Array array_of(std::string name, const auto& values) {
  return {.name = std::move(name), .values = std::vector<double>(values.begin(), values.end())};
}

class VerifyPropertyStage final : public task::Stage {
 public:
  std::string kind() const override { return "verify_property"; }
  std::uint32_t schema_version() const override { return 1; }
  std::string table() const override { return "verdicts"; }
  const Schema& parameters() const override {
    static const Schema all = [] {
      Schema fields = property_parameters();
      for (Field& field : limits_of_properties()) fields.push_back(std::move(field));
      return columns_of(fields);
    }();
    return all;
  }
  const Schema& columns() const override {
    using enum ValueType;
    static const Schema all{
        column("architecture", text, "", "widths of all layers, input to output"),
        column("weight_rounding", real, "1", "by how much a weight was rounded to float32 at most"),
        column("verdict", text, "", "sat: an unsafe input exists, and is in witness; unsat: none does; timeout; unknown: see detail"),
        column("splitting", text, "", "of what the search made cases: inputs, or phases of neurons"),
        column("detail", text, "", "of timeout and unknown, in words"),
        column("boxes", integer, "1", "of the property, answered"),
        column("nodes", integer, "1", "of the search"),
        column("margin", real, "1", "of the witness, float64: the smallest function of the conjunction that holds, at least 0"),
        column("margin_float32", real, "1", "the same of outputs in float32"),
        measured("verify_seconds", real, "s", "wall time of the search"),
        measured("verify_cpu_seconds", real, "s", "CPU time of the search"),
        column("time_limit", real, "s", "that the search had")};
    return all;
  }
  const Schema& arrays() const override {
    static const Schema all{column("witness", ValueType::real, "1", "an input that is unsafe"),
                            column("witness_outputs", ValueType::real, "1", "the network's outputs there, float32")};
    return all;
  }
  /// Files of somebody else may be damaged: they are read in a process of its own.
  std::optional<task::ResourceLimits> limits(const Attempt& attempt) const override {
    task::ResourceLimits limits = attempt.limits;
    limits.wall_seconds = attempt.spec.parameters.real("solve_time_limit");
    return limits;
  }
  bool leaves_no_trace(const Attempt&) const override { return true; }
  std::string limit_parameter() const override { return "solve_time_limit"; }
  bool met_limit(const task::Outcome& outcome, const Parameters&) const override {
    if (outcome.kind == task::OutcomeKind::failed) return outcome.error_kind == "timeout";
    return outcome.values.text("verdict") == word(engine::Verdict::timeout);
  }
  void cut_short(StageResult& partial, const task::CutShort& how) const override {
    const bool late = how.cause == "time" || how.cause == "cpu";
    partial.values.set("verdict", word(late ? engine::Verdict::timeout : engine::Verdict::unknown));
    partial.values.set("detail", how.message);
    partial.values.set("verify_seconds", how.wall_seconds);
  }

  StageResult run(const Attempt& attempt, const StageContext& context) const override {
    const Parameters& p = attempt.spec.parameters;
    const auto stored = [&](const std::string& name) {
      return context.output_directory / task::import_name(p.text(task::file_hash_name(name)), p.text(name));
    };
    nn::Rounding rounding;
    const nn::Network network = read_given_network(stored("network_file"), &rounding);
    const problem::Property property = formats::read_vnnlib(stored("property_file"));
    const auto row = [&](const engine::Verification& found) {
      StageResult made{.values = {{"architecture", nn::architecture(network)},
                                  {"weight_rounding", rounding.largest_change},
                                  {"verdict", word(found.verdict)},
                                  {"splitting", word(found.splitting)},
                                  {"detail", found.detail},
                                  {"boxes", found.boxes},
                                  {"nodes", found.nodes},
                                  {"verify_seconds", found.seconds},
                                  {"verify_cpu_seconds", found.cpu_seconds},
                                  {"time_limit", p.real("solve_time_limit")}},
                       .arrays = {}};
      if (found.witness) {
        made.values.set("margin", found.witness->margin);
        made.values.set("margin_float32", found.witness->margin_float32);
        made.arrays = {array_of("witness", found.witness->input), array_of("witness_outputs", found.witness->outputs)};
      }
      return made;
    };
    context.publish(row({.verdict = engine::Verdict::unknown, .detail = "running"}));
    engine::VerifySettings settings{.time_limit_seconds = p.real("solve_time_limit"),
                                    .memory_limit_mib = attempt.limits.memory_mib,
                                    .seed = static_cast<std::uint64_t>(p.integer("solve_seed") + p.integer("repetition")),
                                    .stop_requested = context.stop_requested};
    if (const std::string& splitting = p.text("verify_splitting"); splitting != automatic)
      settings.splitting = base::parse_word(engine::words(engine::Splitting{}), "verify.splitting", splitting);
    engine::Verification found = engine::verify(network, property, settings);
    if (found.verdict == engine::Verdict::unknown && context.stop_requested()) {
      if (context.limit_reached().empty()) throw task::StageStopped{};
      found.verdict = engine::Verdict::timeout;
      found.detail = fmt::format("{} limit", context.limit_reached());
    }
    return row(found);
  }

  static constexpr const char* automatic = "auto";
};

/// Without the \r of other systems, and blanks.
std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\r"), end = text.find_last_not_of(" \t\r");
  return begin == std::string::npos ? "" : text.substr(begin, end + 1 - begin);
}

std::string file_beside(const std::filesystem::path& list, const std::string& name) {
  const std::filesystem::path path = std::filesystem::absolute(list).parent_path() / name;
  std::error_code none;
  const bool is_gzipped = !std::filesystem::exists(path, none) && std::filesystem::exists(path.string() + ".gz", none);
  return path.string() + (is_gzipped ? ".gz" : "");
}

}  // namespace

const Schema& property_parameters() {
  static const Schema fields = [] {
    Field property =
        column("property.file", ValueType::text, "", "property (VNN-LIB) of the network in network.file; none: a problem is asked");
    property.default_value = std::string("none");
    property.check_file = [](const std::filesystem::path& name) { static_cast<void>(formats::read_vnnlib(name)); };
    Field network = column("network.file", ValueType::text, "", "network that the property is about: ONNX, may be gzipped; or HDF5");
    network.check_file = [](const std::filesystem::path& name) {
      nn::Rounding rounding;
      static_cast<void>(read_given_network(name, &rounding));
    };
    Field splitting = column("verify.splitting", ValueType::text, "",
                             "of what the search makes cases: inputs or phases; auto: inputs if at most 10 of them are free or a "
                             "conjunction has several functions");
    splitting.default_value = std::string(VerifyPropertyStage::automatic);
    splitting.choices = {VerifyPropertyStage::automatic, word(engine::Splitting::inputs), word(engine::Splitting::phases)};
    for (Field* field : {&network, &splitting})
      field->exists_if = {{.parameter = "property.file", .values = {std::string("none")}, .is_one_of = false}};
    return Schema{std::move(property), std::move(network), std::move(splitting)};
  }();
  return fields;
}

Schema limits_of_properties() {
  Schema fields = solve_fields();
  std::erase_if(fields, [](const Field& field) {
    return field.name != "solve.time_limit" && field.name != "solve.seed" && field.name != "repetition";
  });
  return fields;
}

std::vector<task::StageRequest> expand_given_property(const Parameters& p) {
  const double limit = p.real("solve.time_limit");
  return {{.kind = "verify_property",
           .parameters = p.columns_of(std::vector<std::string>{"network", "property", "verify", "solve", "repetition"}),
           .expected_seconds = std::min(1.0, limit),
           .most_seconds = limit}};
}

std::unique_ptr<task::Stage> make_verify_property_stage() { return std::make_unique<VerifyPropertyStage>(); }

std::vector<std::vector<std::string>> read_instances(const std::filesystem::path& list) {
  std::vector<std::vector<std::string>> rows{{"network.file", "property.file", "solve.time_limit"}};
  std::istringstream lines(base::read_file(list));
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (trimmed(line).empty()) continue;
    std::vector<std::string> cells;
    std::istringstream text(line);
    for (std::string cell; std::getline(text, cell, ',');) cells.push_back(trimmed(cell));
    if (cells.size() != 3 || std::ranges::any_of(cells, &std::string::empty))
      base::fail(base::ErrorKind::data, "line {}: expected a network, a property and seconds, with commas between them, found '{}'", number,
                 base::printable(trimmed(line)));
    double seconds = 0;
    const auto [end, error] = std::from_chars(cells[2].data(), cells[2].data() + cells[2].size(), seconds);
    if (error != std::errc() || end != cells[2].data() + cells[2].size() || !(seconds > 0))
      base::fail(base::ErrorKind::data, "line {}: expected seconds above 0, found '{}'", number, base::printable(cells[2]));
    rows.push_back({file_beside(list, cells[0]), file_beside(list, cells[1]), cells[2]});
  }
  return rows;
}

}  // namespace espalier::stages
