// Parameters that an experiment gives and no instance has.
#pragma once
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "espalier/config/experiment.hpp"
#include "espalier/task/variants.hpp"

namespace espalier::plan {

/// Watches an expansion. What a block gives (parameters, axes, zips, includes, conditionals) must exist in one of its instances at least
/// (task::Variants): a rate for a criterion that has none would be without effect, and in silence. The outermost block holds every
/// parameter, so what it holds at its default was not given.
class UnreadParameters {
 public:
  UnreadParameters(const config::Experiment& experiment, const task::Schema& schema);

  /// An instance as it was expanded, and the block it came from.
  void see(const task::Parameters& instance, const config::Block& block);

  /// Throws Error(configuration) naming up to ten of them, each with its place, its condition and the parameters that its section has.
  void check() const;

 private:
  struct Mention {
    std::string name;
    config::Place place;
    bool is_read = false;
  };

  void collect(const config::Block& block, std::vector<Mention*> around);
  void note_section(const Mention& mention, const std::vector<std::string_view>& absent);
  std::string sentence(const Mention& mention) const;

  const config::Experiment& experiment_;
  const task::Schema& schema_;
  task::Variants variants_;
  std::deque<Mention> mentions_;
  std::unordered_map<const config::Block*, std::vector<Mention*>> unread_;  ///< of a block and those around it
  std::unordered_map<const Mention*, std::vector<std::string>> beside_;     ///< what its section has in the instance that has most of it
};

}  // namespace espalier::plan
