#include <algorithm>
#include <iostream>

#include "app/commands.hpp"
#include "app/source.hpp"
#include "espalier/base/file.hpp"
#include "espalier/report/own_problems.hpp"
#include "espalier/report/summary.hpp"

namespace espalier::app {

namespace {

void make_report(const std::string& path, const std::filesystem::path& out) {
  const Source source = find_source(path);
  require_results(source);
  const report::Results results = report::read_results(source.results);
  const report::Summary summary = report::summarise(results);
  const report::OwnProblems own = report::summarise_own_problems(results);
  // Networks as trained stand in both tables; without surrogates the first has nothing else.
  const bool surrogates = std::any_of(summary.rows.begin(), summary.rows.end(), [](const auto& row) { return !row.dense; });
  const bool with_summary = surrogates || own.rows.empty();
  const std::string text = report::describe_incomplete(results) + (with_summary ? report::format_text(summary) : "") +
                           (with_summary && !own.rows.empty() ? "\n" : "") + report::format_text(own);
  std::cout << text;
  if (out.empty()) return;
  base::make_directories(out);
  base::write_file_atomically(out / "summary.txt", text);
  if (with_summary) base::write_file_atomically(out / "summary.csv", report::format_csv(summary));
  if (!own.rows.empty()) base::write_file_atomically(out / "own_problems.csv", report::format_csv(own));
}

}  // namespace

void add_report(CLI::App& program, int&) {
  struct Options {
    std::string source;
    std::filesystem::path out;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("report", "Tables from a result file alone");
  command->add_option("DIR|FILE.h5", options->source, "output directory or result file")->required();
  command->add_option("--out", options->out, "also write what is printed to summary.txt in this directory, and each table of it as CSV");
  command->footer("Example:\n  espalier report results/quickstart");
  command->callback([options] { make_report(options->source, options->out); });
}

}  // namespace espalier::app
