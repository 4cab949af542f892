// When work has to come to an end: at a moment, or when the caller says so.
#pragma once
#include <algorithm>
#include <functional>
#include <limits>
#include <utility>

#include "espalier/base/clock.hpp"

namespace espalier::base {

/// What long work is given and looks at every now and then, often enough to be at its end 0.1 s later. A value; copies end together.
class Budget {
 public:
  /// No end.
  Budget() = default;
  /// `seconds` of wall time from now on (+infinity: no such end), less if `stop_requested` says so, which may be empty.
  explicit Budget(double seconds, std::function<bool()> stop_requested = {})
      : seconds_(seconds), stop_requested_(std::move(stop_requested)) {}

  bool spent() const { return out_of_time() || stop_requested(); }
  bool out_of_time() const { return !(watch_.wall_seconds() < seconds_); }
  bool stop_requested() const { return stop_requested_ && stop_requested_(); }
  /// At least 0.
  double seconds_left() const { return std::max(0.0, seconds_ - watch_.wall_seconds()); }

 private:
  Stopwatch watch_;
  double seconds_ = std::numeric_limits<double>::infinity();
  std::function<bool()> stop_requested_;
};

}  // namespace espalier::base
