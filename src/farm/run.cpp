// Entry points: with other ranks, or with the worker as a thread of this process; with any ledger, or with an output directory.
#include "espalier/farm/run.hpp"

#include <thread>
#include <unordered_set>

#include "espalier/base/log.hpp"
#include "espalier/store/part.hpp"
#include "espalier/wire/in_process.hpp"
#include "farm/master_loop.hpp"
#include "farm/messages.hpp"

namespace espalier::farm {

using base::ErrorKind;
using base::Rank;

namespace {

constexpr base::Seconds end_seconds{0.5};

void send_all(wire::Link& link, Tag tag, const std::string& bytes) {
  for (int rank = 1; rank < link.size(); ++rank) link.send(Rank{rank}, static_cast<int>(tag), bytes);
}

class DirectoryLedger final : public Ledger {
 public:
  explicit DirectoryLedger(store::OutputDirectory& directory) : directory_(directory) {}
  void append(const task::Outcome& outcome) override { directory_.append(outcome); }
  void sync() override { directory_.sync(); }

 private:
  store::OutputDirectory& directory_;
};

RunResult drive(wire::Link& link, const task::TaskGraph& graph, const std::filesystem::path& output_directory,
                std::span<const dispatch::FinishedTask> finished, Ledger& ledger, const RunOptions& options) {
  std::optional<MasterLoop> loop;
  welcome(link);
  const auto there = output_directory.empty() ? output_directory : std::filesystem::absolute(output_directory).lexically_normal();
  send_all(link, Tag::directory, encode(DirectoryNotice{there.string(), options.directory_token}));
  try {
    loop.emplace(link, graph, finished, ledger, options);
  } catch (const base::Error& e) {
    dismiss(link);
    RunResult result;
    result.error = e;
    return result;
  }
  return loop->run();
}

/// The worker in a thread, over an in-process link. If it does not end in time it is left to the end of the process, with all that it uses.
RunResult run_alone(const task::TaskGraph& graph, const task::StageRegistry& registry, const std::filesystem::path& output_directory,
                    std::span<const dispatch::FinishedTask> finished, Ledger& ledger, const RunOptions& options) {
  const auto network = wire::InProcessNetwork::create(2);
  std::thread worker([link = network->link(Rank{1}), &registry, output_directory, sandbox = options.sandbox] {
    run_worker(*link, registry, output_directory, {.sandbox = sandbox});
  });
  const auto link = network->link(Rank{0});
  RunResult result = drive(*link, graph, output_directory, finished, ledger, options);
  if (result.left_behind)
    worker.detach();
  else
    worker.join();
  return result;
}

/// Part files that unfinished tasks will read, and that are not what the journal says.
std::unordered_set<task::StageKey> damaged_parents(const task::TaskGraph& graph, const store::OutputDirectory& directory) {
  std::unordered_set<task::StageKey> seen, damaged;
  // Children first: a task that runs again needs its own parents.
  for (auto planned = graph.tasks.rbegin(); planned != graph.tasks.rend(); ++planned) {
    if (directory.finished().contains(planned->spec.key) && !damaged.contains(planned->spec.key)) continue;
    for (const task::StageKey& parent : planned->spec.parents) {
      const auto it = directory.finished().find(parent);
      if (it == directory.finished().end() || !it->second.part || !seen.insert(parent).second) continue;
      const std::string problem = store::check_part(directory.path(), *it->second.part);
      if (problem.empty()) continue;
      base::log_warning("task {} runs again: {}", parent.hex(), problem);
      damaged.insert(parent);
    }
  }
  return damaged;
}

}  // namespace

RunResult run_master(wire::Link& link, const task::TaskGraph& graph, const task::StageRegistry& registry,
                     const std::filesystem::path& output_directory, std::span<const dispatch::FinishedTask> finished, Ledger& ledger,
                     const RunOptions& options) {
  if (link.size() == 1) return run_alone(graph, registry, output_directory, finished, ledger, options);
  return drive(link, graph, output_directory, finished, ledger, options);
}

RunResult run_master(wire::Link& link, const task::TaskGraph& graph, const task::StageRegistry& registry, store::OutputDirectory& directory,
                     const RunOptions& options) {
  const auto damaged = damaged_parents(graph, directory);
  std::vector<dispatch::FinishedTask> finished;
  finished.reserve(directory.finished().size());
  for (const auto& [key, task] : directory.finished())
    if (!damaged.contains(key))
      finished.push_back({key, task.kind, task.message(), task.part ? std::optional(*task.part) : std::nullopt, task.wall_seconds});
  DirectoryLedger ledger(directory);
  RunOptions with_token = options;
  with_token.directory_token = directory.token();
  return run_master(link, graph, registry, directory.path(), finished, ledger, with_token);
}

void welcome(wire::Link& link) { send_all(link, Tag::welcome, base::to_text(base::this_process())); }

void dismiss(wire::Link& link) {
  send_all(link, Tag::leave, "");
  if (link.outlives_ranks()) send_all(link, Tag::end, encode(End{}));
}

void leave(wire::Link& link, const RunResult& result, int exit_code) {
  const bool orderly = !result.left_behind && result.lost == 0;
  if (!orderly || link.outlives_ranks()) send_all(link, Tag::end, encode(End{orderly, exit_code}));
  if (orderly) return;
  link.flush(end_seconds);
  link.abort(exit_code);
}

}  // namespace espalier::farm
