// When the event handlers of LPs look at the clock.
#pragma once
#include "espalier/base/clock.hpp"

namespace espalier::milp {

/// Reading the clock costs a good part of a small LP's iteration, and a large one's takes so long that the clock must be read after each:
/// every 16th event, every one as long as those before took more than a millisecond each.
class PollTurns {
 public:
  bool next() {
    if (++waited_ < stride_) return false;
    const double now = watch_.wall_seconds();
    gap_ = now - last_;
    stride_ = gap_ > 1e-3 * waited_ ? 1 : 16;
    last_ = now;
    waited_ = 0;
    return true;
  }

  /// Seconds between the last two turns: how long the next one may be in coming.
  double gap() const { return gap_; }

 private:
  base::Stopwatch watch_;
  double last_ = 0;
  double gap_ = 0;
  int waited_ = 0;
  int stride_ = 1;
};

}  // namespace espalier::milp
