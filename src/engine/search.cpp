#include "engine/search.hpp"

#include <algorithm>

#include "engine/conclude.hpp"

namespace espalier::engine {

double SearchContext::seconds_left() const { return std::max(0.0, settings.time_limit_seconds - watch.wall_seconds()); }

base::Budget SearchContext::budget(double share) const { return base::Budget(share * seconds_left(), settings.stop_requested); }

milp::CallbackAction SearchContext::see(const Eigen::VectorXd& input, double claimed_margin) const {
  return recorder.see(input, unit * claimed_margin);
}

double SearchContext::cutoff() const { return decide_cutoff * margin_unit / unit - deviation; }

double SearchContext::margin(const Eigen::VectorXd& input) const { return objective(nn::forward(embedded, input)); }

void note_cut_short(std::string_view what, SolveResult& result) {
  std::string& all = result.cut_short;
  if (all == "none") all.clear();
  if (all.find(what) == std::string::npos) all.append(all.empty() ? "" : "+").append(what);
}

bounds::Bounds bound(const bounds::BoundsMethod& method, const SearchContext& context) {
  const double begin = context.watch.wall_seconds();
  bounds::Bounds bounds = method.compute(context.embedded, context.region, context.budget(bounds_share));
  if (!bounds.complete) note_cut_short("bounds", context.result);
  context.result.neurons = count_relu_cases(bounds);
  context.result.unstable_by_layer = unstable_by_layer(bounds);
  context.result.bounds_seconds += context.watch.wall_seconds() - begin;
  context.recorder.publish(context.bound(largest_margin(bounds, context.objective)));
  return bounds;
}

}  // namespace espalier::engine
