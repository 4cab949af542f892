#include "espalier/app/program.hpp"

#include <cstdlib>
#include <exception>
#include <string_view>

#include "app/commands.hpp"
#include "app/exit_codes.hpp"
#include "espalier/base/build_info.hpp"
#include "espalier/base/file.hpp"
#include "espalier/base/log.hpp"

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
    "  3   output directory locked, corrupt, foreign, unwritable or of another version\n"
    "  75  stopped early; the same command continues\n"
    "mpirun in recovery mode returns 0 whatever happens; ESPALIER_EXIT_CODE_FILE names a file that rank 0 writes its code to\n"
    "(empty since it can be stopped by signals).\n";

}  // namespace

namespace {

void write_exit_code_file(const std::string& text) {
  const char* file = std::getenv("ESPALIER_EXIT_CODE_FILE");
  const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  if (file == nullptr || *file == '\0' || (rank != nullptr && std::string_view(rank) != "0")) return;
  try {
    base::write_file_atomically(file, text);
  } catch (const std::exception& error) {
    base::log_warning("{}", error.what());
  }
}

}  // namespace

void tell_ready() { write_exit_code_file(""); }

int report_error() {
  try {
    throw;
  } catch (const base::Error& error) {
    base::log_error("{}", error.what());
    return exit_code_of(error.kind());
  } catch (const std::exception& error) {
    base::log_error("unexpected: {}", error.what());
  } catch (...) {
    base::log_error("unexpected: something that is no std::exception was thrown");
  }
  return exit_some_failed;
}

void tell_exit_code(int exit_code) { write_exit_code_file(fmt::format("{}\n", exit_code)); }

namespace {

int run_command_line(int argc, char** argv) {
  int exit_code = exit_done;
  CLI::App program("espalier: train, prune, embed, solve. Optimization over trained neural networks, thousands of instances at a time.");
  program.set_version_flag("--version", version_text());
  program.require_subcommand(1);
  program.footer(footer);
  try {
    add_run(program, exit_code);
    add_plan(program, exit_code);
    add_status(program, exit_code);
    add_merge(program, exit_code);
    add_solve(program, exit_code);
    add_check(program, exit_code);
    add_report(program, exit_code);
    program.parse(argc, argv);
    return exit_code;
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? exit_done : exit_configuration;
  } catch (...) {
    return report_error();
  }
}

}  // namespace

int run_program(int argc, char** argv) {
  const int exit_code = run_command_line(argc, argv);
  tell_exit_code(exit_code);
  return exit_code;
}

}  // namespace espalier::app
