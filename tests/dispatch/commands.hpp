// Short words for tests of the master: what it commands, and outcomes to tell it.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "dispatch/simulation.hpp"
#include "espalier/dispatch/master.hpp"

namespace espalier::dispatch::test {

inline std::vector<std::uint32_t> assigned(const Commands& commands) {
  std::vector<std::uint32_t> tasks;
  for (const Command& command : commands)
    if (const auto* assign = std::get_if<Assign>(&command)) tasks.push_back(assign->task.value);
  return tasks;
}

inline AttemptId attempt_of(const Commands& commands, std::uint32_t task) {
  for (const Command& command : commands)
    if (const auto* assign = std::get_if<Assign>(&command); assign && assign->task.value == task) return assign->attempt;
  ADD_FAILURE() << "task " << task << " was not given out";
  return {};
}

template <class T>
std::size_t count(const Commands& commands) {
  return static_cast<std::size_t>(
      std::count_if(commands.begin(), commands.end(), [](const Command& c) { return std::holds_alternative<T>(c); }));
}

inline task::Outcome done(std::uint32_t task, AttemptId attempt, double seconds = 1) {
  task::Outcome outcome;
  outcome.key = key_of(task);
  outcome.attempt = attempt;
  outcome.wall_seconds = seconds;
  return outcome;
}

inline task::Outcome failed(std::uint32_t task, AttemptId attempt) {
  task::Outcome outcome = done(task, attempt);
  outcome.kind = task::OutcomeKind::failed;
  outcome.error_kind = "numeric";
  outcome.message = "diverged";
  return outcome;
}

}  // namespace espalier::dispatch::test
