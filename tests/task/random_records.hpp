// Random attempts and outcomes for round-trip tests: every value type, NaN payloads, empty and odd strings.
#pragma once
#include <bit>
#include <limits>
#include <string>

#include "espalier/base/random.hpp"
#include "espalier/task/task.hpp"

namespace espalier::task::test {

inline double random_real(base::RandomStream& random) {
  switch (random.below(8)) {
    case 0:
      return 0.0;
    case 1:
      return -0.0;
    case 2:
      return std::numeric_limits<double>::infinity();
    case 3:
      return -std::numeric_limits<double>::infinity();
    case 4:
      return std::bit_cast<double>(0x7ff0000000000000ULL | (random.next() >> 12) | 1);  // any NaN, signalling ones included
    case 5:
      return static_cast<double>(static_cast<float>(random.uniform(-2, 2)));  // representable in 4 bytes
    default:
      return std::bit_cast<double>(random.next());  // any bits
  }
}

inline std::string random_text(base::RandomStream& random) {
  std::string text(random.below(40), '\0');
  for (char& c : text) c = static_cast<char>(random.below(256));  // not UTF-8, zeros and line ends included
  return text;
}

inline Value random_value(base::RandomStream& random) {
  switch (random.below(6)) {
    case 0:
      return random.below(2) == 1;
    case 1:
      return static_cast<std::int64_t>(random.next() >> random.below(64)) * (random.below(2) ? 1 : -1);
    case 2:
      return random_real(random);
    case 3:
      return random_text(random);
    case 4: {
      RealList list(random.below(4));
      for (auto& item : list) item = random_real(random);
      return list;
    }
    default: {
      IntegerList list(random.below(4));
      for (auto& item : list) item = static_cast<std::int64_t>(random.next());
      return list;
    }
  }
}

inline Parameters random_parameters(base::RandomStream& random) {
  Parameters parameters;
  for (std::uint64_t n = random.below(8); n > 0; --n) parameters.set(random_text(random), random_value(random));
  return parameters;
}

inline StageKey random_key(base::RandomStream& random) { return {random.next(), random.next()}; }
inline PartFile random_part(base::RandomStream& random) { return {random_text(random), {random.next(), random.next()}}; }

inline Attempt random_attempt(base::RandomStream& random) {
  Attempt attempt{base::AttemptId{random.next()},
                  {random_key(random), random_text(random), static_cast<std::uint32_t>(random.next()), random_parameters(random), {}},
                  {}};
  for (std::uint64_t n = random.below(4); n > 0; --n) {
    attempt.spec.parents.push_back(random_key(random));
    attempt.inputs.push_back(random_part(random));
  }
  for (double* limit :
       {&attempt.limits.wall_seconds, &attempt.limits.grace_seconds, &attempt.limits.cpu_seconds, &attempt.limits.memory_mib})
    *limit = random_real(random);
  return attempt;
}

inline Outcome random_outcome(base::RandomStream& random) {
  Outcome outcome{random_key(random),
                  base::AttemptId{random.next()},
                  random.below(2) ? OutcomeKind::done : OutcomeKind::failed,
                  random_text(random),
                  random_text(random),
                  random_parameters(random),
                  {},
                  {},
                  static_cast<int>(random.next()),
                  random_text(random),
                  random_real(random),
                  random_real(random),
                  random_real(random),
                  random_real(random)};
  for (std::uint64_t n = random.below(4); n > 0; --n) {
    Array array{random_text(random), std::vector<double>(random.below(6))};
    for (double& v : array.values) v = random_real(random);
    outcome.arrays.push_back(std::move(array));
  }
  if (random.below(2)) outcome.part = random_part(random);
  return outcome;
}

}  // namespace espalier::task::test
