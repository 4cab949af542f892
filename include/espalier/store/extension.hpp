// A sweep grows: what becomes of the tasks of an output directory when its configuration changes.
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "espalier/task/stage.hpp"
#include "espalier/task/task.hpp"

namespace espalier::store {

class OutputDirectory;

/// A finished task's outcome that is another task's as well: they differ in a limit only, which the outcome has not met.
struct Adoption {
  task::StageKey key;   ///< of the new task
  task::StageKey from;  ///< whose outcome it takes over
};

struct Extension {
  std::size_t kept = 0;      ///< tasks of the new graph that the directory has, finished or waiting
  std::size_t finished = 0;  ///< of these, how many have an outcome
  std::size_t again = 0;     ///< tasks whose outcome met a limit that is larger now
  std::size_t added = 0;     ///< the other tasks of the new graph
  std::size_t dropped = 0;   ///< tasks of the old graph that nothing in the new one stands for
  std::vector<Adoption> adoptions;
  std::map<std::string, std::vector<task::StageKey>> left;  ///< finished tasks that are not in the new graph, by kind of stage
};

/// Compares the graph of the directory's configuration with that of a new one. A task of the new graph that the old one has not takes over
/// the outcome of one that differs from it only in that its limit (task::Stage::limit_parameter) is smaller, unless the outcome met it.
Extension compare_graphs(const OutputDirectory& directory, const task::StageRegistry& stages, const task::TaskGraph& before,
                         const task::TaskGraph& now);

/// "17 tasks kept (16 of them finished), 2 that met a smaller limit run again, 3 added, 1 dropped"
std::string to_text(const Extension& extension);

}  // namespace espalier::store
