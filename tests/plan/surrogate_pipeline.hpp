// train -> prune -> solve over the parameters of the surrogate experiments, without doing any of it.
#pragma once
#include "config/surrogate_schema.hpp"
#include "espalier/base/error.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::test {

class SurrogatePipeline final : public task::Pipeline {
 public:
  const task::Schema& schema() const override { return surrogate_schema(); }

  std::vector<task::StageRequest> expand(const task::Parameters& instance) const override {
    if (instance.text("prune.criterion") != "none" && instance.integer("prune.steps") > 50)
      base::fail(base::ErrorKind::configuration, "prune.steps: expected at most 50 with a criterion");
    std::vector<task::StageRequest> requests;
    requests.push_back(
        {.kind = "train", .parameters = section(instance, {"dataset.", "network.", "train."}), .parents = {}, .expected_seconds = 2});
    if (instance.text("prune.criterion") != "none")
      requests.push_back({.kind = "prune", .parameters = section(instance, {"prune."}), .parents = {0}, .expected_seconds = 3});
    std::vector<std::size_t> networks{0};
    if (requests.size() > 1) networks.push_back(1);
    requests.push_back({.kind = "solve",
                        .parameters = section(instance, {"problem.", "solve.", "repetition"}),
                        .parents = networks,
                        .expected_seconds = 5,
                        .most_seconds = instance.real("solve.time_limit")});
    return requests;
  }

 private:
  static task::Parameters section(const task::Parameters& instance, const std::vector<std::string>& prefixes) {
    task::Parameters selected;
    for (const auto& [name, value] : instance.map())
      for (const std::string& prefix : prefixes)
        if (name.starts_with(prefix)) selected.set(name, value);
    return selected;
  }
};

inline std::uint32_t version_one(const std::string&) { return 1; }

}  // namespace espalier::test
