#include <fmt/compile.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <map>
#include <mutex>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "espalier/base/error.hpp"
#include "espalier/base/hash.hpp"
#include "espalier/task/value.hpp"

namespace espalier::task {

using base::ErrorKind;
using base::fail;

namespace {

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

/// The one copy of a name. Names are those of schemas, a few hundred; they live until the process ends.
const std::string* intern_name(std::string_view name) {
  static std::mutex mutex;
  static auto& names = *new std::unordered_set<std::string, TextHash, std::equal_to<>>;  // outlives every static Parameters
  const std::lock_guard lock(mutex);
  if (const auto it = names.find(name); it != names.end()) return &*it;
  return &*names.emplace(name).first;
}

/// As to_text, without the detours: plans write a hundred million of them.
void append_text(std::string& text, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value))
    fmt::format_to(std::back_inserter(text), FMT_COMPILE("{}"), *integer);
  else if (const auto* real = std::get_if<double>(&value))
    fmt::format_to(std::back_inserter(text), FMT_COMPILE("{}"), *real);
  else if (const auto* word = std::get_if<std::string>(&value))
    text += *word;
  else
    text += to_text(value);
}

void append_canonical(std::string& text, const std::string& name, const Value& value) {
  text += name;
  text += '=';
  text += to_string(type_of(value));
  text += ':';
  append_text(text, value);
  text += '\n';
}

std::string_view section_of(std::string_view name) {
  std::size_t end = 0;
  while (end < name.size() && name[end] != '.' && name[end] != '_') ++end;
  return name.substr(0, end);
}

}  // namespace

/// As the canonical text sees it: 0 and -0 differ.
bool Parameters::Entry::is_same(const Entry& a, const Entry& b) {
  if (a.name != b.name || a.value.index() != b.value.index()) return false;
  const auto bits_agree = [](double x, double y) { return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y); };
  if (const auto* x = std::get_if<double>(&a.value)) return bits_agree(*x, std::get<double>(b.value));
  if (const auto* x = std::get_if<RealList>(&a.value)) {
    const auto& y = std::get<RealList>(b.value);
    return std::equal(x->begin(), x->end(), y.begin(), y.end(), bits_agree);
  }
  return a.value == b.value;
}

/// The one copy of each section of interned parameters, and its canonical text.
class SectionPool {
 public:
  static const Parameters::Entries* intern(std::span<const Parameters::Entry> section) {
    static std::mutex mutex;
    static auto& pool = *new std::unordered_map<base::Digest, Section>;  // outlives every static Parameters
    static auto& latest =
        *new std::map<std::pair<const std::string*, std::size_t>, const Section*>;  // by first name and size: most come again
    const std::lock_guard lock(mutex);
    const Section*& again = latest[{section.front().name, section.size()}];
    if (again != nullptr && std::equal(section.begin(), section.end(), again->begin(), Parameters::Entry::is_same)) return again;
    std::string text;
    text.reserve(40 * section.size());
    for (const Parameters::Entry& entry : section) append_canonical(text, *entry.name, entry.value);
    const auto [it, is_new] = pool.try_emplace(base::digest(text));
    if (is_new) {
      it->second.assign(section.begin(), section.end());
      it->second.canonical = std::move(text);
    }
    again = &it->second;
    return again;
  }

  /// The section, interned, whose names have '_' for each '.'.
  static const Parameters::Entries* as_columns(const Parameters::Entries* section) {
    static std::mutex mutex;
    static auto& columns = *new std::unordered_map<const Parameters::Entries*, const Parameters::Entries*>;
    const std::lock_guard lock(mutex);
    const auto [it, is_new] = columns.try_emplace(section);
    if (is_new) {
      Parameters::Entries renamed = *section;
      for (Parameters::Entry& entry : renamed) {
        std::string name = *entry.name;
        std::replace(name.begin(), name.end(), '.', '_');
        entry.name = intern_name(name);
      }
      it->second = intern(renamed);
    }
    return it->second;
  }

  /// Of a section that intern() returned.
  static const std::string& canonical(const Parameters::Entries* section) { return static_cast<const Section*>(section)->canonical; }

 private:
  struct Section : Parameters::Entries {
    std::string canonical;
  };
};

Parameters::Parameters(std::initializer_list<std::pair<const std::string, Value>> items) {
  own_entries().reserve(items.size());
  for (const auto& [name, value] : items) set(name, value);
}

Parameters::Entries& Parameters::own_entries() {
  if (const auto* sections = std::get_if<Sections>(&content_)) {
    Entries entries;
    for (const Entries* section : *sections) entries.insert(entries.end(), section->begin(), section->end());
    content_ = std::move(entries);
  }
  return std::get<Entries>(content_);
}

