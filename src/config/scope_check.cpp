// Who may say what a parameter is: on the way from the file to one instance, a parameter is an axis at most once, and nothing
// below or beside that axis sets it again. Otherwise instances would silently coincide.
#include <fmt/format.h>

#include <map>
#include <set>
#include <string>

#include "config/block_reader.hpp"

namespace espalier::config {

namespace {

/// Axes of the blocks around a block: parameter -> path of the axis.
using Axes = std::map<std::string, std::string>;

/// Every parameter that the block's own product, zips and repetitions vary.
std::vector<std::pair<std::string, Place>> own_axes(const Block& block) {
  std::vector<std::pair<std::string, Place>> axes;
  for (const Axis& axis : block.product) axes.emplace_back(axis.name, axis.place);
  for (const Zip& zip : block.zips)
    for (const std::string& column : zip.columns) axes.emplace_back(column, zip.place);
  if (block.repetitions) axes.emplace_back("repetition", block.place);
  return axes;
}

class ScopeCheck {
 public:
  explicit ScopeCheck(Problems& problems) : problems_(problems) {}

  void check(const Block& block, const Axes& outer) {
    refuse_set(block.parameters, outer, block.place, "parameters");
    Axes axes = outer;
    for (const auto& [name, place] : own_axes(block)) {
      if (const auto [it, is_new] = axes.emplace(name, place.path); !is_new)
        problems_.add(place, fmt::format("{} is an axis already, in {}", name, it->second));
      if (block.parameters.contains(name))
        problems_.add(place, fmt::format("{} is an axis and is set under parameters of the same block: expected one of the two", name));
    }
    for (const task::Parameters& include : block.includes) refuse_set(include, outer, block.place, "include");
    for (const Block& inner : block.cases) check(inner, axes);
    check_conditionals(block, axes);
  }

 private:
  void refuse_set(const task::Parameters& parameters, const Axes& axes, const Place& place, const char* section) {
    for (const auto& [name, value] : parameters.map())
      if (const auto axis = axes.find(name); axis != axes.end())
        problems_.add(place, fmt::format("{} under {} is an axis already, in {}", name, section, axis->second));
  }

  void check_conditionals(const Block& block, const Axes& around) {
    if (block.conditionals.empty()) return;
    Axes axes = around;
    for (const Block& inner : block.cases) collect(inner, axes);
    collect_includes(block, axes);
    for (const Conditional& conditional : block.conditionals) refuse_set(conditional.set, axes, conditional.condition.place, "set");
  }

  static void collect(const Block& block, Axes& axes) {
    for (const auto& [name, place] : own_axes(block)) axes.emplace(name, place.path);
    collect_includes(block, axes);
    for (const Block& inner : block.cases) collect(inner, axes);
  }

  static void collect_includes(const Block& block, Axes& axes) {
    for (const task::Parameters& include : block.includes)
      for (const auto& [name, value] : include.map()) axes.emplace(name, join_path(block.place.path, "include"));
  }

  Problems& problems_;
};

}  // namespace

void check_scopes(const Block& root, Problems& problems) { ScopeCheck(problems).check(root, {}); }

}  // namespace espalier::config
