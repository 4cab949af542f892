#include "task/cbor.hpp"

#include <bit>
#include <limits>

#include "espalier/base/error.hpp"

namespace espalier::task {

using base::ErrorKind;
using base::fail;

void CborWriter::big_endian(std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift);
}

/// The shortest of the five lengths that a number may have.
void CborWriter::head(unsigned major, std::uint64_t value) {
  const auto first = [&](unsigned info) { bytes_ += static_cast<char>(major << 5 | info); };
  if (value < 24) return first(static_cast<unsigned>(value));
  const int size = value <= 0xff ? 0 : value <= 0xffff ? 1 : value <= 0xffffffff ? 2 : 3;
  first(24U + static_cast<unsigned>(size));
  big_endian(value, 1 << size);
}

void CborWriter::bytes(const void* data, std::size_t size) {
  head(2, size);
  bytes_.append(static_cast<const char*>(data), size);
}

void CborWriter::text(std::string_view text) {
  head(3, text.size());
  bytes_ += text;
}

void CborWriter::real(double value) {
  bytes_ += '\xfb';
  big_endian(std::bit_cast<std::uint64_t>(value), 8);
}

CborReader::Form CborReader::form() const {
  if (at_ == bytes_.size()) return Form::end;
  const auto first = static_cast<std::uint8_t>(bytes_[at_]);
  switch (first >> 5) {
    case 0:
      return Form::count;
    case 1:
      return Form::negative;
    case 2:
      return Form::bytes;
    case 3:
      return Form::text;
    case 4:
      return Form::list;
    default:
      return first == 0xf4 || first == 0xf5 ? Form::boolean : first == 0xf6 ? Form::null : first == 0xfb ? Form::real : Form::other;
  }
}

void CborReader::refuse(const std::string& expected) const {
  constexpr const char* names[] = {"a number", "a negative number", "bytes",  "a text", "a list", "true or false", "null",
                                   "a real",   "something else",    "the end"};
  fail(ErrorKind::data, "{}: byte {} of {}: expected {}, found {}", what_, at_, bytes_.size(), expected, names[static_cast<int>(form())]);
}

std::string_view CborReader::take(std::uint64_t size) {
  if (size > bytes_.size() - at_)
    fail(ErrorKind::data, "{}: expected {} bytes at byte {}, found {}", what_, size, at_, bytes_.size() - at_);
  const std::string_view taken = bytes_.substr(at_, size);
  at_ += size;
  return taken;
}

std::uint64_t CborReader::head(Form wanted, const char* expected) {
  if (form() != wanted) refuse(expected);
  const auto info = static_cast<std::uint8_t>(take(1)[0]) & 0x1f;
  if (info < 24) return static_cast<std::uint64_t>(info);
  if (info > 27) fail(ErrorKind::data, "{}: byte {}: expected a length, found none", what_, at_ - 1);
  std::uint64_t value = 0;
  for (const char byte : take(std::uint64_t{1} << (info - 24))) value = value << 8 | static_cast<std::uint8_t>(byte);
  return value;
}

std::uint64_t CborReader::count() { return head(Form::count, "a number"); }

std::int64_t CborReader::integer() {
  const bool negative = form() == Form::negative;
  const std::uint64_t value = negative ? head(Form::negative, "an integer") : head(Form::count, "an integer");
  if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
    fail(ErrorKind::data, "{}: byte {}: an integer of more than 63 bits", what_, at_);
  return negative ? -1 - static_cast<std::int64_t>(value) : static_cast<std::int64_t>(value);
}

std::string_view CborReader::bytes() { return take(head(Form::bytes, "bytes")); }
std::string_view CborReader::text() { return take(head(Form::text, "a text")); }

std::size_t CborReader::list() {
  const std::uint64_t size = head(Form::list, "a list");
  if (size > bytes_.size() - at_)
    fail(ErrorKind::data, "{}: a list claims {} elements, {} bytes are left", what_, size, bytes_.size() - at_);
  return size;
}

void CborReader::list(std::size_t expected) {
  if (const std::size_t size = list(); size != expected)
    fail(ErrorKind::data, "{}: byte {}: expected a list of {} elements, found {}", what_, at_, expected, size);
}

bool CborReader::boolean() {
  if (form() != Form::boolean) refuse("true or false");
  return take(1)[0] == '\xf5';
}

void CborReader::null() {
  if (form() != Form::null) refuse("null");
  take(1);
}

double CborReader::real() {
  if (form() != Form::real) refuse("a real");
  take(1);
  std::uint64_t value = 0;
  for (const char byte : take(8)) value = value << 8 | static_cast<std::uint8_t>(byte);
  return std::bit_cast<double>(value);
}

void CborReader::finish() const {
  if (at_ != bytes_.size()) refuse("the end");
}

}  // namespace espalier::task
