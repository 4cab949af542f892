// How a gradient changes the parameters. Adding a rule: a source file, a line in update_rule.cpp, a test.
#pragma once
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace espalier::train {

struct UpdateRuleOptions {
  float momentum = 0;     ///< sgd
  float beta_1 = 0.9f;    ///< adam
  float beta_2 = 0.999f;  ///< adam
  float epsilon = 1e-8f;  ///< adam
  friend bool operator==(const UpdateRuleOptions&, const UpdateRuleOptions&) = default;
};

/// One step's input. The gradient that counts is gradient_scale * gradient + weight_decay * parameters.
struct Step {
  std::span<float> parameters;
  std::span<const float> gradient;
  float gradient_scale = 1;
  float weight_decay = 0;
  float learning_rate = 0;
};

/// Keeps its own state between steps. A parameter that is 0 and whose gradient has always been 0 must stay exactly 0: masked weights
/// and padding rely on it.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  virtual void step(const Step& step) = 0;
};

/// A fresh rule for so many parameters. Throws base::Error(configuration) naming the rules there are.
std::unique_ptr<UpdateRule> make_update_rule(const std::string& name, const UpdateRuleOptions& options, std::size_t parameters);
std::vector<std::string> update_rule_names();

}  // namespace espalier::train
