// What the stages of one process share: where the data are, and caches of what was read.
#pragma once
#include <filesystem>
#include <list>
#include <memory>
#include <string>
#include <utility>

#include "espalier/data/dataset.hpp"
#include "espalier/nn/file.hpp"
#include "espalier/nn/network.hpp"

namespace espalier::stages {

/// A network as a stage left it in its part file. No times: equal stages leave equal bytes.
struct StoredNetwork {
  nn::Network network;
  double train_accuracy = 0;  ///< share in [0, 1]
  double test_accuracy = 0;   ///< share in [0, 1]
};

/// Writes network and figures as a part file at `path`.
void write_stored_network(const std::filesystem::path& path, const StoredNetwork& stored);
StoredNetwork read_stored_network(const std::filesystem::path& path);

/// A network that somebody else has made: in the root of an HDF5 file (nn::read_network), which its name (.h5, .hdf5) or its content tells,
/// else in an ONNX file (formats::read_onnx). `rounding`: see nn::read_network; fused operators of ONNX are rounded, too.
nn::Network read_given_network(const std::filesystem::path& path, nn::Rounding* rounding = nullptr);

class Environment {
 public:
  struct Options {
    data::SearchPath data;
    bool save_problems = false;  ///< every solve writes its problem file to problems/<key>.h5 of the output directory
    bool solver_logs = false;    ///< every solve's solver output goes to log/<key>.log of the output directory
  };
  explicit Environment(Options options) : options_(std::move(options)) {}

  const Options& options() const { return options_; }
  /// Loaded at the first call for a name and side; the last two stay in memory.
  std::shared_ptr<const data::Dataset> dataset(const std::string& name, int side);
  /// Read at the first call; the last 64 stay in memory.
  std::shared_ptr<const StoredNetwork> network(const std::filesystem::path& path);

 private:
  template <class T>
  using Cache = std::list<std::pair<std::string, std::shared_ptr<const T>>>;

  Options options_;
  Cache<data::Dataset> datasets_;
  Cache<StoredNetwork> networks_;
};

}  // namespace espalier::stages
