// The bridge: the science tower implements Stage and Pipeline, the farm tower runs them without knowing what they do.
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "espalier/task/field.hpp"
#include "espalier/task/task.hpp"

namespace espalier::task {

/// What the worker hands to a running stage.
struct StageContext {
  std::filesystem::path output_directory;  ///< inputs' names are relative to it
  std::filesystem::path part_path;         ///< temporary name; a stage that leaves a part file writes and closes it here
  std::function<bool()> stop_requested = [] { return false; };  ///< polled by long stages; a stage that sees true throws StageStopped
};

/// Thrown by a stage that gave up because stop_requested() was true: the task goes back to the plan, it has not failed.
struct StageStopped {};

/// What a stage returns when it succeeds.
struct StageResult {
  Parameters values;
  std::vector<Array> arrays;
};

/// One kind of work. run() is called from one thread at a time per process and must be a function of the attempt alone.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual std::string kind() const = 0;
  virtual std::uint32_t schema_version() const = 0;
  /// Table of results.h5 in which its rows stand ("solves", "networks", ...).
  virtual std::string table() const = 0;
  /// Parameters that appear as columns, and result columns, with units and meanings.
  virtual const Schema& parameters() const = 0;
  virtual const Schema& columns() const = 0;
  /// The arrays it may return (name, unit, meaning; type is ignored).
  virtual const Schema& arrays() const = 0;
  virtual StageResult run(const Attempt& attempt, const StageContext& context) const = 0;
};

class StageRegistry {
 public:
  void add(std::unique_ptr<Stage> stage);            ///< throws Error(internal) if the kind is taken
  const Stage& find(const std::string& kind) const;  ///< throws Error(internal) naming the kinds there are
  const std::map<std::string, std::unique_ptr<Stage>>& all() const { return stages_; }

 private:
  std::map<std::string, std::unique_ptr<Stage>> stages_;
};

/// One stage that an instance needs.
struct StageRequest {
  std::string kind;
  Parameters parameters;
  std::vector<std::size_t> parents;  ///< indices of earlier requests of the same instance
  double expected_seconds = 1;
};

/// From one instance of the grid (a complete, checked set of parameters) to the stages it needs, parents first; the last one is
/// its result. Requests of different instances with equal contents become one task.
class Pipeline {
 public:
  virtual ~Pipeline() = default;
  /// Every parameter that an experiment file may set, with defaults and legal values.
  virtual const Schema& schema() const = 0;
  /// Throws Error(configuration) when the combination makes no sense, naming the parameters.
  virtual std::vector<StageRequest> expand(const Parameters& instance) const = 0;
};

}  // namespace espalier::task
