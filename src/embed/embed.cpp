#include "espalier/embed/embed.hpp"

#include <array>
#include <utility>

#include "embed/formulations.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"

namespace espalier::embed {
namespace {

using base::ErrorKind;
using Maker = std::unique_ptr<Formulation> (*)();
constexpr std::array<std::pair<const char*, Maker>, 3> registry{
    {{"big-m-literal", make_big_m_literal}, {"big-m", make_big_m}, {"big-m-split", make_big_m_split}}};

}  // namespace

ModelSize Embedding::size() const {
  return {.columns = static_cast<std::int64_t>(model_.columns().size()),
          .rows = static_cast<std::int64_t>(model_.rows().size()),
          .binaries = static_cast<std::int64_t>(model_.integer_columns()),
          .nonzeros = static_cast<std::int64_t>(model_.nonzeros())};
}

std::unique_ptr<Embedding> Formulation::build(const Query& query) const {
  query.network.check();
  if (query.region.dimension() != query.network.inputs()) {
    base::fail(ErrorKind::data, "formulation '{}': expected a region of dimension {} (the network's inputs), found {}", name(),
               query.network.inputs(), query.region.dimension());
  }
  if (!query.region.is_polytope())
    base::fail(ErrorKind::data, "formulation '{}': expected a region with linear sides, found a Euclidean ball", name());
  check(query.objective, query.network.outputs());
  check(query.bounds, query.network, fmt::format("formulation '{}'", name()));
  try {
    return do_build(query);
  } catch (const Interrupted&) {
    return nullptr;
  }
}

std::vector<double> Embedding::complete(const Eigen::Ref<const Eigen::VectorXd>& input) const {
  if (input.size() != inputs()) {
    base::fail(ErrorKind::data, "embedding: expected an input of length {}, found {}", inputs(), input.size());
  }
  return do_lift(input);
}

std::unique_ptr<Formulation> make_formulation(const std::string& name) {
  for (const auto& [known, make] : registry) {
    if (name == known) return make();
  }
  const std::vector<std::string> names = formulation_names();
  base::fail(ErrorKind::configuration, "formulation: expected one of {}, found '{}'{}", fmt::join(names, ", "), name,
             base::did_you_mean(name, names));
}

std::vector<std::string> formulation_names() {
  std::vector<std::string> names;
  for (const auto& entry : registry) names.emplace_back(entry.first);
  return names;
}

}  // namespace espalier::embed
