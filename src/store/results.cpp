#include "espalier/store/results.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "espalier/base/clock.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/base/log.hpp"
#include "espalier/base/text.hpp"
#include "espalier/results/schema.hpp"
#include "espalier/results/tables.hpp"
#include "espalier/store/part.hpp"

namespace espalier::store {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::fail;

namespace {

const Event* last_event(const OutputDirectory& directory, const std::string& name) {
  const auto& events = directory.events();
  const auto it = std::find_if(events.rbegin(), events.rend(), [&](const Event& e) { return e.name == name; });
  return it == events.rend() ? nullptr : &*it;
}

void write_events(const h5::Group& root, const OutputDirectory& directory) {
  std::vector<double> times;
  std::vector<std::string> names, facts;
  for (const Event& event : directory.events()) {
    times.push_back(event.time);
    names.push_back(event.name);
    std::string text;
    for (const auto& [name, value] : event.facts) text += fmt::format("{}{}={}", text.empty() ? "" : "; ", name, value);
    facts.push_back(text);
  }
  h5::write_table(root, "events",
                  {{{.name = "time", .values = times, .unit = "s", .meaning = "Unix time (seconds since 1970-01-01 UTC)"},
                    {.name = "name", .values = names, .meaning = "run started, run ended, results written, ..."},
                    {.name = "facts", .values = facts, .meaning = "name=value; ..."}}});
}

void write_provenance(const h5::Group& root, const OutputDirectory& directory, const ResultCounts& counts) {
  if (const Event* started = last_event(directory, "run started"))
    for (const auto& [name, value] : started->facts) root.write_attribute(name, value);
  const auto& events = directory.events();
  const auto first = std::find_if(events.begin(), events.end(), [](const Event& e) { return e.name == "run started"; });
  const Event* last_start = last_event(directory, "run started");
  const Event* end = last_event(directory, "run ended");
  const bool ended = end != nullptr && (last_start == nullptr || end->time >= last_start->time);
  root.write_attribute("schema_version", results::schema_version);
  root.write_attribute("configuration", directory.identity().configuration);
  root.write_attribute("configuration_fingerprint", directory.identity().fingerprint.hex());
  root.write_attribute("shard", directory.identity().shard.is_whole() ? "" : task::to_text(directory.identity().shard));
  root.write_attribute("started", first == events.end() ? "" : base::iso_time(first->time));
  root.write_attribute("ended", ended ? base::iso_time(end->time) : "");
  root.write_attribute("written", base::iso_time(base::unix_time()));
  root.write_attribute("complete", counts.complete());
  root.write_attribute("tasks_done", static_cast<std::int64_t>(counts.done));
  root.write_attribute("tasks_failed", static_cast<std::int64_t>(counts.failed));
  root.write_attribute("tasks_waiting", static_cast<std::int64_t>(counts.waiting));
}

/// False if the part file is missing or damaged; Error(io) if it cannot be read.
bool copy_part(const h5::Group& root, const OutputDirectory& directory, const std::string& table, const task::Outcome& outcome) {
  const fs::path file = directory.path() / outcome.part->name;
  if (const std::string problem = compare_part(directory.path(), *outcome.part); !problem.empty()) {
    base::log_warning("'{}': {}: it is left out of the result file; remove it, and the next run makes it again", file.string(), problem);
    return false;
  }
  const h5::File part = h5::File::open_loaded(file);
  h5::copy_object(part.root(), "", root, results::part_path(table, outcome.key.hex()));
  return true;
}

struct Tables {
  explicit Tables(const task::StageRegistry& stages) {
    std::set<std::string> names;
    for (const auto& [kind, stage] : stages.all())
      if (!stage->table().empty()) names.insert(stage->table());
    for (const std::string& name : names) of_results.emplace_back(name, stages);
  }
  results::ResultTable* find(const std::string& name) {
    const auto it =
        std::find_if(of_results.begin(), of_results.end(), [&](const results::ResultTable& table) { return table.name() == name; });
    return it == of_results.end() ? nullptr : &*it;
  }

  results::StagesTable all;
  std::vector<results::ResultTable> of_results;
};

/// Finished tasks that the plan does not ask for: an earlier configuration of the directory did.
std::vector<task::StageKey> dropped_tasks(const OutputDirectory& directory, const task::TaskGraph& graph) {
  std::unordered_set<task::StageKey> planned;
  for (const task::PlannedTask& task : graph.tasks) planned.insert(task.spec.key);
  std::vector<task::StageKey> dropped;
  for (const auto& [key, finished] : directory.finished())
    if (!planned.contains(key)) dropped.push_back(key);
  std::sort(dropped.begin(), dropped.end());
  return dropped;
}

/// Values that tasks take from those of their parents (Stage::inherited). Of a million solves few parents are asked.
class Inherited {
 public:
  explicit Inherited(const OutputDirectory& directory) : directory_(directory) {}

