#include "espalier/stages/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <type_traits>

#include "espalier/base/error.hpp"
#include "espalier/certify/certify.hpp"
#include "espalier/h5/file.hpp"
#include "espalier/h5/range.hpp"
#include "espalier/h5/table.hpp"
#include "espalier/nn/file.hpp"
#include "espalier/problem/problem.hpp"

namespace espalier::stages {

namespace {

template <class T>
std::vector<T> column(const h5::Group& group, const std::string& table, const std::string& name) {
  h5::Table one{{h5::read_column(group, table, name)}};
  if constexpr (std::is_same_v<T, bool>) one.booleans(name);  // each of them refuses a column of another type
  if constexpr (std::is_same_v<T, std::int64_t>) one.integers(name);
  if constexpr (std::is_same_v<T, double>) one.reals(name);
  if constexpr (std::is_same_v<T, std::string>) one.texts(name);
  return std::get<std::vector<T>>(std::move(one.columns.front().values));
}

bool has_column(const h5::Group& group, const std::string& table, const std::string& name) {
  return group.open_object(table).has_attribute("unit." + name);
}

template <class T>
std::vector<T> column_if_there(const h5::Group& group, const std::string& table, const std::string& name) {
  return has_column(group, table, name) ? column<T>(group, table, name) : std::vector<T>();
}

/// The stored arrays of one name, by row, read when they are asked for.
class Ragged {
 public:
  Ragged(const h5::Group& root, const std::string& name) {
    const std::string path = "arrays/solves/" + name;
    if (!root.exists(path)) return;  // no row has one
    values_.emplace(root, path + "/values");
    const std::string index = path + "/index";
    const auto rows = column<std::int64_t>(root, index, "row");
    const auto offsets = column<std::int64_t>(root, index, "offset");
    const auto lengths = column<std::int64_t>(root, index, "length");
    const auto total = static_cast<std::int64_t>(values_->size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (offsets[i] < 0 || lengths[i] < 0 || lengths[i] > total || offsets[i] > total - lengths[i])
        base::fail(base::ErrorKind::data, "{}: /{}/index[{}] reaches beyond /{}/values ({} numbers)", root.file_name(), path, i, path,
                   total);
      places_.push_back({rows[i], offsets[i], lengths[i]});
    }
    std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) { return a.row < b.row; });
  }

  std::optional<Eigen::VectorXd> find(std::int64_t row) const {
    const auto it = std::lower_bound(places_.begin(), places_.end(), row, [](const Place& place, std::int64_t r) { return place.row < r; });
    if (it == places_.end() || it->row != row) return std::nullopt;
    const std::vector<double> values = values_->read(static_cast<std::uint64_t>(it->offset), static_cast<std::uint64_t>(it->length));
    return Eigen::Map<const Eigen::VectorXd>(values.data(), it->length);
  }

 private:
  struct Place {
    std::int64_t row, offset, length;
  };
  std::optional<h5::ArrayReader> values_;
  std::vector<Place> places_;
};

/// What the recomputation looks at.
struct Rows {
  explicit Rows(const h5::Group& root)
      : key(column<std::string>(root, "solves", "key")),
        status(column<std::string>(root, "solves", "status")),
        dense(column_if_there<std::string>(root, "solves", "dense_network")),
        problem(column_if_there<std::string>(root, "solves", "problem")),
        problem_name(column_if_there<std::string>(root, "solves", "problem_name")),
        label(column<std::int64_t>(root, "solves", "label")),
        target(column<std::int64_t>(root, "solves", "target")),
        target_source(column_if_there<std::string>(root, "solves", "problem_target")),
        region(column_if_there<std::string>(root, "solves", "problem_region")),
        side(has_column(root, "solves", "problem_region") ? column<std::int64_t>(root, "solves", "dataset_side")
                                                          : std::vector<std::int64_t>()),
        epsilon(column_if_there<double>(root, "solves", "problem_epsilon")),
        margin(column<double>(root, "solves", "verified_objective")),
        margin_float32(column<double>(root, "solves", "verified_objective_float32")),
        distance(column<double>(root, "solves", "distance")),
        adversarial(column<bool>(root, "solves", "adversarial")),
        class_changed(column<bool>(root, "solves", "class_changed")),
        solve_status(column<std::string>(root, "solves", "solve_status")),
        proved_by(column_if_there<std::string>(root, "solves", "proved_by")),
        proved_bound(column_if_there<double>(root, "solves", "proved_bound")) {}

