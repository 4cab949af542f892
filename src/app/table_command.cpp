#include <iostream>

#include "app/commands.hpp"
#include "app/source.hpp"
#include "espalier/report/rows.hpp"

namespace espalier::app {

namespace {

struct TableCommandOptions {
  std::string source;
  report::RowQuery query;
  bool csv = false;
  bool json = false;
};

void print_table(TableCommandOptions& options) {
  const Source source = find_source(options.source);
  require_results(source);
  if (options.json) options.query.format = report::RowFormat::json_lines;
  report::write_rows(source.results, options.query, std::cout);
}

}  // namespace

void add_table(CLI::App& program, int&) {
  auto options = std::make_shared<TableCommandOptions>();
  CLI::App* command = program.add_subcommand("table", "Rows of a result file as CSV or JSON, for scripts and spreadsheets");
  command->add_option("DIR|FILE.h5", options->source, "output directory or result file")->required();
  command->add_option("TABLE", options->query.table, "solves (default), networks, stages or another table of the file");
  command->add_option("--columns", options->query.columns, "only these, in this order: --columns key,solve_status,solve_seconds")
      ->delimiter(',')
      ->allow_extra_args(false);
  command
      ->add_option("--where", options->query.conditions,
                   "only rows that meet this, as 'prune_rate>=0.5' or 'solve_status!=limit'; several: all of them. 'dual_bound=': "
                   "rows without that value")
      ->allow_extra_args(false);
  CLI::Option* csv = command->add_flag("--csv", options->csv, "comma-separated values with a header (the default); no value: empty");
  command->add_flag("--json", options->json, "one JSON object per line; no value: null")->excludes(csv);
  command->footer(
      "Examples:\n"
      "  espalier table results/quickstart > solves.csv\n"
      "  espalier table results/quickstart networks --columns key,test_accuracy --where prune_criterion=magnitude --json\n"
      "src/results/SCHEMA.md describes tables and columns.");
  command->callback([options] { print_table(*options); });
}

}  // namespace espalier::app
