#include "config/files.hpp"

#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"

namespace espalier::config {

namespace fs = std::filesystem;
using task::Field;
using task::Parameters;
using task::Schema;
using task::Value;

namespace {

bool names_file(const Field& field, const Value& value) { return field.check_file && value != field.default_value; }

/// Calls visit(field, value, place) for every value of the fields that name files, in a block and those within it; visit may change it.
template <class Visit>
class FileValues {
 public:
  FileValues(const Schema& schema, const Visit& visit) : schema_(schema), visit_(visit) {}

  void walk(Block& block) const {
    parameters(block.parameters, block.place);
    for (Axis& axis : block.product) values(axis);
    for (Zip& zip : block.zips) rows(zip);
    for (Parameters& include : block.includes) parameters(include, block.place);
    for (Pattern& pattern : block.excludes) this->pattern(pattern);
    for (Conditional& conditional : block.conditionals) {
      pattern(conditional.condition);
      parameters(conditional.set, conditional.condition.place);
    }
    for (Block& inner : block.cases) walk(inner);
  }

 private:
  const Field* file_field(const std::string& name) const {
    const Field* field = task::find_field(schema_, name);
    return field != nullptr && field->check_file ? field : nullptr;
  }
  void value(const Field& field, Value& value, const Place& place) const {
    if (names_file(field, value)) visit_(field, value, place);
  }
  void parameters(Parameters& parameters, const Place& place) const {
    for (const Field& field : schema_) {
      if (!field.check_file || !parameters.contains(field.name)) continue;
      Value now = *parameters.find(field.name);
      value(field, now, {field.name, place.line, place.column});
      parameters.set(field.name, std::move(now));
    }
  }
  void values(Axis& axis) const {
    if (const Field* field = file_field(axis.name))
      for (Value& one : axis.values) value(*field, one, axis.place);
  }
  void rows(Zip& zip) const {
    for (std::size_t j = 0; j < zip.columns.size(); ++j)
      if (const Field* field = file_field(zip.columns[j]))
        for (auto& row : zip.rows) value(*field, row[j], zip.place);
  }
  void pattern(Pattern& pattern) const {
    for (Axis& axis : pattern.any_of) values(axis);
  }

  const Schema& schema_;
  const Visit& visit_;
};

}  // namespace

void require_regular_file(const fs::path& path) {
  std::error_code none;
  if (fs::exists(path, none) && !fs::is_regular_file(path, none))
    base::fail(base::ErrorKind::configuration, "expected a file, found {} at '{}'",
               fs::is_directory(path, none) ? "a folder" : "something else", path.string());
}

Value resolve_file(Value value, const Field& field, const fs::path& folder) {
  if (!names_file(field, value)) return value;
  return fs::absolute(folder / std::get<std::string>(value)).lexically_normal().string();
}

void resolve_files(Block& block, const Schema& schema, const fs::path& folder) {
  const auto visit = [&](const Field& field, Value& value, const Place&) { value = resolve_file(value, field, folder); };
  FileValues(schema, visit).walk(block);
}

Files read_files(const Node& document, Problems& problems) {
  Files files;
  const Node* node = document.find("files");
  if (node == nullptr) return files;
  if (node->kind != Node::Kind::map) {
    problems.add({"files", node->line, node->column}, fmt::format("expected a map of files and hashes, found {}", describe_found(*node)));
    return files;
  }
  for (const auto& [name, line, column, value] : node->entries) try {
      files[name] = base::Digest::from_hex(value.text);
    } catch (const base::Error&) {
      problems.add({"files." + name, line, column}, fmt::format("expected 32 hexadecimal digits, found {}", describe_found(value)));
    }
  return files;
}

Files pin_files(Block& root, const Schema& schema, const Files& known, Problems& problems) {
  Files files;
  const auto visit = [&](const Field& field, Value& value, const Place& place) {
    const std::string& name = std::get<std::string>(value);
    if (files.contains(name)) return;
    base::Digest& hash = files[name];
    if (const auto it = known.find(name); it != known.end()) {
      hash = it->second;
      return;
    }
    if (Value(fs::path(name).filename().string()) == field.default_value) {
      problems.add(place, fmt::format("expected a file of another name: {} stands for no file", fs::path(name).filename().string()));
      return;
    }
    try {
      require_regular_file(name);
      field.check_file(name);
      hash = base::digest_file(name);
    } catch (const base::Error& error) {
      problems.add(place, error.what());
    }
  };
  FileValues(schema, visit).walk(root);
  return files;
}

}  // namespace espalier::config
