// The link over Boost.MPI. Private: only connect.cpp makes one.
#pragma once
#include <memory>

#include "espalier/wire/link.hpp"

namespace espalier::wire {

/// Initialises MPI; finalises it when destroyed. Throws Error(io).
std::unique_ptr<Link> make_mpi_link();

}  // namespace espalier::wire
