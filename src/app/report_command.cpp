#include <algorithm>
#include <iostream>

#include "app/commands.hpp"
#include "espalier/base/file.hpp"
#include "espalier/report/own_problems.hpp"
#include "espalier/report/summary.hpp"

namespace espalier::app {

void add_report(CLI::App& program, int&) {
  struct Options {
    std::filesystem::path source;
    std::filesystem::path out;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("report", "Tables from a result file alone");
  command->add_option("DIR|FILE.h5", options->source, "output directory or result file")->required();
  command->add_option("--out", options->out, "also write summary.txt and the tables as CSV into this directory");
  command->footer("Example:\n  espalier report results/quickstart");
  command->callback([options] {
    const auto rows = report::summarise_file(options->source);
    const auto own = report::summarise_own_problems(options->source);
    // Networks as trained stand in both tables; without surrogates the first has nothing else.
    const bool surrogates = std::any_of(rows.begin(), rows.end(), [](const auto& row) { return row.criterion != "none"; });
    const std::string text = (surrogates || own.empty() ? report::format_text(rows) : "") + report::format_text(own);
    std::cout << text;
    if (options->out.empty()) return;
    std::filesystem::create_directories(options->out);
    base::write_file_atomically(options->out / "summary.txt", text);
    base::write_file_atomically(options->out / "summary.csv", report::format_csv(rows));
    if (!own.empty()) base::write_file_atomically(options->out / "own_problems.csv", report::format_csv(own));
  });
}

}  // namespace espalier::app
