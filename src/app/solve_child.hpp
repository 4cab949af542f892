// What `espalier solve` does in child processes: reading problem files, which may be damaged or malicious, and solving.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "espalier/engine/settings.hpp"
#include "espalier/sandbox/sandbox.hpp"

namespace espalier::app {

struct SolveJob {
  std::vector<std::string> files;
  bool round_weights = false;  ///< weights that float32 does not hold are rounded, else their problems are refused
  task::Parameters given;      ///< the settings that exist beside each other, for the rows
  engine::SolveSettings settings;
};

/// One problem of a file, or, without a name, the file's list.
struct SolveRequest {
  std::size_t file = 0;  ///< index in SolveJob::files
  std::string name;      ///< as it is stored: any bytes
};
std::string to_bytes(const SolveRequest& request);

/// The work of the sandbox, which answers in CBOR because names need not be UTF-8: for a list {"names": [...]}, or {"error": sentence} if
/// the file cannot be read; for a problem its row, whatever is wrong with it.
sandbox::Work solve_work(const SolveJob& job);
nlohmann::ordered_json from_bytes(std::string_view bytes);

/// One problem's answer, with the keys of `espalier solve --json`: engine::settings_record() and engine::result_record(), null for what
/// does not exist. `rounding`: how far a weight was moved at most, if --round-weights.
nlohmann::ordered_json solve_row(const SolveJob& job, const SolveRequest& request, const engine::SolveResult& result,
                                 std::optional<double> rounding = {});

}  // namespace espalier::app
