// Progress for people, on stderr: one line that updates itself on a terminal, else a plain line now and then.
#pragma once
#include <functional>
#include <string>

#include "espalier/dispatch/snapshot.hpp"
#include "espalier/farm/run.hpp"

namespace espalier::farm {

/// "0:00:12", "27:03:59", "9 d 04:11:00".
std::string format_duration(double seconds);

/// "train 3/10, solve 17/820 | 2 running, 1 failed | 12.3/s | ETA 0:12:30"
std::string progress_line(const dispatch::Snapshot& snapshot, double remaining_seconds, double elapsed_seconds);

class Progress {
 public:
  Progress(ProgressStyle style, double plain_interval_seconds);
  /// Ends the self-updating line.
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// `now`: seconds since the run began. Writes, and asks for the seconds until the end, only when it is time to.
  void update(const dispatch::Snapshot& snapshot, double now, const std::function<double()>& remaining_seconds);
  /// The last state, on a terminal.
  void finish(const dispatch::Snapshot& snapshot, double now, const std::function<double()>& remaining_seconds);
  /// Before something else is written to stderr: the line stays and the next one starts below it.
  void end_line();

 private:
  ProgressStyle style_;
  double interval_;
  double next_;
  bool line_open_ = false;
};

}  // namespace espalier::farm