  task::Parameters of(const task::Stage& stage, const task::TaskSpec& spec) {
    return stage.inherited(spec, [this](const task::StageKey& parent) -> const task::Parameters& {
      const auto it = values_.find(parent);
      if (it != values_.end()) return it->second;
      const bool there = directory_.finished().contains(parent);
      return values_.emplace(parent, there ? directory_.outcome(parent).values : task::Parameters()).first->second;
    });
  }

 private:
  const OutputDirectory& directory_;
  std::unordered_map<task::StageKey, task::Parameters> values_;
};

using RowVisitor = std::function<void(const results::ResultTable& table, const task::Outcome& outcome)>;

/// One task after the other, in plan order; no outcome is kept.
ResultCounts add_rows(Tables& tables, const OutputDirectory& directory, const task::StageRegistry& stages, const task::TaskGraph& graph,
                      const RowVisitor& visit) {
  ResultCounts counts;
  Inherited inherited(directory);
  for (const task::PlannedTask& planned : graph.tasks) {
    const task::Stage& stage = stages.find(planned.spec.kind);
    if (!directory.finished().contains(planned.spec.key)) {
      tables.all.add(planned.spec, stage.table(), nullptr);
      ++counts.waiting;
      continue;
    }
    const task::Outcome outcome = directory.outcome(planned.spec.key);
    tables.all.add(planned.spec, stage.table(), &outcome);
    ++(outcome.kind == task::OutcomeKind::done ? counts.done : counts.failed);
    results::ResultTable* const table = tables.find(stage.table());
    if (table == nullptr) continue;
    table->add(stage, planned.spec, outcome, inherited.of(stage, planned.spec));
    visit(*table, outcome);
  }
  if (counts.done + counts.failed < directory.finished().size())
    for (const task::StageKey& key : dropped_tasks(directory, graph)) {
      const auto kind = directory.left().find(key);
      tables.all.add_dropped(kind == directory.left().end() ? "" : kind->second, directory.outcome(key));
    }
  return counts;
}

/// Twice through all rows, first to learn how wide their texts are: a run of a million solves does not fit in memory.
ResultCounts write_content(const h5::Group& root, const OutputDirectory& directory, const task::StageRegistry& stages,
                           const task::TaskGraph& graph, const ResultOptions& options) {
  Tables tables(stages);
  add_rows(tables, directory, stages, graph, [](const results::ResultTable&, const task::Outcome&) {});
  tables.all.start(root);
  for (results::ResultTable& table : tables.of_results) table.start(root);
  std::size_t parts_left_out = 0;
  ResultCounts counts = add_rows(tables, directory, stages, graph, [&](const results::ResultTable& table, const task::Outcome& outcome) {
    if (options.copy_parts && outcome.part && !copy_part(root, directory, table.name(), outcome)) ++parts_left_out;
  });
  counts.parts_left_out = parts_left_out;
  tables.all.finish();
  for (results::ResultTable& table : tables.of_results) table.finish();
  write_events(root, directory);
  write_provenance(root, directory, counts);
  return counts;
}

/// Removes an unpublished file.
struct Temporary {
  fs::path path;
  ~Temporary() { ::unlink(path.c_str()); }
};

ResultCounts write_file(const fs::path& temporary, const fs::path& destination, const OutputDirectory& directory,
                        const task::StageRegistry& stages, const task::TaskGraph& graph, const ResultOptions& options) {
  try {
    h5::File file = h5::File::create(temporary);
    const ResultCounts counts = write_content(file.root(), directory, stages, graph, options);
    file.close();
    return counts;
  } catch (const base::Error& error) {
    if (error.kind() != ErrorKind::io) throw;
    fail(ErrorKind::io, "cannot write '{}' (the previous file and the journal are unchanged): {}", destination.string(), error.what());
  }
}

}  // namespace

ResultCounts build_results(const OutputDirectory& directory, const task::StageRegistry& stages, const task::TaskGraph& graph,
                           const fs::path& destination, const ResultOptions& options) {
  const Temporary temporary{fmt::format("{}.{}.tmp", destination.string(), ::getpid())};
  const ResultCounts counts = write_file(temporary.path, destination, directory, stages, graph, options);
  base::publish_file(temporary.path, destination);
  return counts;
}

ResultCounts build_results(OutputDirectory& directory, const task::StageRegistry& stages, const task::TaskGraph& graph,
                           const ResultOptions& options) {
  directory.sync();
  const Temporary temporary{fmt::format("{}.{}.tmp", directory.results_path().string(), ::getpid())};
  const ResultCounts counts = write_file(temporary.path, directory.results_path(), directory, stages, graph, options);
  const base::FileStamp stamp = base::stamp_file(temporary.path);
  // Before the rename: a file under its final name is always one that the journal knows.
  directory.append(Event{
      "results written", base::unix_time(), {{"size", std::to_string(stamp.size)}, {"checksum", fmt::format("{:016x}", stamp.checksum)}}});
  directory.sync();
  base::publish_file(temporary.path, directory.results_path());
  return counts;
}

}  // namespace espalier::store
