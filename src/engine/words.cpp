// Enumerations as words.
#include <array>
#include <utility>

#include "espalier/engine/result.hpp"
#include "espalier/engine/settings.hpp"
#include "espalier/engine/verify.hpp"

namespace espalier::engine {
namespace {

template <class E, std::size_t N>
using Table = std::array<std::pair<E, std::string_view>, N>;

constexpr Table<Goal, 2> goals{{{Goal::optimize, "optimize"}, {Goal::decide, "decide"}}};
constexpr Table<OnSuccess, 2> on_successes{{{OnSuccess::stop, "stop"}, {OnSuccess::go_on, "continue"}}};
constexpr Table<Start, 3> starts{{{Start::none, "none"}, {Start::clean_input, "clean_input"}, {Start::attack, "attack"}}};
constexpr Table<Protocol, 2> protocols{{{Protocol::surrogate, "surrogate"}, {Protocol::surrogate_then_dense, "surrogate-then-dense"}}};
constexpr Table<Verdict, 4> verdicts{
    {{Verdict::sat, "sat"}, {Verdict::unsat, "unsat"}, {Verdict::timeout, "timeout"}, {Verdict::unknown, "unknown"}}};
constexpr Table<Splitting, 2> splittings{{{Splitting::inputs, "inputs"}, {Splitting::phases, "phases"}}};
constexpr Table<Status, 8> statuses{{{Status::optimal, "optimal"},
                                     {Status::adversarial, "adversarial"},
                                     {Status::robust, "robust"},
                                     {Status::optimal_claimed, "optimal_claimed"},
                                     {Status::robust_claimed, "robust_claimed"},
                                     {Status::surrogate_solved, "surrogate_solved"},
                                     {Status::limit, "limit"},
                                     {Status::error, "error"}}};

}  // namespace

base::Words<Goal> words(Goal) { return goals; }
base::Words<OnSuccess> words(OnSuccess) { return on_successes; }
base::Words<Start> words(Start) { return starts; }
base::Words<Protocol> words(Protocol) { return protocols; }
base::Words<Status> words(Status) { return statuses; }
base::Words<Verdict> words(Verdict) { return verdicts; }
base::Words<Splitting> words(Splitting) { return splittings; }

std::string_view to_string(Goal goal) { return base::word_of(words(goal), goal); }
std::string_view to_string(OnSuccess on_success) { return base::word_of(words(on_success), on_success); }
std::string_view to_string(Start start) { return base::word_of(words(start), start); }
std::string_view to_string(Protocol protocol) { return base::word_of(words(protocol), protocol); }
std::string_view to_string(Status status) { return base::word_of(words(status), status); }

}  // namespace espalier::engine
