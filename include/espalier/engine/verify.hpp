// Properties answered: whether an unsafe input exists.
// Symbols: src/NOTATION.md.
#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "espalier/base/words.hpp"
#include "espalier/certify/witness.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/problem/property.hpp"

namespace espalier::engine {

enum class Verdict {
  sat,      ///< an unsafe input was found and checked (certify::Witness)
  unsat,    ///< there is none, by bounds of our own
  timeout,  ///< the time limit came first
  unknown,  ///< the caller's stop came first, or float64 cannot tell
};
[[nodiscard]] base::Words<Verdict> words(Verdict);

/// How a box was searched.
enum class Splitting {
  inputs,  ///< branch::split_inputs
  phases,  ///< solver bab: branch::run
};
[[nodiscard]] base::Words<Splitting> words(Splitting);

struct VerifySettings {
  double time_limit_seconds = std::numeric_limits<double>::infinity();  ///< wall, of all boxes together
  double memory_limit_mib = 0;                                          ///< of the process, 0: none
  std::uint64_t seed = 0;
  std::optional<Splitting> splitting;    ///< none: inputs if at most 10 of them are not fixed, or a conjunction has several functions
  std::function<bool()> stop_requested;  ///< polled; may be empty
};

struct Verification {
  Verdict verdict = Verdict::unknown;
  std::optional<certify::Witness> witness;  ///< of sat
  Splitting splitting = Splitting::inputs;  ///< of the box that was searched last
  std::int64_t boxes = 0;                   ///< of the property, answered
  std::int64_t nodes = 0;
  double seconds = 0;      ///< wall
  double cpu_seconds = 0;  ///< of the process
  std::string detail;      ///< of unknown, in words
};

/// Box after box, until one has an unsafe input. Over a box, input splitting answers for all conjunctions in one search; phase splitting
/// for conjunctions of one function each, after an attack on all of them (Goal::decide). Throws base::Error(data) if the network's sizes
/// are not the property's.
[[nodiscard]] Verification verify(const nn::Network& network, const problem::Property& property, const VerifySettings& settings);

}  // namespace espalier::engine
