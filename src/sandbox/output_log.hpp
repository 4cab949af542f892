// What a child prints, in a file that cannot fill the disk.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "espalier/base/descriptor.hpp"

namespace espalier::sandbox {

/// The first MiB as it comes, the last 64 KiB at the end; what lies between is counted only. The file is made at the first byte. Errors of
/// the disk are ignored: a log is not worth a result.
class OutputLog {
 public:
  static constexpr std::size_t head_bytes = std::size_t{1} << 20;
  static constexpr std::size_t tail_bytes = std::size_t{1} << 16;

  /// Removes what an earlier attempt left at `path`; an empty path: nothing is kept.
  explicit OutputLog(std::filesystem::path path);
  void append(std::string_view bytes);
  enum class Pipe { more, empty, closed };
  /// Reads at most 1 MiB of a non-blocking pipe, so that a child that never stops printing does not keep the server from its clock.
  Pipe drain(int pipe);
  /// Writes the tail. True if anything was printed.
  bool finish();

 private:
  void write(std::string_view bytes);

  std::filesystem::path path_;
  base::Descriptor file_;
  std::uint64_t total_ = 0;
  std::string tail_;
};

}  // namespace espalier::sandbox
