// Logging facade: messages for people go to stderr, never to stdout (stdout belongs to results).
#pragma once
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>

namespace espalier::base {

enum class LogLevel { debug, info, warning, error, off };

/// Sets level and, if `file` is not empty, appends there as well. `prefix` names the process, as "rank 2".
void configure_log(LogLevel level, std::string_view prefix = {}, const std::filesystem::path& file = {});
void log_message(LogLevel level, std::string_view message);

template <class... Args>
void log_debug(fmt::format_string<Args...> f, Args&&... args) {
  log_message(LogLevel::debug, fmt::format(f, std::forward<Args>(args)...));
}
template <class... Args>
void log_info(fmt::format_string<Args...> f, Args&&... args) {
  log_message(LogLevel::info, fmt::format(f, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> f, Args&&... args) {
  log_message(LogLevel::warning, fmt::format(f, std::forward<Args>(args)...));
}
template <class... Args>
void log_error(fmt::format_string<Args...> f, Args&&... args) {
  log_message(LogLevel::error, fmt::format(f, std::forward<Args>(args)...));
}

}  // namespace espalier::base
