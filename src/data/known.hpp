// The published data sets, told apart and checked by content: their files have the same names, shapes and counts.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace espalier::data {

enum class Part { train_images, train_labels, test_images, test_labels };

/// Throws base::Error(data) naming the file unless these are the published bytes (behind the IDX header) of this part of the data set;
/// says which other data set they are of, if they are.
void require_published(const std::string& name, Part part, std::span<const std::uint8_t> content, const std::filesystem::path& path);

/// Throws base::Error(configuration) with the names that there are.
void require_name(const std::string& name);

}  // namespace espalier::data
