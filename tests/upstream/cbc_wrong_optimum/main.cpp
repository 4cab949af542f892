// Cbc 2.10.8 (Clp 1.17.6) proves a wrong optimum. A program for upstream: it needs only Cbc, Clp, Osi and the model beside it.
//
// The model is the big-M form of "maximise one output of a small trained ReLU network over a box cut with an L1 ball" (a minimisation of
// the negated objective), an ordinary product of machine learning: pixels that are always dark have weights that weight decay has brought
// to 1e-42, beside weights of order 1. Clp's geometric scaling gives their columns scale factors over many powers of ten, and within branch
// and bound Clp then takes LPs for optimal whose unscaled problem is dual infeasible (secondary status 3). Their objective values are no
// bounds: nodes with better points are thrown away. Cbc's own check never sees it, since the points that remain are feasible.
//
// The proof that the claim is wrong is the point that Cbc finds with scaling off, checked here in plain arithmetic.
// Exit code 0: the defect is there. 77: it has gone. 1: something else. With --short it ends at the first wrong claim.
#include <CbcModel.hpp>
#include <CbcSolver.hpp>
#include <OsiClpSolverInterface.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace {

struct Claim {
  std::string how;
  bool proven = false;
  double objective = 0;
  std::vector<double> x;
};

OsiClpSolverInterface read(const std::string& file) {
  OsiClpSolverInterface osi;
  osi.messageHandler()->setLogLevel(0);
  if (osi.readMps(file.c_str(), "") != 0) {
    std::fprintf(stderr, "cannot read '%s'\n", file.c_str());
    std::exit(1);
  }
  return osi;
}

Claim claim_of(const CbcModel& cbc, const char* how) {
  Claim claim{.how = how, .proven = cbc.isProvenOptimal(), .objective = cbc.getObjValue(), .x = {}};
  if (cbc.bestSolution() != nullptr) claim.x.assign(cbc.bestSolution(), cbc.bestSolution() + cbc.getNumCols());
  return claim;
}

struct LpCount {
  long compared = 0;
  long wrong = 0;    ///< claimed optimal with a value above the true one, below the cutoff: no lower bound
  double worst = 0;  ///< largest excess
};

/// Compares every fifth LP of the search with a cold solve.
class WatchedSolver : public OsiClpSolverInterface {
 public:
  /// OsiSolverInterface is a virtual base: without naming it here the hints, scaling among them, would be lost.
  WatchedSolver(const OsiClpSolverInterface& osi, LpCount* count) : OsiSolverInterface(osi), OsiClpSolverInterface(osi), count_(count) {}
  OsiSolverInterface* clone(bool) const override { return new WatchedSolver(*this); }
  void resolve() override {
    OsiClpSolverInterface::resolve();
    if (++calls_ % 5 == 0 && isProvenOptimal()) compare();
  }

 private:
  void compare() {
    OsiClpSolverInterface cold;
    cold.messageHandler()->setLogLevel(0);
    cold.loadProblem(*getMatrixByCol(), getColLower(), getColUpper(), getObjCoefficients(), getRowLower(), getRowUpper());
    double offset = 0;
    getDblParam(OsiObjOffset, offset);
    cold.setDblParam(OsiObjOffset, offset);
    cold.setHintParam(OsiDoScale, false, OsiHintTry);
    cold.setHintParam(OsiDoPresolveInInitial, false, OsiHintTry);
    cold.initialSolve();
    if (!cold.isProvenOptimal()) return;
    double cutoff = 0;
    getDblParam(OsiDualObjectiveLimit, cutoff);
    const double excess = std::min(getObjValue(), cutoff) - std::min(cold.getObjValue(), cutoff);
    ++count_->compared;
    count_->wrong += excess > 1e-5;
    count_->worst = std::max(count_->worst, excess);
  }

  LpCount* count_;
  long calls_ = 0;
};

