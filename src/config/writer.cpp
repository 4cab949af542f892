// From an experiment back to YAML.
#include <fmt/format.h>

#include <algorithm>

#include "espalier/config/experiment.hpp"

namespace espalier::config {

using task::Parameters;
using task::Value;

namespace {

bool is_plain(const std::string& text) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (text.empty() || !letter(text[0]) || text == "null" || text == "Null" || text == "NULL") return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.' || c == '/'; });
}

std::string quote(const std::string& text) {
  if (is_plain(text)) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n')
      quoted += "\\n";
    else if (c == '\t')
      quoted += "\\t";
    else if (c == '\r')
      quoted += "\\r";
    else
      quoted += c;
  }
  return quoted + '"';
}

std::string value_text(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return quote(*text);
  if (const auto* list = std::get_if<task::IntegerList>(&value)) return fmt::format("[{}]", fmt::join(*list, ", "));
  if (const auto* list = std::get_if<task::RealList>(&value)) return fmt::format("[{}]", fmt::join(*list, ", "));
  return task::to_text(value);
}

std::string flow_list(const std::vector<Value>& values) {
  std::string text;
  for (const Value& value : values) text += (text.empty() ? "" : ", ") + value_text(value);
  return "[" + text + "]";
}

std::string flow_map(const Parameters& parameters) {
  std::string text;
  for (const auto& [name, value] : parameters.map()) text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", name, value_text(value));
  return "{" + text + "}";
}

std::string flow_pattern(const Pattern& pattern) {
  std::string text;
  for (const Axis& axis : pattern.any_of) text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", axis.name, flow_list(axis.values));
  return "{" + text + "}";
}

class Writer {
 public:
  std::string text;

  void block_map(const char* key, const Parameters& parameters, int indent) {
    if (parameters.size() == 0) return;
    line(indent, "{}:", key);
    for (const auto& [name, value] : parameters.map()) line(indent + 2, "{}: {}", name, value_text(value));
  }

  void files(const Files& files) {
    if (files.empty()) return;
    line(0, "files:  # XXH3-128 of their content");
    for (const auto& [name, hash] : files) line(2, "{}: \"{}\"", quote(name), hash.hex());
  }

  /// The keys that the outermost and the inner blocks share.
  void common(const Block& block, int indent) {
    block_map("parameters", block.parameters, indent);
    if (!block.conditionals.empty()) line(indent, "when:");
    for (const Conditional& conditional : block.conditionals)
      line(indent + 2, "- {{if: {}, set: {}}}", flow_pattern(conditional.condition), flow_map(conditional.set));
    if (!block.excludes.empty()) line(indent, "exclude:");
    for (const Pattern& pattern : block.excludes) line(indent + 2, "- {}", flow_pattern(pattern));
    if (block.repetitions) line(indent, "repetitions: {}", *block.repetitions);
  }

  void cases(const char* key, const std::vector<Block>& blocks, int indent) {
    if (blocks.empty()) return;
    line(indent, "{}:", key);
    for (const Block& inner : blocks) {
      const std::size_t start = text.size();
      block(inner, indent + 4);
      if (text.size() == start)
        line(indent + 2, "- {{}}");
      else
        text[start + static_cast<std::size_t>(indent) + 2] = '-';
    }
  }

 private:
  template <class... Args>
  void line(int indent, fmt::format_string<Args...> format, Args&&... args) {
    text.append(static_cast<std::size_t>(indent), ' ');
    text += fmt::format(format, std::forward<Args>(args)...);
    text += '\n';
  }

  void block(const Block& block, int indent) {
    common(block, indent);
    if (!block.product.empty()) line(indent, "product:");
    for (const Axis& axis : block.product) line(indent + 2, "{}: {}", axis.name, flow_list(axis.values));
    if (!block.zips.empty()) line(indent, "zip:");
    for (const Zip& zip : block.zips) {
      const bool several = block.zips.size() > 1;
      if (several) line(indent + 2, "-");
      for (const auto& row : zip.rows) line(indent + (several ? 4 : 2), "- {}", flow_map(row_of(zip, row)));
    }
    cases("cases", block.cases, indent);
    if (!block.includes.empty()) line(indent, "include:");
    for (const Parameters& include : block.includes) line(indent + 2, "- {}", flow_map(include));
  }

  static Parameters row_of(const Zip& zip, const std::vector<Value>& values) {
    Parameters row;
    for (std::size_t i = 0; i < values.size(); ++i) row.set(zip.columns[i], values[i]);
    return row;
  }
};

}  // namespace

std::string to_yaml(const Experiment& experiment) {
  Writer writer;
  writer.text =
      "# The complete configuration: defaults spelled out, overrides applied. Values under parameters hold unless the grid says "
      "otherwise.\n";
  writer.text += fmt::format("name: {}\n", quote(experiment.name));
  if (!experiment.description.empty()) writer.text += fmt::format("description: {}\n", quote(experiment.description));
  writer.text += fmt::format("study: {}\n", quote(experiment.study));
  writer.block_map("run", experiment.run, 0);
  writer.common(experiment.root, 0);
  writer.cases("grid", experiment.root.cases, 0);
  writer.files(experiment.files);
  return writer.text;
}

}  // namespace espalier::config
