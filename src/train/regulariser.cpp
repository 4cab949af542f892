#include "espalier/train/regulariser.hpp"

#include <fmt/ranges.h>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
#include "regularisers.hpp"

namespace espalier::train {
namespace {

struct Entry {
  const char* name;
  std::shared_ptr<const Regulariser> (*make)(const RegulariserOptions&);
};

constexpr Entry registry[] = {
    {"l1", make_l1},
};

}  // namespace

std::vector<std::string> regulariser_names() {
  std::vector<std::string> names;
  for (const Entry& entry : registry) names.emplace_back(entry.name);
  return names;
}

std::shared_ptr<const Regulariser> make_regulariser(const std::string& name, const RegulariserOptions& options) {
  if (!(options.strength >= 0))
    base::fail(base::ErrorKind::configuration, "regulariser {}: expected a strength of at least 0, found {}", name, options.strength);
  for (const Entry& entry : registry)
    if (name == entry.name) return entry.make(options);
  const auto names = regulariser_names();
  base::fail(base::ErrorKind::configuration, "regulariser: expected one of {}, found '{}'{}", fmt::join(names, ", "), name,
             base::did_you_mean(name, names));
}

}  // namespace espalier::train
