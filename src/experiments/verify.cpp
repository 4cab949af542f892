#include "espalier/experiments/verify.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <optional>
#include <unordered_map>

#include "espalier/base/error.hpp"
#include "espalier/certify/certify.hpp"
#include "espalier/h5/file.hpp"
#include "espalier/h5/table.hpp"
#include "espalier/nn/file.hpp"
#include "espalier/problem/problem.hpp"

namespace espalier::experiments {

namespace {

/// The stored arrays of one name, by row.
class Ragged {
 public:
  Ragged(const h5::Group& root, const std::string& name) {
    const std::string path = "arrays/solves/" + name;
    if (!root.exists(path)) return;  // no row has one
    values_ = root.read_array_of_rank<double>(path + "/values", 1).values;
    const h5::Table index = h5::read_table(root, path + "/index");
    const auto& rows = index.integers("row");
    const auto& offsets = index.integers("offset");
    const auto& lengths = index.integers("length");
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto size = static_cast<std::int64_t>(values_.size());
      if (offsets[i] < 0 || lengths[i] < 0 || offsets[i] > size - lengths[i])  // their sum may be more than an integer holds
        base::fail(base::ErrorKind::data, "{}: /{}/index[{}] reaches beyond /{}/values ({} numbers)", root.file_name(), path, i, path,
                   values_.size());
      places_[rows[i]] = {offsets[i], lengths[i]};
    }
  }

  std::optional<Eigen::VectorXd> find(std::int64_t row) const {
    const auto it = places_.find(row);
    if (it == places_.end()) return std::nullopt;
    return Eigen::Map<const Eigen::VectorXd>(values_.data() + it->second.first, it->second.second);
  }

 private:
  std::vector<double> values_;
  std::unordered_map<std::int64_t, std::pair<std::int64_t, std::int64_t>> places_;
};

/// What the recomputation looks at.
struct Rows {
  explicit Rows(const h5::Table& t)
      : key(t.texts("key")),
        status(t.texts("status")),
        dense(t.texts("dense_network")),
        label(t.integers("label")),
        target(t.integers("target")),
        epsilon(t.reals("problem_epsilon")),
        margin(t.reals("verified_objective")),
        margin_float32(t.reals("verified_objective_float32")),
        distance(t.reals("distance")),
        adversarial(t.booleans("adversarial")),
        class_changed(t.booleans("class_changed")),
        solve_status(t.texts("solve_status")),
        proved_by(t.find("proved_by") ? t.texts("proved_by") : std::vector<std::string>()),
        proved_bound(t.find("proved_bound") ? t.reals("proved_bound") : std::vector<double>()) {}

  const std::vector<std::string>& key;
  const std::vector<std::string>& status;
  const std::vector<std::string>& dense;
  const std::vector<std::int64_t>& label;
  const std::vector<std::int64_t>& target;
  const std::vector<double>& epsilon;
  const std::vector<double>& margin;
  const std::vector<double>& margin_float32;
  const std::vector<double>& distance;
  const std::vector<bool>& adversarial;
  const std::vector<bool>& class_changed;
  const std::vector<std::string>& solve_status;
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
    problem::Problem problem;
    problem.name = rows_.key[i];
    problem.network = network(rows_.dense[i]);
    problem.input = *clean;
    problem.epsilon = rows_.epsilon[i];
    problem.label = static_cast<int>(rows_.label[i]);
    problem.target = static_cast<int>(rows_.target[i]);
    problem.check(root_.file_name());
    const certify::Verifier verifier(problem);

    const auto best = best_.find(row);
    const auto adversarial = adversarial_.find(row);
    if (best) check_best(i, verifier.verify({*best, rows_.margin[i]}), verifier.margin_unit(), (*best - *clean).lpNorm<1>());
    if (!best && !std::isnan(rows_.margin[i])) report(i, "it has a verified_objective, but its best_input is not stored");
    if (rows_.adversarial[i] != adversarial.has_value())
      report(i, fmt::format("adversarial is {}, but adversarial_input is {}", rows_.adversarial[i], adversarial ? "stored" : "not stored"));
    if (adversarial) check_adversarial(i, verifier.verify({*adversarial, rows_.margin[i]}), (*adversarial - *clean).lpNorm<1>());
    if (!rows_.proved_by.empty()) check_proof(i, verifier.margin_unit());
  }

 private:
  void report(std::size_t i, const std::string& what) {
    result_.findings.push_back(fmt::format("/solves row {} ({}): {}", i, rows_.key[i], what));
  }

  void check_radius(std::size_t i, const char* name, double distance) {
    if (distance > rows_.epsilon[i] * (1 + 1e-6))
      report(i, fmt::format("{} lies at L1 distance {} of the clean input, beyond epsilon {}", name, distance, rows_.epsilon[i]));
  }

  void check_best(std::size_t i, const certify::Verified& verified, double margin_unit, double distance) {
    ++result_.inputs;
    check_radius(i, "best_input", distance);
    const auto compare = [&](const char* column, double stored, double computed, double tolerance, double unit) {
      if (!agree(stored, computed, tolerance, unit)) report(i, fmt::format("{} is {}, recomputed {}", column, stored, computed));
    };
    compare("verified_objective", rows_.margin[i], verified.margin(), 1e-9, margin_unit);
    compare("verified_objective_float32", rows_.margin_float32[i], verified.margin_float32(), 1e-3, margin_unit);
    compare("distance", rows_.distance[i], verified.distance(), 1e-9, 1);
    if (rows_.class_changed[i] != verified.class_changed())
      report(i, fmt::format("class_changed is {}, recomputed {}", bool{rows_.class_changed[i]}, verified.class_changed()));
  }

  void check_adversarial(std::size_t i, const certify::Verified& verified, double distance) {
    ++result_.inputs;
    check_radius(i, "adversarial_input", distance);
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
  const h5::Table table = h5::read_table(root, "solves");
  const Rows rows(table);
  Checker checker(root, rows, result);
  for (std::size_t i = 0; i < rows.key.size(); ++i) {
    if (rows.status[i] != "done") continue;
    ++result.solves;
    checker.check(i);
  }
  return result;
}

}  // namespace espalier::experiments