namespace {

template <class Entries>
auto lower_bound(Entries& entries, std::string_view name) {
  return std::lower_bound(entries.begin(), entries.end(), name,
                          [](const auto& entry, std::string_view wanted) { return *entry.name < wanted; });
}

template <class Entries>
const Value* find_in(const Entries& entries, std::string_view name) {
  const auto at = lower_bound(entries, name);
  return at == entries.end() || *at->name != name ? nullptr : &at->value;
}

}  // namespace

void Parameters::set(std::string_view name, Value value) {
  Entries& entries = own_entries();
  if (entries.empty() || *entries.back().name < name) {
    entries.push_back(Entry{intern_name(name), std::move(value)});
    return;
  }
  const auto at = lower_bound(entries, name);
  if (at != entries.end() && *at->name == name)
    at->value = std::move(value);
  else
    entries.insert(at, Entry{intern_name(name), std::move(value)});
}

const Value* Parameters::find(std::string_view name) const {
  if (const auto* entries = std::get_if<Entries>(&content_)) return find_in(*entries, name);
  for (const Entries* section : std::get<Sections>(content_))
    if (*section->back().name >= name) return find_in(*section, name);
  return nullptr;
}

std::size_t Parameters::size() const {
  if (const auto* entries = std::get_if<Entries>(&content_)) return entries->size();
  std::size_t size = 0;
  for (const Entries* section : std::get<Sections>(content_)) size += section->size();
  return size;
}

bool operator==(const Parameters& a, const Parameters& b) {
  const auto x = a.map(), y = b.map();
  return a.size() == b.size() && std::equal(x.begin(), x.end(), y.begin(), [](const auto& one, const auto& other) {
           return one.first == other.first && one.second == other.second;
         });
}

void Parameters::intern() {
  const auto* entries = std::get_if<Entries>(&content_);
  if (entries == nullptr) return;
  Sections sections;
  const Entry* const end = entries->data() + entries->size();
  for (const Entry* begin = entries->data(); begin != end;) {
    const std::string_view section = section_of(*begin->name);
    const Entry* behind = std::find_if(begin, end, [&](const Entry& e) { return section_of(*e.name) != section; });
    sections.push_back(SectionPool::intern({begin, behind}));
    begin = behind;
  }
  sections.shrink_to_fit();
  content_ = std::move(sections);
}

Parameters Parameters::columns_of(std::span<const std::string> sections) const {
  Parameters columns;
  Sections& taken = columns.content_.emplace<Sections>();
  for (const Entries* section : std::get<Sections>(content_))
    if (std::find(sections.begin(), sections.end(), section_of(*section->front().name)) != sections.end())
      taken.push_back(SectionPool::as_columns(section));
  return columns;
}

Parameters::Map::Map(const Parameters& parameters) {
  if (const auto* entries = std::get_if<Entries>(&parameters.content_)) {
    begin_.enter(*entries);
    end_.at_ = begin_.end_;
    return;
  }
  const auto& sections = std::get<Sections>(parameters.content_);
  if (sections.empty()) return;
  begin_.enter(*sections.front());
  begin_.next_ = sections.data() + 1;
  begin_.last_ = sections.data() + sections.size();
  end_.at_ = sections.back()->data() + sections.back()->size();
}

namespace {
const Value& require(const Parameters& parameters, std::string_view name) {
  if (const Value* value = parameters.find(name)) return *value;
  fail(ErrorKind::internal, "parameter '{}' is absent", name);
}

template <class T>
const T& require_as(const Parameters& parameters, std::string_view name, ValueType type) {
  const Value& value = require(parameters, name);
  if (const T* typed = std::get_if<T>(&value)) return *typed;
  fail(ErrorKind::internal, "parameter '{}': expected {}, found {} {}", name, to_string(type), to_string(type_of(value)), to_text(value));
}
}  // namespace

bool Parameters::boolean(std::string_view name) const { return require_as<bool>(*this, name, ValueType::boolean); }
std::int64_t Parameters::integer(std::string_view name) const { return require_as<std::int64_t>(*this, name, ValueType::integer); }
const std::string& Parameters::text(std::string_view name) const { return require_as<std::string>(*this, name, ValueType::text); }
const IntegerList& Parameters::integers(std::string_view name) const {
  return require_as<IntegerList>(*this, name, ValueType::integer_list);
}
const RealList& Parameters::reals(std::string_view name) const { return require_as<RealList>(*this, name, ValueType::real_list); }

double Parameters::real(std::string_view name) const {
  if (const auto* integer = std::get_if<std::int64_t>(&require(*this, name))) return static_cast<double>(*integer);
  return require_as<double>(*this, name, ValueType::real);
}

std::string Parameters::canonical() const {
  std::string text;
  if (const auto* sections = std::get_if<Sections>(&content_)) {
    for (const Entries* section : *sections) text += SectionPool::canonical(section);
    return text;
  }
  text.reserve(40 * size());
  for (const auto& [name, value] : map()) append_canonical(text, name, value);
  return text;
}

}  // namespace espalier::task
