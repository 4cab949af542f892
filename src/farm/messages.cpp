#include "farm/messages.hpp"

#include <array>
#include <charconv>
#include <cstring>

#include "espalier/base/build_info.hpp"
#include "espalier/base/error.hpp"

namespace espalier::farm {

using base::ErrorKind;
using base::fail;

std::string build_id() {
  const base::BuildInfo& info = base::build_info();
  return fmt::format("{} {} {} {} {}", info.version, info.git_commit, info.compiler, info.build_type, info.architecture);
}

namespace {

/// Texts without zero bytes, with one between them.
template <std::size_t count>
std::array<std::string, count> split(std::string_view bytes, const char* what) {
  std::array<std::string, count> fields;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t end = i + 1 < count ? bytes.find('\0', begin) : bytes.size();
    if (end == std::string_view::npos) fail(ErrorKind::data, "{}, found {} fields in {} bytes", what, i + 1, bytes.size());
    fields[i] = bytes.substr(begin, end - begin);
    begin = end + 1;
  }
  return fields;
}

}  // namespace

std::string encode(const Hello& hello) {
  return hello.build + '\0' + hello.host + '\0' + hello.refusal + '\0' + (hello.sees_directory ? "sees" : "blind") + '\0' +
         base::to_text(hello.process);
}

Hello decode_hello(std::string_view bytes) {
  auto [build, host, refusal, sees, process] =
      split<5>(bytes, "hello: expected build, host, refusal, whether it sees the directory, process");
  return {std::move(build), std::move(host), std::move(refusal), base::process_from_text(process), sees == "sees"};
}

std::string encode(const DirectoryNotice& notice) { return notice.path + '\0' + notice.token; }

DirectoryNotice decode_directory(std::string_view bytes) {
  auto [path, token] = split<2>(bytes, "directory: expected path and token");
  return {std::move(path), std::move(token)};
}

std::string encode(const End& end) { return fmt::format("{} {}", end.orderly ? "orderly" : "now", end.exit_code); }

End decode_end(std::string_view bytes) {
  End end;
  const std::size_t blank = bytes.find(' ');
  const std::string_view code = blank == std::string_view::npos ? "" : bytes.substr(blank + 1);
  end.orderly = bytes.substr(0, blank) == "orderly";
  const auto [last, error] = std::from_chars(code.data(), code.data() + code.size(), end.exit_code);
  if (error != std::errc() || last != code.data() + code.size())
    fail(ErrorKind::data, "end: expected 'orderly' or 'now' and an exit code, found '{}'", bytes);
  return end;
}

std::string encode(base::AttemptId id) {
  std::string bytes(sizeof id.value, '\0');
  std::memcpy(bytes.data(), &id.value, sizeof id.value);
  return bytes;
}

base::AttemptId decode_attempt_id(std::string_view bytes) {
  base::AttemptId id;
  if (bytes.size() != sizeof id.value) fail(ErrorKind::data, "attempt id: expected {} bytes, found {}", sizeof id.value, bytes.size());
  std::memcpy(&id.value, bytes.data(), sizeof id.value);
  return id;
}

}  // namespace espalier::farm
