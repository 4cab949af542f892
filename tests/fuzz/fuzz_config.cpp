// The YAML layer: any text is refused as Error(configuration), or read; what was read is written and read again to the same.
// Lines behind a line "%set" are overrides as of --set.
#include "config/surrogate_schema.hpp"
#include "espalier/base/error.hpp"
#include "espalier/config/experiment.hpp"
#include "fuzz/memory_file.hpp"

namespace {

using espalier::base::Error;
using espalier::base::ErrorKind;
using espalier::config::parse_experiment;
using espalier::fuzz::require;

std::vector<std::string> split_overrides(std::string& text) {
  std::vector<std::string> overrides;
  const std::size_t mark = text.find("\n%set\n");
  if (mark == std::string::npos) return overrides;
  std::string rest = text.substr(mark + 6);
  text.resize(mark + 1);
  while (!rest.empty() && overrides.size() < 8) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    overrides.push_back(rest.substr(0, end));
    rest.erase(0, end + 1);
  }
  return overrides;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> overrides = split_overrides(text);
  const auto& schema = espalier::test::surrogate_schema();
  std::string written;
  try {
    written = to_yaml(parse_experiment(text, "fuzz.yaml", schema, overrides));
  } catch (const Error& error) {
    require(error.kind() == ErrorKind::configuration, "a file is refused as configuration");
    return 0;
  }
  require(to_yaml(parse_experiment(written, "again.yaml", schema)) == written, "what is written reads back to the same");
  return 0;
}
