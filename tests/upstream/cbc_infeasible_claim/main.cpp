// Cbc 2.10.8 (Clp 1.17.6, Cgl 0.60.3) calls a feasible model infeasible within a tenth of a second: "Cgl0000I Cut generators found to be
// infeasible! (or unbounded)". A program for upstream: it needs only Cbc, Clp, Osi and the model beside it.
//
// The model is of the kind that cbc_wrong_optimum/ describes: a small trained ReLU network with loose big-M, weights down to 1e-42 in the
// columns of pixels that are always dark. The claim is made by preprocessing, with Clp's scaling or without: under "-preprocess off" Cbc
// finds the optimum. The proof is the first point that it finds so, checked here in plain arithmetic.
// Exit code 0: the defect is there. 77: it has gone. 1: something else.
#include <CbcModel.hpp>
#include <CbcSolver.hpp>
#include <OsiClpSolverInterface.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

OsiClpSolverInterface read(const std::string& file) {
  OsiClpSolverInterface osi;
  osi.messageHandler()->setLogLevel(0);
  if (osi.readMps(file.c_str(), "") != 0) {
    std::fprintf(stderr, "cannot read '%s'\n", file.c_str());
    std::exit(1);
  }
  return osi;
}

struct Answer {
  bool infeasible = false;
  std::vector<double> x;
};

/// What "cbc FILE WORDS solve" answers.
Answer command_line(const std::string& file, const std::vector<const char*>& words) {
  const OsiClpSolverInterface osi = read(file);
  CbcModel cbc(osi);
  CbcSolverUsefulData data;
  data.useSignalHandler_ = false;
  CbcMain0(cbc, data);
  std::vector<const char*> arguments{"cbc", "-log", "0"};
  arguments.insert(arguments.end(), words.begin(), words.end());
  arguments.insert(arguments.end(), {"-solve", "-quit"});
  CbcMain1(static_cast<int>(arguments.size()), arguments.data(), cbc, nullptr, data);
  Answer answer{.infeasible = cbc.status() == 0 && cbc.isProvenInfeasible(), .x = {}};
  if (cbc.bestSolution() != nullptr) answer.x.assign(cbc.bestSolution(), cbc.bestSolution() + cbc.getNumCols());
  return answer;
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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s MODEL.mps.gz\n", argv[0]);
    return 1;
  }
  const std::string file = argv[1];
  const Answer known = command_line(file, {"-scaling", "off", "-preprocess", "off", "-maxSolutions", "1"});
  if (known.x.empty()) {
    std::printf("no point was found without preprocessing\n");
    return 1;
  }
  const double violated = violation(read(file), known.x);
  std::printf("a point violates the model by %.1e\n", violated);
  if (violated > 1e-6) return 1;
  bool there = false;
  for (const char* scaling : {"auto", "off"}) {
    const bool infeasible = command_line(file, {"-scaling", scaling, "-maxSolutions", "1"}).infeasible;
    std::printf("cbc's command line, scaling %-4s: %s\n", scaling, infeasible ? "infeasible   WRONG" : "not infeasible");
    there = there || infeasible;
  }
  std::printf(there ? "the defect is there\n" : "the defect has gone\n");
  return there ? 0 : 77;
}
