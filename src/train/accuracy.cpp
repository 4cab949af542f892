#include <algorithm>
#include <limits>

#include "batch.hpp"
#include "espalier/base/error.hpp"
#include "espalier/train/train.hpp"
#include "pass.hpp"

namespace espalier::train {

double accuracy(const nn::Network& network, const data::Samples& samples) {
  if (network.inputs() != static_cast<Eigen::Index>(samples.inputs()))
    base::fail(base::ErrorKind::configuration, "accuracy: expected a network with {} inputs (the images' pixels), found {}",
               samples.inputs(), network.inputs());
  if (samples.count() == 0) return std::numeric_limits<double>::quiet_NaN();
  constexpr std::size_t batch_size = 256;
  const Layout<float> layout(network);
  const Buffer<float> parameters = layout.gather(network);
  Pass<float> pass(layout, batch_size);
  Batch batch(samples, batch_size);
  const Eigen::Index stride = layout.places().back().stride;
  std::size_t right = 0;
  for (std::size_t first = 0; first < samples.count(); first += batch_size) {
    const std::size_t count = std::min(batch_size, samples.count() - first);
    batch.load({}, first, count);
    const float* logits = pass.forward(parameters.data(), batch.inputs(), static_cast<Eigen::Index>(count));
    for (std::size_t s = 0; s < count; ++s) {
      const float* z = logits + static_cast<Eigen::Index>(s) * stride;
      right += static_cast<std::size_t>(std::max_element(z, z + network.outputs()) - z) == batch.labels()[s];
    }
  }
  return static_cast<double>(right) / static_cast<double>(samples.count());
}

}  // namespace espalier::train
