// Private: how HDF5 reaches the disk.
//
// HDF5 1.10 cannot cope with a write that fails: data that were buffered are dropped without a word when a dataset is closed, a file that
// cannot be closed keeps its descriptor (and so its disk space), H5Ocopy follows a wild pointer in its error path, and the process crashes
// when it ends. So HDF5 never sees one. This driver does what HDF5's own (sec2) does until the system refuses a write; then it remembers
// why, keeps that and all later writes in memory, and reports success. The wrapper asks for the failure after every operation and throws;
// File::close() throws at the latest.
#pragma once
#include <memory>
#include <string>

#include "h5/handle.hpp"

namespace espalier::h5 {

/// Of one opened file and those that its external links lead to; shared by h5::File and the driver.
struct DriverState : std::enable_shared_from_this<DriverState> {
  int error = 0;              ///< errno of the first failure since something was last opened; 0: none
  const char* action = "";    ///< "open", "read", "write"
  bool write_failed = false;  ///< the file on disk is not complete and will not be
  bool load = false;          ///< to be read as a whole when it is opened
};

/// File access properties that use the driver and report to `state`.
void use_driver(hid_t access_properties, DriverState* state);

/// The state of the file that an object lies in; nullptr if it is not one of ours.
const DriverState* driver_state(hid_t object);

/// Throws Error(io) "cannot write ..." if a write to the file of this object has failed.
void require_written(hid_t object, const std::string& path, const std::string& file);

}  // namespace espalier::h5
