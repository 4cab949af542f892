// Private: ownership of HDF5 identifiers, and HDF5's error stack as an exception.
#pragma once
#include <hdf5.h>

#include <string>
#include <string_view>

#include "espalier/base/error.hpp"
#include "espalier/h5/file.hpp"

namespace espalier::h5 {

/// Closes its identifier, unless closing the file has already done so.
class Handle {
 public:
  using Closer = herr_t (*)(hid_t);

  Handle() = default;
  Handle(hid_t id, Closer closer) : id_(id), closer_(closer) {}
  ~Handle() { reset(); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle(Handle&& other) noexcept : id_(other.release()), closer_(other.closer_) {}
  Handle& operator=(Handle&& other) noexcept;

  hid_t id() const { return id_; }
  hid_t release();

 private:
  void reset();
  hid_t id_ = H5I_INVALID_HID;
  Closer closer_ = nullptr;
};

/// Starts HDF5 once per process with its error printing off. Called by everything that makes a file.
void initialize();

/// The innermost message of HDF5's error stack, and whether the operating system was its cause (errno).
struct Reason {
  std::string text;
  bool from_system = false;
};
Reason last_reason();

/// Throws "cannot <action> '<object>' in '<file>': <reason>"; kind io if the system refused, else data.
[[noreturn]] void refuse(std::string_view action, const std::string& object, const std::string& file);

/// A valid identifier as a Handle, or refuse().
Handle own(hid_t id, Handle::Closer closer, std::string_view action, const std::string& object, const std::string& file);
/// refuse() if an HDF5 call returned a negative number.
void check(long long result, std::string_view action, const std::string& object, const std::string& file);

/// "/a" + "b" -> "/a/b"
std::string join_path(const std::string& group, const std::string& name);

/// Dataset `name` of the group, or Error(data) that says what there is instead.
Handle open_dataset(const Group& group, const std::string& name);
/// Properties for creating a file, group or dataset that leave out modification times: equal content makes equal files.
Handle without_times(hid_t property_class);
/// Makes the missing groups on the way to `name`, and the properties of a new link to it. Error(data) if the name exists.
Handle links_below(const Group& group, const std::string& name);
/// Extent of a dataspace. Error(data) for a null dataspace.
Dims extent(hid_t space, const std::string& object, const std::string& file);
/// Refuses a dataset whose claimed size cannot come from what the file stores (a damaged extent would exhaust memory).
void check_plausible_size(hid_t dataset, std::uint64_t elements, std::size_t element_size, const std::string& object,
                          const std::string& file);

}  // namespace espalier::h5
