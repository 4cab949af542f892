// Stages with limits run in a process of their own: what becomes of it becomes the outcome.
#include <gmock/gmock.h>

#include <csignal>
#include <fstream>
#include <map>

#include "espalier/base/file.hpp"
#include "farm/harness.hpp"

namespace espalier::farm::test {
namespace {

using task::Outcome;
using task::OutcomeKind;
using testing::HasSubstr;
using testing::StartsWith;

/// Publishes a value, then does what its parameter "how" says.
class WildStage final : public task::Stage {
 public:
  std::string kind() const override { return "wild"; }
  std::uint32_t schema_version() const override { return 1; }
  std::string table() const override { return "wilds"; }
  const task::Schema& parameters() const override { return none_; }
  const task::Schema& columns() const override { return columns_; }
  const task::Schema& arrays() const override { return arrays_; }
  bool leaves_part() const override { return true; }

  std::optional<task::ResourceLimits> limits(const task::Attempt& attempt) const override {
    task::ResourceLimits limits = attempt.limits;
    const std::string& how = attempt.spec.parameters.text("how");
    limits.wall_seconds = how == "sleep" || how == "nothing published" || how == "wait for limit" ? 0.1 : 100;
    return limits;
  }

  bool leaves_no_trace(const task::Attempt& attempt) const override { return attempt.spec.parameters.text("how").starts_with("traceless"); }

  void cut_short(task::StageResult& partial, const task::CutShort& how) const override {
    partial.values.set("how", how.cause + ": " + how.message);
  }

  task::StageResult run(const task::Attempt& attempt, const task::StageContext& context) const override {
    const std::string& how = attempt.spec.parameters.text("how");
    if (how != "nothing published") context.publish({{{"found", std::int64_t{7}}}, {{"trace", {1, 2}}}});
    if (how == "print and abort") {
      std::puts("last words");
      std::fflush(stdout);
      std::abort();
    }
    if (how == "print") std::puts("nothing of interest");
    if (how == "undeclared") return {{{"undeclared", true}}, {}};
    if (how == "fail") base::fail(base::ErrorKind::solver, "broken on purpose");
    if (how == "kill server") ::kill(::getppid(), SIGKILL);
    if (how == "give up") throw task::StageStopped{};
    if (how == "wait for limit") {
      while (!context.stop_requested()) std::this_thread::sleep_for(base::Seconds(0.005));
      return {{{"how", "asked because of " + std::string(context.limit_reached())}}, {}};
    }
    while (how != "print" && how != "work" && !how.starts_with("trace")) std::this_thread::sleep_for(base::Seconds(1));
    base::write_file_atomically(context.part_path, "part");
    return {{{"found", static_cast<std::int64_t>(::getpid())}}, {}};
  }

 private:
  task::Schema none_, columns_{{.name = "found", .type = task::ValueType::integer}, {.name = "how", .type = task::ValueType::text}},
      arrays_{{.name = "trace"}};
};

class Isolation : public Farm {
 protected:
  void SetUp() override {
    Farm::SetUp();
    stages.add(std::make_unique<WildStage>());
    sandbox.emplace(stage_work(stages));
    options.sandbox = &*sandbox;
    options.limits.grace_seconds = 2;
  }

  RunResult run_wild(const std::string& how) {
    task::TaskGraph graph;
    toy::add(graph, "wild", {{"how", how}});
    return run_master(*wire::connect(wire::Launch::alone), graph, stages, directory, {}, ledger, options);
  }

  Outcome outcome(const std::string& how) {
    const RunResult result = run_wild(how);
    EXPECT_TRUE(result.settled);
    EXPECT_EQ(ledger.durable.size(), 1U);
    return ledger.durable.empty() ? Outcome{} : ledger.durable.back();
  }

  bool has_log() const { return !std::filesystem::is_empty(directory / "log"); }

