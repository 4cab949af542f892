// A farm with threads as ranks, a ledger in memory, and rows to compare.
#pragma once
#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <optional>
#include <thread>

#include "espalier/farm/run.hpp"
#include "espalier/farm/stop.hpp"
#include "espalier/task/codec.hpp"
#include "espalier/wire/connect.hpp"
#include "espalier/wire/in_process.hpp"
#include "farm/toy_stages.hpp"

namespace espalier::farm::test {

/// What is synced survives; what is appended only does not.
class MemoryLedger final : public Ledger {
 public:
  void append(const task::Outcome& outcome) override {
    if (fail_append_after && appended_++ >= *fail_append_after)
      base::fail(base::ErrorKind::io, "cannot write 'run.journal': No space left on device");
    pending_.push_back(task::encode(outcome));
  }
  void sync() override {
    std::this_thread::sleep_for(sync_seconds);
    const std::lock_guard lock(mutex_);
    for (const std::string& bytes : pending_) {
      durable.push_back(task::decode_outcome(bytes));
      keys_.insert(durable.back().key);
    }
    pending_.clear();
    ++syncs;
  }
  bool is_durable(const task::StageKey& key) const {
    const std::lock_guard lock(mutex_);
    return keys_.contains(key);
  }
  std::vector<dispatch::FinishedTask> finished() const {
    std::vector<dispatch::FinishedTask> result;
    for (const task::Outcome& o : durable) result.push_back({o.key, o.kind, o.message, o.part});
    return result;
  }

  std::vector<task::Outcome> durable;
  int syncs = 0;
  base::Seconds sync_seconds{0};
  std::optional<std::size_t> fail_append_after;

 private:
  mutable std::mutex mutex_;
  std::set<task::StageKey> keys_;
  std::vector<std::string> pending_;
  std::size_t appended_ = 0;
};

/// The columns that must not depend on who ran what when, one line per task, in key order.
inline std::vector<std::string> rows(const std::vector<task::Outcome>& outcomes) {
  std::vector<std::string> result;
  for (task::Outcome o : outcomes) {
    std::string row = o.key.hex() + (o.kind == task::OutcomeKind::done ? " done " : " failed ") + o.error_kind + ": " + o.message + "\n" +
                      o.values.canonical();
    for (const task::Array& a : o.arrays) row += a.name + fmt::format(" {}\n", fmt::join(a.values, " "));
    if (o.part) row += fmt::format("{} {} {:x}\n", o.part->name, o.part->stamp.size, o.part->stamp.checksum);
    result.push_back(std::move(row));
  }
  std::sort(result.begin(), result.end());
  return result;
}

class Farm : public testing::Test {
 protected:
  void SetUp() override {
    clear_stop_request();
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    directory = std::filesystem::temp_directory_path() / fmt::format("espalier-farm-{}-{}", ::getpid(), info->name());
    std::filesystem::remove_all(directory);
    std::filesystem::create_directories(directory);
    options.progress = ProgressStyle::none;
  }
  void TearDown() override {
    clear_stop_request();
    std::filesystem::remove_all(directory);
  }

  /// Rank 0 in this thread, the others in threads of their own; every message must have been read in the end.
  RunResult run(const task::TaskGraph& graph, int ranks, Ledger& ledger, std::span<const dispatch::FinishedTask> finished = {}) {
    const task::StageRegistry stages = toy::registry(&log);
    if (ranks == 1) return run_master(*wire::connect(wire::Launch::alone), graph, stages, directory, finished, ledger, options);
    return with_ranks(
        ranks, [&](wire::Link& link) { return run_master(link, graph, stages, directory, finished, ledger, options); },
        [&](wire::Link& link) { run_worker(link, stages, directory); });
  }

  RunResult with_ranks(int ranks, const std::function<RunResult(wire::Link&)>& master, const std::function<void(wire::Link&)>& worker) {
    const auto network = wire::InProcessNetwork::create(ranks);
    RunResult result;
    {
      std::vector<std::jthread> threads;
      for (int r = 1; r < ranks; ++r)
        threads.emplace_back([&, r] {
          const auto link = network->link(base::Rank{r});
          worker(*link);
        });
      const auto link = network->link(base::Rank{0});
      result = master(*link);
    }
    // A worker that came too late to join says hello and goodbye to nobody; everything else must have been read.
    if (result.workers == ranks - 1 && !result.left_behind) {
      EXPECT_NO_THROW(network->expect_empty());
    }
    return result;
  }

  std::filesystem::path directory;
  toy::Log log;
  RunOptions options;
};

}  // namespace espalier::farm::test
