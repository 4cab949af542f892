#include "config/block_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "config/csv.hpp"
#include "config/sequence.hpp"
#include "config/value_reader.hpp"
#include "espalier/base/text.hpp"

namespace espalier::config {

using task::Field;
using task::Schema;
using task::Value;

namespace {

constexpr const char* repetition_parameter = "repetition";

class BlockReader {
 public:
  BlockReader(const Schema& schema, const ZipSources& sources, const std::filesystem::path& folder, Problems& problems)
      : schema_(schema), sources_(sources), folder_(folder), problems_(problems) {}

  /// The keys that the outermost and the inner blocks share.
  void read_common(const Node& node, Block& block) {
    if (const Node* child = node.find("parameters"))
      block.parameters = read_parameters(*child, schema_, place_of(block, "parameters", *child), problems_);
    if (const Node* child = node.find("exclude"))
      for_each_item(*child, place_of(block, "exclude", *child), "pattern, as {train.seed: 0}",
                    [&](const Node& item, const Place& place) { block.excludes.push_back(read_pattern(item, place)); });
    if (const Node* child = node.find("when"))
      for_each_item(*child, place_of(block, "when", *child), "conditional, as {if: {...}, set: {...}}",
                    [&](const Node& item, const Place& place) { block.conditionals.push_back(read_conditional(item, place)); });
    if (const Node* child = node.find("repetitions")) read_repetitions(*child, block);
  }

  void read_cases(const Node& node, const Place& place, Block& block) {
    for_each_item(node, place, "block", [&](const Node& item, const Place& here) { block.cases.push_back(read_block(item, here)); });
  }

 private:
  static Place place_of(const Block& block, const char* key, const Node& node) {
    return {join_path(block.place.path, key), node.line, node.column};
  }

  /// A list with at least one entry.
  template <class Read>
  void for_each_item(const Node& node, const Place& place, const char* what, const Read& read) {
    if (node.kind != Node::Kind::sequence || node.items.empty()) {
      problems_.add(place, fmt::format("expected a list of at least one {}, found {}", what, describe_found(node)));
      return;
    }
    for (std::size_t i = 0; i < node.items.size(); ++i)
      read(node.items[i], Place{join_path(place.path, i), node.items[i].line, node.items[i].column});
  }

  bool expect_map(const Node& node, const char* what, const Place& place) {
    if (node.kind == Node::Kind::map) return true;
    problems_.add(place, fmt::format("expected {}, found {}", what, describe_found(node)));
    return false;
  }

  Block read_block(const Node& node, const Place& place) {
    static const std::vector<std::string> legal{"parameters", "product", "zip", "cases", "include", "exclude", "when", "repetitions"};
    Block block;
    block.place = place;
    if (!expect_map(node, "a block (a map)", place)) return block;
    check_keys(node, legal, schema_, place, problems_);
    read_common(node, block);
    if (const Node* child = node.find("product")) block.product = read_axes(*child, place_of(block, "product", *child));
    if (const Node* child = node.find("zip")) read_zips(*child, place_of(block, "zip", *child), block);
    if (const Node* child = node.find("cases")) read_cases(*child, place_of(block, "cases", *child), block);
    if (const Node* child = node.find("include"))
      for_each_item(*child, place_of(block, "include", *child), "map of parameters", [&](const Node& item, const Place& here) {
        block.includes.push_back(read_parameters(item, schema_, here, problems_));
      });
    return block;
  }

  std::vector<Axis> read_axes(const Node& node, const Place& place) {
    std::vector<Axis> axes;
    read_leaves(node, schema_, place, problems_, [&](const Field& field, const Node& value, const Place& here) {
      axes.push_back({field.name, read_values(value, field, here, problems_), here});
    });
    if (node.kind == Node::Kind::map && node.entries.empty()) problems_.add(place, "expected at least one axis, found an empty map");
    return axes;
  }

  /// A list of rows, a map of columns, a file of columns, or a list of several lists or files.
  void read_zips(const Node& node, const Place& place, Block& block) {
    const bool several = node.kind == Node::Kind::sequence && !node.items.empty() &&
                         (node.items[0].kind == Node::Kind::sequence || is_zip_file(node.items[0], sources_));
    if (!several) {
      block.zips.push_back(read_zip(node, place));
      return;
    }
    for_each_item(node, place, "list of rows", [&](const Node& item, const Place& here) { block.zips.push_back(read_zip(item, here)); });
  }

  Zip read_zip(const Node& node, const Place& place) {
    if (is_zip_file(node, sources_)) return read_rows_of_file(node, place);
    return node.kind == Node::Kind::map ? read_zip_columns(node, place) : read_zip_rows(node, place);
  }

  Zip read_rows_of_file(const Node& node, const Place& place) {
    Zip zip = read_zip_file(node, sources_, folder_, schema_, place, problems_);
    check_rows_differ(zip);
    return zip;
  }

  Zip read_zip_columns(const Node& node, const Place& place) {
    Zip zip{place, {}, {}};
    for (const Axis& axis : read_columns(node, place)) {
      if (zip.columns.empty()) zip.rows.resize(axis.values.size());
      if (axis.values.size() != zip.rows.size()) {
        problems_.add(axis.place,
                      fmt::format("expected {} values, as many as {} has, found {}", zip.rows.size(), zip.columns[0], axis.values.size()));
        return zip;
      }
      zip.columns.push_back(axis.name);
      for (std::size_t i = 0; i < zip.rows.size(); ++i) zip.rows[i].push_back(axis.values[i]);
    }
    if (zip.columns.empty() && node.entries.empty()) problems_.add(place, "expected at least one column, found an empty map");
    check_rows_differ(zip);
    return zip;
  }

