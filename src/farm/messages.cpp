#include "farm/messages.hpp"

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

std::string encode(const Hello& hello) { return hello.build + '\0' + hello.host + '\0' + hello.refusal; }

Hello decode_hello(std::string_view bytes) {
  const std::size_t first = bytes.find('\0');
  const std::size_t second = first == std::string_view::npos ? first : bytes.find('\0', first + 1);
  if (second == std::string_view::npos) fail(ErrorKind::data, "hello: expected build, host and refusal, found {} bytes", bytes.size());
  return {std::string(bytes.substr(0, first)), std::string(bytes.substr(first + 1, second - first - 1)),
          std::string(bytes.substr(second + 1))};
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
