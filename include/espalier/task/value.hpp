// A parameter or result value, and ordered sets of named values. Data only: both towers speak this vocabulary.
#pragma once
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace espalier::task {

using IntegerList = std::vector<std::int64_t>;
using RealList = std::vector<double>;
using Value = std::variant<bool, std::int64_t, double, std::string, IntegerList, RealList>;

enum class ValueType { boolean, integer, real, text, integer_list, real_list };
inline bool is_list(ValueType type) { return type == ValueType::integer_list || type == ValueType::real_list; }
ValueType type_of(const Value& value);
std::string_view to_string(ValueType type);
/// As a person reads it: true, 32, 0.95, mnist, 32-32, 0.5, 0.9.
std::string to_text(const Value& value);

/// Named values in name order. Names are lower_case words, with dots between sections ("train.learning_rate").
///
/// A plan holds one of these per task, a million at once, with some fifty values each: they stand in one sorted array, names are kept once
/// per process, and intern() keeps equal sections once. (As std::map they took 5 kB each, as arrays 3 kB, interned 100 bytes.)
class Parameters {
 public:
  class Map;

  Parameters() = default;
  Parameters(std::initializer_list<std::pair<const std::string, Value>> items);

  void set(std::string_view name, Value value);
  /// Removes every value whose name, in name order, `unwanted` says true of.
  template <class Predicate>
  void erase_if(Predicate unwanted) {
    std::erase_if(own_entries(), [&](const Entry& entry) { return unwanted(*entry.name); });
  }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  const Value* find(std::string_view name) const;

  /// Typed access; an integer is read as a real where a real is asked for. Throws Error(internal) naming the parameter when it
  /// is absent or of another type: configurations were checked long before.
  bool boolean(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const IntegerList& integers(std::string_view name) const;
  const RealList& reals(std::string_view name) const;

  /// To go through all of them: for (const auto& [name, value] : parameters.map()).
  Map map() const;
  std::size_t size() const;
  /// One line per value, "name=type:text\n", doubles in shortest round-trip form: what content hashes are taken of.
  std::string canonical() const;
  friend bool operator==(const Parameters& a, const Parameters& b);

  /// Replaces each section (names that are equal up to their first dot or underscore) by the process's one copy of it. Nothing else
  /// changes, and a later set() takes it back. The copies live until the process ends: for planned tasks, which differ in few of their
  /// sections, not for results.
  void intern();

  /// Of interned parameters: the sections with these names, as columns: names have '_' for each '.'. Costs a pointer for each.
  Parameters columns_of(std::span<const std::string> sections) const;

 private:
  struct Entry {
    const std::string* name;  ///< interned: equal names are equal pointers
    Value value;
    friend bool operator==(const Entry&, const Entry&) = default;
    static bool is_same(const Entry& a, const Entry& b);
  };
  using Entries = std::vector<Entry>;            ///< sorted by name
  using Sections = std::vector<const Entries*>;  ///< interned, in order, none empty
  friend class SectionPool;                      // src/task/parameters.cpp

  Entries& own_entries();
  std::variant<Entries, Sections> content_;
};

/// The values as a range of pairs. Valid as long as the Parameters are neither changed nor destroyed.
class Parameters::Map {
 public:
  using value_type = std::pair<const std::string, Value>;

  struct Item {
    const std::string& first;
    const Value& second;
  };

  class const_iterator {
   public:
    struct Arrow {
      Item item;
      const Item* operator->() const { return &item; }
    };
    Item operator*() const { return {*at_->name, at_->value}; }
    Arrow operator->() const { return {**this}; }
    const_iterator& operator++() {
      if (++at_ == end_ && next_ != last_) enter(**next_++);
      return *this;
    }
    friend bool operator==(const const_iterator& a, const const_iterator& b) { return a.at_ == b.at_; }

   private:
    friend class Map;
    void enter(const Entries& section) {
      at_ = section.data();
      end_ = at_ + section.size();
    }
    const Entry* at_ = nullptr;
    const Entry* end_ = nullptr;
    const Entries* const* next_ = nullptr;  // the sections behind this one
    const Entries* const* last_ = nullptr;
  };

  explicit Map(const Parameters& parameters);
  const_iterator begin() const { return begin_; }
  const_iterator end() const { return end_; }

 private:
  const_iterator begin_;
  const_iterator end_;
};

inline Parameters::Map Parameters::map() const { return Map(*this); }

}  // namespace espalier::task
