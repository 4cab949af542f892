#include "espalier/stages/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "espalier/base/error.hpp"
#include "espalier/certify/certify.hpp"
#include "espalier/certify/witness.hpp"
#include "espalier/formats/vnnlib.hpp"
#include "espalier/nn/file.hpp"
#include "espalier/problem/file.hpp"
#include "espalier/results/reader.hpp"
#include "espalier/stages/environment.hpp"
#include "espalier/task/task.hpp"

namespace espalier::stages {

namespace {

/// What the recomputation looks at.
struct Rows {
  explicit Rows(const results::Table& table) : has_proofs(table.has("proved_by")) {
    table.read({{"key", &key},
                {"status", &status},
                {"label", &label},
                {"target", &target},
                {"verified_objective", &margin},
                {"verified_objective_float32", &margin_float32},
                {"distance", &distance},
                {"adversarial", &adversarial},
                {"class_changed", &class_changed},
                {"solve_status", &solve_status}},
               {{"dense_network", &dense},
                {"problem", &problem},
                {"problem_name", &problem_name},
                {"problem_target", &target_source},
                {"problem_region", &region},
                {"dataset_side", &side},
                {"problem_epsilon", &epsilon},
                {"proved_by", &proved_by},
                {"proved_bound", &proved_bound}});
    if (table.has("problem_region") && !table.has("dataset_side")) table.integers("dataset_side");  // says what there is
    for (std::vector<std::string>* texts : {&dense, &problem, &problem_name, &proved_by}) texts->resize(key.size());
    target_source.resize(key.size(), "second");
    region.resize(key.size(), "l1");
    side.resize(key.size());
    epsilon.resize(key.size());
    proved_bound.resize(key.size());
  }

  std::vector<std::string> key;
  std::vector<std::string> status;
  std::vector<std::string> dense;         ///< empty of problems that were given
  std::vector<std::string> problem;       ///< this and the next one: what was asked
  std::vector<std::string> problem_name;  ///< empty of problems that were made
  std::vector<std::int64_t> label;
  std::vector<std::int64_t> target;
  std::vector<std::string> target_source;
  std::vector<std::string> region;
  std::vector<std::int64_t> side;
  std::vector<double> epsilon;
  std::vector<double> margin;
  std::vector<double> margin_float32;
  std::vector<double> distance;
  std::vector<bool> adversarial;
  std::vector<bool> class_changed;
  std::vector<std::string> solve_status;
  bool has_proofs = false;  ///< files of earlier versions have none
  std::vector<std::string> proved_by;
  std::vector<double> proved_bound;
};

/// `unit`: in which small values are counted. Equal are also two that float32 could not hold.
bool agree(double stored, double computed, double tolerance, double unit) {
  if (stored == computed || (std::isnan(stored) && std::isnan(computed))) return true;
  return std::abs(stored - computed) <= tolerance * (unit + std::abs(computed));
}

std::optional<Eigen::VectorXd> vector_of(const std::optional<std::vector<double>>& values) {
  if (!values) return std::nullopt;
  return Eigen::Map<const Eigen::VectorXd>(values->data(), static_cast<Eigen::Index>(values->size()));
}

class Checker {
 public:
  Checker(const results::Reader& file, const Rows& rows, Verification& result)
      : file_(file),
        rows_(rows),
        result_(result),
        clean_(file.arrays("solves", "clean_input")),
        best_(file.arrays("solves", "best_input")),
        adversarial_(file.arrays("solves", "adversarial_input")) {}

  void check(std::size_t i) {
    const auto row = static_cast<std::int64_t>(i);
    const auto clean = vector_of(clean_.find(row));
    if (!clean) return report(i, "its clean_input is not stored");
    const problem::Problem problem = rows_.problem_name[i].empty() ? made_problem(i, *clean) : given_problem(i);
    const certify::Verifier verifier(problem);

    const auto best = vector_of(best_.find(row));
    const auto adversarial = vector_of(adversarial_.find(row));
    if (best) check_best(i, problem, verifier.verify({*best, rows_.margin[i]}), verifier.margin_unit(), problem.distance(*best));
    if (!best && !std::isnan(rows_.margin[i])) report(i, "it has a verified_objective, but its best_input is not stored");
    if (rows_.adversarial[i] != adversarial.has_value())
      report(i, fmt::format("adversarial is {}, but adversarial_input is {}", rows_.adversarial[i], adversarial ? "stored" : "not stored"));
    if (adversarial) check_adversarial(i, problem, verifier.verify({*adversarial, rows_.margin[i]}), problem.distance(*adversarial));
    if (rows_.has_proofs) check_proof(i, verifier.margin_unit());
  }

