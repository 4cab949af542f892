// What `espalier solve` does in child processes: reading a problem file, which may be damaged or malicious, and solving.
#pragma once
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "espalier/engine/settings.hpp"
#include "espalier/sandbox/sandbox.hpp"

namespace espalier::app {

struct SolveJob {
  std::string file;
  std::vector<std::string> names;  ///< problems wanted; empty: all
  engine::SolveSettings settings;
};

/// The work of the sandbox. The request is "" to read and check the wanted problems, which gives {"names": [...]}, or a problem's name,
/// which gives its row. An error is {"error": kind, "message": ...}: problem files are refused, whatever else is wrong with a solve is in
/// its row.
sandbox::Work solve_work(const SolveJob& job);

/// One problem's answer, with the keys of `espalier solve --json`.
nlohmann::ordered_json solve_row(const std::string& name, const engine::SolveSettings& settings, const engine::SolveResult& result);

}  // namespace espalier::app
