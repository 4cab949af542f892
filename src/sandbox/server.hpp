// The fork server: one thread, one child at a time.
#pragma once
#include "espalier/sandbox/sandbox.hpp"
#include "sandbox/scratch.hpp"

namespace espalier::sandbox {

/// Takes requests from `control` until the caller is gone, however it went; children write frames to `results`. Leaves by _exit.
[[noreturn]] void serve(const Work& work, int control, int results, pid_t caller, Scratch& scratch);

}  // namespace espalier::sandbox
