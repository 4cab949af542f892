#include <fmt/format.h>

#include <algorithm>

#include "config/block_reader.hpp"
#include "config/document.hpp"
#include "config/files.hpp"
#include "config/overrides.hpp"
#include "config/value_reader.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/config/experiment.hpp"

namespace espalier::config {

using task::Field;
using task::Parameters;
using task::Schema;

bool Pattern::matches(const Parameters& instance) const {
  return std::all_of(any_of.begin(), any_of.end(), [&](const Axis& axis) {
    const task::Value* value = instance.find(axis.name);
    return value && std::find(axis.values.begin(), axis.values.end(), *value) != axis.values.end();
  });
}

namespace {

/// Values of the schema for whatever `parameters` leaves open; an integer default of a real field becomes a real.
void fill_defaults(Parameters& parameters, const Schema& schema) {
  for (const Field& field : schema) {
    if (!field.default_value || parameters.contains(field.name)) continue;
    if (const auto* integer = std::get_if<std::int64_t>(&*field.default_value); integer && field.type == task::ValueType::real)
      parameters.set(field.name, static_cast<double>(*integer));
    else
      parameters.set(field.name, *field.default_value);
  }
}

/// A text that may stand in file names and log lines.
std::string read_name(const Node& document, Problems& problems) {
  static const Field field{.name = "name", .type = task::ValueType::text};
  const Node* node = document.find("name");
  if (!node) {
    problems.add({"", document.line, document.column}, "expected a key 'name', the name of the experiment");
    return "";
  }
  const auto value = read_value(*node, field, {"name", node->line, node->column}, problems);
  return value ? std::get<std::string>(*value) : "";
}

std::string read_description(const Node& document, Problems& problems) {
  const Node* node = document.find("description");
  if (!node) return "";
  if (node->kind != Node::Kind::scalar)
    problems.add({"description", node->line, node->column}, fmt::format("expected text, found {}", describe_found(*node)));
  return node->text;
}

/// The default without the key; empty if it is wrong.
std::string read_study(const Node& document, const Studies& studies, Problems& problems) {
  const Node* node = document.find("study");
  if (!node) return studies.names.front();
  const Field field{.name = "study", .type = task::ValueType::text, .choices = studies.names};
  const auto value = read_value(*node, field, {"study", node->line, node->column}, problems);
  return value ? std::get<std::string>(*value) : "";
}

Studies only(const Schema& schema) {
  return {.names = {"study"}, .schema = [&schema](const std::string&) -> const Schema& { return schema; }};
}

Parameters read_run(const Node& document, Problems& problems) {
  Parameters run;
  if (const Node* node = document.find("run"))
    read_leaves(*node, run_schema(), {"run", node->line, node->column}, problems,
                [&](const Field& field, const Node& value, const Place& here) {
                  if (auto read = read_value(value, field, here, problems)) run.set(field.name, std::move(*read));
                });
  fill_defaults(run, run_schema());
  return run;
}

}  // namespace

Experiment parse_experiment(std::string_view text, const std::string& file, const Studies& studies,
                            const std::vector<std::string>& overrides) {
  std::vector<std::string> legal{"name", "description", "study", "run", "parameters", "when", "exclude", "repetitions", "grid", "files"};
  Problems problems(file);
  const auto document = parse_document(text, "", problems);
  problems.throw_if_any();
  if (!document || document->kind != Node::Kind::map) {
    problems.add({}, fmt::format("expected an experiment (a map with the keys name, parameters, grid), found {}",
                                 document ? describe_found(*document) : "nothing"));
    problems.throw_if_any();
  }
  Experiment experiment;
  experiment.file = file;
  experiment.study = read_study(*document, studies, problems);
  problems.throw_if_any();  // what the other keys mean depends on it
  const Schema& schema = studies.schema(experiment.study);
  for (const Node::Entry& entry : document->entries)
    if (entry.key.starts_with("x-")) legal.push_back(entry.key);  // holds anchors; what stands there is read where they are used
  check_keys(*document, legal, schema, {"", document->line, document->column}, problems);
  experiment.name = read_name(*document, problems);
  experiment.description = read_description(*document, problems);
  experiment.run = read_run(*document, problems);
  const ZipSources sources = studies.zip_sources ? studies.zip_sources(experiment.study) : ZipSources();
  experiment.root = read_root(*document, schema, sources, std::filesystem::path(file).parent_path(), problems);
  problems.throw_if_any();
  const Files known = read_files(*document, problems);
  resolve_files(experiment.root, schema, std::filesystem::path(file).parent_path());
  check_scopes(experiment.root, problems);
  problems.throw_if_any();
  apply_overrides(experiment, schema, overrides, problems);
  problems.throw_if_any();
  Block& root = experiment.root;
  Schema open_fields = schema;
  if (root.repetitions)
    std::erase_if(open_fields, [](const Field& field) { return field.name == "repetition"; });  // each instance gets its own
  fill_defaults(root.parameters, open_fields);
  experiment.files = pin_files(root, schema, known, problems);
  problems.throw_if_any();
  return experiment;
}

Experiment parse_experiment(std::string_view text, const std::string& file, const Schema& schema,
                            const std::vector<std::string>& overrides) {
  return parse_experiment(text, file, only(schema), overrides);
}

Experiment load_experiment(const std::filesystem::path& path, const Schema& schema, const std::vector<std::string>& overrides) {
  return load_experiment(path, only(schema), overrides);
}

Experiment load_experiment(const std::filesystem::path& path, const Studies& studies, const std::vector<std::string>& overrides) {
  std::string text;
  try {
    text = base::read_file(path);
  } catch (const base::Error& error) {
    base::fail(base::ErrorKind::configuration, "cannot read the experiment file: {}", error.what());
  }
  return parse_experiment(text, path.string(), studies, overrides);
}

}  // namespace espalier::config
