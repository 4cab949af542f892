#include "config/document.hpp"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <sstream>

namespace espalier::config {

const Node* Node::find(std::string_view key) const {
  const auto it = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) { return entry.key == key; });
  return it == entries.end() ? nullptr : &it->value;
}

std::string describe_found(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return fmt::format("{}'{}'", node.quoted ? "the quoted text " : "", node.text);
    case Node::Kind::sequence:
      return node.items.empty() ? "an empty list" : "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "";
}

std::string join_path(const std::string& path, std::string_view key) {
  return path.empty() ? std::string(key) : fmt::format("{}.{}", path, key);
}
std::string join_path(const std::string& path, std::size_t index) { return fmt::format("{}[{}]", path, index); }

namespace {

/// Aliases can make a short text stand for an endless tree.
constexpr std::size_t most_nodes = 2'000'000;
constexpr int most_levels = 64;

/// Length of the UTF-8 sequence at the start of `text`, 0 if it is not one.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80 ? 1 : byte(0) < 0xC2 ? 0 : byte(0) < 0xE0 ? 2 : byte(0) < 0xF0 ? 3 : byte(0) < 0xF5 ? 4 : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  return length;
}

/// Finds what YAML forbids and yaml-cpp lets through or explains badly. True if the text is fit to be parsed.
bool check_characters(std::string_view text, const std::string& path, Problems& problems) {
  int line = 1, column = 1;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    const std::size_t length = utf8_length(text.substr(i));
    const auto refuse = [&](const std::string& sentence) {
      problems.add({path, line, column}, sentence);
      return false;
    };
    if (length == 0) return refuse("expected UTF-8 text, found a byte that is not");
    if ((c >= 0 && c < ' ' && c != '\n' && c != '\r' && c != '\t') || c == 0x7F)
      return refuse(fmt::format("control character 0x{:02X}", static_cast<unsigned>(c)));
    column = c == '\n' ? 1 : column + 1;
    line += c == '\n' ? 1 : 0;
    i += length;
  }
  return true;
}

/// Turns yaml-cpp's graph of shared handles into a tree of values.
class Converter {
 public:
  explicit Converter(Problems& problems) : problems_(problems) {}

  Node convert(const YAML::Node& source, const std::string& path, int level = 0) {
    Node node;
    node.line = source.Mark().line + 1;
    node.column = source.Mark().column + 1;
    if (too_large(node, path, level)) return node;
    if (const std::string& tag = source.Tag(); !tag.empty() && tag != "?" && tag != "!")
      problems_.add({path, node.line, node.column}, fmt::format("tags such as {} are not supported", tag));
    switch (source.Type()) {
      case YAML::NodeType::Scalar:
        node.kind = Node::Kind::scalar;
        node.text = source.Scalar();
        node.quoted = source.Tag() == "!";
        break;
      case YAML::NodeType::Sequence:
        node.kind = Node::Kind::sequence;
        for (const YAML::Node& item : source) node.items.push_back(convert(item, join_path(path, node.items.size()), level + 1));
        break;
      case YAML::NodeType::Map:
        convert_map(source, path, level, node);
        break;
      default:
        break;
    }
    return node;
  }

 private:
  bool too_large(const Node& node, const std::string& path, int level) {
    if (stopped_) return true;
    ++count_;
    stopped_ = count_ > most_nodes || level > most_levels;
    if (stopped_)
      problems_.add({path, node.line, node.column},
                    fmt::format("more than {} levels or {} values after following aliases", most_levels, most_nodes));
    return stopped_;
  }

  void convert_map(const YAML::Node& source, const std::string& path, int level, Node& node) {
    node.kind = Node::Kind::map;
    std::map<std::string, int> first_lines;
    for (const auto& entry : source) {
      const Place place{path, entry.first.Mark().line + 1, entry.first.Mark().column + 1};
      if (!entry.first.IsScalar()) {
        problems_.add(place, "expected a word as key, found a list, a map or nothing");
        continue;
      }
      const std::string& key = entry.first.Scalar();
      const Place here{join_path(path, key), place.line, place.column};
      if (key == "<<") {
        problems_.add(here, "merge keys are not supported; write the keys out or share a whole value by an alias (*name)");
        continue;
      }
      if (const auto [it, is_new] = first_lines.emplace(key, here.line); !is_new) {
        problems_.add(here, fmt::format("duplicate key, first given on line {}", it->second));
        continue;
      }
      node.entries.push_back({key, here.line, here.column, convert(entry.second, here.path, level + 1)});
      if (Node& value = node.entries.back().value; value.kind == Node::Kind::null) {  // nothing stands there: point to its key
        value.line = here.line;
        value.column = here.column;
      }
    }
  }

  Problems& problems_;
  std::size_t count_ = 0;
  bool stopped_ = false;
};

/// Listens to the parser for where documents start.
class DocumentStarts final : public YAML::EventHandler {
 public:
  YAML::Mark last;

  void OnDocumentStart(const YAML::Mark& mark) override { last = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

/// YAML::Load ignores what follows the first document, and YAML::LoadAll fills the memory when that is a comma ("{a: 1}, b"): it
/// makes empty documents without reading on. So we ask the parser ourselves, twice at most.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  if (parser.HandleNextDocument(starts) && parser.HandleNextDocument(starts)) return starts.last;
  return std::nullopt;
}

/// Column of the first tab before the text of a line (counted from 0), 0 if there is none.
int tab_before_text(std::string_view text, int line) {
  for (; line > 1; --line) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return 0;
    text.remove_prefix(end + 1);
  }
  const std::size_t first = text.find_first_not_of(' ');
  return first != std::string_view::npos && text[first] == '\t' ? static_cast<int>(first) + 1 : 0;
}

/// Most tabs are legal: in blank lines, comments, flow lists, block text and before the values of keys. Where one stands for
/// indentation, yaml-cpp refuses the key or entry behind it, in words that do not say why.
void add_invalid(const YAML::Mark& mark, const std::string& words, std::string_view text, const std::string& path, Problems& problems) {
  const int line = mark.line + 1;
  if (const int tab = tab_before_text(text, line); tab > 0)
    problems.add({path, line, tab}, "tab character in the indentation; YAML wants spaces");
  else
    problems.add({path, line, mark.column + 1}, "invalid YAML: " + words);
}

}  // namespace

std::optional<Node> parse_document(std::string_view text, const std::string& path, Problems& problems) {
  if (!check_characters(text, path, problems)) return std::nullopt;
  try {
    if (const std::optional<YAML::Mark> second = second_document(std::string(text))) {
      problems.add({path, second->line + 1, second->column + 1}, "expected one YAML document, found more behind its end");
      return std::nullopt;
    }
    return Converter(problems).convert(YAML::Load(std::string(text)), path);
  } catch (const YAML::DeepRecursion& exception) {  // its own words are "bad file"
    add_invalid(exception.mark, "nested too deeply", text, path, problems);
    return std::nullopt;
  } catch (const YAML::Exception& exception) {
    add_invalid(exception.mark, exception.msg, text, path, problems);
    return std::nullopt;
  }
}

}  // namespace espalier::config
