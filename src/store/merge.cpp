#include "espalier/store/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <system_error>

#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/store/part.hpp"

namespace espalier::store {

namespace fs = std::filesystem;
using base::ErrorKind;
using base::fail;
using task::Outcome;
using task::OutcomeKind;

namespace {

constexpr std::size_t most_problems = 10;
constexpr std::size_t most_unsynced = 64;

bool same(const task::Value* a, const task::Value* b) {
  if (a == nullptr || b == nullptr) return a == b;
  const auto is_nan = [](const task::Value& value) { return std::holds_alternative<double>(value) && std::isnan(std::get<double>(value)); };
  return *a == *b || (is_nan(*a) && is_nan(*b));
}

bool same(const std::vector<double>* a, const std::vector<double>* b) {
  if (a == nullptr || b == nullptr) return a == b;
  return a->size() == b->size() && (a->empty() || std::memcmp(a->data(), b->data(), a->size() * sizeof(double)) == 0);
}

const std::vector<double>* find_array(const Outcome& outcome, const std::string& name) {
  const auto it = std::find_if(outcome.arrays.begin(), outcome.arrays.end(), [&](const task::Array& array) { return array.name == name; });
  return it == outcome.arrays.end() ? nullptr : &it->values;
}

std::string text_of(const task::Value* value) { return value == nullptr ? "no value" : task::to_text(*value); }

/// One directory's outcome of a task.
struct Candidate {
  const OutputDirectory* directory = nullptr;
  const Finished* finished = nullptr;
  bool done() const { return finished->kind == OutcomeKind::done; }
};

/// Done ones first, otherwise in the order of the directories.
std::vector<Candidate> candidates(const OutputDirectory& destination, std::span<const OutputDirectory> sources, const task::StageKey& key) {
  std::vector<Candidate> found;
  const auto look = [&](const OutputDirectory& directory) {
    if (const auto it = directory.finished().find(key); it != directory.finished().end()) found.push_back({&directory, &it->second});
  };
  look(destination);
  for (const OutputDirectory& source : sources) look(source);
  std::stable_partition(found.begin(), found.end(), [](const Candidate& candidate) { return candidate.done(); });
  return found;
}

/// What is copied: a task's key and where from.
struct Transfer {
  task::StageKey key;
  const OutputDirectory* source;
};

class Merge {
 public:
  Merge(OutputDirectory& destination, std::span<const OutputDirectory> sources, const task::StageRegistry& stages)
      : destination_(destination), sources_(sources), stages_(stages) {}

  void visit(const task::TaskSpec& spec) {
    const std::vector<Candidate> found = candidates(destination_, sources_, spec.key);
    if (found.empty()) {
      ++counts_.missing;
      return;
    }
    const auto from_sources = static_cast<std::size_t>(
        std::count_if(found.begin(), found.end(), [&](const Candidate& candidate) { return candidate.directory != &destination_; }));
    counts_.duplicates += from_sources > 1 ? from_sources - 1 : 0;
    if (!agree(spec, found)) return;
    choose(spec, found);
  }

  void refuse_problems() const {
    if (problem_count_ == 0) return;
    std::string text = fmt::format("{}", fmt::join(problems_, "\n  "));
    if (problem_count_ > problems_.size()) text += fmt::format("\n  and {} more", problem_count_ - problems_.size());
    fail(ErrorKind::store, "the directories cannot be merged, nothing was written:\n  {}", text);
  }

  MergeCounts transfer() {
    for (const Transfer& transfer : transfers_) {
      const Outcome outcome = transfer.source->outcome(transfer.key);
      if (outcome.part) copy_part(transfer.source->path(), destination_.path(), *outcome.part);
      destination_.append(outcome);
      if (destination_.unsynced() >= most_unsynced) destination_.sync();
      ++counts_.added;
    }
    destination_.sync();
    return counts_;
  }

 private:
  void problem(std::string text) {
    if (++problem_count_ <= most_problems) problems_.push_back(std::move(text));
  }

