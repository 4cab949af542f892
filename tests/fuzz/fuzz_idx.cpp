// The IDX reader, plain and gzipped: any bytes are refused as Error(data), or give as many bytes as the shape says.
#include "espalier/base/error.hpp"
#include "espalier/data/idx.hpp"
#include "fuzz/memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using espalier::fuzz::require;
  const espalier::fuzz::MemoryFile file({reinterpret_cast<const char*>(data), size});
  for (const std::vector<std::uint32_t>& shape : {std::vector<std::uint32_t>{3}, {2, 2, 3}, {}}) {
    std::size_t expected = 1;
    for (const std::uint32_t extent : shape) expected *= extent;
    try {
      require(espalier::data::read_idx(file.path(), shape).size() == expected, "as many bytes as the shape says");
    } catch (const espalier::base::Error& error) {
      require(error.kind() == espalier::base::ErrorKind::data, "damage is refused as data");
    }
  }
  return 0;
}
