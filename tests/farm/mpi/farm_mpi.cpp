// A tiny program that runs toy stages on a farm, alone or under mpirun: farm_mpi MODE OUT. mpi_test.py starts it.
// Exit codes as espalier's: 0 all done, 1 some failed, 3 error, 75 stopped. Every rank writes its process number to OUT.pid.RANK.
// The environment variable FARM_SILENCE shortens the patience of ranks with each other, s.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "espalier/base/log.hpp"
#include "espalier/farm/stop.hpp"
#include "espalier/wire/connect.hpp"
#include "farm/harness.hpp"

namespace espalier::farm {
namespace {

double silence_seconds() {
  const char* text = std::getenv("FARM_SILENCE");
  return text == nullptr ? 60 : std::strtod(text, nullptr);
}

task::TaskGraph graph_of(const std::string& mode) {
  if (mode == "slow") return toy::grid(2, 2, 6, {{"sleep", 0.25}});
  if (mode == "brisk") return toy::grid(2, 2, 10, {{"sleep", 0.1}});
  task::TaskGraph graph;
  if (mode == "deaf") {  // never looks whether it should stop
    for (std::int64_t i = 0; i < 8; ++i) toy::add(graph, "null", {{"i", i}, {"sleep", 60.0}, {"deaf", true}});
    return graph;
  }
  if (mode == "idle") {  // one rank works, the others have nothing to do
    toy::add(graph, "null", {{"sleep", 3.0}});
    return graph;
  }
  graph = toy::grid(3, 3, 4);
  if (mode == "poison") toy::add(graph, "null", {{"fail", std::string("abort")}});
  if (mode == "failing") {
    const auto bad = toy::add(graph, "train", {{"fail", std::string("numeric")}});
    toy::add(graph, "solve", {{"child", true}}, {bad});
    for (const char* how : {"data", "exception", "memory", "number"}) toy::add(graph, "null", {{"fail", std::string(how)}});
  }
  return graph;
}

void write_rows(const task::TaskGraph& graph, const std::filesystem::path& out) {
  const auto directory = store::OutputDirectory::inspect(out);
  std::vector<task::Outcome> outcomes;
  for (const task::PlannedTask& planned : graph.tasks)
    if (directory.finished().contains(planned.spec.key)) outcomes.push_back(directory.outcome(planned.spec.key));
  base::write_file_atomically(out.string() + ".rows", fmt::format("{}\n", fmt::join(test::rows(outcomes), "\n")));
}

int master(wire::Link& link, const std::string& mode, const std::filesystem::path& out, const task::StageRegistry& stages) {
  const task::TaskGraph graph = graph_of(mode);
  RunOptions options;
  options.plain_interval_seconds = 0.5;
  options.silence_seconds = silence_seconds();
  std::optional<RunResult> result;
  {
    auto directory = store::OutputDirectory::open(out, {mode, base::digest(mode)});
    result = run_master(link, graph, stages, directory, options);
  }
  write_rows(graph, out);
  std::fputs(summary(*result).c_str(), stdout);
  if (result->error) std::printf("error: %s\n", result->error->what());
  std::printf("done %zu failed %zu workers %d\n", result->done(), result->failed(), result->workers);
  const int code = result->error ? 3 : !result->settled ? 75 : result->failures.empty() ? 0 : 1;
  std::printf("lost %d code %d\n", result->lost, code);
  std::fflush(stdout);
  leave(link, *result, code);
  return code;
}

int run(const std::string& mode, const std::filesystem::path& out) {
  const StopSignals signals;
  const auto link = wire::connect();
  base::write_file_atomically(fmt::format("{}.pid.{}", out.string(), link->rank().value), std::to_string(::getpid()));
  toy::Log log;
  const task::StageRegistry stages = toy::registry(&log);
  const base::Stopwatch watch;
  int code = 0;
  if (link->rank().value == 0)
    code = master(*link, mode, out, stages);
  else if ((mode == "declining" && link->rank().value == 1) || mode == "all-declining")
    decline(*link, "no data here");
  else
    run_worker(*link, stages, out, {.silence_seconds = silence_seconds()});
  if (mode == "idle")  // %: of one core; MPI's own threads are counted
    std::printf("rank %d ran %zu cpu %.2f\n", link->rank().value, log.runs.size(), 100 * watch.cpu_seconds() / watch.wall_seconds());
  return code;
}

}  // namespace
}  // namespace espalier::farm

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: farm_mpi MODE OUT\n");
    return 2;
  }
  try {
    return espalier::farm::run(argv[1], argv[2]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "farm_mpi: %s\n", e.what());
    return 3;
  }
}
