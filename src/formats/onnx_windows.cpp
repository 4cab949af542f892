#include "formats/onnx_windows.hpp"

#include <algorithm>

#include "espalier/base/text.hpp"

namespace espalier::formats {

namespace {

constexpr std::int64_t most_attribute = std::int64_t{1} << 30;

/// How a window moves over the image: one number per dimension behind the channels.
struct Windows {
  Shape kernel, strides, dilations, pads, output;

  Windows(const OnnxNode& node, const Shape& image, Shape size) : kernel(std::move(size)) {
    const std::size_t rank = kernel.size();
    strides = attribute(node, "strides", rank, 1);
    dilations = attribute(node, "dilations", rank, 1);
    pads = attribute(node, "pads", 2 * rank, 0);
    const std::string padding = node.text("auto_pad");
    const bool is_same = padding == "SAME_UPPER" || padding == "SAME_LOWER";
    if (!is_same && !padding.empty() && padding != "NOTSET" && padding != "VALID")
      node.refuse("auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER", base::printable(padding));
    if (node.integer("ceil_mode", 0) != 0) node.refuse("ceil_mode 0", node.integer("ceil_mode", 0));
    for (std::size_t d = 0; d < rank; ++d) {
      const std::int64_t span = dilations[d] * (kernel[d] - 1) + 1;
      if (is_same && strides[d] > 0) {  // as many outputs as strides begin in the image; an odd element of padding at the named end
        const std::int64_t total =
            std::max<std::int64_t>(0, ((image[d + 2] + strides[d] - 1) / strides[d] - 1) * strides[d] + span - image[d + 2]);
        pads[d] = padding == "SAME_UPPER" ? total / 2 : total - total / 2;
        pads[d + rank] = total - pads[d];
      }
      const std::int64_t room = image[d + 2] + pads[d] + pads[d + rank] - span;
      if (kernel[d] < 1 || strides[d] < 1 || dilations[d] < 1 || pads[d] < 0 || pads[d + rank] < 0 || room < 0)
        node.refuse("windows that fit into the padded image", fmt::format("{} in {}", describe(kernel), describe(image)));
      output.push_back(room / strides[d] + 1);
    }
  }

  static Shape attribute(const OnnxNode& node, const std::string& name, std::size_t size, std::int64_t standard) {
    const auto found = node.integer_lists.find(name);
    if (found == node.integer_lists.end()) return Shape(size, standard);
    if (found->second.size() != size) node.refuse(fmt::format("{} numbers in {}", size, name), describe(found->second));
    for (const std::int64_t value : found->second)
      if (value < 0 || value > most_attribute) node.refuse(fmt::format("{} from 0 to {}", name, most_attribute), value);
    return found->second;
  }

  /// visit(element within a channel, position in the kernel) of what lies in the image.
  template <class Visit>
  void visit_window(const Shape& image, const Shape& at, Visit visit) const {
    std::int64_t position = 0;
    for_each_index(kernel, [&](const Shape& offset) {
      std::int64_t element = 0;
      bool inside = true;
      for (std::size_t d = 0; d < kernel.size(); ++d) {
        const std::int64_t x = at[d] * strides[d] - pads[d] + offset[d] * dilations[d];
        inside = inside && x >= 0 && x < image[d + 2];
        element = element * image[d + 2] + x;
      }
      if (inside) visit(element, position);
      ++position;
    });
  }
};

void check_image(const OnnxNode& node, const AffineTensor& tensor) {
  if (tensor.shape.size() < 3 || tensor.shape[0] != 1) node.refuse("an image (1, channels, ...)", describe(tensor.shape));
}

Shape image_shape(std::int64_t channels, const Shape& extents) {
  Shape shape{1, channels};
  shape.insert(shape.end(), extents.begin(), extents.end());
  return shape;
}

}  // namespace

AffineTensor convolved(const OnnxNode& node, const OperatorInputs& inputs) {
  const AffineTensor& tensor = *inputs[0];
  const AffineTensor& filters = *inputs[1];
  check_image(node, tensor);
  if (!filters.is_constant() || filters.shape.size() != tensor.shape.size())
    node.refuse("constant filters (outputs, channels / group, ...)", describe(filters.shape));
  const std::int64_t groups = node.integer("group", 1), outputs = filters.shape[0], depth = filters.shape[1];
  if (groups < 1 || outputs % groups != 0 || depth * groups != tensor.shape[1])
    node.refuse(fmt::format("filters for {} channels in {} groups", tensor.shape[1], groups), describe(filters.shape));
  const Windows windows(node, tensor.shape, Shape(filters.shape.begin() + 2, filters.shape.end()));
  const std::int64_t area = tensor.bias.size() / tensor.shape[1], window = elements(windows.kernel);
  check_products(node, {outputs, elements(windows.output), depth, window});
  RowBuilder rows(outputs * elements(windows.output), tensor.bias.size(), elements({outputs, elements(windows.output), depth, window}));
  for (std::int64_t o = 0; o < outputs; ++o)
    for_each_index(windows.output, [&](const Shape& at) {
      windows.visit_window(tensor.shape, at, [&](std::int64_t element, std::int64_t position) {
        for (std::int64_t c = 0; c < depth; ++c)
          rows.add((o / (outputs / groups) * depth + c) * area + element, filters.bias((o * depth + c) * window + position));
      });
      rows.end_row();
    });
  AffineTensor made = mapped(rows.finish(), tensor, image_shape(outputs, windows.output));
  if (inputs.size() < 3 || inputs[2] == nullptr) return made;
  if (!inputs[2]->is_constant() || inputs[2]->bias.size() != outputs)
    node.refuse(fmt::format("a constant bias of {} outputs", outputs), describe(inputs[2]->shape));
  for (std::int64_t i = 0; i < made.bias.size(); ++i) made.bias(i) += inputs[2]->bias(i / (made.bias.size() / outputs));
  return made;
}

AffineTensor averaged(const OnnxNode& node, const OperatorInputs& inputs) {
  const AffineTensor& tensor = *inputs[0];
  check_image(node, tensor);
  const bool is_global = node.operation == "GlobalAveragePool";
  const std::size_t rank = tensor.shape.size() - 2;
  const Shape kernel = is_global ? Shape(tensor.shape.begin() + 2, tensor.shape.end()) : Windows::attribute(node, "kernel_shape", rank, 0);
  const Windows windows(node, tensor.shape, kernel);
  const bool counts_padding = node.integer("count_include_pad", 0) != 0;
  const std::int64_t area = tensor.bias.size() / tensor.shape[1];
  check_products(node, {tensor.shape[1], elements(windows.output), elements(kernel)});
  RowBuilder rows(tensor.shape[1] * elements(windows.output), tensor.bias.size(),
                  elements({tensor.shape[1], elements(windows.output), elements(kernel)}));
  for (std::int64_t c = 0; c < tensor.shape[1]; ++c)
    for_each_index(windows.output, [&](const Shape& at) {
      std::vector<std::int64_t> inside;
      windows.visit_window(tensor.shape, at, [&](std::int64_t element, std::int64_t) { inside.push_back(element); });
      const auto count = static_cast<double>(counts_padding ? elements(kernel) : static_cast<std::int64_t>(inside.size()));
      for (const std::int64_t element : inside) rows.add(c * area + element, 1 / count);
      rows.end_row();
    });
  return mapped(rows.finish(), tensor, image_shape(tensor.shape[1], windows.output));
}

}  // namespace espalier::formats
