// An experiment file as plain structs. Nothing behind this header sees YAML.
//
// A file is a tree of blocks. The outermost block carries `parameters`, `when`, `exclude` and `repetitions`; its cases are the
// entries of `grid`. A block stands for
//     (product of its axes) x (rows of its zip tables) x (union of its cases, or one instance if it has none) + its includes,
// all of it times its repetitions. Later wins: schema defaults < outer parameters < inner parameters < axes, zip rows and
// includes < conditionals (outer first, in file order) < --set.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "espalier/base/hash.hpp"
#include "espalier/task/field.hpp"
#include "espalier/task/value.hpp"

namespace espalier::config {

/// Where something stands: for messages. Lines and columns are one-based; 0 means "not in a file" (made by --set).
struct Place {
  std::string path;  ///< "grid[0].cases[1].product.train.seed"
  int line = 0;
  int column = 0;
};

/// One dimension of a product: a parameter and the values it takes.
struct Axis {
  std::string name;
  std::vector<task::Value> values;  ///< not empty, all different
  Place place;
};

/// Parameters that move together: one row, one combination.
struct Zip {
  Place place;
  std::vector<std::string> columns;
  std::vector<std::vector<task::Value>> rows;  ///< rows[i][j] belongs to columns[j]; not empty, all different
};

/// Matches an instance when every named parameter has one of the listed values.
struct Pattern {
  Place place;
  std::vector<Axis> any_of;
  bool matches(const task::Parameters& instance) const;
};

/// Sets parameters in the instances that a pattern matches.
struct Conditional {
  Pattern condition;
  task::Parameters set;
};

struct Block {
  Place place;
  task::Parameters parameters;
  std::vector<Axis> product;
  std::vector<Zip> zips;
  std::vector<Block> cases;                ///< empty: the block's combinations are instances themselves
  std::vector<task::Parameters> includes;  ///< extra instances: the block's parameters and these; not combined with its axes or cases
  std::vector<Pattern> excludes;           ///< drops matching instances, conditionals applied; spares this block's own includes
  std::vector<Conditional> conditionals;
  std::optional<std::int64_t> repetitions;  ///< sets the parameter `repetition` to 0, ..., repetitions - 1
};

/// Absolute names of files and XXH3-128 of their content.
using Files = std::map<std::string, base::Digest>;

struct Experiment {
  std::string file;  ///< as in messages
  std::string study;
  std::string name;
  std::string description;
  task::Parameters run;            ///< complete settings of run_schema(): they change how a run behaves, never its results
  Block root;                      ///< root.parameters is complete: schema defaults are filled in, except required parameters nobody set
  Files files;                     ///< that parameters name (Field::check_file). The hashes are of when the experiment was first read
  std::vector<std::string> notes;  ///< what --set did to axes and conditionals, one sentence each
};

/// The legal keys of the `run:` section (without "run."): max_failures, fail_fast, memory_limit, cpu_limit, kill_grace, max_tasks.
const task::Schema& run_schema();

/// Rows of a zip that stand in a file of some format: names of parameters first, then rows of values, written as in a CSV file. Throws
/// base::Error.
using ZipSource = std::function<std::vector<std::vector<std::string>>(const std::filesystem::path& file)>;

/// The studies that `study:` may name and the parameters of each. The first one is the default.
struct Studies {
  std::vector<std::string> names;
  std::function<const task::Schema&(const std::string& study)> schema;
  /// By the word that stands for them in `zip: {word: FILE}`, beside csv; may be empty.
  std::function<std::map<std::string, ZipSource>(const std::string& study)> zip_sources = {};
};

/// Reads and checks an experiment file against the schema of its study, then applies `overrides` ("a.b=value"; the value is a YAML scalar
/// or a flow list; "run." reaches the run settings).
///
/// One value holds in every instance: it removes every other mention of the parameter, in outer and inner values, axes, includes and
/// conditionals. A list replaces the values of the parameter's axes; a parameter that is no axis anywhere becomes an axis of every
/// block of the grid. In a zip an override selects the rows that have the value, because the other columns belong to them. What cannot
/// exist beside a value that holds in every instance (task::Variants) is left out, and notes say so.
///
/// Values that name files (Field::check_file) become absolute: names in an experiment file are relative to its folder, those of overrides
/// to the working directory. Their content is hashed now, unless the key `files` says what it was, as to_yaml() writes it.
///
/// Throws Error(configuration) listing up to ten problems, one a line:
///     "file:line:column: path: expected ..., found ... (did you mean ...?)"
Experiment load_experiment(const std::filesystem::path& path, const Studies& studies, const std::vector<std::string>& overrides = {});
Experiment parse_experiment(std::string_view text, const std::string& file, const Studies& studies,
                            const std::vector<std::string>& overrides = {});
/// With one study, called "study", that has this schema.
Experiment load_experiment(const std::filesystem::path& path, const task::Schema& schema, const std::vector<std::string>& overrides = {});
Experiment parse_experiment(std::string_view text, const std::string& file, const task::Schema& schema,
                            const std::vector<std::string>& overrides = {});

/// The experiment as a complete file: defaults spelled out, overrides applied. Reading it gives the same experiment.
std::string to_yaml(const Experiment& experiment);

/// What a value must be: "integer >= 0", "real number in [0, 1)", "one of adam, sgd", "true or false", "list of integers >= 1".
std::string expectation(const task::Field& field);

/// Reference text of the parameters: name, legal values, default, unit and meaning, grouped by section.
std::string describe(const task::Schema& schema);

}  // namespace espalier::config
