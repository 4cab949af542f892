#include "espalier/prune/criterion.hpp"

#include <fmt/ranges.h>

#include "criteria.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"

namespace espalier::prune {
namespace {

struct Entry {
  const char* name;
  std::unique_ptr<Criterion> (*make)();
};

constexpr Entry registry[] = {
    {"magnitude", make_magnitude},
    {"random", make_random},
};

}  // namespace

std::vector<std::string> criterion_names() {
  std::vector<std::string> names;
  for (const Entry& entry : registry) names.emplace_back(entry.name);
  return names;
}

std::unique_ptr<Criterion> make_criterion(const std::string& name) {
  for (const Entry& entry : registry)
    if (name == entry.name) return entry.make();
  const auto names = criterion_names();
  base::fail(base::ErrorKind::configuration, "pruning criterion: expected one of {}, found '{}'{}", fmt::join(names, ", "), name,
             base::did_you_mean(name, names));
}

}  // namespace espalier::prune
