// How much the knowledge of what takes long is worth: a recorded run once more, in simulated time, by the real dispatcher.
//   bench_makespan DIR    an output directory whose run is complete
// For several numbers of workers: seconds until the last task ends when tasks are given out by the plan's guesses (static), by what the run
// learns (learned), by what an earlier equal run took on average for each size (history), and by each task's own time (perfect); and the
// larger of work / workers and longest chain, which no order beats.
#include <fmt/format.h>

#include <algorithm>
#include <queue>

#include "espalier/dispatch/master.hpp"
#include "espalier/plan/plan.hpp"
#include "espalier/stages/stages.hpp"
#include "espalier/store/output_directory.hpp"
#include "espalier/studies/study.hpp"

namespace {

using namespace espalier;
using base::Rank;

struct Event {
  double time;
  Rank rank;
  base::AttemptId attempt;
  base::TaskId task;
  bool operator>(const Event& other) const { return time > other.time; }
};

/// Seconds until all is done. `seconds`: of each task.
double simulate(const task::TaskGraph& graph, const std::vector<double>& seconds, int workers, dispatch::MasterOptions options) {
  options.prefetch = 1;
  dispatch::Master master(graph, {}, std::move(options));
  std::priority_queue<Event, std::vector<Event>, std::greater<>> running;
  std::uint64_t records = 0;
  double now = 0;
  const auto carry_out = [&](const dispatch::Commands& commands) {
    for (const dispatch::Command& command : commands) {
      if (const auto* assign = std::get_if<dispatch::Assign>(&command))
        running.push({now + seconds[assign->task.value], assign->worker, assign->attempt, assign->task});
      if (std::holds_alternative<dispatch::Record>(command)) ++records;
    }
  };
  carry_out(master.start(0));
  for (int rank = 1; rank <= workers; ++rank) carry_out(master.add_worker(Rank{rank}, 0));
  while (!running.empty()) {
    const Event event = running.top();
    running.pop();
    now = event.time;
    task::Outcome outcome;
    outcome.key = graph.tasks[event.task.value].spec.key;
    outcome.attempt = event.attempt;
    outcome.wall_seconds = seconds[event.task.value];
    carry_out(master.outcome(event.rank, std::move(outcome), now));
    carry_out(master.durable(records, now));
  }
  return now;
}

int compare(const char* path) {
  const auto directory = store::OutputDirectory::inspect(path);
  const studies::Registry studies = studies::built_in();
  const task::StageRegistry stages = stages::make_stages(std::make_shared<stages::Environment>(stages::Environment::Options{}));
  const config::Experiment experiment =
      config::parse_experiment(directory.identity().configuration, "plan.yaml", studies::config_studies(studies));
  const plan::Plan plan = plan::make_plan(experiment, studies.find(experiment.study).pipeline(), stages);
  std::vector<double> seconds;
  task::CostModel history;
  task::TaskGraph known = plan.graph;
  double total = 0, longest_task = 0;
  for (task::PlannedTask& planned : known.tasks) {
    const auto finished = directory.finished().find(planned.spec.key);
    if (finished == directory.finished().end()) {
      fmt::print(stderr, "'{}' is not complete\n", path);
      return 1;
    }
    seconds.push_back(finished->second.wall_seconds);
    history.add(history.group(planned.spec.kind, planned.expected_seconds), seconds.back());
    planned.expected_seconds = seconds.back();
    total += seconds.back();
    longest_task = std::max(longest_task, seconds.back());
  }
  const auto paths = task::critical_paths(known, [&](base::TaskId id) { return seconds[id.value]; });
  const double longest = *std::max_element(paths.begin(), paths.end());
  fmt::print("{} tasks, {:.1f} s in all, the longest {:.1f} s, the longest chain {:.1f} s; guessed {:.1f} s in all\n\n", seconds.size(),
             total, longest_task, longest, plan.expected_seconds);
  fmt::print("{:>7} {:>9} {:>9} {:>9} {:>9} {:>9}   seconds\n", "workers", "static", "learned", "history", "perfect", "bound");
  for (const int workers : {2, 4, 8, 16, 32})
    fmt::print("{:>7} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f} {:>9.1f}\n", workers,
               simulate(plan.graph, seconds, workers, {.reorder_after = 0}), simulate(plan.graph, seconds, workers, {}),
               simulate(plan.graph, seconds, workers, {.costs = history}), simulate(known, seconds, workers, {.reorder_after = 0}),
               task::makespan(total, longest, static_cast<std::size_t>(workers)));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print("usage: bench_makespan DIR\n");
    return 2;
  }
  try {
    return compare(argv[1]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
}
