#include <fmt/format.h>

#include "app/commands.hpp"
#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/formats/onnx.hpp"
#include "espalier/h5/file.hpp"
#include "espalier/nn/file.hpp"
#include "espalier/stages/environment.hpp"

namespace espalier::app {

namespace {

struct ConvertOptions {
  std::filesystem::path network;
  std::filesystem::path out;
  bool round_weights = false;
};

void write_hdf5(const std::filesystem::path& path, const nn::Network& network) {
  const std::filesystem::path temporary = path.string() + ".tmp";
  h5::File file = h5::File::create(temporary);
  nn::write_network(file.root(), network);
  file.close();
  base::publish_file(temporary, path);
}

void convert(const ConvertOptions& options) {
  const std::string end = options.out.extension().string();
  if (end != ".onnx" && end != ".h5")
    base::fail(base::ErrorKind::configuration, "OUT: expected a name that ends in .onnx or .h5, found '{}'", options.out.string());
  nn::Rounding rounding;
  const nn::Network network = stages::read_given_network(options.network, options.round_weights ? &rounding : nullptr);
  end == ".onnx" ? formats::write_onnx(options.out, network) : write_hdf5(options.out, network);
  fmt::print("{}: {}, {} weights and biases{}\n", options.out.string(), nn::architecture(network), network.parameter_count(),
             rounding.largest_change > 0 ? fmt::format(", rounded to float32 by {:.3g} at most", rounding.largest_change) : "");
}

}  // namespace

void add_convert(CLI::App& program) {
  auto options = std::make_shared<ConvertOptions>();
  CLI::App* command = program.add_subcommand("convert", "A network from ONNX to HDF5, or from HDF5 to ONNX");
  command->add_option("NETWORK", options->network, "ONNX file, may be gzipped; or HDF5 file, such as a part of a run's networks")
      ->required()
      ->check(CLI::ExistingFile);
  command->add_option("OUT", options->out, "file to write: .onnx or .h5")->required();
  command->add_flag("--round-weights", options->round_weights,
                    "weights that float32 does not hold exactly are rounded to it, else refused");
  command->footer(
      "Examples:\n  espalier convert network.onnx network.h5\n  espalier convert results/quickstart/parts/KEY.h5 pruned.onnx\n"
      "Weights stay as they are, bit by bit; masks of pruned weights are not part of an ONNX file.");
  command->callback([options] { convert(*options); });
}

}  // namespace espalier::app
