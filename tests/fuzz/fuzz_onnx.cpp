// The ONNX reader: any file is refused as Error(data), or is a network that computes what the file's graph does.
#include "espalier/base/error.hpp"
#include "espalier/formats/onnx.hpp"
#include "fuzz/memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace espalier;
  const fuzz::MemoryFile file({reinterpret_cast<const char*>(data), size});
  try {
    const formats::OnnxNetwork made = formats::read_onnx(file.path());
    made.network.check();
    fuzz::require(made.largest_difference <= 1e-4, "what is read is checked");
  } catch (const base::Error& error) {
    fuzz::require(error.kind() == base::ErrorKind::data, error.what());
  }
  return 0;
}
