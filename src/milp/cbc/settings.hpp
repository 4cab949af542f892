// Which parts of Cbc are used. The defaults are what was found right and fast on big-M models of ReLU networks.
#pragma once

class CbcModel;

namespace espalier::milp {

struct CbcSettings {
  bool scaling = false;  ///< of Clp; see switch_scaling_off()
  double integer_tolerance = 1e-7;
  double primal_tolerance = 1e-9;
  double dual_tolerance = 1e-9;
  double cutoff_increment = 1e-8;  ///< a node must promise this much more than the incumbent
  int strong_branching = 5;        ///< candidates looked at
  int before_trust = 1;            ///< branchings before a pseudo cost is trusted
  int root_cut_passes = 20;
  int tree_cut_passes = 1;

  /// How often a cut generator is called: off, at the root only, or Cbc's choice between the root and the tree.
  enum class Cuts { off, root, automatic };
  Cuts gomory = Cuts::off;
  Cuts mixed_integer_rounding = Cuts::off;
  Cuts two_mir = Cuts::off;
  Cuts knapsack = Cuts::off;
  Cuts clique = Cuts::off;
  Cuts flow_cover = Cuts::off;
  Cuts probing = Cuts::off;
  Cuts zero_half = Cuts::off;

  bool best_bound = false;  ///< order of the nodes: best bound first instead of Cbc's mixture

  bool rounding = true;
  bool feasibility_pump = false;
  bool rins = false;
  bool diving = false;
};

void apply(const CbcSettings& settings, CbcModel& cbc);

}  // namespace espalier::milp
