// How the solves of a group ended.
#pragma once
#include <array>
#include <cstdint>

namespace espalier::report {

struct Outcomes {
  std::int64_t solves = 0;       ///< all of them: the sum of the others
  std::int64_t adversarial = 0;  ///< a verified adversarial input was found
  std::int64_t none = 0;         ///< proved: there is none
  std::int64_t claimed = 0;      ///< a solver claims that there is none, and no check of ours agrees
  std::int64_t open = 0;         ///< a pruned network was solved to its end without one, which says nothing about the dense network
  std::int64_t limit = 0;        ///< ended by a limit without one
  std::int64_t errors = 0;       ///< ended by an error without one
  std::int64_t failed = 0;       ///< rows without a result
  std::int64_t other = 0;        ///< a status that this program does not know
};

/// One of them: its word above a column of text and in CSV. The text leaves out those that are zero everywhere unless `always`.
struct OutcomeColumn {
  const char* title;
  const char* csv_name;
  std::int64_t Outcomes::*count;
  bool always;
};

inline constexpr std::array<OutcomeColumn, 9> outcome_columns{{{"solves", "solves", &Outcomes::solves, true},
                                                               {"found", "adversarial", &Outcomes::adversarial, true},
                                                               {"none", "proved_none", &Outcomes::none, true},
                                                               {"claimed", "claimed_none", &Outcomes::claimed, false},
                                                               {"open", "open", &Outcomes::open, false},
                                                               {"limit", "limit", &Outcomes::limit, false},
                                                               {"error", "errors", &Outcomes::errors, false},
                                                               {"failed", "failed", &Outcomes::failed, false},
                                                               {"other", "other", &Outcomes::other, false}}};

}  // namespace espalier::report
