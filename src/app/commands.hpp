// The subcommands. Each add_ function declares one on the command line; its callback sets the exit code or throws.
#pragma once
#include <CLI/CLI.hpp>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "espalier/studies/study.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::app {

void add_run(CLI::App& program, int& exit_code, const studies::Registry& studies);
void add_plan(CLI::App& program, int& exit_code, const studies::Registry& studies);
void add_status(CLI::App& program, int& exit_code, const studies::Registry& studies);
void add_merge(CLI::App& program, int& exit_code, const studies::Registry& studies);
void add_solve(CLI::App& program, int& exit_code);
void add_verify(CLI::App& program, int& exit_code);
void add_convert(CLI::App& program);
void add_check(CLI::App& program, int& exit_code);
void add_report(CLI::App& program, int& exit_code, const studies::Registry& studies);
void add_table(CLI::App& program, int& exit_code);

}  // namespace espalier::app
