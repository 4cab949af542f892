#include "espalier/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <unordered_map>

#include "espalier/base/error.hpp"
#include "espalier/plan/expansion.hpp"
#include "plan/unread.hpp"

namespace espalier::plan {

using base::ErrorKind;
using base::TaskId;
using config::Block;
using config::Experiment;
using task::Parameters;

namespace {

/// What one instance is known by: the axes that made it, for messages.
std::string instance_name(const Experiment& experiment, const Block& block, const Parameters& instance) {
  std::set<std::string> varied;
  const auto collect = [&](const auto& self, const Block& b) -> void {
    for (const config::Axis& axis : b.product) varied.insert(axis.name);
    for (const config::Zip& zip : b.zips) varied.insert(zip.columns.begin(), zip.columns.end());
    for (const Parameters& include : b.includes)
      for (const auto& [name, value] : include.map()) varied.insert(name);
    for (const Block& inner : b.cases) self(self, inner);
  };
  collect(collect, experiment.root);
  std::vector<std::string> parts;
  for (const std::string& name : varied) parts.push_back(fmt::format("{} = {}", name, task::to_text(*instance.find(name))));
  return fmt::format("{}:{}:{}: {}, instance {{{}}}", experiment.file, block.place.line, block.place.column, block.place.path,
                     fmt::join(parts, ", "));
}

/// The fingerprint does not depend on the order of instances, nor on how often one is asked for.
class FingerprintBuilder {
 public:
  void add(Parameters instance) {
    instance.intern();  // most sections are those of the instance before
    digests_.push_back(base::digest(instance.canonical()));
  }
  base::Digest finish() {
    std::sort(digests_.begin(), digests_.end());
    digests_.erase(std::unique(digests_.begin(), digests_.end()), digests_.end());
    base::Hasher hasher;
    for (const base::Digest& digest : digests_) hasher.add(digest.high).add(digest.low);
    return hasher.finish();
  }

 private:
  std::vector<base::Digest> digests_;
};

/// Collects the stages of one instance after the other; equal ones become one task.
class GraphBuilder {
 public:
  GraphBuilder(const SchemaVersion& schema_version, TaskLimit limit) : schema_version_(schema_version), limit_(std::move(limit)) {}

  /// Returns false if the result of this instance is another instance's result already.
  bool add(std::vector<task::StageRequest> requests) {
    ids_.clear();
    for (task::StageRequest& request : requests) ids_.push_back(add(request));
    if (is_result_.size() < graph_.tasks.size()) is_result_.resize(graph_.tasks.size(), false);
    const bool is_new = !is_result_[ids_.back().value];
    is_result_[ids_.back().value] = true;
    if (is_new) results_.push_back(ids_.back());
    return is_new;
  }

  void finish(Plan& plan) {
    for (Kind& kind : kinds_) plan.stages.push_back(std::move(kind.count));
    plan.graph = std::move(graph_);
    plan.results = std::move(results_);
    expect(plan, {});
  }

 private:
  struct Kind {
    StageCount count;
    std::uint32_t schema_version = 0;
  };

  Kind& kind_of(const std::string& name) {
    const auto it = std::find_if(kinds_.begin(), kinds_.end(), [&](const Kind& kind) { return kind.count.kind == name; });
    if (it != kinds_.end()) return *it;
    kinds_.push_back({StageCount{.kind = name}, schema_version_(name)});
    return kinds_.back();
  }

  /// One copy for all tasks with these parents.
  struct Parents {
    task::SharedList<task::StageKey> keys;
    task::SharedList<TaskId> ids;
  };

  const Parents& parents_of(const task::StageRequest& request) {
    std::vector<TaskId> ids;
    for (const std::size_t parent : request.parents) {
      if (parent >= ids_.size())
        base::fail(ErrorKind::internal, "stage {} asks for parent {}, but only {} stages stand before it", request.kind, parent,
                   ids_.size());
      ids.push_back(ids_[parent]);
    }
    const auto [it, is_new] = parents_.try_emplace(ids);
    if (is_new) {
      std::vector<task::StageKey> keys;
      for (const TaskId id : ids) keys.push_back(graph_.tasks[id.value].spec.key);
      it->second = {std::move(keys), std::move(ids)};
    }
    return it->second;
  }

