#include "espalier/stages/environment.hpp"

#include <fmt/format.h>
#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include "espalier/base/error.hpp"
#include "espalier/base/log.hpp"
#include "espalier/formats/onnx.hpp"
#include "espalier/h5/file.hpp"
#include "espalier/nn/file.hpp"

namespace espalier::stages {

namespace {

/// Looks `key` up, or makes it; the most recently used stands first.
template <class T, class Make>
std::shared_ptr<const T> cached(std::list<std::pair<std::string, std::shared_ptr<const T>>>& cache, const std::string& key,
                                std::size_t capacity, const Make& make) {
  const auto it = std::find_if(cache.begin(), cache.end(), [&](const auto& item) { return item.first == key; });
  if (it != cache.end()) {
    cache.splice(cache.begin(), cache, it);
  } else {
    if (cache.size() >= capacity) cache.pop_back();  // before making the new one: data sets are large
    cache.emplace_front(key, std::make_shared<const T>(make()));
  }
  return cache.front().second;
}

}  // namespace

void write_stored_network(const std::filesystem::path& path, const StoredNetwork& stored) {
  h5::File file = h5::File::create(path);
  const h5::Group root = file.root();
  nn::write_network(root, stored.network);
  root.write_attribute("architecture", nn::architecture(stored.network));
  root.write_attribute("train_accuracy", stored.train_accuracy);
  root.write_attribute("test_accuracy", stored.test_accuracy);
  file.close();
}

StoredNetwork read_stored_network(const std::filesystem::path& path) {
  const h5::File file = h5::File::open_read_only(path);
  const h5::Group root = file.root();
  return {nn::read_network(root), root.read_attribute<double>("train_accuracy"), root.read_attribute<double>("test_accuracy")};
}

namespace {

/// Another name does not matter if the content is HDF5's.
bool is_hdf5(const std::filesystem::path& path) {
  if (path.extension() == ".h5" || path.extension() == ".hdf5") return true;
  std::array<char, 8> signature{};
  std::ifstream(path, std::ios::binary).read(signature.data(), signature.size());
  return std::string_view(signature.data(), signature.size()) == "\x89HDF\r\n\x1a\n";
}

}  // namespace

nn::Network read_given_network(const std::filesystem::path& path, nn::Rounding* rounding) {
  const std::string name = path.filename().string();
  if (is_hdf5(path)) return nn::read_network(h5::File::open_read_only(path).root(), rounding);
  formats::OnnxNetwork read = formats::read_onnx(path);
  for (const std::string& note : read.notes) base::log_warning("{}: {}", name, note);
  if (rounding != nullptr)
    rounding->largest_change = read.weight_rounding;
  else if (read.weight_rounding > 0)
    base::fail(base::ErrorKind::data,
               "{}: expected weights that float32 holds, found that fused operators round them by {:.3g} at most: espalier convert "
               "--round-weights makes a network of them",
               path.string(), read.weight_rounding);
  return std::move(read.network);
}

std::shared_ptr<const data::Dataset> Environment::dataset(const std::string& name, int side) {
  return cached<data::Dataset>(datasets_, fmt::format("{}:{}", name, side), 2, [&] {
    try {
      return data::load_dataset(name, side, options_.data);
    } catch (const base::Error& error) {
      // The run has found the files at its start. What is wrong with them now is no fault of the task that reads them.
      if (error.kind() != base::ErrorKind::data) throw;
      throw base::Error(base::ErrorKind::io, error.what());
    }
  });
}

std::shared_ptr<const StoredNetwork> Environment::network(const std::filesystem::path& path) {
  return cached<StoredNetwork>(networks_, path.string(), 64, [&] { return read_stored_network(path); });
}

}  // namespace espalier::stages
