// What `espalier run` was asked, and the command that goes on with it.
#pragma once
#include <string>
#include <vector>

#include "app/launcher.hpp"
#include "espalier/base/clock.hpp"

namespace espalier::app {

struct RunOptions {
  std::string program = "espalier";  ///< as it was called
  std::string config;
  std::string out;
  std::vector<std::string> overrides;
  std::string resume = "auto";
  std::string history;
  std::string shard;
  std::string retry;
  bool extend = false;
  std::string data_dir;
  bool save_problems = false;
  bool solver_logs = false;
  bool no_sandbox = false;
  bool quiet = false;
  double silence_seconds = 60;
  std::string deadline;
  double started = base::unix_time();
  std::string launcher = launcher_in_use();
  std::string started_by = app::started_by();
};

/// The command that continues a run, for a shell in any directory: what was typed, with absolute paths. Without --retry and --extend, which
/// are in the journal, --deadline, which was of this start, and --history: a run learns its own times.
std::string continue_command(const RunOptions& options, int ranks);

/// What a user may do with a run that has nothing left to do. `retry`: the command to which --retry is added, if tasks have failed; else
/// empty.
std::string what_next(const RunOptions& options, const std::string& retry);

}  // namespace espalier::app
