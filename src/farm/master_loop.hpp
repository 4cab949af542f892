// The master's loop: carries out what dispatch::Master commands, and tells it what happened.
#pragma once
#include <chrono>
#include <map>
#include <string>

#include "espalier/farm/run.hpp"
#include "farm/committer.hpp"
#include "farm/liveness.hpp"
#include "farm/messages.hpp"
#include "farm/progress.hpp"

namespace espalier::farm {

class MasterLoop {
 public:
  MasterLoop(wire::Link& link, const task::TaskGraph& graph, std::span<const dispatch::FinishedTask> finished, Ledger& ledger,
             const RunOptions& options);

  /// Until nothing is left to do, or nothing can be done; then dismisses the workers. What went wrong is in the result.
  RunResult run();

 private:
  enum class WorkerState {
    silent,   ///< has not said hello
    working,  ///< may hold tasks
    refused,  ///< cannot work, or may not
    gone,     ///< has said bye
    lost,     ///< died or fell silent; nothing is ever sent to it again
  };
  struct Member {
    WorkerState state = WorkerState::silent;
    double joined = 0;
    double busy_seconds = 0;
    double sent = 0;   ///< when it was last sent something
    double heard = 0;  ///< when it was last heard of, on the awake clock
    std::string name;  ///< "rank 2 (process 4711 on node07)"
    base::ProcessId process;
  };

  void work();
  bool receive(base::Seconds timeout);
  void handle(const wire::Message& message);
  void handle_outcome(base::Rank rank, task::Outcome outcome);
  void check_disk();
  void check_stop();

  // Who is there (members.cpp).
  void handle_hello(base::Rank rank, const Hello& hello);
  void check_members();
  std::string loss(const Member& member) const;
  void lose(base::Rank rank, const std::string& reason);
  void look_for_workers();
  void say_goodbye();
  void wait_for_goodbyes(double until);

  void apply(dispatch::Commands commands);
  void carry_out(const dispatch::Assign& command);
  void carry_out(const dispatch::Cancel& command);
  void carry_out(const dispatch::AskStop& command);
  void carry_out(const dispatch::Quarantine& command);
  void carry_out(dispatch::Record& command);
  void send(base::Rank to, Tag tag, std::string bytes);
  void set_error(const base::Error& error);
  double now() const;

  wire::Link& link_;
  const task::TaskGraph& graph_;
  RunOptions options_;
  dispatch::Master master_;
  Committer committer_;
  Progress progress_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::map<base::Rank, Member> members_;
  std::map<base::Rank, std::string> refusals_;
  base::ErrorKind refusal_kind_ = base::ErrorKind::configuration;  ///< if there is no worker: that of one that sees another directory
  AwakeClock awake_clock_;
  double awake_ = 0;
  double next_tick_ = 0;
  double next_presence_ = 0;  ///< when the members' processes are looked up
  double stop_deadline_ = 0;  ///< 0: nobody was asked to stop
  bool stop_seen_ = false;
  RunResult result_;
};

}  // namespace espalier::farm
