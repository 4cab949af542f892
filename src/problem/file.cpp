#include "espalier/problem/file.hpp"

#include <algorithm>
#include <limits>
#include <set>

#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/base/text.hpp"
#include "espalier/h5/file.hpp"
#include "espalier/nn/file.hpp"

namespace espalier::problem {
namespace {

using base::ErrorKind;

constexpr std::string_view any_class = "any";  ///< as target

std::span<const double> as_span(const Eigen::VectorXd& v) { return {v.data(), static_cast<std::size_t>(v.size())}; }

int read_class(const h5::Group& group, const std::string& attribute) {
  const auto value = group.read_attribute<std::int64_t>(attribute);
  if (value < 0 || value > std::numeric_limits<int>::max()) {
    base::fail(ErrorKind::data, "{}: {}: attribute '{}': expected a class number, found {}", group.file_name(), group.path(), attribute,
               value);
  }
  return static_cast<int>(value);
}

Eigen::VectorXd read_vector(const h5::Group& group, const std::string& name) {
  const auto array = group.read_array_of_rank<double>(name, 1);
  return Eigen::Map<const Eigen::VectorXd>(array.values.data(), static_cast<Eigen::Index>(array.values.size()));
}

void read_optional_fields(const h5::Group& group, Problem& problem) {
  problem.dataset = group.read_attribute<std::string>("dataset", "");
  problem.note = group.read_attribute<std::string>("note", "");
  if (group.has_attribute("input_side")) problem.input_side = group.read_attribute<std::int64_t>("input_side");
  if (group.has_attribute("sample_index")) problem.sample_index = group.read_attribute<std::int64_t>("sample_index");
  if (group.has_attribute("true_label")) problem.true_label = read_class(group, "true_label");
  if (group.has_attribute("optimum")) problem.optimum = group.read_attribute<double>("optimum");
  if (group.exists("optimal_input")) problem.optimal_input = read_vector(group, "optimal_input");
}

const std::vector<std::string> known_members{"input", "network", "optimal_input", "lower", "upper", "functions", "constants"};
const std::vector<std::string> known_attributes{"norm",       "epsilon",    "label",        "target",  "dataset",
                                                "input_side", "true_label", "sample_index", "optimum", "note"};

void refuse_children_for_attributes(const h5::Group& group) {
  for (const std::string& name : known_attributes)
    if (group.exists(name))
      base::fail(ErrorKind::data, "{}: {}: expected '{}' as an attribute, found a {}", group.file_name(), group.path(), name,
                 group.is_group(name) ? "group" : "dataset");
}

/// A wrong letter in the name of an optional attribute must not leave it out in silence. Attributes with names of their own are the user's.
void refuse_misspelt_attributes(const h5::Group& group) {
  std::vector<std::string> absent;
  for (const std::string& name : known_attributes)
    if (!group.has_attribute(name)) absent.push_back(name);
  constexpr std::size_t shortest = 5;  // "date" is not a misspelt "note"
  for (const std::string& name : group.attribute_names()) {
    const bool known = std::find(known_attributes.begin(), known_attributes.end(), name) != known_attributes.end();
    const std::string guess = known || name.size() < shortest ? "" : base::did_you_mean(name, absent);
    if (!guess.empty())
      base::fail(ErrorKind::data, "{}: {}: expected attributes of other names than a problem's, found '{}'{}", group.file_name(),
                 group.path(), name, guess);
  }
}

Norm read_norm(const h5::Group& group) {
  try {
    return base::parse_word(words(Norm{}), "attribute 'norm'", group.read_attribute<std::string>("norm"));
  } catch (const base::Error& error) {
    if (error.kind() != ErrorKind::configuration) throw;
    base::fail(ErrorKind::data, "{}: {}: {}", group.file_name(), group.path(), error.what());
  }
}

std::optional<Box> read_box(const h5::Group& group) {
  const bool lower = group.exists("lower"), upper = group.exists("upper");
  if (lower != upper)
    base::fail(ErrorKind::data, "{}: {}: expected 'lower' and 'upper', or neither, found '{}' alone", group.file_name(), group.path(),
               lower ? "lower" : "upper");
  if (!lower) return std::nullopt;
  return Box{.lower = read_vector(group, "lower"), .upper = read_vector(group, "upper")};
}

std::vector<nn::OutputFunction> read_functions(const h5::Group& group) {
  const auto array = group.read_array_of_rank<double>("functions", 2);
  const auto count = static_cast<Eigen::Index>(array.dims[0]), outputs = static_cast<Eigen::Index>(array.dims[1]);
  Eigen::VectorXd constants = Eigen::VectorXd::Zero(count);
  if (group.exists("constants")) constants = read_vector(group, "constants");
  if (constants.size() != count)
    base::fail(ErrorKind::data, "{}: {}: constants: expected {} entries (one for each of 'functions'), found {}", group.file_name(),
               group.path(), count, constants.size());
  std::vector<nn::OutputFunction> functions;
  for (Eigen::Index k = 0; k < count; ++k)
    functions.push_back(
        {.coefficients = Eigen::Map<const Eigen::VectorXd>(array.values.data() + k * outputs, outputs), .constant = constants[k]});
  return functions;
}

void read_objective(const h5::Group& group, Problem& problem) {
  const auto refuse = [&group](std::string_view expected, std::string_view found) {
    base::fail(ErrorKind::data, "{}: {}: expected {}, found {}", group.file_name(), group.path(), expected, found);
  };
  if (group.exists("functions")) {
    for (const char* name : {"label", "target"})
      if (group.has_attribute(name)) refuse("either 'functions' or attributes 'label' and 'target'", "both");
    problem.functions = read_functions(group);
    if (problem.functions.empty()) refuse("at least one row in 'functions'", "none");
    return;
  }
  if (group.exists("constants")) refuse("'functions' beside 'constants'", "'constants' alone");
  problem.label = read_class(group, "label");
  if (group.is_text_attribute("target")) {
    const auto word = group.read_attribute<std::string>("target");
    if (word != any_class) refuse(fmt::format("a class or \"{}\" as attribute 'target'", any_class), fmt::format("\"{}\"", word));
  } else {
    problem.target = read_class(group, "target");
  }
}

Problem read_group(const h5::Group& group, const std::string& name, nn::Rounding* rounding) {
  refuse_children_for_attributes(group);
  group.expect_only(known_members);
  refuse_misspelt_attributes(group);
  Problem problem;
  problem.name = name;
  problem.network = nn::read_network(group.open_group("network"), rounding);
  problem.input = read_vector(group, "input");
  problem.norm = read_norm(group);
  if (problem.norm != Norm::none)
    problem.epsilon = group.read_attribute<double>("epsilon");
  else if (group.has_attribute("epsilon"))
    base::fail(ErrorKind::data, "{}: {}: expected no attribute 'epsilon' with norm none, found one", group.file_name(), group.path());
  problem.box = read_box(group);
  read_objective(group, problem);
  read_optional_fields(group, problem);
  problem.check(group.file_name());
  return problem;
}

/// A file may hold other things beside its problems. What has one of a problem's members or attributes is meant to be one; so may be
/// what a broken link does not show.
bool is_problem(const h5::Group& root, const std::string& name) {
  if (root.is_broken_link(name)) return true;
  if (!root.is_group(name)) return false;
  const h5::Group group = root.open_group(name);
  return std::any_of(known_members.begin(), known_members.end(), [&](const std::string& member) { return group.exists(member); }) ||
         group.has_attribute("epsilon") || group.has_attribute("label");
}

std::vector<std::string> names_in(const h5::Group& root) {
  std::vector<std::string> names;
  for (const std::string& name : root.children()) {
    if (is_problem(root, name)) names.push_back(name);
  }
  if (names.empty()) {
    base::fail(ErrorKind::data, "{}: expected at least one problem (a group with 'input' and 'network'), found none", root.file_name());
  }
  return names;
}

Problem read_named(const h5::Group& root, const std::string& name, nn::Rounding* rounding) {
  if (!root.exists(name)) {
    const std::vector<std::string> present = names_in(root);
    base::fail(ErrorKind::data, "{}: expected a problem called '{}'{}, found {} problems: {}", root.file_name(), name,
               base::did_you_mean(name, present), present.size(), fmt::join(present, ", "));
  }
  return read_group(root.open_group(name), name, rounding);
}

void write_functions(const h5::Group& group, const std::vector<nn::OutputFunction>& functions) {
  std::vector<double> coefficients, constants;
  for (const nn::OutputFunction& f : functions) {
    coefficients.insert(coefficients.end(), f.coefficients.begin(), f.coefficients.end());
    constants.push_back(f.constant);
  }
  const std::uint64_t count = functions.size();
  group.write_array("functions", std::span<const double>(coefficients), {count, coefficients.size() / count});
  group.write_array("constants", std::span<const double>(constants), {count});
}

void write_group(const h5::Group& group, const Problem& problem) {
  group.write_attribute("norm", std::string(base::word_of(words(Norm{}), problem.norm)));
  if (problem.norm != Norm::none) group.write_attribute("epsilon", problem.epsilon);
  if (problem.functions.empty()) {
    group.write_attribute("label", std::int64_t{problem.label});
    if (problem.target)
      group.write_attribute("target", std::int64_t{*problem.target});
    else
      group.write_attribute("target", std::string(any_class));
  } else {
    write_functions(group, problem.functions);
  }
  group.write_attribute("dataset", problem.dataset);
  if (!problem.note.empty()) group.write_attribute("note", problem.note);
  if (problem.input_side) group.write_attribute("input_side", *problem.input_side);
  if (problem.sample_index) group.write_attribute("sample_index", *problem.sample_index);
  if (problem.true_label) group.write_attribute("true_label", std::int64_t{*problem.true_label});
  if (problem.optimum) group.write_attribute("optimum", *problem.optimum);
  const auto write = [&group](const char* name, const Eigen::VectorXd& v) {
    group.write_array(name, as_span(v), {static_cast<std::uint64_t>(v.size())});
  };
  write("input", problem.input);
  if (problem.box) {
    write("lower", problem.box->lower);
    write("upper", problem.box->upper);
  }
  if (problem.optimal_input) write("optimal_input", *problem.optimal_input);
  nn::write_network(group.create_group("network"), problem.network);
}

void check_names(const std::filesystem::path& file, std::span<const Problem> problems) {
  std::set<std::string> seen;
  for (const Problem& problem : problems) {
    if (problem.name.empty() || problem.name == "." || problem.name.find('/') != std::string::npos) {
      base::fail(ErrorKind::data, "{}: expected a problem name without '/', found '{}'", file.string(), problem.name);
    }
    if (!seen.insert(problem.name).second) {
      base::fail(ErrorKind::data, "{}: expected distinct problem names, found '{}' twice", file.string(), problem.name);
    }
    problem.check(file.string());
  }
}

}  // namespace

std::vector<std::string> problem_names(const std::filesystem::path& file) { return names_in(h5::File::open_read_only(file).root()); }

Problem read_problem(const std::filesystem::path& file, const std::string& name, nn::Rounding* rounding) {
  return read_named(h5::File::open_read_only(file).root(), name, rounding);
}

Problem read_problem(const h5::Group& file, const std::string& name) { return read_named(file, name, nullptr); }

std::vector<Problem> read_problems(const std::filesystem::path& file, std::span<const std::string> names) {
  const h5::File opened = h5::File::open_read_only(file);
  const std::vector<std::string> wanted = names.empty() ? names_in(opened.root()) : std::vector<std::string>(names.begin(), names.end());
  std::vector<Problem> problems;
  for (const std::string& name : wanted) problems.push_back(read_named(opened.root(), name, nullptr));
  return problems;
}

void write_problems(const std::filesystem::path& file, std::span<const Problem> problems) {
  check_names(file, problems);
  std::filesystem::path temporary = file;
  temporary += ".tmp";
  try {
    h5::File out = h5::File::create(temporary);
    for (const Problem& problem : problems) write_group(out.root().create_group(problem.name), problem);
    out.close();
    base::publish_file(temporary, file);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw;
  }
}

}  // namespace espalier::problem
