#include "espalier/h5/range.hpp"

#include "h5/handle.hpp"
#include "h5/types.hpp"

namespace espalier::h5 {

using base::ErrorKind;
using base::fail;

struct ArrayReader::State {
  std::string path, file;
  Handle dataset;
  Handle space;
  hsize_t size = 0;
};

ArrayReader::ArrayReader(const Group& group, const std::string& name) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.path = join_path(group.path(), name);
  s.file = group.file_name();
  s.dataset = open_dataset(group, name);
  const Handle type = own(H5Dget_type(s.dataset.id()), H5Tclose, "read the type of", s.path, s.file);
  if (const StoredType stored = classify(type.id()); stored.kind != StoredKind::real || stored.size > sizeof(double))
    fail(ErrorKind::data, "'{}' in '{}': expected reals, found {}", s.path, s.file, stored.name);
  s.space = own(H5Dget_space(s.dataset.id()), H5Sclose, "read the extent of", s.path, s.file);
  const Dims dims = extent(s.space.id(), s.path, s.file);
  if (dims.size() != 1) fail(ErrorKind::data, "'{}' in '{}': expected 1 dimension, found {}", s.path, s.file, dims.size());
  s.size = dims.front();
}

ArrayReader::~ArrayReader() = default;
ArrayReader::ArrayReader(ArrayReader&&) noexcept = default;
ArrayReader& ArrayReader::operator=(ArrayReader&&) noexcept = default;

std::uint64_t ArrayReader::size() const { return state_->size; }

std::vector<double> ArrayReader::read(std::uint64_t offset, std::uint64_t count) const {
  const State& s = *state_;
  if (count > s.size || offset > s.size - count)
    fail(ErrorKind::data, "'{}' in '{}': numbers {} to {} lie beyond its {}", s.path, s.file, offset, offset + count, s.size);
  check_plausible_size(s.dataset.id(), count, sizeof(double), s.path, s.file);
  std::vector<double> values(count);
  if (count == 0) return values;
  const hsize_t first = offset, number = count;
  const Handle memory(H5Screate_simple(1, &number, nullptr), H5Sclose);
  H5Sselect_hyperslab(s.space.id(), H5S_SELECT_SET, &first, nullptr, &number, nullptr);
  check(H5Dread(s.dataset.id(), H5T_NATIVE_DOUBLE, memory.id(), s.space.id(), H5P_DEFAULT, values.data()), "read", s.path, s.file);
  return values;
}

}  // namespace espalier::h5