  /// Unlike an axis, a column may repeat a value.
  std::vector<Axis> read_columns(const Node& node, const Place& place) {
    std::vector<Axis> columns;
    read_leaves(node, schema_, place, problems_, [&](const Field& field, const Node& value, const Place& here) {
      Axis column{field.name, {}, here};
      const std::optional<Node> list = is_sequence_map(value) ? expand_sequence(value, here, problems_) : value;
      if (list)
        for_each_item(*list, here, "value", [&](const Node& item, const Place& item_place) {
          if (auto read = read_value(item, field, item_place, problems_)) column.values.push_back(std::move(*read));
        });
      columns.push_back(std::move(column));
    });
    return columns;
  }

  Zip read_zip_rows(const Node& node, const Place& place) {
    Zip zip{place, {}, {}};
    bool first = true;
    for_each_item(node, place, "row, as {train.seed: 2, problem.sample_index: 7}", [&](const Node& item, const Place& here) {
      const task::Parameters row = read_parameters(item, schema_, here, problems_);
      std::vector<std::string> columns;
      std::vector<Value> values;
      for (const auto& [name, value] : row.map()) {
        columns.push_back(name);
        values.push_back(value);
      }
      if (first) zip.columns = columns;
      first = false;
      if (columns.empty())
        problems_.add(here, "expected a row with at least one parameter");
      else if (columns != zip.columns)
        problems_.add(here, fmt::format("expected the parameters of the first row ({}), found {}", fmt::join(zip.columns, ", "),
                                        fmt::join(columns, ", ")));
      else
        zip.rows.push_back(std::move(values));
    });
    check_rows_differ(zip);
    return zip;
  }

  void check_rows_differ(const Zip& zip) {
    std::vector<std::vector<Value>> sorted = zip.rows;
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) problems_.add(zip.place, "two rows are equal");
  }

  Pattern read_pattern(const Node& node, const Place& place) {
    Pattern pattern{place, {}};
    read_leaves(node, schema_, place, problems_, [&](const Field& field, const Node& value, const Place& here) {
      Axis axis{field.name, {}, here};
      if (is_list_of(value, field)) {
        axis.values = read_values(value, field, here, problems_);
      } else if (auto read = read_value(value, field, here, problems_)) {
        axis.values.push_back(std::move(*read));
      }
      pattern.any_of.push_back(std::move(axis));
    });
    if (node.kind == Node::Kind::map && node.entries.empty()) problems_.add(place, "expected at least one parameter, found an empty map");
    return pattern;
  }

  Conditional read_conditional(const Node& node, const Place& place) {
    static const std::vector<std::string> legal{"if", "set"};
    Conditional conditional;
    conditional.condition.place = place;
    if (!expect_map(node, "a conditional, as {if: {...}, set: {...}}", place)) return conditional;
    check_keys(node, legal, schema_, place, problems_);
    const Node* condition = node.find("if");
    const Node* set = node.find("set");
    if (!condition || !set) {
      problems_.add(place, fmt::format("expected the keys if and set, found no {}", condition ? "set" : "if"));
      return conditional;
    }
    conditional.condition = read_pattern(*condition, {join_path(place.path, "if"), condition->line, condition->column});
    conditional.condition.place = place;
    const Place set_place{join_path(place.path, "set"), set->line, set->column};
    conditional.set = read_parameters(*set, schema_, set_place, problems_);
    if (set->kind == Node::Kind::map && set->entries.empty())
      problems_.add(set_place, "expected at least one parameter, found an empty map");
    return conditional;
  }

  void read_repetitions(const Node& node, Block& block) {
    static const Field count{.name = "repetitions", .type = task::ValueType::integer, .minimum = 1};
    const Place place = place_of(block, "repetitions", node);
    if (!task::find_field(schema_, repetition_parameter))
      problems_.add(place, "there is no parameter 'repetition' that could number the repetitions");
    else if (const auto value = read_value(node, count, place, problems_))
      block.repetitions = std::get<std::int64_t>(*value);
  }

  const Schema& schema_;
  const ZipSources& sources_;
  const std::filesystem::path& folder_;
  Problems& problems_;
};

}  // namespace

void check_keys(const Node& node, std::span<const std::string> legal, const Schema& schema, const Place& place, Problems& problems) {
  for (const auto& [key, line, column, value] : node.entries) {
    if (std::find(legal.begin(), legal.end(), key) != legal.end()) continue;
    const Place here{join_path(place.path, key), line, column};
    if (task::find_field(schema, key) || is_section(schema, key)) {
      problems.add(here, fmt::format("'{}' is a parameter: expected it under parameters, product or zip", key));
      continue;
    }
    const std::string hint = base::did_you_mean(key, legal);
    problems.add(
        here, fmt::format("unknown key '{}'{}", key, hint.empty() ? fmt::format("; the legal keys are {}", fmt::join(legal, ", ")) : hint));
  }
}

Block read_root(const Node& document, const Schema& schema, const ZipSources& sources, const std::filesystem::path& folder,
                Problems& problems) {
  BlockReader reader(schema, sources, folder, problems);
  Block root;
  root.place = {"", document.line, document.column};
  reader.read_common(document, root);
  if (const Node* grid = document.find("grid"))
    reader.read_cases(*grid, {"grid", grid->line, grid->column}, root);
  else
    problems.add(root.place, "expected a key 'grid', the list of blocks whose instances are wanted");
  return root;
}

}  // namespace espalier::config
