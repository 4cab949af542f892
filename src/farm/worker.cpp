// The worker's loop: messages in, stages in their own thread, outcomes out; and an eye on the master.
#include <algorithm>
#include <atomic>
#include <chrono>

#include "espalier/base/build_info.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/log.hpp"
#include "espalier/farm/run.hpp"
#include "espalier/farm/stop.hpp"
#include "espalier/store/output_directory.hpp"
#include "espalier/task/codec.hpp"
#include "farm/execute.hpp"
#include "farm/liveness.hpp"
#include "farm/messages.hpp"
#include "farm/stage_thread.hpp"

namespace espalier::farm {

namespace {

using base::Rank;
using base::Seconds;
using Clock = std::chrono::steady_clock;

constexpr Rank master_rank{0};
constexpr Seconds idle_wait{0.1};  // between looks at the stop flag and at the master
// While a stage runs, between looks at the mailbox: a quarter of the time since something happened last, within these limits. Looking costs
// more than 10 us.
constexpr Seconds shortest_wait{200e-6};
constexpr Seconds longest_wait{0.02};
constexpr int left_exit_code = 75;  // exit code of a rank that leaves because the master is lost: stopped early

/// Ends this process because there is no master to work for.
void leave_without_master(wire::Link& link, const std::string& why) {
  base::log_error("rank {} leaves: {}", link.rank().value, why);
  link.abort(left_exit_code);
}

/// Where ranks outlive each other, all go into MPI_Finalize together, when the master says so, or leave without it.
void wait_for_the_end(wire::Link& link, MasterWatch& watch) {
  if (!link.outlives_ranks()) return;
  while (true) {
    const auto message = link.receive(idle_wait);
    if (message) watch.heard(*message);
    if (message && message->tag == static_cast<int>(Tag::end)) {
      const End end = decode_end(message->bytes);
      if (end.orderly) return;
      link.abort(end.exit_code);
    }
    if (!watch.loss().empty()) link.abort(0);  // all has been said; what the master did with it the directory tells
  }
}

class WorkerLoop {
 public:
  WorkerLoop(wire::Link& link, const task::StageRegistry& registry, const std::filesystem::path& output_directory,
             const WorkerOptions& options)
      : link_(link),
        watch_(link, options.silence_seconds),
        beat_(beat_seconds(options.silence_seconds)),
        directory_seconds_(options.directory_seconds),
        output_directory_(output_directory),
        execution_context_{registry, output_directory_, link.rank(), options.sandbox},
        stages_([this](const auto& attempt, const auto& stop) { return run_attempt(attempt, stop); }) {}

  void run() {
    join();
    while (!stages_.finished()) {
      receive();
      check_stop();
      report();
      if (const std::string why = watch_.loss(); !why.empty()) leave_without_master(link_, why);
      if (stages_.finished()) break;
      wait();
    }
    send(Tag::bye, "");
    wait_for_the_end(link_, watch_);
  }

 private:
  void send(Tag tag, std::string bytes) {
    link_.send(master_rank, static_cast<int>(tag), std::move(bytes));
    last_sent_ = Clock::now();
  }

  /// Says hello once it is known where the run's files are, and whether this rank sees them.
  void join() {
    while (!notice_) {
      if (stages_.finished()) return;
      listen();
    }
    std::string refusal = find_directory();
    for (const auto begin = Clock::now(); !refusal.empty() && Seconds(Clock::now() - begin).count() < directory_seconds_;) {
      if (stages_.finished()) return base::log_error("on {}: {}", base::host_name(), refusal);  // the run was over before
      listen();
      refusal = find_directory();
    }
    send(Tag::hello, encode(Hello{build_id(), base::host_name(), refusal, base::this_process(), refusal.empty()}));
  }

  void listen() {
    if (const auto message = link_.receive(idle_wait)) handle(*message);
    if (const std::string why = watch_.loss(); !why.empty()) leave_without_master(link_, why);
  }

  /// At the place that the master names, or at the one that this rank was given. "", or what there is to say.
  std::string find_directory() {
    if (notice_->token.empty()) return "";
    const std::string there = store::find_lock(notice_->path, notice_->token);
    if (there.empty()) output_directory_ = notice_->path;
    if (there.empty() || store::find_lock(output_directory_, notice_->token).empty()) return "";
    return fmt::format(
        "it does not see the output directory: expected a directory that all ranks share, with the lock of this run, at '{}', "
        "found {}",
        notice_->path, there);
  }