/// Nothing but branch and bound with Cbc's defaults: no cuts, no heuristics, no preprocessing.
Claim plain(const std::string& file, bool scaling, LpCount& count) {
  OsiClpSolverInterface osi = read(file);
  if (!scaling) {
    osi.setHintParam(OsiDoScale, false, OsiHintTry);
    osi.getModelPtr()->scaling(0);
  }
  osi.initialSolve();
  const WatchedSolver watched(osi, &count);
  CbcModel cbc(watched);
  cbc.setLogLevel(0);
  cbc.branchAndBound();
  return claim_of(cbc, scaling ? "CbcModel::branchAndBound, defaults" : "CbcModel::branchAndBound, scaling off");
}

/// What "cbc FILE solve" does: preprocessing, cuts and heuristics.
Claim command_line(const std::string& file, bool scaling) {
  OsiClpSolverInterface osi = read(file);
  if (!scaling) osi.getModelPtr()->scaling(0);
  CbcModel cbc(osi);
  CbcSolverUsefulData data;
  data.useSignalHandler_ = false;
  CbcMain0(cbc, data);
  std::vector<const char*> arguments{"cbc", "-log", "0", "-scaling", scaling ? "auto" : "off", "-solve", "-quit"};
  CbcMain1(static_cast<int>(arguments.size()), arguments.data(), cbc, nullptr, data);
  return claim_of(cbc, scaling ? "cbc's command line, defaults" : "cbc's command line, scaling off");
}

/// Largest violation of a bound, a row or integrality.
double violation(const OsiClpSolverInterface& osi, const std::vector<double>& x) {
  std::vector<double> activity(static_cast<std::size_t>(osi.getNumRows()));
  osi.getMatrixByCol()->times(x.data(), activity.data());
  double worst = 0;
  for (int j = 0; j < osi.getNumCols(); ++j) {
    const double value = x[static_cast<std::size_t>(j)];
    worst = std::max({worst, osi.getColLower()[j] - value, value - osi.getColUpper()[j]});
    if (osi.isInteger(j)) worst = std::max(worst, std::abs(value - std::round(value)));
  }
  for (int i = 0; i < osi.getNumRows(); ++i) {
    const double value = activity[static_cast<std::size_t>(i)];
    worst = std::max({worst, osi.getRowLower()[i] - value, value - osi.getRowUpper()[i]});
  }
  return worst;
}

double objective(const OsiClpSolverInterface& osi, const std::vector<double>& x) {
  double sum = 0;
  for (int j = 0; j < osi.getNumCols(); ++j) sum += osi.getObjCoefficients()[j] * x[static_cast<std::size_t>(j)];
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3 || (argc == 3 && std::string(argv[2]) != "--short")) {
    std::fprintf(stderr, "usage: %s MODEL.mps.gz [--short]\n", argv[0]);
    return 1;
  }
  const std::string file = argv[1];
  const bool in_short = argc == 3;
  LpCount unscaled, scaled;
  const Claim truth = plain(file, false, unscaled);
  const OsiClpSolverInterface osi = read(file);
  if (truth.x.empty()) {
    std::printf("no point was found with scaling off\n");
    return 1;
  }
  const double known = objective(osi, truth.x);
  std::printf("a point with objective %.8f violates the model by %.1e\n", known, violation(osi, truth.x));
  if (violation(osi, truth.x) > 1e-6) return 1;

  int wrong = 0;
  const std::function<Claim()> attempts[] = {[&] { return command_line(file, true); }, [&] { return plain(file, true, scaled); },
                                             [&] { return command_line(file, false); }};
  for (const auto& attempt : attempts) {
    const Claim claim = attempt();
    const bool refuted = claim.proven && claim.objective > known + 1e-4;
    wrong += refuted;
    std::printf("%-36s claims %s %.8f%s\n", claim.how.c_str(), claim.proven ? "the optimum is" : "no proof, best", claim.objective,
                refuted ? "   WRONG" : "");
    if (refuted && in_short) break;
  }
  for (const auto& [name, count] : {std::pair{"defaults", scaled}, {"scaling off", unscaled}})
    std::printf("LPs of CbcModel::branchAndBound, %-11s: %ld of %ld have a value above their optimum, by up to %.2g\n", name, count.wrong,
                count.compared, count.worst);
  const bool there = wrong > 0 || scaled.wrong > 0;
  std::printf(there ? "the defect is there\n" : "the defect has gone: milp/cbc may use scaling again\n");
  return there ? 0 : 77;
}
