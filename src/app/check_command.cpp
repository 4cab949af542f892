#include <fmt/format.h>

#include <algorithm>

#include "app/commands.hpp"
#include "app/exit_codes.hpp"
#include "app/source.hpp"
#include "espalier/results/reader.hpp"
#include "espalier/stages/verify.hpp"
#include "espalier/store/check.hpp"

namespace espalier::app {

namespace {

std::size_t count_status(const std::filesystem::path& results, const std::string& status) {
  const results::Reader reader(results);
  const results::Table stages = reader.table("stages");
  const auto& values = stages.texts("status");
  return static_cast<std::size_t>(std::count(values.begin(), values.end(), status));
}

int run_check(const std::string& path) {
  const Source source = find_source(path);
  const std::filesystem::path& results = source.results;
  std::error_code not_there;
  const bool file_alone = source.directory.empty() || std::filesystem::equivalent(path, results, not_there);  // by what is in it
  if (file_alone) require_results(source);
  const std::vector<store::Finding> findings = file_alone ? store::check_results_file(results) : store::check_directory(source.directory);
  for (const store::Finding& finding : findings)
    fmt::print("{}: {}: {}\n", finding.severity == store::Severity::problem ? "problem" : "note", finding.where, finding.what);
  if (store::has_problem(findings)) return exit_some_failed;

  if (!std::filesystem::exists(results)) {
    fmt::print("the run is not complete\n");
    return exit_some_failed;
  }
  const stages::Verification verification = stages::verify_results(results);
  for (const std::string& finding : verification.findings) fmt::print("problem: {}\n", finding);
  const std::size_t failed = count_status(results, "failed");
  const std::size_t waiting = count_status(results, "waiting");
  fmt::print("{} solves, {} inputs run through their dense networks again: {}\n", verification.solves, verification.inputs,
             verification.findings.empty() ? "all as stored" : fmt::format("{} disagree", verification.findings.size()));
  if (verification.verdicts > 0)
    fmt::print("{} verdicts on properties{}\n", verification.verdicts,
               verification.without_network == 0
                   ? ""
                   : fmt::format("; {} witnesses were not run again: their networks are not in imports/ beside this file",
                                 verification.without_network));
  if (failed > 0) fmt::print("{} tasks failed\n", failed);
  if (waiting > 0) fmt::print("{} tasks are not done: the run is not complete\n", waiting);
  return verification.findings.empty() && failed == 0 && waiting == 0 ? exit_done : exit_some_failed;
}

}  // namespace

void add_check(CLI::App& program, int& exit_code) {
  auto source = std::make_shared<std::string>();
  CLI::App* command = program.add_subcommand("check", "Is it complete and undamaged? Every verified value is computed again");
  command->add_option("DIR|FILE.h5", *source, "output directory or result file")->required();
  command->footer("Example:\n  espalier check results/quickstart\nExit code 0 only if everything is complete, undamaged and verified.");
  command->callback([source, &exit_code] { exit_code = run_check(*source); });
}

}  // namespace espalier::app