  bool agree(const task::TaskSpec& spec, const std::vector<Candidate>& found) {
    if (found.size() < 2 || !found[1].done()) return true;
    const Outcome first = found[0].directory->outcome(spec.key);
    for (std::size_t i = 1; i < found.size() && found[i].done(); ++i) {
      const std::string what = difference(stages_.find(spec.kind), first, found[i].directory->outcome(spec.key));
      if (what.empty()) continue;
      problem(fmt::format("task {} ({}) has different outcomes in '{}' and '{}': {}", spec.key.hex(), spec.kind,
                          found[0].directory->path().string(), found[i].directory->path().string(), what));
      return false;
    }
    return true;
  }

  /// The first one whose part file is whole.
  void choose(const task::TaskSpec& spec, const std::vector<Candidate>& found) {
    std::string damage;
    for (const Candidate& candidate : found) {
      if (candidate.done() != found[0].done()) break;
      const auto& part = candidate.finished->part;
      const std::string what = part ? check_part(candidate.directory->path(), *part) : "";
      if (!what.empty()) {
        damage += fmt::format("{}'{}': {}", damage.empty() ? "" : "; ", (candidate.directory->path() / part->name).string(), what);
      } else if (candidate.directory == &destination_) {
        ++counts_.present;
        return;
      } else {
        transfers_.push_back({spec.key, candidate.directory});
        return;
      }
    }
    problem(fmt::format("task {} ({}): {}", spec.key.hex(), spec.kind, damage));
  }

  OutputDirectory& destination_;
  std::span<const OutputDirectory> sources_;
  const task::StageRegistry& stages_;
  std::vector<Transfer> transfers_;
  std::vector<std::string> problems_;
  std::size_t problem_count_ = 0;
  MergeCounts counts_;
};

bool has_event(const OutputDirectory& directory, const Event& event) {
  const auto& events = directory.events();
  return std::any_of(events.begin(), events.end(),
                     [&](const Event& e) { return e.name == event.name && e.time == event.time && e.facts == event.facts; });
}

}  // namespace

std::string difference(const task::Stage& stage, const Outcome& one, const Outcome& other) {
  for (const task::Field& field : stage.columns()) {
    if (field.measured) continue;
    const task::Value* a = one.values.find(field.name);
    const task::Value* b = other.values.find(field.name);
    if (!same(a, b)) return fmt::format("{}: {} and {}", field.name, text_of(a), text_of(b));
  }
  for (const task::Field& field : stage.arrays()) {
    if (field.measured) continue;
    if (!same(find_array(one, field.name), find_array(other, field.name))) return "array " + field.name;
  }
  return one.part == other.part ? "" : "part file";
}

MergeCounts merge_outcomes(OutputDirectory& destination, std::span<const OutputDirectory> sources, const task::StageRegistry& stages,
                           const task::TaskGraph& graph) {
  Merge merge(destination, sources, stages);
  for (const task::PlannedTask& planned : graph.tasks) merge.visit(planned.spec);
  merge.refuse_problems();
  return merge.transfer();
}

void merge_events(OutputDirectory& destination, std::span<const OutputDirectory> sources) {
  std::vector<Event> events;
  for (const OutputDirectory& source : sources)
    for (Event event : source.events()) {
      if (event.name == "results written") continue;
      event.facts.emplace("source", source.path().string());
      if (!has_event(destination, event)) events.push_back(std::move(event));
    }
  std::stable_sort(events.begin(), events.end(), [](const Event& a, const Event& b) { return a.time < b.time; });
  for (const Event& event : events) destination.append(event);
  destination.sync();
}

void merge_files(const OutputDirectory& destination, std::span<const OutputDirectory> sources) {
  for (const OutputDirectory& source : sources)
    for (const char* folder : {"log", "problems"}) {
      if (!fs::is_directory(source.path() / folder)) continue;
      for (const auto& entry : fs::recursive_directory_iterator(source.path() / folder)) {
        const fs::path target = destination.path() / fs::relative(entry.path(), source.path());
        if (!entry.is_regular_file() || fs::exists(target)) continue;
        fs::create_directories(target.parent_path());
        base::copy_file_atomically(entry.path(), target);
      }
    }
}

}  // namespace espalier::store
