// YAML text as a plain tree. This is the only place where yaml-cpp is spoken to.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/problems.hpp"

namespace espalier::config {

struct Node {
  enum class Kind { null, scalar, sequence, map };
  Kind kind = Kind::null;
  std::string text;  ///< of a scalar
  bool quoted = false;
  int line = 0;  ///< one-based
  int column = 0;
  struct Entry;
  std::vector<Node> items;     ///< of a sequence
  std::vector<Entry> entries;  ///< of a map, in file order; keys are all different

  const Node* find(std::string_view key) const;
};

struct Node::Entry {
  std::string key;
  int line = 0;  ///< of the key
  int column = 0;
  Node value;
};

/// "'abc'", "the quoted text 'abc'", "a list", "a map", "nothing".
std::string describe_found(const Node& node);

/// `path` with a list index or a key behind it.
std::string join_path(const std::string& path, std::string_view key);
std::string join_path(const std::string& path, std::size_t index);

/// Parses one YAML document. Invalid YAML, tabs in indentation, control characters, several documents, tags, duplicate keys, merge
/// keys and keys that are not scalars become problems; then the result is empty if no tree could be made. Aliases are followed.
std::optional<Node> parse_document(std::string_view text, const std::string& path, Problems& problems);

}  // namespace espalier::config
