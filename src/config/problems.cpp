#include "config/problems.hpp"

#include <fmt/format.h>

#include "espalier/base/error.hpp"

namespace espalier::config {

namespace {
constexpr std::size_t most_lines = 10;
}

void Problems::add(const Place& place, const std::string& sentence) {
  if (lines_.size() == most_lines) {
    ++left_off_;
    return;
  }
  std::string line;
  if (!place.path.starts_with("--set")) line = place.line > 0 ? fmt::format("{}:{}:{}: ", file_, place.line, place.column) : file_ + ": ";
  if (!place.path.empty()) line += place.path + ": ";
  lines_.push_back(line + sentence);
}

void Problems::throw_if_any() const {
  if (empty()) return;
  std::string text = fmt::format("{}", fmt::join(lines_, "\n"));
  if (left_off_ > 0) text += fmt::format("\n... and {} more", left_off_);
  throw base::Error(base::ErrorKind::configuration, text);
}

}  // namespace espalier::config
