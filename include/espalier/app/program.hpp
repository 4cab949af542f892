// The command line as a function, so that tests can call it.
#pragma once
#include "espalier/studies/study.hpp"

namespace espalier::app {

/// First of all in main. Standard descriptors that are closed are opened on /dev/null, or the next file that is opened would take their
/// place: standard output for reading, so that what is written there is an error and not lost. SIGXFSZ is ignored: a file that reaches the
/// limit of its size is then an error like a full disk.
void prepare_process();

/// Runs `espalier` with these arguments and returns its exit code (src/app/exit_codes.hpp). Nothing is thrown. `studies`: those that
/// experiment files may name; the first is the default.
int run_program(int argc, char** argv, const studies::Registry& studies);

}  // namespace espalier::app
