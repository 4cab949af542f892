// Figures and words that the tables share.
#pragma once
#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "espalier/report/outcomes.hpp"

namespace espalier::report {

/// NaN of nothing.
double median(std::vector<double> values);

/// "-" for NaN.
std::string number(double value, int digits);
/// "50.0%"; "-" of nothing.
std::string percentage(std::int64_t part, std::int64_t whole);

/// Adds one row of /solves: `status` of the task, `solve_status` of its solve.
void count(Outcomes& outcomes, const std::string& status, const std::string& solve_status, bool adversarial);

/// The columns of outcomes that a text shows.
template <class Row>
std::vector<OutcomeColumn> shown_outcomes(const std::vector<Row>& rows) {
  std::vector<OutcomeColumn> shown;
  for (const OutcomeColumn& column : outcome_columns)
    if (column.always || std::any_of(rows.begin(), rows.end(), [&](const Row& row) { return row.outcomes.*column.count != 0; }))
      shown.push_back(column);
  return shown;
}
/// What their words mean.
std::string outcome_legend(const std::vector<OutcomeColumn>& shown);

/// The word for a parameter above a column: "data set" for dataset_name.
std::string title_of(const std::string& parameter);

/// "data set mnist, side 18, hidden 32-32" and an empty line: what all rows have in common; empty if there is nothing.
std::string describe_common(const std::vector<std::pair<std::string, std::string>>& common);

}  // namespace espalier::report
