// A list that copies share until one of them is changed.
#pragma once
#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

namespace espalier::task {

/// Of a million planned solves most have the same parents as many others: the list stands in memory once.
template <class T>
class SharedList {
 public:
  SharedList() = default;
  SharedList(std::vector<T> values) {  // NOLINT(google-explicit-constructor): a list is given as a vector
    if (!values.empty()) values_ = std::make_shared<std::vector<T>>(std::move(values));
  }

  operator const std::vector<T>&() const {  // NOLINT(google-explicit-constructor): and read as one
    static const std::vector<T> none;
    return values_ ? *values_ : none;
  }
  const std::vector<T>& values() const { return *this; }
  auto begin() const { return values().begin(); }
  auto end() const { return values().end(); }
  std::size_t size() const { return values().size(); }
  bool empty() const { return values().empty(); }
  const T& operator[](std::size_t i) const { return values()[i]; }
  const T& front() const { return values().front(); }

  void push_back(T value) {
    std::vector<T> changed = values();
    changed.push_back(std::move(value));
    *this = SharedList(std::move(changed));
  }

  friend bool operator==(const SharedList& a, const SharedList& b) { return a.values() == b.values(); }

 private:
  std::shared_ptr<const std::vector<T>> values_;  ///< null: empty
};

}  // namespace espalier::task
