#include "espalier/data/dataset.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

#include "espalier/base/error.hpp"
#include "espalier/base/text.hpp"
#include "espalier/data/idx.hpp"
#include "espalier/data/resize.hpp"
#include "known.hpp"

namespace espalier::data {
namespace {

using base::ErrorKind;
namespace fs = std::filesystem;

constexpr int file_side = 28;

/// The files of one data set in one folder.
struct Files {
  fs::path train_images, train_labels, test_images, test_labels;
};

/// `part` is "train-images", `rest` is "idx3-ubyte".
std::optional<fs::path> find_file(const fs::path& folder, const std::string& part, const std::string& rest) {
  for (const char* separator : {"-", "."})
    for (const char* ending : {"", ".gz"}) {
      fs::path path = folder / fmt::format("{}{}{}{}", part, separator, rest, ending);
      std::error_code ignored;
      if (fs::is_regular_file(path, ignored)) return path;
    }
  return std::nullopt;
}

std::optional<Files> find_files(const fs::path& folder) {
  const auto train_images = find_file(folder, "train-images", "idx3-ubyte");
  const auto train_labels = find_file(folder, "train-labels", "idx1-ubyte");
  const auto test_images = find_file(folder, "t10k-images", "idx3-ubyte");
  const auto test_labels = find_file(folder, "t10k-labels", "idx1-ubyte");
  if (!train_images || !train_labels || !test_images || !test_labels) return std::nullopt;
  return Files{*train_images, *train_labels, *test_images, *test_labels};
}

std::vector<fs::path> places_of(const SearchPath& where) {
  if (!where.directory.empty()) return {where.directory};
  if (const char* variable = std::getenv("ESPALIER_DATA"); variable && *variable) return {variable};
  return where.defaults;
}

void check_labels(const std::vector<std::uint8_t>& labels, const fs::path& path) {
  constexpr std::size_t header = 8;
  for (std::size_t k = 0; k < labels.size(); ++k)
    if (labels[k] > 9) base::fail(ErrorKind::data, "{}: byte {}: expected a label 0..9, found {}", path.string(), header + k, labels[k]);
}

Samples load_samples(const std::string& name, const fs::path& images, const fs::path& labels, std::uint32_t count, bool test) {
  Samples samples{.side = file_side, .pixels = read_idx(images, {count, file_side, file_side}), .labels = read_idx(labels, {count})};
  check_labels(samples.labels, labels);
  require_published(name, test ? Part::test_images : Part::train_images, samples.pixels, images);
  require_published(name, test ? Part::test_labels : Part::train_labels, samples.labels, labels);
  return samples;
}

/// As the files have it.
Dataset load_published(const std::string& name, const SearchPath& where) {
  const Files files = find_files(find_dataset(name, where)).value();
  // The small ones first: the wrong data set is refused at once.
  Samples test = load_samples(name, files.test_images, files.test_labels, test_count, true);
  Samples train = load_samples(name, files.train_images, files.train_labels, train_count, false);
  return {.name = name, .side = file_side, .train = std::move(train), .test = std::move(test)};
}

}  // namespace

std::span<const std::uint8_t> Samples::image(std::size_t k) const {
  if (k >= count()) base::fail(ErrorKind::data, "image {}: expected an index below {}", k, count());
  return {pixels.data() + k * inputs(), inputs()};
}

Eigen::VectorXd Samples::input(std::size_t k) const {
  const auto bytes = image(k);
  Eigen::VectorXd x(static_cast<Eigen::Index>(bytes.size()));
  for (std::size_t i = 0; i < bytes.size(); ++i) x[static_cast<Eigen::Index>(i)] = static_cast<float>(bytes[i]) / 255.0f;
  return x;
}

fs::path find_dataset(const std::string& name, const SearchPath& where) {
  require_name(name);
  std::vector<std::string> tried;
  for (const fs::path& place : places_of(where))
    for (const fs::path& folder : {place / name, place}) {
      if (find_files(folder)) return folder;
      tried.push_back(folder.string());
    }
  base::fail(ErrorKind::data,
             "data set {}: expected train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte "
             "(each plain "
             "or .gz), found not all of them in any of: {}. Get them with cluster/fetch-data.sh, or name their folder by --data-dir or "
             "ESPALIER_DATA",
             name, fmt::join(tried, ", "));
}

Dataset load_dataset(const std::string& name, int side, const SearchPath& where) {
  require_name(name);
  if (side < 1 || side > file_side)
    base::fail(ErrorKind::configuration, "data set {}: expected a side from 1 to {}, found {}", name, file_side, side);
  Dataset dataset = load_published(name, where);
  if (side == file_side) return dataset;
  return {.name = name, .side = side, .train = resize(dataset.train, side), .test = resize(dataset.test, side)};
}

void check_dataset(const std::string& name, const SearchPath& where) {
  require_name(name);
  load_published(name, where);
}

}  // namespace espalier::data
