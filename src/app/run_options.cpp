#include "app/run_options.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

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

std::string absolute(const std::string& path) { return quoted(std::filesystem::absolute(path).lexically_normal().string()); }

/// The program as a shell in any directory finds it.
std::string called(const RunOptions& options) {
  return options.program.find('/') == std::string::npos ? quoted(options.program) : absolute(options.program);
}

std::string launcher_words(const RunOptions& options, int ranks) {
  if (options.launcher == "srun") return fmt::format("srun --mpi=pmix -n {} ", ranks);
  if (options.launcher != "mpirun") return "";
  return fmt::format("mpirun {}-np {} --oversubscribe ", ::geteuid() == 0 ? "--allow-run-as-root " : "", ranks);
}

}  // namespace

std::string continue_command(const RunOptions& options, int ranks) {
  std::string command = options.started_by;
  if (command.empty()) command = fmt::format("{}{} run {}", launcher_words(options, ranks), called(options), absolute(options.config));
  command += " --out " + absolute(options.out);
  for (const std::string& set : options.overrides) command += " --set " + quoted(set);
  if (!options.shard.empty()) command += " --shard " + options.shard;
  if (!options.data_dir.empty()) command += " --data-dir " + absolute(options.data_dir);
  if (options.save_problems) command += " --save-problems";
  if (options.solver_logs) command += " --solver-logs";
  if (options.no_sandbox) command += " --no-sandbox";
  if (options.silence_seconds != RunOptions().silence_seconds) command += fmt::format(" --silence {}", options.silence_seconds);
  return command;
}

std::string what_next(const RunOptions& options, const std::string& retry) {
  const std::string program = called(options), out = absolute(options.out);
  std::string text = fmt::format("Next:\n  {0} report {1}\n  {0} check {1}\n", program, out);
  if (!retry.empty())
    text += fmt::format("Failed tasks, and how they run again:\n  {} status {} --failed\n  {} --retry failed\n", program, out, retry);
  return text;
}

}  // namespace espalier::app
