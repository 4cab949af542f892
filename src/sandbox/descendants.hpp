// Killing everything that a child has started, also what has left its process group.
#pragma once
#include <sys/resource.h>
#include <sys/types.h>

#include <vector>

namespace espalier::sandbox {

/// Processes whose parent is this one, zombies included.
std::vector<pid_t> children_of_this_process();

/// For a subreaper: kills and reaps children, and the orphans that become its children by that, until there are none or 5 s are over.
/// Their CPU time and the largest resident set are added to `usage`.
void kill_all_children(rusage& usage);

/// Adds times, takes the larger resident set.
void add_usage(rusage& sum, const rusage& other);

/// How many processes the kernel has killed for memory since the machine started; 0 where it does not say.
long kernel_memory_kills();

/// Resident set of this process, MiB; and its address space in bytes.
double resident_mib();
unsigned long address_space_bytes();

}  // namespace espalier::sandbox
