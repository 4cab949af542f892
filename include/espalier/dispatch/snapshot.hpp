// Counts of a running experiment, for the progress display.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

namespace espalier::dispatch {

/// Tasks of one kind; total = finished_before + done + failed + running + ready + waiting.
struct KindCounts {
  std::string kind;
  std::size_t total = 0;
  std::size_t finished_before = 0;  ///< done or failed in an earlier run
  std::size_t done = 0;             ///< in this run, durable
  std::size_t failed = 0;           ///< in this run, durable
  std::size_t running = 0;          ///< with a worker, or its record not yet durable
  std::size_t ready = 0;
  std::size_t waiting = 0;  ///< for parents
};

struct Snapshot {
  std::vector<KindCounts> kinds;     ///< in the order in which they first appear in the graph
  std::size_t dropped_outcomes = 0;  ///< of superseded attempts
  std::size_t lost_workers = 0;
  std::size_t quarantined_workers = 0;
};

}  // namespace espalier::dispatch
