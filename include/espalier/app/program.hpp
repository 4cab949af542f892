// The command line as a function, so that tests can call it.
#pragma once

namespace espalier::app {

/// Runs `espalier` with these arguments and returns its exit code (src/app/exit_codes.hpp). Nothing is thrown.
int run_program(int argc, char** argv);

}  // namespace espalier::app
