// Image resizing that gives the same bytes as Pillow's Image.resize(..., BILINEAR), which torchvision's Resize uses on PIL images.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "espalier/data/dataset.hpp"

namespace espalier::data {

/// One square image, side -> new_side. Per axis with scale s = max(1, side / new_side): output pixel i has centre c = (i + 1/2) side /
/// new_side and taps k from trunc(c - s + 1/2) to trunc(c + s + 1/2), clamped to the image, with weights max(0, 1 - |k + 1/2 - c| / s)
/// normalised to 1 and rounded to 22 fractional bits. Horizontal pass, then vertical pass, each rounded and clamped to uint8.
/// Equal sizes copy. Source: Pillow, src/libImaging/Resample.c (bilinear filter, 8 bits per channel).
std::vector<std::uint8_t> resize(std::span<const std::uint8_t> image, int side, int new_side);

/// All images of a set.
Samples resize(const Samples& samples, int new_side);

}  // namespace espalier::data
