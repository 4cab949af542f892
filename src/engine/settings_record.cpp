#include "espalier/branch/tighten.hpp"
#include "espalier/embed/embed.hpp"
#include "espalier/engine/records.hpp"
#include "espalier/engine/solve.hpp"

namespace espalier::engine {

namespace {

using S = SolveSettings;

task::Condition is_milp_solver() {
  const std::vector<std::string> own = own_solver_names();
  return {.parameter = "solver", .values = {own.begin(), own.end()}, .is_one_of = false};
}

const task::Condition milp_solver = is_milp_solver();
const task::Condition is_search{.parameter = "solver", .values = {std::string("attack")}, .is_one_of = false};
const task::Condition optimizes{.parameter = "goal", .values = {std::string("optimize")}};

record::Record<S> make_settings_record() {
  record::Record<S> record;
  record
      .add(&S::solver, {.name = "solver",
                        .meaning = "bab: our own branch and bound over alpha-crown bounds, no MILP; MILP solvers: cbc, external:cbc, "
                                   "external:glpsol or external:<command line>; attack: no MILP and no proof"})
      .add(&S::formulation, {.name = "formulation",
                             .meaning = "MILP formulation: big-m-literal is that of Pham et al., literally; big-m the same with fewer rows "
                                        "and columns; big-m-split that of Cacciola et al.",
                             .choices = embed::formulation_names(),
                             .exists_if = {milp_solver}})
      .add(&S::bounds, {.name = "bounds",
                        .meaning = "pre-activation bounds of the MILP",
                        .choices = branch::bounds_method_names(),
                        .exists_if = {milp_solver}})
      .add(&S::compress, {.name = "compress",
                          .meaning = "exact compression per problem: hidden neurons that the bounds prove to be off or linear over the "
                                     "region leave the network before it is searched; answers are those of the network as it was",
                          .exists_if = {is_search}})
      .add(&S::goal, {.name = "goal", .meaning = "find the maximum, or only its sign"})
      .add(&S::on_success,
           {.name = "on_success", .meaning = "what happens at the first verified adversarial input", .exists_if = {optimizes}})
      .add(&S::time_limit_seconds, {.name = "time_limit",
                                    .default_value = 300.0,
                                    .unit = "s",
                                    .meaning = "wall time of bounds, embedding, search and check together",
                                    .minimum = 0,
                                    .minimum_open = true})
      .add(
          &S::check_share,
          {.name = "check_share",
           .unit = "1",
           .meaning = "cbc, external: optimal or robust is said only if bounds of our own agree, which get this share of the solve's time, "
                      "or 5 s if that is more, of what is left of the time limit; else the status is optimal_claimed or robust_claimed. "
                      "0: no check",
           .minimum = 0,
           .maximum = 1,
           .exists_if = {milp_solver}})
      .add(&S::node_limit, {.name = "node_limit",
                            .unit = "nodes",
                            .meaning = "branch-and-bound nodes; -1: no limit",
                            .minimum = -1,
                            .maximum = 1e15,
                            .exists_if = {is_search}})
      .add(&S::start, {.name = "start",
                       .meaning = "first incumbent given to the solver; attack: the best point of a search that is run first",
                       .exists_if = {milp_solver}})
      .add(&S::protocol, {.name = "protocol",
                          .meaning = "surrogate: Algorithm 1 of Pham et al., the end is when the pruned network is solved; "
                                     "surrogate-then-dense: then the dense network, from the best point seen, in what is left of the time "
                                     "(at least half)"})
      .add(&S::seed, {.name = "seed", .meaning = "random seed of the solver and the attack", .minimum = 0, .maximum = 1e15});
  return record;
}

}  // namespace

const record::Record<S>& settings_record() {
  static const record::Record<S> record = make_settings_record();
  return record;
}

}  // namespace espalier::engine
