#include "app/run_options.hpp"

#include <fmt/format.h>

namespace espalier::app {

namespace {

/// A word as a POSIX shell reads it back.
std::string quoted(const std::string& word) {
  constexpr const char* plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,/:@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string text = "'";
  for (const char c : word) text += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return text + "'";
}

}  // namespace

std::string continue_command(const RunOptions& options, int ranks) {
  std::string command = ranks > 1 ? fmt::format("mpirun -np {} --oversubscribe ", ranks) : "";
  command += fmt::format("{} run {} --out {}", quoted(options.program), quoted(options.config), quoted(options.out));
  for (const std::string& set : options.overrides) command += " --set " + quoted(set);
  if (!options.shard.empty()) command += " --shard " + options.shard;
  if (!options.data_dir.empty()) command += " --data-dir " + quoted(options.data_dir);
  if (options.save_problems) command += " --save-problems";
  if (options.solver_logs) command += " --solver-logs";
  if (options.no_sandbox) command += " --no-sandbox";
  if (options.silence_seconds != RunOptions().silence_seconds) command += fmt::format(" --silence {}", options.silence_seconds);
  return command;
}

}  // namespace espalier::app
