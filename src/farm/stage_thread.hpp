// Stages run in a thread of their own, one at a time, so that the rank's main thread always listens: it hears that it is to stop, says
// that it is alive, and notices that the master is not, whatever a stage does. Only the main thread uses MPI.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "espalier/base/clock.hpp"
#include "espalier/dispatch/worker.hpp"

namespace espalier::farm {

class StageThread {
 public:
  /// Runs one attempt; none if it gave up because stop_requested() said so. Must not throw.
  using Run = std::function<std::optional<task::Outcome>(const task::Attempt&, const std::function<bool()>& stop_requested)>;
  explicit StageThread(Run run);
  /// Waits for the running stage.
  ~StageThread();
  StageThread(const StageThread&) = delete;
  StageThread& operator=(const StageThread&) = delete;

  // As dispatch::Worker.
  void assign(task::Attempt attempt);
  void cancel(base::AttemptId attempt);
  void stop();
  void leave();
  bool finished() const;

  /// A stage runs or is about to.
  bool busy() const;

  struct News {
    std::vector<task::Outcome> outcomes;
    std::vector<base::AttemptId> returned;  ///< not begun, or stopped
  };
  News take_news();
  /// Until there is news, at most `timeout`; false if there is none.
  bool wait_for_news(base::Seconds timeout);

 private:
  void run_stages();
  bool has_news() const { return !news_.outcomes.empty() || !news_.returned.empty(); }
  void collect_returned();

  Run run_;
  mutable std::mutex mutex_;
  std::condition_variable work_, news_arrived_;
  dispatch::Worker worker_;
  News news_;
  std::atomic<bool> stopping_{false};
  bool running_ = false;
  bool ending_ = false;
  std::thread thread_;
};

}  // namespace espalier::farm
