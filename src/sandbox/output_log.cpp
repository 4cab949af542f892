#include "sandbox/output_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace espalier::sandbox {

OutputLog::OutputLog(std::filesystem::path path) : path_(std::move(path)) {
  if (!path_.empty()) ::unlink(path_.c_str());
}

void OutputLog::append(std::string_view bytes) {
  const std::size_t head = total_ < head_bytes ? std::min(bytes.size(), static_cast<std::size_t>(head_bytes - total_)) : 0;
  total_ += bytes.size();
  write(bytes.substr(0, head));
  tail_ += bytes.substr(head);
  if (tail_.size() > 2 * tail_bytes) tail_.erase(0, tail_.size() - tail_bytes);
}

OutputLog::Pipe OutputLog::drain(int pipe) {
  std::array<char, 65536> bytes{};
  for (int reads = 0; reads < 16; ++reads) {
    const ssize_t got = ::read(pipe, bytes.data(), bytes.size());
    if (got == 0) return Pipe::closed;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Pipe::empty;
    append({bytes.data(), static_cast<std::size_t>(got)});
  }
  return Pipe::more;
}

bool OutputLog::finish() {
  if (tail_.size() > tail_bytes) tail_.erase(0, tail_.size() - tail_bytes);
  if (const std::uint64_t dropped = total_ - std::min<std::uint64_t>(total_, head_bytes) - tail_.size(); dropped > 0)
    write(fmt::format("\n[... {} bytes left out ...]\n", dropped));
  write(tail_);
  file_.reset();
  return total_ > 0 && !path_.empty();
}

void OutputLog::write(std::string_view bytes) {
  if (bytes.empty() || path_.empty()) return;
  if (!file_) file_.reset(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  while (file_ && !bytes.empty()) {
    const ssize_t written = ::write(file_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace espalier::sandbox