 private:
  problem::Problem made_problem(std::size_t i, const Eigen::VectorXd& clean) {
    problem::Problem problem;
    problem.name = rows_.key[i];
    problem.network = network(rows_.dense[i]);
    problem.input = clean;
    problem.norm = norm(i);
    if (problem.norm == problem::Norm::row_wise) problem.input_side = rows_.side[i];
    problem.epsilon = rows_.epsilon[i];
    problem.label = static_cast<int>(rows_.label[i]);
    if (rows_.target_source[i] != "any") problem.target = static_cast<int>(rows_.target[i]);
    problem.check(file_.root().file_name());
    return problem;
  }

  problem::Problem given_problem(std::size_t i) const {
    return problem::read_problem(file_.part("problems", rows_.problem[i]), rows_.problem_name[i]);
  }

  problem::Norm norm(std::size_t i) const {
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
    if (it == networks_.end()) it = networks_.emplace(key, nn::read_network(file_.part("networks", key))).first;
    return it->second;
  }

  const results::Reader& file_;
  const Rows& rows_;
  Verification& result_;
  results::RowArrays clean_;
  results::RowArrays best_;
  results::RowArrays adversarial_;
  std::map<std::string, nn::Network> networks_;
};

/// What the recomputation looks at.
struct VerdictRows {
  explicit VerdictRows(const results::Table& table) {
    table.read({{"key", &key},
                {"status", &status},
                {"verdict", &verdict},
                {"network_file", &network},
                {"network_file_hash", &network_hash},
                {"property_file", &property},
                {"property_file_hash", &property_hash},
                {"margin", &margin},
                {"margin_float32", &margin_float32}});
  }
  std::vector<std::string> key, status, verdict, network, network_hash, property, property_hash;
  std::vector<double> margin, margin_float32;
};

void check_verdicts(const results::Reader& file, const std::filesystem::path& folder, Verification& result) {
  const VerdictRows rows(file.table("verdicts"));
  const results::RowArrays witnesses = file.arrays("verdicts", "witness");
  for (std::size_t i = 0; i < rows.key.size(); ++i) {
    if (rows.status[i] != "done") continue;
    ++result.verdicts;
    const auto report = [&](const std::string& what) {
      result.findings.push_back(fmt::format("/verdicts row {} ({}): {}", i, rows.key[i], what));
    };
    const auto witness = vector_of(witnesses.find(static_cast<std::int64_t>(i)));
    const bool is_sat = rows.verdict[i] == "sat";
    if (is_sat != witness.has_value())
      report(fmt::format("its verdict is {}, but its witness is {}", rows.verdict[i], witness ? "stored" : "not stored"));
    if (!is_sat || !witness) continue;
    const auto network = folder / task::import_name(rows.network_hash[i], rows.network[i]);
    const auto property = folder / task::import_name(rows.property_hash[i], rows.property[i]);
    if (!std::filesystem::exists(network) || !std::filesystem::exists(property)) {
      ++result.without_network;
      continue;
    }
    ++result.inputs;
    nn::Rounding rounding;
    const auto checked = certify::check_witness(read_given_network(network, &rounding), formats::read_vnnlib(property), *witness);
    if (!checked)
      report("its witness is safe");
    else if (!agree(rows.margin[i], checked->margin, 1e-9, 1) || !agree(rows.margin_float32[i], checked->margin_float32, 1e-3, 1))
      report(fmt::format("margin and margin_float32 are {} and {}, recomputed {} and {}", rows.margin[i], rows.margin_float32[i],
                         checked->margin, checked->margin_float32));
  }
}

}  // namespace

Verification verify_results(const std::filesystem::path& results_file) {
  const results::Reader file(results_file);
  Verification result;
  if (file.has_table("verdicts")) check_verdicts(file, results_file.parent_path(), result);
  if (!file.has_table("solves")) return result;
  const Rows rows(file.table("solves"));
  Checker checker(file, rows, result);
  for (std::size_t i = 0; i < rows.key.size(); ++i) {
    if (rows.status[i] != "done") continue;
    ++result.solves;
    checker.check(i);
  }
  return result;
}

}  // namespace espalier::stages
