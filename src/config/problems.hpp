// Collects what is wrong with a configuration, so that one run of the program shows all of it.
#pragma once
#include <string>
#include <vector>

#include "espalier/config/experiment.hpp"

namespace espalier::config {

class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  void add(const Place& place, const std::string& sentence);
  bool empty() const { return lines_.empty() && left_off_ == 0; }
  /// Throws Error(configuration) with one line per problem; does nothing if there is none.
  void throw_if_any() const;

 private:
  std::string file_;
  std::vector<std::string> lines_;
  std::size_t left_off_ = 0;
};

}  // namespace espalier::config
