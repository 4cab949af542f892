#include "espalier/store/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/h5/verify.hpp"
#include "espalier/results/reader.hpp"
#include "espalier/results/schema.hpp"
#include "espalier/store/output_directory.hpp"
#include "espalier/store/part.hpp"
#include "store/lock.hpp"

namespace espalier::store {

namespace fs = std::filesystem;

namespace {

class Findings {
 public:
  void note(std::string where, std::string what) { list.push_back({Severity::note, std::move(where), std::move(what)}); }
  void problem(std::string where, std::string what) { list.push_back({Severity::problem, std::move(where), std::move(what)}); }
  /// Runs a check; what it throws is a problem.
  template <class Check>
  void guard(const std::string& where, Check&& check) {
    try {
      check();
    } catch (const base::Error& error) {
      problem(where, error.what());
    }
  }
  std::vector<Finding> list;
};

void check_journal(const OutputDirectory& directory, bool alive, Findings& findings) {
  const ReplayResult& replay = directory.replay();
  if (replay.damaged.empty()) return;
  const std::string what = describe_damage(replay);
  if (alive && replay.salvaged == 0)  // the tail of what is being written
    findings.note("run.journal", what + " (a run is writing)");
  else
    findings.problem("run.journal", what + "; the next run keeps them aside and repeats what is lost");
}

void check_parts(const OutputDirectory& directory, Findings& findings) {
  std::map<std::string, const task::PartFile*> parts;  // in a fixed order
  for (const auto& [key, finished] : directory.finished())
    if (finished.part) parts.emplace(finished.part->name, finished.part.get());
  for (const auto& [name, part] : parts)
    if (std::string what = check_part(directory.path(), *part); !what.empty()) findings.problem(name, what);
}

/// What results.h5 says, read before the journal: every file that ever had the name is known to the journal from then on, so that a run
/// that replaces it meanwhile causes no false alarm.
struct ResultsView {
  bool exists = false;
  base::FileStamp stamp;
  std::vector<Finding> inside;              ///< of check_results_file
  std::vector<std::string> keys, statuses;  ///< of /stages, unless there is a problem inside
  std::string configuration;                ///< its fingerprint, likewise
};

ResultsView view_results(const fs::path& file, Findings& findings) {
  ResultsView view;
  view.exists = fs::exists(file);
  if (!view.exists) return view;
  findings.guard("results.h5", [&] { view.stamp = base::stamp_file(file); });
  view.inside = check_results_file(file);
  if (has_problem(view.inside)) return view;
  findings.guard("results.h5", [&] {
    const results::Reader opened(file);
    opened.table("stages").read({{"key", &view.keys}, {"status", &view.statuses}});
    view.configuration = opened.root().read_attribute<std::string>("configuration_fingerprint");
  });
  return view;
}

/// The file must be one that the journal says was written.
void check_stamp(const OutputDirectory& directory, const base::FileStamp& stamp, Findings& findings) {
  const auto& events = directory.events();
  const bool known = std::any_of(events.begin(), events.end(), [&](const Event& event) {
    return event.name == "results written" && event.facts.contains("checksum") &&
           event.facts.at("checksum") == fmt::format("{:016x}", stamp.checksum);
  });
  if (!known) findings.problem("results.h5", "it is not as it was written: the journal knows no file with its checksum");
}

void check_agreement(const OutputDirectory& directory, const ResultsView& view, bool alive, Findings& findings) {
  if (view.configuration != directory.identity().fingerprint.hex()) {
    const std::string what = "it is of an earlier configuration of this directory";
    if (alive) findings.note("results.h5", what);
    if (!alive) findings.problem("results.h5", what + ": run the same command again to bring it up to date");
  }
  std::size_t behind = 0, contradicting = 0, known = 0;
  std::string example;
  for (std::size_t i = 0; i < view.keys.size(); ++i) {
    const std::string& status = view.statuses[i];
    const auto key = task::StageKey::from_hex(view.keys[i]);
    const auto it = directory.finished().find(key);
    const bool has_outcome = it != directory.finished().end();
    known += has_outcome ? 1 : 0;
    if (has_outcome && status == "dropped") continue;
    const std::string expected = !has_outcome ? "waiting" : (it->second.kind == task::OutcomeKind::done ? "done" : "failed");
    if (status == expected) continue;
    const bool runs_again = status == "failed" && directory.retried().contains(key);
    if (status == "done" || (!has_outcome && !runs_again)) {
      ++contradicting;
      example = fmt::format("task {} is {} in results.h5 and {} in the journal", view.keys[i], status, expected);
    } else {
      ++behind;
    }
  }
  if (contradicting > 0) findings.problem("results.h5:/stages", fmt::format("{} tasks contradict the journal; {}", contradicting, example));
  const std::string what = fmt::format("{} tasks have changed since it was written", behind);
  if (behind > 0 && alive) findings.note("results.h5", what);
  if (behind > 0 && !alive) findings.problem("results.h5", what + ": run the same command again to bring it up to date");
  if (const std::size_t others = directory.finished().size() - known; others > 0)
    findings.note("run.journal", fmt::format("{} outcomes belong to no task of the plan", others));
}

void check_results(const OutputDirectory& directory, const ResultsView& view, bool alive, Findings& findings) {
  if (!view.exists) {
    if (alive)
      findings.note("results.h5", "it has not been written yet: a run is writing");
    else
      findings.problem("results.h5", "it has not been written yet: run the same command again");
    return;
  }
  check_stamp(directory, view.stamp, findings);
  findings.list.insert(findings.list.end(), view.inside.begin(), view.inside.end());
  if (!has_problem(view.inside)) findings.guard("results.h5", [&] { check_agreement(directory, view, alive, findings); });
}

/// What /stages expects of a table: the status of each of its rows, by key, until the row is seen.
using ExpectedRows = std::unordered_map<task::StageKey, std::string>;

std::map<std::string, ExpectedRows> expected_rows(const h5::Group& root) {
  std::vector<std::string> keys, tables, statuses;
  results::Table(root, "stages").read({{"key", &keys}, {"table", &tables}, {"status", &statuses}});
  std::map<std::string, ExpectedRows> expected;
  for (std::size_t i = 0; i < keys.size(); ++i)
    if (!tables[i].empty() && statuses[i] != "waiting") expected[tables[i]][task::StageKey::from_hex(keys[i])] = statuses[i];
  return expected;
}

/// Rows of each table against /stages.
void check_tables(const h5::Group& root, Findings& findings) {
  for (auto& [name, rows] : expected_rows(root)) {
    const std::string where = "results.h5:/" + name;
    if (!root.is_dataset(name)) {
      findings.problem(where, fmt::format("the table is missing; /stages has {} rows for it", rows.size()));
      continue;
    }
    std::vector<std::string> keys, statuses;
    results::Table(root, name).read({{"key", &keys}, {"status", &statuses}});
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto it = rows.find(task::StageKey::from_hex(keys[i]));
      if (it == rows.end() || it->second != statuses[i])
        findings.problem(where, fmt::format("row {} (task {}) does not agree with /stages", i, keys[i]));
      else
        rows.erase(it);
    }
    const std::map<task::StageKey, std::string> missing(rows.begin(), rows.end());  // in a fixed order
    for (const auto& [key, status] : missing) findings.problem(where, fmt::format("the row of task {} is missing", key.hex()));
  }
}

void check_array(const h5::Group& root, const std::string& table, const std::string& name, Findings& findings) {
  const std::string path = results::array_path(table, name);
  const std::string where = "results.h5:/" + path;
  const h5::Dims dims = root.dims(path + "/values");
  const h5::Table index = h5::read_table(root, path + "/index");
  const results::Table rows(root, table);
  const auto& row_keys = rows.texts("key");
  const auto total = static_cast<std::int64_t>(dims.size() == 1 ? dims[0] : 0);
  for (std::size_t i = 0; i < index.rows(); ++i) {
    const std::int64_t row = index.integers("row")[i], offset = index.integers("offset")[i], length = index.integers("length")[i];
    if (offset < 0 || length < 0 || length > total || offset > total - length)
      findings.problem(where, fmt::format("index row {} reaches beyond the values", i));
    if (row < 0 || static_cast<std::size_t>(row) >= row_keys.size() || row_keys[static_cast<std::size_t>(row)] != index.texts("key")[i])
      findings.problem(where, fmt::format("index row {} names another task than /{}", i, table));
  }
}

void check_arrays(const h5::Group& root, Findings& findings) {
  if (!root.is_group("arrays")) return;
  const h5::Group arrays = root.open_group("arrays");
  for (const std::string& table : arrays.children())
    for (const std::string& name : arrays.open_group(table).children())
      findings.guard(fmt::format("results.h5:/arrays/{}/{}", table, name), [&] { check_array(root, table, name, findings); });
}

}  // namespace