  void receive() {
    while (auto message = link_.receive(Seconds(0))) handle(*message);
  }

  /// In the stage thread.
  std::optional<task::Outcome> run_attempt(const task::Attempt& attempt, const std::function<bool()>& stop) {
    try {
      return execute(attempt, execution_context_, stop);
    } catch (const sandbox::ServerLost& e) {
      base::log_error("rank {} takes no more work: {}", execution_context_.rank.value, e.what());
      sandbox_lost_ = true;
      return std::nullopt;
    }
  }

  void check_stop() {
    if (retired_ || !(stop_requested() || sandbox_lost_)) return;
    retired_ = true;
    send(Tag::retire, "");  // before anything is given back, or it would come back at once
    stages_.stop();
  }

  void report() {
    const StageThread::News news = stages_.take_news();
    check_stop();  // what is given back because the sandbox is lost must not come before the retirement
    for (const base::AttemptId id : news.returned) send(Tag::returned, encode(id));
    for (const task::Outcome& outcome : news.outcomes) send(Tag::outcome, task::encode(outcome));
    if (!news.outcomes.empty()) last_event_ = Clock::now();
    if (Seconds(Clock::now() - last_sent_).count() > beat_) send(Tag::alive, "");
  }

  void wait() {
    if (stages_.busy()) {
      stages_.wait_for_news(std::clamp(Seconds(Clock::now() - last_event_) / 4, shortest_wait, longest_wait));
    } else if (auto message = link_.receive(idle_wait)) {
      handle(*message);
    }
  }

  void handle(const wire::Message& message) {
    watch_.heard(message);
    last_event_ = Clock::now();
    switch (static_cast<Tag>(message.tag)) {
      case Tag::assign:
        return stages_.assign(task::decode_attempt(message.bytes));
      case Tag::cancel:
        return stages_.cancel(decode_attempt_id(message.bytes));
      case Tag::stop:
        return stages_.stop();
      case Tag::leave:
        return stages_.leave();
      case Tag::end:  // a stage is still running
        return link_.abort(decode_end(message.bytes).exit_code);
      case Tag::directory:
        notice_ = decode_directory(message.bytes);
        return;
      case Tag::welcome:
      case Tag::alive:
        return;
      default:
        base::fail(base::ErrorKind::internal, "rank {}: message with tag {} from rank {}", link_.rank().value, message.tag,
                   message.from.value);
    }
  }

  wire::Link& link_;
  MasterWatch watch_;
  double beat_;
  double directory_seconds_;
  std::optional<DirectoryNotice> notice_;
  std::filesystem::path output_directory_;
  ExecutionContext execution_context_;
  std::atomic<bool> sandbox_lost_{false};
  Clock::time_point last_event_{};
  Clock::time_point last_sent_{};
  bool retired_ = false;
  StageThread stages_;  // last: its thread uses the others
};

}  // namespace

void run_worker(wire::Link& link, const task::StageRegistry& registry, const std::filesystem::path& output_directory,
                const WorkerOptions& options) {
  try {
    WorkerLoop(link, registry, output_directory, options).run();
  } catch (const std::exception& e) {
    // Not a failing task but a defect or a broken link: nobody would ever hear of this rank again, and the master would wait for ever.
    base::log_error("rank {} ends the run: {}", link.rank().value, e.what());
    link.abort(1);
  }
}

void decline(wire::Link& link, const std::string& reason, const WorkerOptions& options) {
  MasterWatch watch(link, options.silence_seconds);
  link.send(master_rank, static_cast<int>(Tag::hello), encode(Hello{build_id(), base::host_name(), reason, base::this_process()}));
  while (true) {
    const auto message = link.receive(idle_wait);
    if (message) watch.heard(*message);
    if (message && message->tag == static_cast<int>(Tag::leave)) break;
    if (const std::string why = watch.loss(); !why.empty()) leave_without_master(link, why);
  }
  link.send(master_rank, static_cast<int>(Tag::bye), "");
  wait_for_the_end(link, watch);
}

}  // namespace espalier::farm
