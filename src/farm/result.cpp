// What a run leaves behind, in words.
#include <algorithm>
#include <map>

#include "espalier/farm/run.hpp"
#include "farm/progress.hpp"

namespace espalier::farm {

using dispatch::KindCounts;

namespace {

constexpr std::size_t most_reasons = 10;
constexpr std::size_t longest_reason = 300;

std::size_t sum(const dispatch::Snapshot& counts, std::size_t KindCounts::*member) {
  std::size_t total = 0;
  for (const KindCounts& kind : counts.kinds) total += kind.*member;
  return total;
}

/// Failures of one kind of stage with one message are one reason; all that only followed from a parent are another.
std::string reason_of(const Failure& failure) {
  if (failure.error_kind == "parent") return failure.kind + ": a parent failed";
  std::string reason = failure.kind + ": " + failure.error_kind + ": " + failure.message;
  if (reason.size() > longest_reason) reason.replace(longest_reason, std::string::npos, "...");
  return reason;
}

std::string failure_lines(const std::vector<Failure>& failures) {
  struct Group {
    std::size_t count = 0;
    const Failure* first = nullptr;
  };
  std::map<std::string, Group> by_reason;
  for (const Failure& failure : failures) {
    Group& group = by_reason[reason_of(failure)];
    if (group.count++ == 0) group.first = &failure;
  }
  std::vector<std::pair<std::string, Group>> groups(by_reason.begin(), by_reason.end());
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.second.count > b.second.count; });
  std::string text = fmt::format("{} failed:\n", failures.size());
  for (std::size_t i = 0; i < std::min(groups.size(), most_reasons); ++i)
    text += fmt::format("  {} x {} (first: {})\n", groups[i].second.count, groups[i].first, groups[i].second.first->key.hex());
  if (groups.size() > most_reasons) text += fmt::format("  and {} other reasons\n", groups.size() - most_reasons);
  return text;
}

}  // namespace

std::size_t RunResult::done() const { return sum(counts, &KindCounts::done); }
std::size_t RunResult::failed() const { return sum(counts, &KindCounts::failed); }

std::string summary(const RunResult& result) {
  std::string text;
  for (const KindCounts& kind : result.counts.kinds) {
    text += fmt::format("{}: {} of {} done", kind.kind, kind.done, kind.total);
    if (kind.finished_before > 0) text += fmt::format(", {} before", kind.finished_before);
    if (kind.failed > 0) text += fmt::format(", {} failed", kind.failed);
    if (const std::size_t left = kind.running + kind.ready + kind.waiting; left > 0) text += fmt::format(", {} left", left);
    text += '\n';
  }
  text += fmt::format("{} by {} worker(s), busy {:.0f} % of the time\n", format_duration(result.wall_seconds), result.workers,
                      100 * result.busy_share);
  if (!result.failures.empty()) text += failure_lines(result.failures);
  return text;
}

}  // namespace espalier::farm