  const std::vector<std::string> key;
  const std::vector<std::string> status;
  const std::vector<std::string> dense;         ///< empty for problems that were given
  const std::vector<std::string> problem;       ///< this and the next one: what was asked, of problems that were given
  const std::vector<std::string> problem_name;  ///< there if the problems were given
  const std::vector<std::int64_t> label;
  const std::vector<std::int64_t> target;
  const std::vector<std::string> target_source;  ///< empty for files without the column: second
  const std::vector<std::string> region;         ///< empty for files without the column: l1
  const std::vector<std::int64_t> side;          ///< there if region is
  const std::vector<double> epsilon;
  const std::vector<double> margin;
  const std::vector<double> margin_float32;
  const std::vector<double> distance;
  const std::vector<bool> adversarial;
  const std::vector<bool> class_changed;
  const std::vector<std::string> solve_status;
  const std::vector<std::string> proved_by;  ///< this and the next one: empty for files without the column
  const std::vector<double> proved_bound;
};

/// `unit`: in which small values are counted. Equal are also two that float32 could not hold.
bool agree(double stored, double computed, double tolerance, double unit) {
  if (stored == computed || (std::isnan(stored) && std::isnan(computed))) return true;
  return std::abs(stored - computed) <= tolerance * (unit + std::abs(computed));
}

class Checker {
 public:
  Checker(const h5::Group& root, const Rows& rows, Verification& result)
      : root_(root),
        rows_(rows),
        result_(result),
        clean_(root, "clean_input"),
        best_(root, "best_input"),
        adversarial_(root, "adversarial_input") {}

  void check(std::size_t i) {
    const auto row = static_cast<std::int64_t>(i);
    const auto clean = clean_.find(row);
    if (!clean) return report(i, "its clean_input is not stored");
    const problem::Problem problem = rows_.problem_name.empty() ? made_problem(i, *clean) : given_problem(i);
    const certify::Verifier verifier(problem);

    const auto best = best_.find(row);
    const auto adversarial = adversarial_.find(row);
    if (best) check_best(i, problem, verifier.verify({*best, rows_.margin[i]}), verifier.margin_unit(), problem.distance(*best));
    if (!best && !std::isnan(rows_.margin[i])) report(i, "it has a verified_objective, but its best_input is not stored");
    if (rows_.adversarial[i] != adversarial.has_value())
      report(i, fmt::format("adversarial is {}, but adversarial_input is {}", rows_.adversarial[i], adversarial ? "stored" : "not stored"));
    if (adversarial) check_adversarial(i, problem, verifier.verify({*adversarial, rows_.margin[i]}), problem.distance(*adversarial));
    if (!rows_.proved_by.empty()) check_proof(i, verifier.margin_unit());
  }

 private:
  problem::Problem made_problem(std::size_t i, const Eigen::VectorXd& clean) {
    problem::Problem problem;
    problem.name = rows_.key[i];
    problem.network = network(rows_.dense.at(i));
    problem.input = clean;
    problem.norm = norm(i);
    if (problem.norm == problem::Norm::row_wise) problem.input_side = rows_.side[i];
    problem.epsilon = rows_.epsilon.at(i);
    problem.label = static_cast<int>(rows_.label[i]);
    if (rows_.target_source.empty() || rows_.target_source[i] != "any") problem.target = static_cast<int>(rows_.target[i]);
    problem.check(root_.file_name());
    return problem;
  }

  problem::Problem given_problem(std::size_t i) const {
    const std::string path = "parts/problems/" + rows_.problem.at(i);
    if (!root_.is_group(path)) base::fail(base::ErrorKind::data, "{}: expected the problem at /{}, found nothing", root_.file_name(), path);
    return problem::read_problem(root_.open_group(path), rows_.problem_name[i]);
  }

