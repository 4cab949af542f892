#include "espalier/stages/parameters.hpp"

#include <algorithm>

#include "espalier/data/dataset.hpp"
#include "espalier/engine/records.hpp"
#include "espalier/stages/environment.hpp"
#include "stages/conditions.hpp"
#include "stages/network_parameters.hpp"
#include "stages/problem_parameters.hpp"

namespace espalier::stages {

using task::Condition;
using task::Field;
using task::IntegerList;
using task::RealList;
using task::Schema;
using task::Value;
using task::ValueType;

namespace {

Field text(std::string name, std::optional<Value> standard, std::string meaning, std::vector<std::string> choices = {}) {
  return {.name = std::move(name),
          .type = ValueType::text,
          .default_value = std::move(standard),
          .unit = "",
          .meaning = std::move(meaning),
          .choices = std::move(choices)};
}

Field integer(std::string name, std::int64_t standard, std::string unit, std::string meaning, double minimum, double maximum = 1e15) {
  return {.name = std::move(name),
          .type = ValueType::integer,
          .default_value = Value(standard),
          .unit = std::move(unit),
          .meaning = std::move(meaning),
          .minimum = minimum,
          .maximum = maximum,
          .choices = {}};
}

Field real(std::string name, double standard, std::string unit, std::string meaning, double minimum, bool minimum_open = false) {
  return {.name = std::move(name),
          .type = ValueType::real,
          .default_value = Value(standard),
          .unit = std::move(unit),
          .meaning = std::move(meaning),
          .minimum = minimum,
          .minimum_open = minimum_open,
          .choices = {}};
}

Field only_if(Field field, std::vector<Condition> conditions) {
  field.exists_if = std::move(conditions);
  return field;
}

const Condition is_trained = is_one_of("network.file", {"none"});
const Condition is_pruned = is_not("prune.criterion", std::string("none"));
const Condition is_selected = is_not("select.strengths", RealList{});
std::vector<Condition> has_surrogate() { return {is_pruned, is_one_of("problem.network", {"dense"})}; }

Schema network_fields() {
  Field hidden{.name = "network.hidden",
               .type = ValueType::integer_list,
               .default_value = Value(IntegerList{}),
               .unit = "neurons",
               .meaning = "widths of the hidden layers, as [32, 16]; when empty, network.depth layers of network.width",
               .minimum = 1,
               .maximum = 1e6,
               .choices = {}};
  Field file =
      text("network.file", std::string("none"),
           "dense network that is given, not trained: an ONNX file, may be gzipped; or an HDF5 file with layer_<k>/weight (outputs x "
           "inputs) and layer_<k>/bias, such as those in parts/ of an output directory; data set and side say what its inputs are");
  file.check_file = [](const std::filesystem::path& name) { read_given_network(name); };
  return {std::move(file), only_if(integer("network.depth", 2, "layers", "number of hidden layers", 1, 1000), {is_trained}),
          only_if(integer("network.width", 32, "neurons", "width of every hidden layer", 1, 1e6), {is_trained}),
          only_if(std::move(hidden), {is_trained})};
}

/// What training takes of its own list. Order and seed are finetuning's and random pruning's as well, whoever made the network.
Schema train_fields() {
  Schema fields = train_record().parameters("train.");
  for (Field& field : fields) {
    if (field.name == "train.regulariser_strength") field.exists_if.push_back({.parameter = "select.strengths", .values = {RealList{}}});
    if (field.name == "train.spr_alpha") field.exists_if.push_back({.parameter = "select.alphas", .values = {RealList{}}});
    if (field.name != "train.shuffle" && field.name != "train.seed") field.exists_if.insert(field.exists_if.begin(), is_trained);
  }
  return fields;
}

Field real_list(std::string name, std::string meaning, double minimum) {
  return {.name = std::move(name),
          .type = ValueType::real_list,
          .default_value = Value(RealList{}),
          .unit = "1",
          .meaning = std::move(meaning),
          .minimum = minimum,
          .choices = {}};
}

Schema select_fields() {
  Field alphas = real_list("select.alphas", "spr: each strength is tried with each of these; when empty, with train.spr_alpha", 0);
  alphas.minimum_open = alphas.maximum_open = true;
  alphas.maximum = 1;
  return {
      only_if(
          real_list("select.strengths",
                    "the network is trained and pruned with each of these instead of train.regulariser_strength, and the smallest one that "
                    "is accurate enough is embedded; when empty, nothing is selected",
                    0),
          {is_pruned, is_not("train.regulariser", std::string("none"))}),
      only_if(std::move(alphas), {is_one_of("train.regulariser", {"spr"}), is_selected}),
      only_if(
          real("select.margin", 0.01, "1",
               "accurate enough: test accuracy at least that of the unregularised network less this; if no network is, the selection is a "
               "failed row that names the best",
               0),
          {is_selected})};
}

/// What of a problem exists only beside certain networks, and regions that are a ball.
Schema problem_fields() {
  Schema fields = problem_record().parameters("problem.");
  for (Field& field : fields) {
    if (field.name == "problem.region") std::erase(field.choices, "none");
    if (field.name == "problem.network") field.exists_if = {is_pruned};
    if (field.name == "problem.label_source") field.exists_if = has_surrogate();
    if (field.name == "problem.transfer_seeds") field.exists_if = {is_trained};
  }
  return fields;
}

/// With what these studies want otherwise.
Schema chain_solve_fields() {
  Schema fields = solve_fields();
  for (Field& field : fields) {
    if (field.name == "solve.on_success") field.default_value = std::string("stop");  // Algorithm 1
    if (field.name == "solve.protocol") field.exists_if = has_surrogate();
  }
  return fields;
}

Schema make_schema() {
  Schema all{text("dataset.name", std::nullopt, "data set", data::dataset_names()),
             integer("dataset.side", 28, "pixels", "images are resized to side x side, as Pillow does (bilinear, antialiased)", 1, 28)};
  for (const Schema& part :
       {network_fields(), train_fields(), prune_record().parameters("prune."), select_fields(), problem_fields(), chain_solve_fields()})
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace

const Schema& parameter_schema() {
  static const Schema schema = make_schema();
  return schema;
}

std::string section_of(const std::string& name) {
  const auto dot = name.find('.');
  return dot == std::string::npos ? "solve" : name.substr(0, dot);
}

std::string column_name(std::string parameter) {
  std::replace(parameter.begin(), parameter.end(), '.', '_');
  return parameter;
}

Schema solve_fields() {
  Schema fields = engine::settings_record().parameters("solve.");
  fields.push_back(
      integer("repetition", 0, "", "number of the repetition; repeats the solve, not the training (use train.seed for that)", 0));
  return fields;
}

Schema columns_of(const Schema& fields) {
  Schema columns;
  for (Field field : fields) {
    field.name = column_name(field.name);
    field.exists_if.clear();  // of a row that has no value, the absence says it
    const bool is_file = field.check_file != nullptr;
    columns.push_back(std::move(field));
    if (is_file) columns.push_back(text(task::file_hash_name(columns.back().name), std::nullopt, "XXH3-128 of the file's content"));
  }
  return columns;
}

Schema columns_of_sections(const std::vector<std::string>& sections) {
  Schema columns = columns_of(parameter_schema());
  std::erase_if(columns, [&](const Field& field) {
    const std::string section = field.name == "repetition" ? "solve" : field.name.substr(0, field.name.find('_'));
    return std::find(sections.begin(), sections.end(), section) == sections.end();
  });
  const auto dataset = std::find_if(columns.begin(), columns.end(), [](const Field& field) { return field.name == "dataset_name"; });
  if (dataset != columns.end())
    columns.insert(dataset + 1,
                   text("dataset_hash", std::nullopt, "XXH3-128 of the data set's content, which its files were checked to have"));
  return columns;
}

}  // namespace espalier::stages
