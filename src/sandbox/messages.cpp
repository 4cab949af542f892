#include "sandbox/messages.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "espalier/base/error.hpp"
#include "espalier/base/hash.hpp"

namespace espalier::sandbox {

using base::ErrorKind;
using base::fail;

namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{1} << 30;

/// A socket must not raise SIGPIPE in the caller; a child's pipe has no send().
ssize_t write_some(int descriptor, std::array<iovec, 2>& parts) {
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  const ssize_t sent = ::sendmsg(descriptor, &message, MSG_NOSIGNAL);
  return sent < 0 && errno == ENOTSOCK ? ::writev(descriptor, parts.data(), static_cast<int>(parts.size())) : sent;
}

}  // namespace

bool write_frame(int socket_or_pipe, Tag tag, std::uint64_t job, std::string_view body) {
  if (body.size() > most_bytes) fail(ErrorKind::internal, "sandbox: expected a message of at most 1 GiB, found {} bytes", body.size());
  FrameHead head{.tag = tag, .job = job, .size = body.size(), .checksum = base::checksum(body)};
  std::array<iovec, 2> parts{iovec{&head, sizeof head}, iovec{const_cast<char*>(body.data()), body.size()}};
  while (parts[0].iov_len + parts[1].iov_len > 0) {
    const ssize_t written = write_some(socket_or_pipe, parts);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    auto left = static_cast<std::size_t>(written);
    for (iovec& part : parts) {
      const std::size_t taken = std::min(left, part.iov_len);
      part.iov_base = static_cast<char*>(part.iov_base) + taken;
      part.iov_len -= taken;
      left -= taken;
    }
  }
  return true;
}

FrameReader::Status FrameReader::read(int descriptor) {
  std::array<char, 65536> bytes{};
  const ssize_t got = ::read(descriptor, bytes.data(), bytes.size());
  if (got > 0) buffer_.append(bytes.data(), static_cast<std::size_t>(got));
  if (got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN))) return Status::more;
  return got == 0 ? Status::end : Status::failed;
}

std::optional<Frame> FrameReader::next() {
  Frame frame;
  if (buffer_.size() < sizeof frame.head) return std::nullopt;
  std::memcpy(&frame.head, buffer_.data(), sizeof frame.head);
  if (frame.head.magic != FrameHead{}.magic || frame.head.size > most_bytes)
    fail(ErrorKind::io, "sandbox: expected the head of a message, found other bytes");
  if (buffer_.size() - sizeof frame.head < frame.head.size) return std::nullopt;
  frame.body = buffer_.substr(sizeof frame.head, frame.head.size);
  buffer_.erase(0, sizeof frame.head + frame.head.size);
  if (base::checksum(frame.body) != frame.head.checksum) fail(ErrorKind::io, "sandbox: a message does not have its checksum");
  return frame;
}

}  // namespace espalier::sandbox