  task::StageRegistry stages;
  std::optional<sandbox::Sandbox> sandbox;
  MemoryLedger ledger;
};

TEST_F(Isolation, AStageThatWorksRunsElsewhere) {
  const Outcome o = outcome("work");
  EXPECT_EQ(o.kind, OutcomeKind::done);
  EXPECT_NE(o.values.integer("found"), ::getpid());
  ASSERT_TRUE(o.part);
  EXPECT_EQ(base::read_file(directory / o.part->name), "part");
  EXPECT_EQ(o.rank, 1);
  EXPECT_GT(o.peak_memory_mib, 1);
}

TEST_F(Isolation, StagesThatLeaveNoTraceShareAProcess) {
  task::TaskGraph graph;
  for (const char* how : {"traceless 1", "traceless 2", "trace 3", "trace 4"}) toy::add(graph, "wild", {{"how", std::string(how)}});
  run_master(*wire::connect(wire::Launch::alone), graph, stages, directory, {}, ledger, options);
  std::map<std::string, std::int64_t> processes;
  for (const Outcome& o : ledger.durable)
    for (const task::PlannedTask& planned : graph.tasks)
      if (planned.spec.key == o.key) processes[planned.spec.parameters.text("how")] = o.values.integer("found");
  EXPECT_EQ(processes.at("traceless 1"), processes.at("traceless 2"));
  EXPECT_NE(processes.at("trace 3"), processes.at("trace 4"));
  EXPECT_NE(processes.at("trace 3"), processes.at("traceless 1"));
}

TEST_F(Isolation, TheLogOfASuccessIsRemoved) {
  EXPECT_EQ(outcome("print").kind, OutcomeKind::done);
  EXPECT_FALSE(has_log());
}

TEST_F(Isolation, ACrashKeepsWhatWasPublishedAndNamesItsLog) {
  const Outcome o = outcome("print and abort");
  EXPECT_EQ(o.kind, OutcomeKind::failed);
  EXPECT_EQ(o.error_kind, "crashed");
  const std::string file = "log/" + o.key.hex() + ".out";
  EXPECT_EQ(o.message, "ended by signal 6 (Aborted); what it printed is in '" + file + "'");
  EXPECT_THAT(base::read_file(directory / file), StartsWith("last words\n"));
  EXPECT_EQ(o.values.integer("found"), 7);
  EXPECT_EQ(o.values.text("how"), "crashed: ended by signal 6 (Aborted)");
  EXPECT_EQ(o.arrays.size(), 1U);
}

TEST_F(Isolation, AHardLimitMakesThePublishedResultTheResult) {
  const Outcome o = outcome("sleep");
  EXPECT_EQ(o.kind, OutcomeKind::done);
  EXPECT_EQ(o.message, "");
  EXPECT_EQ(o.values.integer("found"), 7);
  EXPECT_THAT(o.values.text("how"), StartsWith("time: killed "));
}

TEST_F(Isolation, AHardLimitWithoutAnythingPublishedIsAFailure) {
  options.limits.grace_seconds = 0.2;
  const Outcome o = outcome("nothing published");
  EXPECT_EQ(o.kind, OutcomeKind::failed);
  EXPECT_EQ(o.error_kind, "timeout");
  EXPECT_THAT(o.message, HasSubstr("after its time limit of 0.1 s"));
}

TEST_F(Isolation, ASoftLimitLetsTheStageConclude) {
  options.limits.grace_seconds = 5;
  const Outcome o = outcome("wait for limit");
  EXPECT_EQ(o.kind, OutcomeKind::done);
  EXPECT_EQ(o.values.text("how"), "asked because of time");
}

TEST_F(Isolation, FailuresOfAStageAreWhatTheyAreElsewhere) {
  const Outcome failed = outcome("fail");
  EXPECT_EQ(failed.error_kind, "solver");
  EXPECT_EQ(failed.message, "broken on purpose");
  EXPECT_EQ(failed.values.text("how"), "solver: broken on purpose");
  EXPECT_EQ(failed.values.integer("found"), 7) << "what was published is kept";
}

TEST_F(Isolation, UndeclaredResultsAreRefused) { EXPECT_THAT(outcome("undeclared").message, HasSubstr("none of its columns")); }

TEST_F(Isolation, StopEndsAChildThatSleeps) {
  options.limits.grace_seconds = 1000;  // not the limit, but the request ends it
  std::jthread stopper([] {
    std::this_thread::sleep_for(base::Seconds(0.2));
    request_stop();
  });
  const base::Stopwatch watch;
  const RunResult result = run_wild("sleep");
  EXPECT_EQ(result.stopped, dispatch::StopReason::requested);
  EXPECT_FALSE(result.left_behind);
  EXPECT_TRUE(ledger.durable.empty());
  EXPECT_LT(watch.wall_seconds(), 40);
}

TEST_F(Isolation, AWorkerWithoutItsServerLeavesAndTheRunEnds) {
  const RunResult result = run_wild("kill server");
  EXPECT_FALSE(result.settled);
  EXPECT_TRUE(ledger.durable.empty()) << "the task is nobody's fault: it waits for the next run";
}

}  // namespace
}  // namespace espalier::farm::test
