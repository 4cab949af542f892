// One use of the program: the parameters that its experiment files may set, the stages that an instance needs, and its tables.
#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "espalier/config/experiment.hpp"
#include "espalier/stages/environment.hpp"
#include "espalier/task/stage.hpp"

namespace espalier::studies {

/// What `espalier report` prints, and the files that it writes beside it.
struct Report {
  std::string text;
  std::vector<std::pair<std::string, std::string>> files;  ///< name and content
};

/// Experiment files name one with `study:`.
class Study {
 public:
  virtual ~Study() = default;
  virtual std::string name() const = 0;
  virtual std::string description() const = 0;  ///< one line
  virtual const task::Pipeline& pipeline() const = 0;
  /// Those that the pipeline asks for: their tables are the study's.
  virtual task::StageRegistry make_stages(const std::shared_ptr<stages::Environment>& environment) const = 0;
  /// What a zip of its experiment files may be read from, beside CSV files (config::Studies).
  virtual std::map<std::string, config::ZipSource> zip_sources() const { return {}; }
  /// Of a result file of this study, complete or not.
  virtual Report report(const std::filesystem::path& results) const = 0;
};

/// The studies of a program, in the order in which they are listed.
class Registry {
 public:
  void add(std::unique_ptr<Study> study);  ///< throws Error(internal) if the name is taken
  /// Throws Error(configuration) naming those there are.
  const Study& find(std::string_view name) const;
  const std::vector<std::unique_ptr<Study>>& all() const { return studies_; }

 private:
  std::vector<std::unique_ptr<Study>> studies_;
};

/// "surrogate", the default of experiment files, "spr" and "verification".
Registry built_in();

/// What experiment files may say.
config::Studies config_studies(const Registry& studies);

}  // namespace espalier::studies
