// The attack as a search of its own, and as a source of starts.
#include "engine/search.hpp"
#include "espalier/attack/attack.hpp"
#include "espalier/base/build_info.hpp"

namespace espalier::engine {

milp::Result attack(const SearchContext& context, double share) {
  const double begin = context.watch.wall_seconds();
  attack::AttackOptions options{.seed = context.settings.seed,
                                .time_limit_seconds = share * context.seconds_left(),
                                .stop_requested = context.settings.stop_requested};
  milp::Result claimed;
  options.on_improvement = [&](const Eigen::VectorXd& input, double margin) {
    claimed.incumbent = {.objective = margin, .x = {input.begin(), input.end()}, .seconds = context.watch.wall_seconds()};
    return context.see(input, margin) == milp::CallbackAction::stop;
  };
  const attack::AttackResult found = attack::run_attack(context.embedded, context.region, context.objective, options);
  claimed.iterations = found.steps;
  claimed.dual_bound = milp::infinity;
  if (context.settings.stop_requested && context.settings.stop_requested()) {
    claimed.termination = {.reason = milp::Reason::stopped, .limit = milp::Limit::none, .detail = "the attack was stopped"};
  } else {
    claimed.termination = {.reason = milp::Reason::limit,
                           .limit = found.complete ? milp::Limit::iterations : milp::Limit::time,
                           .detail = "the attack is over; it proves nothing"};
    if (share < 1 && !found.complete && !context.recorder.finished()) note_cut_short("attack", context.result);
  }
  context.result.attack_seconds += context.watch.wall_seconds() - begin;
  return claimed;
}

namespace {

class AttackSearch final : public Search {
 public:
  std::string version() const override { return "espalier " + base::build_info().version; }
  milp::Result run(const SearchContext& context) const override { return attack(context); }
};

}  // namespace

std::unique_ptr<Search> make_attack_search() { return std::make_unique<AttackSearch>(); }

}  // namespace espalier::engine
