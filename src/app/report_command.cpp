#include <iostream>

#include "app/commands.hpp"
#include "espalier/base/file.hpp"
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
  command->add_option("--out", options->out, "also write summary.txt and summary.csv into this directory");
  command->footer("Example:\n  espalier report results/quickstart");
  command->callback([options] {
    const auto rows = report::summarise_file(options->source);
    std::cout << report::format_text(rows);
    if (options->out.empty()) return;
    std::filesystem::create_directories(options->out);
    base::write_file_atomically(options->out / "summary.txt", report::format_text(rows));
    base::write_file_atomically(options->out / "summary.csv", report::format_csv(rows));
  });
}

}  // namespace espalier::app
