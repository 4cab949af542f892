// The worker's loop: messages in, one stage at a time, outcomes out.
#include "espalier/dispatch/worker.hpp"

#include <chrono>

#include "espalier/base/build_info.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/log.hpp"
#include "espalier/farm/run.hpp"
#include "espalier/farm/stop.hpp"
#include "espalier/task/codec.hpp"
#include "farm/execute.hpp"
#include "farm/messages.hpp"

namespace espalier::farm {

namespace {

using base::Rank;
using base::Seconds;
using Clock = std::chrono::steady_clock;

constexpr Rank kMaster{0};
constexpr Seconds kIdleWait{0.1};       // between looks at the stop flag
constexpr Seconds kPollInterval{0.02};  // between looks at the mailbox while a stage runs
constexpr Seconds kFlushPatience{1};

class WorkerLoop {
 public:
  WorkerLoop(wire::Link& link, const task::StageRegistry& registry, const std::filesystem::path& output_directory,
             sandbox::Sandbox* sandbox)
      : link_(link), registry_(registry), output_directory_(output_directory), sandbox_(sandbox) {}

  void run() {
    send(Tag::hello, encode(Hello{build_id(), base::host_name(), ""}));
    while (!worker_.finished()) {
      look_around();
      if (auto attempt = worker_.next())
        run_attempt(*attempt);
      else if (!worker_.finished())
        if (auto message = link_.receive(kIdleWait)) handle(*message);
    }
    give_back();
    send(Tag::bye, "");
  }

 private:
  void send(Tag tag, std::string bytes) { link_.send(kMaster, static_cast<int>(tag), std::move(bytes)); }

  /// What has arrived, and the stop flag.
  void look_around() {
    while (auto message = link_.receive(Seconds(0))) handle(*message);
    if (stop_requested()) retire();
    give_back();
    last_look_ = Clock::now();
  }

  void retire() {
    if (retired_) return;
    retired_ = true;
    send(Tag::retire, "");  // before anything is given back, or it would come back at once
    worker_.stop();
  }

  void handle(const wire::Message& message) {
    switch (static_cast<Tag>(message.tag)) {
      case Tag::assign:
        worker_.assign(task::decode_attempt(message.bytes));
        return;
      case Tag::cancel:
        worker_.cancel(decode_attempt_id(message.bytes));
        return;
      case Tag::stop:
        worker_.stop();
        return;
      case Tag::leave:
        worker_.leave();
        return;
      default:
        base::fail(base::ErrorKind::internal, "rank {}: message with tag {} from rank {}", link_.rank().value, message.tag,
                   message.from.value);
    }
  }

  void give_back() {
    for (const base::AttemptId id : worker_.take_returned()) send(Tag::returned, encode(id));
  }

  void run_attempt(const task::Attempt& attempt) {
    // A large outcome on its way may need this rank's help, and the stage may keep it busy for hours.
    link_.flush(kFlushPatience);
    std::optional<task::Outcome> outcome;
    try {
      outcome = execute(attempt, {registry_, output_directory_, link_.rank(), sandbox_}, [this] {
        if (Clock::now() - last_look_ > kPollInterval) look_around();
        return worker_.stopping();
      });
    } catch (const sandbox::ServerLost& e) {
      base::log_error("rank {} leaves: {}", link_.rank().value, e.what());
      retire();
    }
    worker_.ended();
    if (outcome)
      send(Tag::outcome, task::encode(*outcome));
    else
      send(Tag::returned, encode(attempt.id));
  }

  wire::Link& link_;
  const task::StageRegistry& registry_;
  const std::filesystem::path& output_directory_;
  sandbox::Sandbox* sandbox_;
  dispatch::Worker worker_;
  Clock::time_point last_look_{};
  bool retired_ = false;
};

}  // namespace

void run_worker(wire::Link& link, const task::StageRegistry& registry, const std::filesystem::path& output_directory,
                sandbox::Sandbox* sandbox) {
  try {
    WorkerLoop(link, registry, output_directory, sandbox).run();
  } catch (const std::exception& e) {
    // Not a failing task but a defect or a broken link: nobody would ever hear of this rank again, and the master would wait for ever.
    base::log_error("rank {} ends the run: {}", link.rank().value, e.what());
    link.abort(1);
  }
}

void decline(wire::Link& link, const std::string& reason) {
  link.send(kMaster, static_cast<int>(Tag::hello), encode(Hello{build_id(), base::host_name(), reason}));
  while (true)
    if (const auto message = link.receive(kIdleWait); message && message->tag == static_cast<int>(Tag::leave)) break;
  link.send(kMaster, static_cast<int>(Tag::bye), "");
}

}  // namespace espalier::farm