  TaskId add(task::StageRequest& request) {
    Kind& kind = kind_of(request.kind);
    ++kind.count.requested;
    const Parents& parents = parents_of(request);
    request.parameters.intern();  // first: the key is then made of texts that are there
    const task::StageKey key = task::make_key(request.kind, kind.schema_version, request.parameters, parents.keys);
    const TaskId next{static_cast<TaskId::value_type>(graph_.tasks.size())};
    const auto [it, is_new] = task_of_.emplace(key, next);
    if (!is_new) {
      double& expected = graph_.tasks[it->second.value].expected_seconds;
      expected = std::max(expected, request.expected_seconds);
      return it->second;
    }
    if (static_cast<std::int64_t>(graph_.tasks.size()) >= limit_.tasks)
      base::fail(ErrorKind::configuration, "the grid needs more tasks than fit: {}", limit_.why);
    ++kind.count.distinct;
    task::PlannedTask planned;
    planned.spec = {.key = key,
                    .kind = request.kind,
                    .schema_version = kind.schema_version,
                    .parameters = std::move(request.parameters),
                    .parents = parents.keys};
    planned.parents = parents.ids;
    planned.expected_seconds = request.expected_seconds;
    planned.most_seconds = request.most_seconds;
    graph_.tasks.push_back(std::move(planned));
    return next;
  }

  const SchemaVersion& schema_version_;
  TaskLimit limit_;
  task::TaskGraph graph_;
  std::unordered_map<task::StageKey, TaskId> task_of_;
  std::map<std::vector<TaskId>, Parents> parents_;
  std::vector<Kind> kinds_;
  std::vector<TaskId> ids_;  ///< of the current instance's requests
  std::vector<bool> is_result_;
  std::vector<TaskId> results_;
};

std::vector<task::StageRequest> expand(const task::Pipeline& pipeline, const Experiment& experiment, const Block& block,
                                       const Parameters& instance) {
  std::vector<task::StageRequest> requests;
  try {
    requests = pipeline.expand(instance);
  } catch (const base::Error& error) {
    if (error.kind() != ErrorKind::configuration) throw;
    base::fail(ErrorKind::configuration, "{}: {}", instance_name(experiment, block, instance), error.what());
  }
  if (requests.empty()) base::fail(ErrorKind::internal, "{}: the pipeline made no stage", instance_name(experiment, block, instance));
  return requests;
}

}  // namespace

void expect(Plan& plan, const task::CostModel& costs) {
  plan.expected_seconds = plan.most_seconds = plan.longest_chain_seconds = 0;
  for (StageCount& stage : plan.stages) stage.expected_seconds = 0;
  const auto seconds = [&](TaskId id) {
    const task::PlannedTask& planned = plan.graph.tasks[id.value];
    const double expected = costs.estimate(planned);
    plan.expected_seconds += expected;
    plan.most_seconds += std::isfinite(planned.most_seconds) ? planned.most_seconds : expected;
    std::find_if(plan.stages.begin(), plan.stages.end(), [&](const StageCount& s) {
      return s.kind == planned.spec.kind;
    })->expected_seconds += expected;
    return expected;
  };
  for (const double path : task::critical_paths(plan.graph, seconds))
    plan.longest_chain_seconds = std::max(plan.longest_chain_seconds, path);
  plan.measured_tasks = costs.measured();
}

Plan make_plan(const Experiment& experiment, const task::Pipeline& pipeline, const SchemaVersion& schema_version,
               const Progress& progress) {
  constexpr std::uint64_t progress_every = 10'000;
  check_size(experiment);
  const double most_instances = instance_bound(experiment);
  std::uint64_t seen = 0;
  Plan plan;
  plan.name = experiment.name;
  plan.description = experiment.description;
  plan.axes = describe_axes(experiment);
  plan.notes = experiment.notes;
  FingerprintBuilder fingerprint;
  GraphBuilder graph(schema_version, task_limit(experiment));
  UnreadParameters unread(experiment, pipeline.schema());
  const ExpansionCount count = for_each_instance(experiment, pipeline.schema(), [&](const Parameters& instance, const Block& block) {
    if (++seen % progress_every == 0 && progress) progress(seen, most_instances);
    fingerprint.add(instance);
    unread.see(instance, block);
    if (!graph.add(expand(pipeline, experiment, block, instance))) ++plan.duplicates;
  });
  unread.check();
  graph.finish(plan);
  plan.fingerprint = fingerprint.finish();
  plan.instances = count.instances;
  plan.excluded = count.excluded;
  plan.notes.insert(plan.notes.end(), count.notes.begin(), count.notes.end());
  return plan;
}

Plan make_plan(const Experiment& experiment, const task::Pipeline& pipeline, const task::StageRegistry& stages, const Progress& progress) {
  return make_plan(
      experiment, pipeline, [&](const std::string& kind) { return stages.find(kind).schema_version(); }, progress);
}

base::Digest fingerprint(const Experiment& experiment, const task::Schema& schema) {
  check_size(experiment);
  FingerprintBuilder builder;
  for_each_instance(experiment, schema, [&](const Parameters& instance, const Block&) { builder.add(instance); });
  return builder.finish();
}

}  // namespace espalier::plan
