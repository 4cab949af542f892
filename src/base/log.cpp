#include "espalier/base/log.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "espalier/base/text.hpp"

namespace espalier::base {

namespace {

spdlog::level::level_enum convert(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      return spdlog::level::off;
  }
  return spdlog::level::info;
}

std::shared_ptr<spdlog::logger> make_logger(LogLevel level, std::string_view prefix, const std::filesystem::path& file) {
  std::vector<spdlog::sink_ptr> sinks{std::make_shared<spdlog::sinks::stderr_sink_mt>()};
  if (!file.empty()) sinks.push_back(std::make_shared<spdlog::sinks::basic_file_sink_mt>(file.string()));
  auto logger = std::make_shared<spdlog::logger>(std::string(prefix), sinks.begin(), sinks.end());
  logger->set_level(convert(level));
  logger->flush_on(spdlog::level::info);
  logger->set_pattern(prefix.empty() ? "%H:%M:%S %l: %v" : "%H:%M:%S [%n] %l: %v");
  return logger;
}

std::shared_ptr<spdlog::logger>& logger() {
  static auto instance = make_logger(LogLevel::info, {}, {});
  return instance;
}

}  // namespace

void configure_log(LogLevel level, std::string_view prefix, const std::filesystem::path& file) {
  logger() = make_logger(level, prefix, file);
}

void log_message(LogLevel level, std::string_view message) { logger()->log(convert(level), "{}", printable(message, true)); }

}  // namespace espalier::base
