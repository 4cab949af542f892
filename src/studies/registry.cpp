#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
#include "espalier/studies/study.hpp"
#include "studies/spr/spr.hpp"
#include "studies/surrogate/surrogate.hpp"
#include "studies/verification/verification.hpp"

namespace espalier::studies {

void Registry::add(std::unique_ptr<Study> study) {
  for (const auto& known : studies_)
    if (known->name() == study->name()) base::fail(base::ErrorKind::internal, "there are two studies '{}'", study->name());
  studies_.push_back(std::move(study));
}

const Study& Registry::find(std::string_view name) const {
  std::vector<std::string> names;
  for (const auto& study : studies_) {
    if (study->name() == name) return *study;
    names.push_back(study->name());
  }
  base::fail(base::ErrorKind::configuration, "study: expected one of {}, found '{}'{}", fmt::join(names, ", "), name,
             base::did_you_mean(name, names));
}

Registry built_in() {
  Registry registry;
  registry.add(make_surrogate());
  registry.add(make_spr());
  registry.add(make_verification());
  return registry;
}

config::Studies config_studies(const Registry& studies) {
  config::Studies all{
      .names = {},
      .schema = [&studies](const std::string& name) -> const task::Schema& { return studies.find(name).pipeline().schema(); },
      .zip_sources = [&studies](const std::string& name) { return studies.find(name).zip_sources(); }};
  for (const auto& study : studies.all()) all.names.push_back(study->name());
  return all;
}

}  // namespace espalier::studies
