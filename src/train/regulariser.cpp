#include "espalier/train/regulariser.hpp"

#include <fmt/ranges.h>
#include <array>
#include <string_view>
#include <utility>

#include <cmath>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
#include "regularisers.hpp"

namespace espalier::train {
namespace {

struct RegulariserEntry {
  const char* name;
  std::shared_ptr<const Regulariser> (*make)(const RegulariserOptions&);
};

constexpr RegulariserEntry regulariser_registry[] = {
    {"group_lasso", make_group_lasso},
    {"l1", make_l1},
    {"l2", make_l2},
    {"spr", make_spr},
};

}  // namespace

base::Words<Scaling> words(Scaling) {
  static constexpr std::array<std::pair<Scaling, std::string_view>, 2> all{{{Scaling::size, "size"}, {Scaling::plain, "plain"}}};
  return all;
}

std::vector<double> largest_weights(const nn::Network& reference) {
  std::vector<double> largest;
  for (const nn::Layer& layer : reference.layers)
    largest.push_back(layer.weight.size() == 0 ? 0 : static_cast<double>(layer.weight.cwiseAbs().maxCoeff()));
  return largest;
}

std::vector<std::string> regulariser_names() {
  std::vector<std::string> names;
  for (const RegulariserEntry& entry : regulariser_registry) names.emplace_back(entry.name);
  return names;
}

std::shared_ptr<const Regulariser> make_regulariser(const std::string& name, const RegulariserOptions& options) {
  if (!(std::isfinite(options.strength) && options.strength >= 0))
    base::fail(base::ErrorKind::configuration, "regulariser {}: expected a finite strength (lambda) of at least 0, found {}", name,
               options.strength);
  for (const RegulariserEntry& entry : regulariser_registry)
    if (name == entry.name) return entry.make(options);
  const auto names = regulariser_names();
  base::fail(base::ErrorKind::configuration, "regulariser: expected one of {}, found '{}'{}", fmt::join(names, ", "), name,
             base::did_you_mean(name, names));
}

}  // namespace espalier::train
