// The fork server: one thread, one child at a time.
#pragma once
#include "espalier/sandbox/sandbox.hpp"

namespace espalier::sandbox {

/// Takes requests from `control` until the caller is gone; children write frames to `results`. Leaves by _exit.
[[noreturn]] void serve(const Work& work, int control, int results, pid_t caller);

}  // namespace espalier::sandbox