std::vector<Finding> check_results_file(const fs::path& file_path) {
  Findings findings;
  findings.guard("results.h5", [&] {
    for (const std::string& sentence : h5::verify_file(file_path)) findings.problem("results.h5", sentence);
    if (has_problem(findings.list)) return;
    const h5::File file = h5::File::open_read_only(file_path);
    const h5::Group root = file.root();
    const auto version = root.read_attribute<std::int64_t>("schema_version");
    if (version != results::schema_version) {
      findings.problem("results.h5", fmt::format("its schema version is {}; this program knows {}", version, results::schema_version));
      return;
    }
    check_tables(root, findings);
    check_arrays(root, findings);
    const auto waiting = root.read_attribute<std::int64_t>("tasks_waiting");
    if (root.read_attribute<bool>("complete") != (waiting == 0))
      findings.problem("results.h5", "complete and tasks_waiting contradict each other");
    if (waiting > 0) findings.note("results.h5", fmt::format("{} tasks are waiting: the run is not complete", waiting));
  });
  return findings.list;
}

std::vector<Finding> check_directory(const fs::path& path) {
  Findings findings;
  findings.guard("run.journal", [&] {
    const bool alive_before = run_is_alive(path);
    const ResultsView results = view_results(path / "results.h5", findings);
    const OutputDirectory directory = OutputDirectory::inspect(path);
    const bool alive = alive_before || run_is_alive(path);
    check_journal(directory, alive, findings);
    check_parts(directory, findings);
    check_results(directory, results, alive, findings);
  });
  return findings.list;
}

bool has_problem(const std::vector<Finding>& findings) {
  return std::any_of(findings.begin(), findings.end(), [](const Finding& f) { return f.severity == Severity::problem; });
}

}  // namespace espalier::store
