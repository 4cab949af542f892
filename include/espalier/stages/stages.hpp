// The stages: train, import, first_round, prune, select, solve.
#pragma once
#include <memory>

#include "espalier/stages/environment.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::stages {

/// Rows in /networks; the part file holds the trained network. Part of P2, section 4 ("dense" networks).
std::unique_ptr<task::Stage> make_train_stage(std::shared_ptr<Environment> environment);
/// Rows in /networks; the part file holds the network of a file (network.file), its accuracies measured.
std::unique_ptr<task::Stage> make_import_stage(std::shared_ptr<Environment> environment);
/// No rows of its own; the part file holds the dense network after one round of finetuning without masks.
std::unique_ptr<task::Stage> make_first_round_stage(std::shared_ptr<Environment> environment);
/// Rows in /networks; the part file holds the pruned (and finetuned) network with its masks.
std::unique_ptr<task::Stage> make_prune_stage(std::shared_ptr<Environment> environment);
/// Rows in /networks; the part file holds the smallest of the candidates that is accurate enough (P1, section 5.2). Error(data) if none is.
std::unique_ptr<task::Stage> make_select_stage(std::shared_ptr<Environment> environment);
/// Rows in /solves: Algorithm 1 of P2 on one problem.
std::unique_ptr<task::Stage> make_solve_stage(std::shared_ptr<Environment> environment);

/// All of them.
task::StageRegistry make_stages(const std::shared_ptr<Environment>& environment);

/// Those of `espalier solve`: "list_problems" (names of a problem file) and "solve_problem" (one of its problems; the row is
/// engine::result_record() and weight_rounding). No rows of a result file.
task::StageRegistry make_problem_file_stages();

}  // namespace espalier::stages
