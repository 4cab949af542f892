#include "espalier/plan/expansion.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "espalier/base/error.hpp"
#include "espalier/base/process.hpp"
#include "espalier/task/variants.hpp"

namespace espalier::plan {

using base::ErrorKind;
using config::Block;
using config::Experiment;
using task::Parameters;

namespace {

double bound(const Block& block);

/// Instances of the cases of one combination of the block's axes.
double bound_of_cases(const Block& block) {
  if (block.cases.empty()) return 1;
  double sum = 0;
  for (const Block& inner : block.cases) sum += bound(inner);
  return sum;
}

double bound(const Block& block) {
  double product = bound_of_cases(block);
  for (const config::Axis& axis : block.product) product *= static_cast<double>(axis.values.size());
  for (const config::Zip& zip : block.zips) product *= static_cast<double>(zip.rows.size());
  return (product + static_cast<double>(block.includes.size())) * static_cast<double>(block.repetitions.value_or(1));
}

std::string count_text(double count) { return count < 0x1p53 ? fmt::format("{:.0f}", count) : fmt::format("about {:.3g}", count); }

/// "dataset.name (2) x [train.seed, problem.epsilon] (10) x cases (41) + 1 included, 3 repetitions"
std::string factors(const Block& block) {
  std::vector<std::string> parts;
  for (const config::Axis& axis : block.product) parts.push_back(fmt::format("{} ({})", axis.name, axis.values.size()));
  for (const config::Zip& zip : block.zips) parts.push_back(fmt::format("[{}] ({})", fmt::join(zip.columns, ", "), zip.rows.size()));
  if (!block.cases.empty()) parts.push_back(fmt::format("cases ({})", count_text(bound_of_cases(block))));
  std::string text = parts.empty() ? "one instance" : fmt::format("{}", fmt::join(parts, " x "));
  if (!block.includes.empty()) text += fmt::format(" + {} included", block.includes.size());
  if (block.repetitions) text += fmt::format(", {} repetitions", *block.repetitions);
  return text;
}

void describe_block(const Block& block, std::string& text) {
  text += fmt::format("{}: {} = {}\n", block.place.path, factors(block), count_text(bound(block)));
  for (const Block& inner : block.cases) describe_block(inner, text);
}

class Expander {
 public:
  Expander(const Experiment& experiment, const task::Schema& schema, const InstanceVisitor& visit)
      : experiment_(experiment), visit_(visit), variants_(schema) {
    for (const task::Field& field : schema) {
      if (!field.default_value) required_.push_back(&field);
      if (field.check_file) files_.push_back(&field);
    }
  }

  ExpansionCount run() {
    expand(experiment_.root, Parameters());
    report_unmatched(experiment_.root);
    return std::move(count_);
  }

 private:
  void expand(const Block& block, const Parameters& outer) {
    path_.push_back(&block);
    Parameters base = outer;
    for (const auto& [name, value] : block.parameters.map()) base.set(name, value);
    for (std::int64_t i = 0; i < block.repetitions.value_or(1); ++i) {
      if (block.repetitions) base.set("repetition", i);
      Parameters varied = base;
      vary_product(block, 0, varied);
      for (const Parameters& include : block.includes) {
        Parameters extra = base;
        for (const auto& [name, value] : include.map()) extra.set(name, value);
        deliver(std::move(extra), Excludes::outer);
      }
    }
    path_.pop_back();
  }

  void vary_product(const Block& block, std::size_t axis, Parameters& varied) {
    if (axis == block.product.size()) return vary_zips(block, 0, varied);
    for (const task::Value& value : block.product[axis].values) {
      varied.set(block.product[axis].name, value);
      vary_product(block, axis + 1, varied);
    }
  }

  void vary_zips(const Block& block, std::size_t index, Parameters& varied) {
    if (index == block.zips.size()) return finish(block, varied);
    const config::Zip& zip = block.zips[index];
    for (const auto& row : zip.rows) {
      for (std::size_t i = 0; i < row.size(); ++i) varied.set(zip.columns[i], row[i]);
      vary_zips(block, index + 1, varied);
    }
  }

  void finish(const Block& block, const Parameters& varied) {
    if (block.cases.empty()) return deliver(varied, Excludes::all);
    for (const Block& inner : block.cases) expand(inner, varied);
  }

  enum class Excludes { all, outer };  ///< an include is spared by the excludes of its own block

