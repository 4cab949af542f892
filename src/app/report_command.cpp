#include <iostream>

#include "app/commands.hpp"
#include "app/source.hpp"
#include "espalier/base/file.hpp"
#include "espalier/h5/file.hpp"

namespace espalier::app {

namespace {

/// The study that a result file is of.
std::string study_of(const std::filesystem::path& results) {
  return h5::File::open_read_only(results).root().read_attribute<std::string>("study");
}

void make_report(const std::string& path, const std::filesystem::path& out, const studies::Registry& studies) {
  const Source source = find_source(path);
  require_results(source);
  const studies::Report report = studies.find(study_of(source.results)).report(source.results);
  std::cout << report.text;
  if (out.empty()) return;
  base::make_directories(out);
  base::write_file_atomically(out / "summary.txt", report.text);
  for (const auto& [name, content] : report.files) base::write_file_atomically(out / name, content);
}

}  // namespace

void add_report(CLI::App& program, int&, const studies::Registry& studies) {
  struct Options {
    std::string source;
    std::filesystem::path out;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = program.add_subcommand("report", "Tables from a result file alone");
  command->add_option("DIR|FILE.h5", options->source, "output directory or result file")->required();
  command->add_option("--out", options->out, "also write what is printed to summary.txt in this directory, and each table of it as CSV");
  command->footer("Example:\n  espalier report results/quickstart");
  command->callback([options, &studies] { make_report(options->source, options->out, studies); });
}

}  // namespace espalier::app
