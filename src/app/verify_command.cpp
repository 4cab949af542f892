#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "app/commands.hpp"
#include "app/exit_codes.hpp"
#include "espalier/base/log.hpp"
#include "espalier/base/words.hpp"
#include "espalier/engine/verify.hpp"
#include "espalier/farm/stop.hpp"
#include "espalier/formats/vnnlib.hpp"
#include "espalier/stages/environment.hpp"

namespace espalier::app {

namespace {

using Json = nlohmann::ordered_json;

struct VerifyOptions {
  std::string network;
  std::string property;
  double time_limit = std::numeric_limits<double>::infinity();
  std::uint64_t seed = 0;
  std::string splitting;
  bool json = false;
};

nn::Network read_network(const std::filesystem::path& file) {
  nn::Rounding rounding;
  nn::Network network = stages::read_given_network(file, &rounding);
  if (rounding.largest_change > 0)
    base::log_warning("{}: weights were rounded to float32, by {:.3g} at most", file.string(), rounding.largest_change);
  return network;
}

std::string_view word(const auto& value) { return base::word_of(engine::words(value), value); }

/// As the competition VNN-COMP wants it: the verdict, then inputs and outputs of the witness.
void print_text(const engine::Verification& found) {
  std::string text = fmt::format("{}\n", word(found.verdict));
  if (found.witness) {
    text += "(";
    for (Eigen::Index i = 0; i < found.witness->input.size(); ++i)
      text += fmt::format("{}(X_{} {})\n", i == 0 ? "" : " ", i, found.witness->input[i]);
    for (Eigen::Index i = 0; i < found.witness->outputs.size(); ++i)
      text += fmt::format(" (Y_{} {}){}", i, found.witness->outputs[i], i + 1 == found.witness->outputs.size() ? ")\n" : "\n");
  }
  std::cout << text;
}

void print_json(const VerifyOptions& options, const engine::Verification& found) {
  Json row{{"network", options.network}, {"property", options.property},       {"verdict", word(found.verdict)},
           {"detail", found.detail},     {"splitting", word(found.splitting)}, {"boxes", found.boxes},
           {"nodes", found.nodes},       {"seconds", found.seconds},           {"cpu_seconds", found.cpu_seconds},
           {"witness", nullptr}};
  if (found.witness)
    row["witness"] = {{"input", std::vector<double>(found.witness->input.begin(), found.witness->input.end())},
                      {"outputs", std::vector<float>(found.witness->outputs.begin(), found.witness->outputs.end())},
                      {"margin", found.witness->margin},
                      {"margin_float32", found.witness->margin_float32}};
  std::cout << row.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
}

int run_verify(const VerifyOptions& options) {
  engine::VerifySettings settings{.time_limit_seconds = options.time_limit, .seed = options.seed};
  if (!options.splitting.empty())
    settings.splitting = base::parse_word(engine::words(engine::Splitting{}), "--splitting", options.splitting);
  const farm::StopSignals signals;
  settings.stop_requested = farm::stop_requested;
  const problem::Property property = formats::read_vnnlib(options.property);
  const engine::Verification found = engine::verify(read_network(options.network), property, settings);
  if (options.json)
    print_json(options, found);
  else
    print_text(found);
  if (!options.json && found.verdict == engine::Verdict::unknown) std::cerr << found.detail << '\n';
  return farm::stop_requested() && found.verdict == engine::Verdict::unknown ? exit_stopped : exit_done;
}

}  // namespace

void add_verify(CLI::App& program, int& exit_code) {
  auto options = std::make_shared<VerifyOptions>();
  CLI::App* command = program.add_subcommand("verify", "Does an input exist that violates a property? One network, one property");
  command->add_option("NETWORK", options->network, "ONNX file, may be gzipped; or network file (HDF5)")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("PROPERTY", options->property, "VNN-LIB file, may be gzipped")->required()->check(CLI::ExistingFile);
  command->add_option("--time-limit", options->time_limit, "wall seconds from the end of reading")->check(CLI::NonNegativeNumber);
  command->add_option("--seed", options->seed, "of the attack before phase splitting")->capture_default_str();
  command->add_option("--splitting", options->splitting,
                      "inputs or phases; default: inputs if at most 10 of them are free or a conjunction has several functions");
  command->add_flag("--json", options->json, "one JSON object, with times and margins");
  command->footer(
      "Examples:\n  espalier verify network.onnx property.vnnlib --time-limit 60\n  espalier verify network.onnx.gz property.vnnlib.gz "
      "--json\n"
      "Prints sat (an input exists that meets the property's assertions; it follows, with its outputs, as VNN-COMP writes it), unsat "
      "(none\n"
      "does), timeout or unknown (why is on standard error). The exit code is 0 for each of them, but 75 after a stop.");
  command->callback([options, &exit_code] { exit_code = run_verify(*options); });
}

}  // namespace espalier::app
