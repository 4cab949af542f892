// Any solver with a command line.
#pragma once
#include <memory>
#include <string>

#include "espalier/milp/solver.hpp"

namespace espalier::milp {

/// `command`: words split as by split_command(), in which {model}, {solution} and {seconds} are replaced: the MPS file to read (mps.hpp),
/// the file to write its solution to (parse_solution()), the time limit in whole seconds. Or the short names "cbc" and "glpsol". The back
/// end passes on neither the start, the cutoff, the gaps nor the seed: the solver works to its own gaps, and the cutoff is applied to what
/// it finds. It refuses a node limit. Throws Error(configuration) if {model} or {solution} is missing.
std::unique_ptr<Solver> make_external_solver(const std::string& command);
/// Throws Error(configuration) unless the command's first word is a program: in PATH, or, with a '/' in it, an executable file.
void require_external_program(const std::string& command);

}  // namespace espalier::milp
