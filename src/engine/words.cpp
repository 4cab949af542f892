// Enumerations as words.
#include <array>
#include <utility>
#include <vector>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
#include "espalier/engine/result.hpp"
#include "espalier/engine/settings.hpp"

namespace espalier::engine {
namespace {

template <class E, std::size_t N>
using Words = std::array<std::pair<E, std::string_view>, N>;

constexpr Words<Goal, 2> goals{{{Goal::optimize, "optimize"}, {Goal::decide, "decide"}}};
constexpr Words<OnSuccess, 2> on_successes{{{OnSuccess::stop, "stop"}, {OnSuccess::go_on, "continue"}}};
constexpr Words<Start, 3> starts{{{Start::none, "none"}, {Start::clean_input, "clean_input"}, {Start::attack, "attack"}}};
constexpr Words<Protocol, 2> protocols{{{Protocol::surrogate, "surrogate"}, {Protocol::surrogate_then_dense, "surrogate-then-dense"}}};
constexpr Words<Status, 8> statuses{{{Status::optimal, "optimal"},
                                     {Status::adversarial, "adversarial"},
                                     {Status::robust, "robust"},
                                     {Status::optimal_claimed, "optimal_claimed"},
                                     {Status::robust_claimed, "robust_claimed"},
                                     {Status::exhausted, "exhausted"},
                                     {Status::limit, "limit"},
                                     {Status::error, "error"}}};

template <class E, std::size_t N>
std::string_view word_of(const Words<E, N>& words, E value) {
  for (const auto& [known, word] : words) {
    if (known == value) return word;
  }
  return "unknown";
}

template <class E, std::size_t N>
E value_of(const Words<E, N>& words, std::string_view what, std::string_view word) {
  std::vector<std::string> legal;
  for (const auto& [value, known] : words) {
    if (known == word) return value;
    legal.emplace_back(known);
  }
  base::fail(base::ErrorKind::configuration, "{}: expected one of {}, found '{}'{}", what, fmt::join(legal, ", "), word,
             base::did_you_mean(word, legal));
}

}  // namespace

std::string_view to_string(Goal goal) { return word_of(goals, goal); }
std::string_view to_string(OnSuccess on_success) { return word_of(on_successes, on_success); }
std::string_view to_string(Start start) { return word_of(starts, start); }
std::string_view to_string(Protocol protocol) { return word_of(protocols, protocol); }
std::string_view to_string(Status status) { return word_of(statuses, status); }

Goal parse_goal(std::string_view word) { return value_of(goals, "goal", word); }
OnSuccess parse_on_success(std::string_view word) { return value_of(on_successes, "on_success", word); }
Start parse_start(std::string_view word) { return value_of(starts, "start", word); }
Protocol parse_protocol(std::string_view word) { return value_of(protocols, "protocol", word); }

}  // namespace espalier::engine
