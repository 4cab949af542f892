#include "espalier/task/stage.hpp"

#include "espalier/base/error.hpp"

namespace espalier::task {

StageKey make_key(const std::string& kind, std::uint32_t schema_version, const Parameters& parameters,
                  const std::vector<StageKey>& parents) {
  base::Hasher hasher;
  hasher.add(kind).add(std::uint64_t{schema_version}).add(parameters.canonical()).add(std::uint64_t{parents.size()});
  for (const StageKey& parent : parents) hasher.add(parent.high).add(parent.low);
  return hasher.finish();
}

void StageRegistry::add(std::unique_ptr<Stage> stage) {
  const std::string kind = stage->kind();
  if (!stages_.emplace(kind, std::move(stage)).second) base::fail(base::ErrorKind::internal, "two stages are called '{}'", kind);
}

void StageRegistry::add_missing(const StageRegistry& other) { stages_.insert(other.stages_.begin(), other.stages_.end()); }

const Stage& StageRegistry::find(const std::string& kind) const {
  if (const auto it = stages_.find(kind); it != stages_.end()) return *it->second;
  std::string known;
  for (const auto& [name, stage] : stages_) known += (known.empty() ? "" : ", ") + name;
  base::fail(base::ErrorKind::internal, "no stage is called '{}'; there are: {}", kind, known);
}

}  // namespace espalier::task
