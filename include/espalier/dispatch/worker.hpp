// The worker as a pure state machine: what it holds, what it runs next, and what it tells the master when it stops.
#pragma once
#include <deque>
#include <optional>
#include <vector>

#include "espalier/task/task.hpp"

namespace espalier::dispatch {

class Worker {
 public:
  /// Runs after what it already holds; given back at once if the worker is stopping.
  void assign(task::Attempt attempt);
  /// Forgets an attempt that has not begun. The running one is not touched: the master drops its outcome.
  void cancel(base::AttemptId attempt);
  /// No further attempt begins; the running one is asked to stop; the others are given back.
  void stop();
  /// The master has nothing more for it: stop, and end.
  void leave();

  /// The next attempt to run, which counts as running until ended(). None while one is running.
  std::optional<task::Attempt> next();
  void ended() { running_ = false; }
  /// Attempts to tell the master about as not begun; each is named once.
  std::vector<base::AttemptId> take_returned();

  /// next() has something.
  bool has_work() const { return !running_ && !queue_.empty(); }
  bool stopping() const { return stopping_; }
  bool finished() const { return leaving_ && !running_; }

 private:
  std::deque<task::Attempt> queue_;
  std::vector<base::AttemptId> returned_;
  bool running_ = false;
  bool stopping_ = false;
  bool leaving_ = false;
};

}  // namespace espalier::dispatch
