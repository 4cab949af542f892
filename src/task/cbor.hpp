// Private: the forms of CBOR (RFC 8949) that our records are made of: whole numbers, bytes, texts, lists of known length, true, false,
// null, and floats of 8 bytes. By hand, because a solve's outcome is written and read ten times on its way, which took a general library
// longer than the rest of the farm.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace espalier::task {

class CborWriter {
 public:
  void count(std::uint64_t value) { head(0, value); }
  void integer(std::int64_t value) {
    value >= 0 ? head(0, static_cast<std::uint64_t>(value)) : head(1, ~static_cast<std::uint64_t>(value));
  }
  void bytes(const void* data, std::size_t size);
  void text(std::string_view text);
  /// So many elements follow.
  void list(std::size_t size) { head(4, size); }
  void boolean(bool value) { bytes_ += value ? '\xf5' : '\xf4'; }
  void null() { bytes_ += '\xf6'; }
  void real(double value);
  std::string take() { return std::move(bytes_); }

 private:
  void head(unsigned major, std::uint64_t value);
  void big_endian(std::uint64_t value, int bytes);

  std::string bytes_;
};

/// Takes one element after the other and refuses, as Error(data), what is of another form than is asked for. What it returns as view is
/// valid as long as the bytes are.
class CborReader {
 public:
  enum class Form { count, negative, bytes, text, list, boolean, null, real, other, end };

  /// `what` the bytes are, for messages.
  CborReader(std::string_view bytes, const char* what) : bytes_(bytes), what_(what) {}

  Form form() const;  ///< of the next element
  std::uint64_t count();
  std::int64_t integer();
  std::string_view bytes();
  std::string_view text();
  std::size_t list();  ///< how many elements follow; no more than there are bytes
  void list(std::size_t expected);
  bool boolean();
  void null();
  double real();
  /// Refuses bytes behind the last element.
  void finish() const;
  [[noreturn]] void refuse(const std::string& expected) const;

 private:
  std::uint64_t head(Form form, const char* expected);
  std::string_view take(std::uint64_t size);

  std::string_view bytes_;
  const char* what_;
  std::size_t at_ = 0;
};

}  // namespace espalier::task
