#include "espalier/train/update_rule.hpp"

#include <fmt/ranges.h>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
#include "update_rules.hpp"

namespace espalier::train {
namespace {

struct UpdateRuleEntry {
  const char* name;
  std::unique_ptr<UpdateRule> (*make)(const UpdateRuleOptions&, std::size_t);
};

constexpr UpdateRuleEntry update_rules[] = {
    {"adam", make_adam},
    {"sgd", make_sgd},
};

}  // namespace

std::vector<std::string> update_rule_names() {
  std::vector<std::string> names;
  for (const UpdateRuleEntry& entry : update_rules) names.emplace_back(entry.name);
  return names;
}

std::unique_ptr<UpdateRule> make_update_rule(const std::string& name, const UpdateRuleOptions& options, std::size_t parameters) {
  for (const UpdateRuleEntry& entry : update_rules)
    if (name == entry.name) return entry.make(options, parameters);
  const auto names = update_rule_names();
  base::fail(base::ErrorKind::configuration, "update rule: expected one of {}, found '{}'{}", fmt::join(names, ", "), name,
             base::did_you_mean(name, names));
}

}  // namespace espalier::train
