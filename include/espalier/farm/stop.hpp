// Requests to stop from outside: SIGINT (Ctrl-C), SIGTERM, SIGUSR1 and SIGHUP (the terminal is closed).
#pragma once

namespace espalier::farm {

/// From now on SIGINT, SIGTERM, SIGUSR1 and SIGHUP (unless it was ignored, as by nohup) set a flag; a second one of them, more than 0.3 s
/// later, ends the process at once with code 128 + its number: what is recorded is safe. The old handlers come back with the destructor.
/// mpirun passes SIGUSR1 on at once; after Ctrl-C or SIGTERM to mpirun, ranks get SIGTERM 1 s later and SIGKILL 1 to 2 s after that.
/// SIGPIPE is ignored meanwhile: that nobody reads its progress is no reason to end a run.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
};

/// A stop was asked for, by a signal or by request_stop().
bool stop_requested();
/// The signal that asked, 0 if none did.
int stop_signal();
/// As a signal does; from any thread.
void request_stop();
/// Forgets earlier requests (tests).
void clear_stop_request();

}  // namespace espalier::farm
