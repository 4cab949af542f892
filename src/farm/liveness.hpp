// Who is still there: how ranks notice that another one is gone when no launcher tells them.
// Two signs. A process of the same machine is looked up by its number and start time: certain, and seen within a second. Of one on another
// machine only silence tells: every rank says something every few seconds, by a thread that no stage can block.
#pragma once
#include <chrono>

#include "espalier/base/process.hpp"
#include "espalier/wire/link.hpp"

namespace espalier::farm {

inline constexpr double presence_seconds = 0.5;  ///< between two looks into /proc

/// Time as this process has lived it: a gap between two looks counts as a second at most, so that a job that was suspended as a whole
/// finds nobody silent when it wakes up.
class AwakeClock {
 public:
  /// Seconds; call it several times per second.
  double look();

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
  double awake_ = 0;
};

/// Seconds after which a rank that has nothing to say says so.
double beat_seconds(double silence_seconds);

/// A worker's view of the master.
class MasterWatch {
 public:
  MasterWatch(wire::Link& link, double silence_seconds) : link_(link), silence_seconds_(silence_seconds) {}
  /// Call with every message.
  void heard(const wire::Message& message);
  /// Why the master must be taken for lost, empty if it must not. Until the master has said more than welcome, it may be silent ten
  /// times as long: it reads the journal and checks files.
  std::string loss();

 private:
  wire::Link& link_;
  double silence_seconds_;
  AwakeClock clock_;
  double heard_ = 0;
  double next_presence_ = 0;
  bool begun_ = false;
  base::ProcessId master_;
};

}  // namespace espalier::farm
