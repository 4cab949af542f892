// What this process and the script that launched it (jobs/run-mpi.sh) tell each other, by a file that the environment variable
// ESPALIER_EXIT_CODE_FILE names, and by ESPALIER_STARTED_BY. Nothing here throws.
#pragma once
#include <string>

namespace espalier::app {

/// Creates the file, empty: from now on SIGUSR1 stops the run in good order. Before, mpirun may lose it, or it ends a rank.
void write_ready();

/// What the script has written into the file's neighbour FILE.stop before it asked for a stop, as "Ctrl-C": mpirun passes on SIGUSR1
/// only. Empty if nothing.
std::string who_asked_to_stop();

/// Writes the exit code to the file, on rank 0: mpirun in recovery mode returns 0 whatever its ranks return. Call it before anything that
/// may end the process. True if the script will look there: then the process itself ends with 0, whatever its rank, because of
/// another code mpirun prints errors of its own.
bool write_exit_code(int exit_code);

/// How the run was started, as far as the program has to repeat it to continue: "" (alone), "mpirun" or "srun".
std::string launcher_in_use();

/// ESPALIER_STARTED_BY: the words, quoted for a shell, that stand for `espalier run CONFIG` in what the user has typed. Empty: those.
std::string started_by();

}  // namespace espalier::app