  problem::Norm norm(std::size_t i) const {
    if (rows_.region.empty()) return problem::Norm::l1;
    return base::parse_word(problem::words(problem::Norm{}), fmt::format("/solves row {}: problem_region", i), rows_.region[i]);
  }

  void report(std::size_t i, const std::string& what) {
    result_.findings.push_back(fmt::format("/solves row {} ({}): {}", i, rows_.key[i], what));
  }

  void check_radius(std::size_t i, const problem::Problem& problem, const char* name, double distance) {
    if (problem.norm != problem::Norm::none && distance > problem.epsilon * (1 + 1e-6))
      report(i, fmt::format("{} lies at {} distance {} of the clean input, beyond epsilon {}", name,
                            base::word_of(problem::words(problem::Norm{}), problem.norm), distance, problem.epsilon));
  }

  void check_best(std::size_t i, const problem::Problem& problem, const certify::Verified& verified, double margin_unit, double distance) {
    ++result_.inputs;
    check_radius(i, problem, "best_input", distance);
    const auto compare = [&](const char* column, double stored, double computed, double tolerance, double unit) {
      if (!agree(stored, computed, tolerance, unit)) report(i, fmt::format("{} is {}, recomputed {}", column, stored, computed));
    };
    compare("verified_objective", rows_.margin[i], verified.margin(), 1e-9, margin_unit);
    compare("verified_objective_float32", rows_.margin_float32[i], verified.margin_float32(), 1e-3, margin_unit);
    compare("distance", rows_.distance[i], verified.distance(), 1e-9, 1);
    if (rows_.class_changed[i] != verified.class_changed())
      report(i, fmt::format("class_changed is {}, recomputed {}", bool{rows_.class_changed[i]}, verified.class_changed()));
  }

  void check_adversarial(std::size_t i, const problem::Problem& problem, const certify::Verified& verified, double distance) {
    ++result_.inputs;
    check_radius(i, problem, "adversarial_input", distance);
    if (!verified.adversarial())
      report(i, fmt::format("adversarial_input has margin {} on the dense network: it is not adversarial", verified.margin()));
  }

  /// Bounds are not computed again; what they are said to prove must be what the status says and the verified values allow.
  void check_proof(std::size_t i, double unit) {
    const std::string& status = rows_.solve_status[i];
    const double bound = rows_.proved_bound[i], margin = rows_.margin[i];
    const bool proved = status == "optimal" || status == "robust";
    if (proved != (rows_.proved_by[i] != "none"))
      report(i, fmt::format("its status is {}, but proved_by is {}", status, rows_.proved_by[i]));
    if (bound < margin && !agree(bound, margin, 1e-9, unit))
      report(i, fmt::format("proved_bound is {}, but best_input has the margin {}", bound, margin));
    if (status == "robust" && !(bound < 0)) report(i, fmt::format("its status is robust, but proved_bound is {}", bound));
    if (status == "optimal" && !(bound - margin <= 1.1e-5 * (unit + std::abs(margin))))
      report(i, fmt::format("its status is optimal, but proved_bound is {} and verified_objective {}", bound, margin));
  }

  const nn::Network& network(const std::string& key) {
    auto it = networks_.find(key);
    if (it == networks_.end()) {
      const std::string path = "parts/networks/" + key;
      if (!root_.is_group(path))
        base::fail(base::ErrorKind::data, "{}: expected the dense network at /{}, found nothing", root_.file_name(), path);
      it = networks_.emplace(key, nn::read_network(root_.open_group(path))).first;
    }
    return it->second;
  }

  const h5::Group& root_;
  const Rows& rows_;
  Verification& result_;
  Ragged clean_;
  Ragged best_;
  Ragged adversarial_;
  std::map<std::string, nn::Network> networks_;
};

}  // namespace

Verification verify_results(const std::filesystem::path& results_file) {
  const h5::File file = h5::File::open_read_only(results_file);
  const h5::Group root = file.root();
  Verification result;
  if (!root.exists("solves")) return result;
  const Rows rows(root);
  Checker checker(root, rows, result);
  for (std::size_t i = 0; i < rows.key.size(); ++i) {
    if (rows.status[i] != "done") continue;
    ++result.solves;
    checker.check(i);
  }
  return result;
}

}  // namespace espalier::stages
