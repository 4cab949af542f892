#include "known.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>

#include "espalier/base/error.hpp"
#include "espalier/base/hash.hpp"
#include "espalier/base/text.hpp"
#include "espalier/data/dataset.hpp"

namespace espalier::data {
namespace {

struct Known {
  const char* name;
  /// XXH3-64 of what follows the IDX header, in the order of Part. The files of mnist are those with the MD5 sums
  /// 6bbc9ace898e44ae57da46a324031adb, a25bea736e30d166cdddb491f175f624, 2646ac647ad5339dbf082846283269ea and
  /// 27ae3e4e09519cfbb04c329615203637, those of fashion-mnist the ones of Debian's package dataset-fashion-mnist.
  std::array<std::uint64_t, 4> checksums;
};

constexpr std::array known = {
    Known{"mnist", {0xee3d62f55dfafffb, 0x37f227c8f4eaefa6, 0x6d9df6004ed35f23, 0x6df18589e2c6262f}},
    Known{"fashion-mnist", {0xc11b6543ae1530f3, 0x46e784b61aa2b893, 0xacf1cd2c87a40a9b, 0xf3627f35e9cae75f}},
};

constexpr std::array words = {"training images", "training labels", "test images", "test labels"};

}  // namespace

void require_published(const std::string& name, Part part, std::span<const std::uint8_t> content, const std::filesystem::path& path) {
  const auto k = static_cast<std::size_t>(part);
  const std::uint64_t found = base::checksum({reinterpret_cast<const char*>(content.data()), content.size()});
  std::uint64_t expected = 0;
  for (const Known& candidate : known) {
    if (candidate.name == name) expected = candidate.checksums[k];
    if (candidate.name != name && candidate.checksums[k] == found)
      base::fail(base::ErrorKind::data, "{}: expected the {} of {}, found those of {}", path.string(), words[k], name, candidate.name);
  }
  if (found != expected)
    base::fail(base::ErrorKind::data,
               "{}: expected the published {} of {} (XXH3-64 {:016x} of the bytes behind the header), found others ({:016x}): the file is "
               "damaged or of another data set. cluster/fetch-data.sh gets the published ones; networks and images of other data go into a "
               "problem file for espalier solve",
               path.string(), words[k], name, expected, found);
}

void require_name(const std::string& name) {
  const auto& names = dataset_names();
  if (std::find(names.begin(), names.end(), name) == names.end())
    base::fail(base::ErrorKind::configuration, "data set: expected one of {}, found '{}'{}", fmt::join(names, ", "), name,
               base::did_you_mean(name, names));
}

const std::string& content_hash(const std::string& name) {
  static const std::map<std::string, std::string, std::less<>> hashes = [] {
    std::map<std::string, std::string, std::less<>> all;
    for (const Known& candidate : known) {
      base::Hasher hasher;
      for (const std::uint64_t checksum : candidate.checksums) hasher.add(checksum);
      all.emplace(candidate.name, hasher.finish().hex());
    }
    return all;
  }();
  require_name(name);
  return hashes.at(name);
}

const std::vector<std::string>& dataset_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const Known& candidate : known) all.emplace_back(candidate.name);
    return all;
  }();
  return names;
}

}  // namespace espalier::data
