// One interface from problem to result.
// Symbols: src/NOTATION.md.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "espalier/engine/result.hpp"
#include "espalier/engine/settings.hpp"
#include "espalier/nn/network.hpp"
#include "espalier/problem/problem.hpp"

namespace espalier::engine {

/// "cbc", "external:...", "bab", "attack".
[[nodiscard]] std::vector<std::string> solver_names();
/// Those of them that are our own, "bab" and "attack": no MILP is built, the process is left as it was found, and every region is searched.
[[nodiscard]] std::vector<std::string> own_solver_names();
[[nodiscard]] bool is_own_solver(std::string_view solver);

/// Throws base::Error(configuration) for what solve() would refuse of the settings, whatever the problem.
void check_settings(const SolveSettings& settings);
/// Throws base::Error(configuration) if the solver does not answer over balls of that norm: a Euclidean one (l2) is no part of a linear
/// model.
void check_norm(const std::string& solver, problem::Norm norm);
/// Throws base::Error(configuration) if the solver is a program which is not on this machine.
void require_program(const SolveSettings& settings);

/// Algorithm 1 of P2 (method, section 7): the MILP of `embedded` is solved around the problem's region for the problem's objective; the
/// input of every incumbent is evaluated on problem.network by certify; the first verified adversarial one is recorded with its time. With
/// `embedded` equal to problem.network this is the dense arm, and the result may be optimal or robust; else it is a surrogate's and may be
/// neither. The attack, in place of a MILP, ends with status limit (limit "iterations"), or with adversarial as above. Labels are the
/// problem's: for label_source surrogate set them beforehand with problem::choose_labels(embedded, problem.input).
///
/// Goal decide sets a cutoff just below 0 when, and only when, `embedded` is the problem's own network (a point of a surrogate that is not
/// adversarial for the surrogate may be adversarial for the dense network).
///
/// Throws base::Error(data) if the problem does not pass check() or `embedded` has other input or output sizes, base::Error(configuration)
/// for an unknown solver, formulation or bounds method, a solver that does not take the region's norm, or a negative or NaN limit. What the
/// solver does wrong is no exception but Status::error.
[[nodiscard]] SolveResult solve(const problem::Problem& problem, const nn::Network& embedded, const SolveSettings& settings);

/// The dense arm: solve(problem, problem.network, settings).
[[nodiscard]] SolveResult solve(const problem::Problem& problem, const SolveSettings& settings);

}  // namespace espalier::engine
