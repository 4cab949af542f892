// From nodes to their children.
#pragma once
#include <limits>
#include <vector>

#include "branch/bounding.hpp"

namespace espalier::branch {

struct Children {
  std::vector<Node> nodes;
  double closed = -std::numeric_limits<double>::infinity();  ///< largest bound of what closed on the way
};

/// Children of nodes that have unstable neurons. In three steps, each dearer than the one before and for fewer neurons: one pass per phase
/// for all candidates (Bounding::evaluate_candidates); a few improved passes per phase for a shortlist, all nodes' together (strong
/// branching); then the pair with the best product of improvements. A phase that closes on the way is not branched on: a node some of whose
/// neurons are fixed that way is its parent's only child, and one with a neuron both of whose phases close has none.
Children branch(Bounding& bounding, std::vector<Node> nodes, double cutoff_value);

}  // namespace espalier::branch
