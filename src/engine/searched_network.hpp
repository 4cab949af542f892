// From the network that is asked about to the one that is searched.
#pragma once
#include "espalier/base/clock.hpp"
#include "espalier/engine/result.hpp"
#include "espalier/engine/settings.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/problem/problem.hpp"

namespace espalier::engine {

/// |margin(x) - unit * network's margin(x)| <= unit * deviation on the problem's region.
struct SearchedNetwork {
  nn::Network network;
  nn::Objective objective;  ///< of the network, in its units
  double unit = 1;          ///< a power of two
  double deviation = 0;
};

/// `network` in the units of nn::rescale, so that no answer depends on those that it came in. With the setting compress, what
/// `settings.bounds` prove to be superfluous over the region leaves it before; result.compression and the times are then set.
/// Throws base::Error as nn::rescale and the bounds do.
SearchedNetwork searched_network(const problem::Problem& problem, const nn::Network& network, const SolveSettings& settings,
                                 const base::Stopwatch& watch, SolveResult& result);

}  // namespace espalier::engine
