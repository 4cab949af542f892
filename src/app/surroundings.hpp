// What a process has of its surroundings: descriptors and standard output.
#pragma once

namespace espalier::app {

/// What was printed so far has arrived. Throws Error(io): output that is lost must not look like success.
void flush_output();

/// For commands that open many files. Throws Error(configuration) if the limit of open files is too low for them.
void require_descriptors();

}  // namespace espalier::app