  void deliver(Parameters instance, Excludes excludes) {
    for (const Block* block : path_)
      for (const config::Conditional& conditional : block->conditionals)
        if (conditional.condition.matches(instance)) {
          matched_.insert(&conditional.condition);
          for (const auto& [name, value] : conditional.set.map()) instance.set(name, value);
        }
    for (const Block* block : path_) {
      if (block == path_.back() && excludes == Excludes::outer) continue;
      for (const config::Pattern& pattern : block->excludes)
        if (pattern.matches(instance)) {
          matched_.insert(&pattern);
          ++count_.excluded;
          return;
        }
    }
    require_all(instance);
    name_by_content(instance);
    ++count_.instances;
    visit_(instance, *path_.back());
  }

  /// Where a file stands is nothing to its instances: they know its name without the folder, and its content.
  void name_by_content(Parameters& instance) const {
    for (const task::Field* field : files_) {
      if (!instance.contains(field->name)) continue;  // it does not exist in this instance
      const std::string name = instance.text(field->name);
      const auto file = experiment_.files.find(name);
      if (file == experiment_.files.end()) continue;  // the default
      instance.set(field->name, std::filesystem::path(name).filename().string());
      instance.set(task::file_hash_name(field->name), file->second.hex());
    }
  }

  void require_all(const Parameters& instance) const {
    for (const task::Field* field : required_)
      if (!instance.contains(field->name)) {
        if (!field->exists_if.empty() && std::ranges::count(variants_.absent(instance), field->name) > 0) continue;
        const config::Place& place = path_.back()->place;
        base::fail(ErrorKind::configuration,
                   "{}:{}:{}: {}: {} is required ({}): set it under parameters, as an axis of product, or by --set {}=VALUE",
                   experiment_.file, place.line, place.column, place.path, field->name, config::expectation(*field), field->name);
      }
  }

  void report_unmatched(const Block& block) {
    for (const config::Pattern& pattern : block.excludes)
      if (!matched_.contains(&pattern)) count_.notes.push_back(pattern.place.path + " matches no instance");
    for (const config::Conditional& conditional : block.conditionals)
      if (!matched_.contains(&conditional.condition)) count_.notes.push_back(conditional.condition.place.path + " matches no instance");
    for (const Block& inner : block.cases) report_unmatched(inner);
  }

  const Experiment& experiment_;
  const InstanceVisitor& visit_;
  task::Variants variants_;
  std::vector<const task::Field*> required_;
  std::vector<const task::Field*> files_;  ///< parameters that name files
  std::vector<const Block*> path_;         ///< from the outermost block to the current one
  std::set<const config::Pattern*> matched_;
  ExpansionCount count_;
};

}  // namespace

double instance_bound(const Experiment& experiment) { return bound(experiment.root); }

std::string describe_axes(const Experiment& experiment) {
  std::string text;
  for (const Block& block : experiment.root.cases) describe_block(block, text);
  if (experiment.root.repetitions) text += fmt::format("all of it in {} repetitions\n", *experiment.root.repetitions);
  return text;
}

TaskLimit task_limit(const Experiment& experiment) {
  constexpr const char* more = "--set run.max_tasks=N allows more";
  if (const std::int64_t given = experiment.run.integer("max_tasks"); given > 0)
    return {given, fmt::format("run.max_tasks allows {} ({})", given, more)};
  constexpr double bytes_per_task = 512;
  const double memory = base::memory_bytes();
  const auto tasks = static_cast<std::int64_t>(std::min(memory / 2 / bytes_per_task, 4294967295.0));
  return {tasks, fmt::format("half of this machine's memory of {:.1f} GiB holds {} ({})", memory / 0x1p30, tasks, more)};
}

void check_size(const Experiment& experiment) {
  const double instances = instance_bound(experiment);
  const TaskLimit limit = task_limit(experiment);
  if (instances <= static_cast<double>(limit.tasks)) return;
  base::fail(ErrorKind::configuration, "{}: the grid has {} instances, {}:\n{}", experiment.file, count_text(instances), limit.why,
             describe_axes(experiment));
}

ExpansionCount for_each_instance(const Experiment& experiment, const task::Schema& schema, const InstanceVisitor& visit) {
  ExpansionCount count = Expander(experiment, schema, visit).run();
  if (count.instances == 0)
    base::fail(ErrorKind::configuration, "{}: the grid is empty: all of its {} instances are excluded", experiment.file, count.excluded);
  return count;
}

}  // namespace espalier::plan
