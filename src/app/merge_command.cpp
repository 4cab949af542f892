#include <fmt/ranges.h>

#include <iostream>
#include <set>

#include "app/commands.hpp"
#include "app/exit_codes.hpp"
#include "app/experiment_plan.hpp"
#include "app/source.hpp"
#include "espalier/plan/difference.hpp"
#include "espalier/plan/shard.hpp"
#include "espalier/store/merge.hpp"
#include "espalier/store/results.hpp"

namespace espalier::app {

namespace {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::fail;
using store::OutputDirectory;

struct MergeOptions {
  std::vector<std::string> sources;
  std::string out;
  bool partial = false;
};

std::vector<OutputDirectory> open_sources(const MergeOptions& options) {
  std::vector<OutputDirectory> sources;
  for (const std::string& path : options.sources) {
    std::error_code error;
    if (fs::equivalent(path, options.out, error))
      fail(ErrorKind::configuration, "'{}' is the destination: it cannot be a source, too", path);
    sources.push_back(OutputDirectory::inspect(find_run(path)));
    if (sources.back().running() && !options.partial)
      fail(ErrorKind::store, "'{}': a run is still writing; wait for it, or merge what there is with --partial", path);
  }
  return sources;
}

/// Nothing but their shards may tell them apart.
void require_same_configuration(const std::vector<OutputDirectory>& sources, const Catalogue& catalogue) {
  const store::RunIdentity& first = sources.front().identity();
  for (const OutputDirectory& source : sources) {
    const store::RunIdentity& other = source.identity();
    if (other.fingerprint != first.fingerprint) {
      const config::Experiment one = stored_experiment(sources.front(), catalogue), two = stored_experiment(source, catalogue);
      fail(ErrorKind::store, "'{}' and '{}' belong to different configurations: {}", sources.front().path().string(),
           source.path().string(), plan::to_text(plan::difference(one, two, catalogue.pipeline(one).schema())));
    }
    if (other.shard.count != first.shard.count)
      fail(ErrorKind::store, "the grid was cut in different ways: '{}' holds shard {}, '{}' shard {}", sources.front().path().string(),
           task::to_text(first.shard), source.path().string(), task::to_text(other.shard));
  }
}

std::vector<std::string> missing_shards(const std::vector<OutputDirectory>& sources) {
  std::set<int> there;
  for (const OutputDirectory& source : sources) there.insert(source.identity().shard.index);
  const int count = sources.front().identity().shard.count;
  std::vector<std::string> missing;
  for (int index = 1; index <= count; ++index)
    if (!there.contains(index)) missing.push_back(task::to_text({index, count}));
  return missing;
}

/// Shards that are absent, and tasks that none of the directories has settled.
std::string what_is_missing(const std::vector<OutputDirectory>& sources, const plan::Plan& plan) {
  constexpr std::size_t most = 20;
  std::string text;
  if (std::vector<std::string> missing = missing_shards(sources); !missing.empty()) {
    const std::size_t count = missing.size();
    missing.resize(std::min(count, most));
    text += fmt::format("\n  {} shard{} not among the directories: {}{}", count, count == 1 ? " is" : "s are", fmt::join(missing, ", "),
                        count > most ? ", ..." : "");
  }
  const auto settled = [&](const task::PlannedTask& planned) {
    return std::any_of(sources.begin(), sources.end(),
                       [&](const OutputDirectory& source) { return source.finished().contains(planned.spec.key); });
  };
  for (const OutputDirectory& source : sources) {
    const task::TaskGraph graph = plan::shard_graph(plan, source.identity().shard);
    const auto left = std::count_if(graph.tasks.begin(), graph.tasks.end(), [&](const auto& planned) { return !settled(planned); });
    if (left > 0)
      text += fmt::format("\n  '{}' is not complete: {} of its {} tasks are waiting", source.path().string(), left, graph.tasks.size());
  }
  return text;
}

int merge(const MergeOptions& options, const studies::Registry& studies) {
  const std::vector<OutputDirectory> sources = open_sources(options);
  const Catalogue catalogue = make_catalogue(studies);
  require_same_configuration(sources, catalogue);
  const ExperimentPlan whole = parse_whole_plan(sources.front(), catalogue);
  const plan::Plan& plan = whole.plan;
  if (const std::string missing = what_is_missing(sources, plan); !missing.empty()) {
    if (!options.partial) fail(ErrorKind::store, "not everything is there (--partial merges what there is):{}", missing);
    std::cerr << "merging a part of the grid:" << missing << '\n';
  }

  store::RunIdentity identity = sources.front().identity();
  identity.shard = {};
  OutputDirectory destination = OutputDirectory::open(options.out, identity);
  const store::MergeCounts counts = store::merge_outcomes(destination, sources, catalogue.stages, plan.graph);
  store::merge_events(destination, sources);
  store::merge_files(destination, sources);
  destination.append(
      store::run_started({{"study", whole.experiment.study}, {"rank_layout", fmt::format("merged from {} directories", sources.size())}}));
  destination.append(store::run_ended("merged"));
  const store::ResultCounts results = store::build_results(destination, catalogue.stages_of(whole.experiment), plan.graph);
  fmt::print("{} outcomes added, {} were there before, {} duplicates that agree\n{} done, {} failed, {} left: {}\n", counts.added,
             counts.present, counts.duplicates, results.done, results.failed, results.waiting, destination.results_path().string());
  if (results.parts_left_out > 0) return exit_store;
  if (!results.complete()) return exit_stopped;
  return results.failed > 0 ? exit_some_failed : exit_done;
}

}  // namespace

void add_merge(CLI::App& program, int& exit_code, const studies::Registry& studies) {
  auto options = std::make_shared<MergeOptions>();
  CLI::App* command = program.add_subcommand("merge", "Join the output directories of a grid's shards (espalier run --shard)");
  command->add_option("DIR", options->sources, "output directories of one configuration")->required();
  command->add_option("--out", options->out, "output directory of the whole grid: new, or of an earlier merge")->required();
  command->add_flag("--partial", options->partial, "also when shards or tasks are missing; exit code 75 then");
  command->footer(
      "Example:\n  for i in 1 2 3; do espalier run configs/quickstart.yaml --out results/part-$i --shard $i/3; done\n"
      "  espalier merge results/part-* --out results/whole\n"
      "What is missing, damaged or contradicts itself is refused before anything is written. Merging again adds what is new, and\n"
      "espalier run CONFIG --out DIR continues a merged directory.");
  command->callback([options, &exit_code, &studies] { exit_code = merge(*options, studies); });
}

}  // namespace espalier::app
