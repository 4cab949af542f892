// Recomputes what a result file says was verified, from the file alone.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace espalier::stages {

struct Verification {
  std::int64_t solves = 0;            ///< rows of /solves with a result
  std::int64_t inputs = 0;            ///< inputs whose margin was recomputed, witnesses included
  std::int64_t verdicts = 0;          ///< rows of /verdicts with a result
  std::int64_t without_network = 0;   ///< of those with a witness: it was not run again, because the network is not there
  std::vector<std::string> findings;  ///< one sentence each, naming the row's key; empty: all agree
};

/// For every finished row of /solves: the stored best and adversarial inputs are clipped, their L1 distance is recomputed and they are run
/// through the stored dense network in float64 and float32 (certify); distance, verified_objective, verified_objective_float32,
/// adversarial and class_changed must be what the row says, and an adversarial claim must have its input. Tolerance: 1e-9 (1 + |margin|)
/// in float64, 1e-3 (1 + |margin|) in float32, because sums may be ordered otherwise on another machine.
/// For every finished row of /verdicts: sat must have its witness, and nothing else may; if the folder of the file has the network and the
/// property (imports/), the witness must be unsafe (certify::check_witness), with the margins of the row.
/// Throws base::Error(data) if the file has not the layout of src/results/SCHEMA.md.
Verification verify_results(const std::filesystem::path& results_file);

}  // namespace espalier::stages
