// Image data sets: found, checked, loaded and resized. Pixels stay uint8; floats are made where they are used.
#pragma once
#include <Eigen/Core>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace espalier::data {

/// n square grey images with their labels, image after image, each row-major (as PyTorch flattens it).
struct Samples {
  int side = 0;                      ///< pixels per row and per column
  std::vector<std::uint8_t> pixels;  ///< (n x side^2)
  std::vector<std::uint8_t> labels;  ///< (n), 0..9

  std::size_t count() const { return labels.size(); }
  std::size_t inputs() const { return static_cast<std::size_t>(side) * static_cast<std::size_t>(side); }
  /// Pixels of image k; throws base::Error(data) when k is out of range.
  std::span<const std::uint8_t> image(std::size_t k) const;
  /// Image k as a network reads it: pixel / 255 rounded to float32 (as training and PyTorch's ToTensor), widened exactly; in [0, 1],
  /// shape (side^2). Throws as image() does.
  Eigen::VectorXd input(std::size_t k) const;
};

inline constexpr int train_count = 60000;  ///< images, of every data set
inline constexpr int test_count = 10000;

struct Dataset {
  std::string name;  ///< "mnist" or "fashion-mnist"
  int side = 0;
  int classes = 10;
  Samples train;  ///< train_count images
  Samples test;   ///< test_count images
};

/// The names that load_dataset knows.
const std::vector<std::string>& dataset_names();

/// What load_dataset(name) reads: XXH3-128 over the four checksums that it demands, 32 hexadecimal digits. Needs no files. Throws
/// base::Error(configuration) for an unknown name.
const std::string& content_hash(const std::string& name);

/// Where to look for data sets; the first that is set decides, nothing is searched behind it:
/// `directory` (--data-dir), the environment variable ESPALIER_DATA, then each of `defaults` in turn.
struct SearchPath {
  std::filesystem::path directory;
  std::vector<std::filesystem::path> defaults = {"data"};
};

/// The folder that holds the four IDX files of `name`: <place>/<name> or <place> itself. Files may be plain or gzipped and are named
/// {train,t10k}-{images-idx3,labels-idx1}-ubyte, with or without ".gz", or with a dot before "idx".
/// Throws base::Error(data) naming every place looked at and how to get the data.
std::filesystem::path find_dataset(const std::string& name, const SearchPath& where = {});

/// Reads and checks the four files (magic numbers, dimensions 28 x 28, counts 60,000 / 10,000, exact sizes, labels <= 9), compares
/// the checksum of each with that of the published one, and resizes to `side` (resize.hpp). Throws base::Error(data) naming file, byte
/// offset, what was expected and what was found, and base::Error(configuration) for an unknown name or a side outside 1..28.
Dataset load_dataset(const std::string& name, int side, const SearchPath& where = {});

/// Reads and checks the files as load_dataset does and keeps nothing.
void check_dataset(const std::string& name, const SearchPath& where = {});

}  // namespace espalier::data
