// The VNN-LIB reader: any text is refused as Error(data), or is a property whose boxes have points and whose functions fit.
#include "espalier/base/error.hpp"
#include "espalier/formats/vnnlib.hpp"
#include "fuzz/memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace espalier;
  using fuzz::require;
  problem::Property property;
  try {
    property = formats::parse_vnnlib({reinterpret_cast<const char*>(data), size}, "fuzz.vnnlib");
  } catch (const base::Error& error) {
    require(error.kind() == base::ErrorKind::data, "a text is refused as data");
    return 0;
  }
  require(!property.boxes.empty(), "there is something to answer");
  for (const problem::BoxQuestion& question : property.boxes) {
    require(question.box.lower.size() == property.inputs && question.box.upper.size() == property.inputs, "one bound per input");
    require(question.box.lower.allFinite() && question.box.upper.allFinite(), "bounds are finite");
    require((question.box.lower.array() <= question.box.upper.array()).all(), "a box has points");
    require(!question.unsafe.empty(), "a box is there for a conjunction");
    for (const problem::Conjunction& conjunction : question.unsafe) {
      require(!conjunction.empty(), "a conjunction has functions");
      for (const nn::OutputFunction& function : conjunction)
        require(function.coefficients.size() == property.outputs && function.coefficients.allFinite() && std::isfinite(function.constant),
                "functions are finite and of all outputs");
    }
  }
  return 0;
}
