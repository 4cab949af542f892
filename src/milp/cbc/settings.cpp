#include "milp/cbc/settings.hpp"

#include <CbcCompareObjective.hpp>
#include <CbcHeuristic.hpp>
#include <CbcHeuristicDiveCoefficient.hpp>
#include <CbcHeuristicFPump.hpp>
#include <CbcHeuristicRINS.hpp>
#include <CbcModel.hpp>
#include <CglClique.hpp>
#include <CglFlowCover.hpp>
#include <CglGomory.hpp>
#include <CglKnapsackCover.hpp>
#include <CglMixedIntegerRounding2.hpp>
#include <CglProbing.hpp>
#include <CglTwomir.hpp>
#include <CglZeroHalf.hpp>

namespace espalier::milp {
namespace {

/// `generator` is cloned by Cbc.
void add_cuts(CbcModel& cbc, CglCutGenerator& generator, CbcSettings::Cuts when, const char* name) {
  if (when == CbcSettings::Cuts::off) return;
  constexpr int only_at_root = -99;
  constexpr int automatic = -1;
  cbc.addCutGenerator(&generator, when == CbcSettings::Cuts::root ? only_at_root : automatic, name);
}

void add_all_cuts(const CbcSettings& s, CbcModel& cbc) {
  CglProbing probing;
  probing.setUsingObjective(1);
  probing.setMaxPass(1);
  probing.setMaxPassRoot(1);
  probing.setMaxProbe(10);
  probing.setMaxProbeRoot(50);
  probing.setMaxLook(10);
  probing.setMaxLookRoot(50);
  probing.setMaxElements(200);
  probing.setMaxElementsRoot(1000);
  probing.setRowCuts(3);
  add_cuts(cbc, probing, s.probing, "Probing");
  CglGomory gomory;
  gomory.setLimitAtRoot(1000);
  gomory.setLimit(300);
  add_cuts(cbc, gomory, s.gomory, "Gomory");
  CglMixedIntegerRounding2 rounding;
  add_cuts(cbc, rounding, s.mixed_integer_rounding, "MixedIntegerRounding2");
  CglTwomir two_mir;
  two_mir.setMaxElements(300);
  two_mir.setMaxElementsRoot(1000);
  add_cuts(cbc, two_mir, s.two_mir, "TwoMir");
  CglKnapsackCover knapsack;
  add_cuts(cbc, knapsack, s.knapsack, "Knapsack");
  CglClique clique;
  clique.setStarCliqueReport(false);
  clique.setRowCliqueReport(false);
  add_cuts(cbc, clique, s.clique, "Clique");
  CglFlowCover flow_cover;
  add_cuts(cbc, flow_cover, s.flow_cover, "FlowCover");
  CglZeroHalf zero_half;
  add_cuts(cbc, zero_half, s.zero_half, "ZeroHalf");
}

void add_heuristics(const CbcSettings& s, CbcModel& cbc) {
  if (s.feasibility_pump) {
    CbcHeuristicFPump pump(cbc);
    pump.setMaximumPasses(20);
    cbc.addHeuristic(&pump, "FeasibilityPump");
  }
  if (s.rounding) {
    CbcRounding rounding(cbc);
    cbc.addHeuristic(&rounding, "Rounding");
  }
  if (s.diving) {
    CbcHeuristicDiveCoefficient diving(cbc);
    cbc.addHeuristic(&diving, "DiveCoefficient");
  }
  if (s.rins) {
    CbcHeuristicRINS rins(cbc);
    rins.setHowOften(100);
    cbc.addHeuristic(&rins, "RINS");
  }
}

}  // namespace

void apply(const CbcSettings& s, CbcModel& cbc) {
  cbc.setIntegerTolerance(s.integer_tolerance);
  cbc.setDblParam(CbcModel::CbcCutoffIncrement, s.cutoff_increment);
  cbc.setNumberStrong(s.strong_branching);
  cbc.setNumberBeforeTrust(s.before_trust);
  cbc.setMaximumCutPassesAtRoot(s.root_cut_passes);
  cbc.setMaximumCutPasses(s.tree_cut_passes);
  cbc.setNumberThreads(0);
  if (s.best_bound) {
    CbcCompareObjective by_bound;
    cbc.setNodeComparison(by_bound);
  }
  add_all_cuts(s, cbc);
  add_heuristics(s, cbc);
}

}  // namespace espalier::milp
