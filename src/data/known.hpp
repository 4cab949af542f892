// Tells the data sets apart by content: their files have the same names, shapes and counts.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace espalier::data {

/// Throws base::Error(data) if these are the published test labels of another data set than `name`; warns if of none.
void require_content_of(const std::string& name, const std::vector<std::uint8_t>& test_labels, const std::filesystem::path& path);

}  // namespace espalier::data
