#include "espalier/app/program.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <iostream>
#include <system_error>

#include "app/commands.hpp"
#include "app/exit_codes.hpp"
#include "app/launcher.hpp"
#include "app/surroundings.hpp"
#include "espalier/base/build_info.hpp"
#include "espalier/base/log.hpp"
#include "espalier/base/text.hpp"
#include "espalier/wire/connect.hpp"

namespace espalier::app {

namespace {

std::string version_text() {
  const base::BuildInfo& build = base::build_info();
  return fmt::format("espalier {} ({}, {}, {}, -march={})", build.version, build.git_commit, build.compiler, build.build_type,
                     build.architecture);
}

constexpr const char* footer =
    "Exit codes:\n"
    "  0   all done and verified\n"
    "  1   some tasks failed, or a check found something (listed)\n"
    "  2   bad configuration, input or usage\n"
    "  3   output directory locked, corrupt, foreign, full or of another version; standard output cannot be written\n"
    "  75  stopped early; the same command continues\n"
    "mpirun in recovery mode returns 0 whatever happens; ESPALIER_EXIT_CODE_FILE names a file that rank 0 writes its code to, and all\n"
    "ranks then end with 0 (jobs/run-mpi.sh).\n";

}  // namespace

int report_error() {
  try {
    throw;
  } catch (const base::Error& error) {
    base::log_error("{}", error.what());
    return exit_code_of(error.kind());
  } catch (const std::filesystem::filesystem_error& error) {
    base::log_error("cannot read or write '{}': {}", error.path1().string(), error.code().message());
    return exit_store;
  } catch (const std::system_error& error) {
    const bool printing = std::ferror(stdout) != 0;  // fmt::print throws
    base::log_error("{}: {}", printing ? "cannot write to standard output" : "unexpected",
                    printing ? error.code().message() : error.what());
    return printing ? exit_store : exit_some_failed;
  } catch (const std::exception& error) {
    base::log_error("unexpected: {}", error.what());
  } catch (...) {
    base::log_error("unexpected: something that is no std::exception was thrown");
  }
  return exit_some_failed;
}

namespace {

std::string list_of_commands(const CLI::App& program) {
  std::string text = "Commands (espalier help COMMAND tells more):\n";
  for (const CLI::App* command : program.get_subcommands({}))
    text += fmt::format("  {:<8} {}\n", command->get_name(), command->get_description());
  return text;
}

/// What is wrong with the first word, if it should be a command and is none; else empty.
std::string refusal_of_command(const CLI::App& program, const std::vector<std::string>& words) {
  if (words.empty()) return "espalier: expected a command, found none\n" + list_of_commands(program);
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands({})) names.push_back(command->get_name());
  const std::string& word = words.front();
  if (word.starts_with('-') || std::find(names.begin(), names.end(), word) != names.end()) return "";
  names.emplace_back("help");
  return fmt::format("espalier: expected a command, found '{}'{}\n{}", word, base::did_you_mean(word, names), list_of_commands(program));
}

/// "help" and "help COMMAND" are "--help" and "COMMAND --help".
std::vector<std::string> words_of(int argc, char** argv) {
  std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  if (words.empty() || words.front() != "help") return words;
  words.erase(words.begin());
  words.insert(words.begin() + (words.empty() ? 0 : 1), "--help");
  return words;
}

/// Every rank finds the same fault in the command line; the first one tells it.
int refuse_usage(const std::string& sentence) {
  if (wire::launched_rank() == 0) std::cerr << sentence;
  return exit_configuration;
}

std::string usage_sentence(const CLI::App* program, const CLI::Error& error) {
  const auto chosen = program->get_subcommands();
  return fmt::format("{}\nSee: espalier {}--help\n", error.what(), chosen.empty() ? "" : chosen.front()->get_name() + " ");
}

int run_command_line(int argc, char** argv, const studies::Registry& studies) {
  int exit_code = exit_done;
  CLI::App program("espalier: train, prune, embed, solve. Optimization over trained neural networks, thousands of instances at a time.");
  program.set_version_flag("--version", version_text());
  program.require_subcommand(1);
  program.footer(footer);
  try {
    add_run(program, exit_code, studies);
    add_plan(program, exit_code, studies);
    add_status(program, exit_code, studies);
    add_merge(program, exit_code, studies);
    add_solve(program, exit_code);
    add_verify(program, exit_code);
    add_convert(program);
    add_check(program, exit_code);
    add_report(program, exit_code, studies);
    add_table(program, exit_code);
    std::vector<std::string> words = words_of(argc, argv);
    if (const std::string refusal = refusal_of_command(program, words); !refusal.empty()) return refuse_usage(refusal);
    program.name(argc > 0 ? argv[0] : "espalier");
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    program.parse(words);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() != 0) return refuse_usage(usage_sentence(&program, error));
    exit_code = program.exit(error);  // --help, --version
  } catch (...) {
    return report_error();
  }
  try {
    flush_output();
  } catch (...) {
    return exit_code == exit_store ? exit_code : report_error();  // told already
  }
  return exit_code;
}

}  // namespace

int run_program(int argc, char** argv, const studies::Registry& studies) {
  const int exit_code = run_command_line(argc, argv, studies);
  return write_exit_code(exit_code) ? exit_done : exit_code;
}

}  // namespace espalier::app
