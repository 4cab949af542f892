#include "espalier/h5/file.hpp"
#include "h5/handle.hpp"
#include "h5/types.hpp"

namespace espalier::h5 {

namespace {

void read_whole(const Group& group, const std::string& name) {
  const std::string path = join_path(group.path(), name);
  const Handle dataset = open_dataset(group, name);
  const Handle stored = own(H5Dget_type(dataset.id()), H5Tclose, "read the type of", path, group.file_name());
  const Handle type = own(H5Tget_native_type(stored.id(), H5T_DIR_ASCEND), H5Tclose, "read the type of", path, group.file_name());
  const Handle space = own(H5Dget_space(dataset.id()), H5Sclose, "read the extent of", path, group.file_name());
  const hssize_t points = H5Sget_simple_extent_npoints(space.id());
  check(points, "read the extent of", path, group.file_name());
  if (points == 0) return;
  const auto count = static_cast<std::size_t>(points);
  check_plausible_size(dataset.id(), count, H5Tget_size(stored.id()), path, group.file_name());
  std::vector<char> bytes(count * H5Tget_size(type.id()));
  check(H5Dread(dataset.id(), type.id(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), "read", path, group.file_name());
  H5Dvlen_reclaim(type.id(), space.id(), H5P_DEFAULT, bytes.data());
}

}  // namespace

std::vector<std::string> unreadable_datasets(const Group& group) {
  std::vector<std::string> datasets;
  const auto visit = [](hid_t, const char* name, const H5O_info_t* info, void* data) -> herr_t {
    if (info->type == H5O_TYPE_DATASET) static_cast<std::vector<std::string>*>(data)->emplace_back(name);
    return 0;
  };
  std::vector<std::string> sentences;
  if (H5Ovisit2(group.handle().id(), H5_INDEX_NAME, H5_ITER_INC, visit, &datasets, H5O_INFO_BASIC) < 0)
    sentences.push_back(fmt::format("cannot list '{}' in '{}': {}", group.path(), group.file_name(), last_reason().text));
  for (const std::string& name : datasets) {
    try {
      read_whole(group, name);
    } catch (const base::Error& error) {
      sentences.emplace_back(error.what());
    }
  }
  return sentences;
}

}  // namespace espalier::h5
