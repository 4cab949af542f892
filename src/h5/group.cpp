#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "espalier/base/text.hpp"
#include "espalier/h5/file.hpp"
#include "h5/driver.hpp"
#include "h5/handle.hpp"

namespace espalier::h5 {

using base::ErrorKind;
using base::fail;

namespace {

/// H5Lexists wants every group on the way to exist.
bool link_exists(hid_t group, const std::string& name) {
  for (std::size_t end = name.find('/', 1);; end = name.find('/', end + 1)) {
    if (H5Lexists(group, name.substr(0, end).c_str(), H5P_DEFAULT) <= 0) {
      H5Eclear2(H5E_DEFAULT);
      return false;
    }
    if (end == std::string::npos) return true;
  }
}

H5I_type_t object_type(hid_t group, const std::string& name) {
  if (!link_exists(group, name)) return H5I_BADID;
  const Handle object(H5Oopen(group, name.c_str(), H5P_DEFAULT), H5Oclose);
  const H5I_type_t type = object.id() < 0 ? H5I_BADID : H5Iget_type(object.id());
  H5Eclear2(H5E_DEFAULT);
  return type;
}

/// "'/p' in 'other.h5'" for an external link, "'/p'" for a soft one.
std::string target_of(hid_t group, const std::string& name) {
  H5L_info_t info{};
  if (H5Lget_info(group, name.c_str(), &info, H5P_DEFAULT) < 0 || info.type == H5L_TYPE_HARD) return "nowhere";
  std::string value(info.u.val_size, '\0');
  const char *file = nullptr, *object = value.c_str();
  if (H5Lget_val(group, name.c_str(), value.data(), value.size(), H5P_DEFAULT) < 0) return "nowhere";
  if (info.type == H5L_TYPE_EXTERNAL && H5Lunpack_elink_val(value.data(), value.size(), nullptr, &file, &object) < 0) return "nowhere";
  return file == nullptr ? fmt::format("to '{}'", object) : fmt::format("to '{}' in '{}'", object, file);
}

[[noreturn]] void fail_broken_link(const Group& group, const std::string& name, std::string_view expected) {
  const hid_t id = group.handle().id();
  const DriverState* const state = driver_state(id);
  const Handle object(H5Oopen(id, name.c_str(), H5P_DEFAULT), H5Oclose);
  const std::string reason =
      state != nullptr && !state->write_failed && state->error != 0 ? std::strerror(state->error) : last_reason().text;
  fail(ErrorKind::data, "'{}' in '{}': expected {}, found a link {} that cannot be followed: {}", join_path(group.path(), name),
       group.file_name(), expected, target_of(id, name), reason);
}

[[noreturn]] void fail_wrong_object(const Group& group, const std::string& name, std::string_view expected) {
  const std::string path = join_path(group.path(), name);
  if (group.is_broken_link(name)) fail_broken_link(group, name, expected);
  if (group.exists(name))
    fail(ErrorKind::data, "'{}' in '{}': expected {}, found {}", path, group.file_name(), expected,
         group.is_group(name) ? "a group" : (group.is_dataset(name) ? "a dataset" : "something else"));
  fail(ErrorKind::data, "'{}' in '{}': expected {}, found nothing of that name{}", path, group.file_name(), expected,
       base::did_you_mean(name, group.children()));
}

void refuse_existing(const Group& group, const std::string& name) {
  if (group.exists(name))
    fail(ErrorKind::data, "cannot create '{}' in '{}': there is already {} of that name", join_path(group.path(), name), group.file_name(),
         group.is_group(name) ? "a group" : "an object");
}

}  // namespace

Handle links_below(const Group& group, const std::string& name) {
  refuse_existing(group, name);
  const Handle creation = without_times(H5P_GROUP_CREATE);  // HDF5's own intermediate groups have times
  for (std::size_t end = name.find('/', 1); end != std::string::npos; end = name.find('/', end + 1)) {
    const std::string parent = name.substr(0, end);
    if (link_exists(group.handle().id(), parent)) continue;
    own(H5Gcreate2(group.handle().id(), parent.c_str(), H5P_DEFAULT, creation.id(), H5P_DEFAULT), H5Gclose, "create group",
        join_path(group.path(), parent), group.file_name());
  }
  Handle properties(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_char_encoding(properties.id(), H5T_CSET_UTF8);
  return properties;
}

Handle open_dataset(const Group& group, const std::string& name) {
  if (!group.is_dataset(name)) fail_wrong_object(group, name, "a dataset");
  return own(H5Dopen2(group.handle().id(), name.c_str(), H5P_DEFAULT), H5Dclose, "open", join_path(group.path(), name), group.file_name());
}

Group Group::create_group(const std::string& name) const {
  const Handle links = links_below(*this, name);
  const Handle creation = without_times(H5P_GROUP_CREATE);
  const hid_t id = H5Gcreate2(handle().id(), name.c_str(), links.id(), creation.id(), H5P_DEFAULT);
  const std::string full = join_path(path(), name);
  return {std::make_shared<Handle>(own(id, H5Gclose, "create group", full, file_name())), file_name(), full};
}

Group Group::open_group(const std::string& name) const {
  if (!is_group(name)) fail_wrong_object(*this, name, "a group");
  const std::string full = join_path(path(), name);
  const hid_t id = H5Gopen2(handle().id(), name.c_str(), H5P_DEFAULT);
  return {std::make_shared<Handle>(own(id, H5Gclose, "open group", full, file_name())), file_name(), full};
}

Object Group::open_object(const std::string& name) const {
  if (!exists(name)) fail_wrong_object(*this, name, "a group or dataset");
  const std::string full = join_path(path(), name);
  const hid_t id = H5Oopen(handle().id(), name.c_str(), H5P_DEFAULT);
  return {std::make_shared<Handle>(own(id, H5Oclose, "open", full, file_name())), file_name(), full};
}

bool Group::exists(const std::string& name) const { return !name.empty() && link_exists(handle().id(), name); }
bool Group::is_group(const std::string& name) const { return !name.empty() && object_type(handle().id(), name) == H5I_GROUP; }
bool Group::is_dataset(const std::string& name) const { return !name.empty() && object_type(handle().id(), name) == H5I_DATASET; }
bool Group::is_broken_link(const std::string& name) const { return exists(name) && object_type(handle().id(), name) == H5I_BADID; }

std::vector<std::string> Group::children() const {
  std::vector<std::string> names;
  const auto visit = [](hid_t, const char* name, const H5L_info_t*, void* data) -> herr_t {
    static_cast<std::vector<std::string>*>(data)->emplace_back(name);
    return 0;
  };
  check(H5Literate(handle().id(), H5_INDEX_NAME, H5_ITER_INC, nullptr, visit, &names), "list", path(), file_name());
  std::sort(names.begin(), names.end());
  return names;
}

void Group::expect_only(const std::vector<std::string>& known) const {
  for (const std::string& child : children())
    if (std::find(known.begin(), known.end(), child) == known.end())
      fail(ErrorKind::data, "'{}' in '{}': expected nothing but {}, found '{}'{}", path(), file_name(), fmt::join(known, ", "), child,
           base::did_you_mean(child, known));
  for (const std::string& name : known)
    if (has_attribute(name))
      fail(ErrorKind::data, "'{}' in '{}': expected '{}' as a dataset or group, found an attribute", path(), file_name(), name);
}

void Group::remove(const std::string& name) const {
  if (!exists(name)) fail_wrong_object(*this, name, "a group or dataset");
  check(H5Ldelete(handle().id(), name.c_str(), H5P_DEFAULT), "remove", join_path(path(), name), file_name());
}

void copy_object(const Group& from, const std::string& name, const Group& to, const std::string& new_name) {
  if (!name.empty() && !from.exists(name)) fail_wrong_object(from, name, "a group or dataset");
  const Handle links = links_below(to, new_name);
  const std::string action = fmt::format("copy to '{}' in '{}'", join_path(to.path(), new_name), to.file_name());
  const char* source = name.empty() ? "." : name.c_str();
  check(H5Ocopy(from.handle().id(), source, to.handle().id(), new_name.c_str(), H5P_DEFAULT, links.id()), action,
        name.empty() ? from.path() : join_path(from.path(), name), from.file_name());
  require_written(to.handle().id(), join_path(to.path(), new_name), to.file_name());
}

}  // namespace espalier::h5
