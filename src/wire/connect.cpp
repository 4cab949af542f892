#include "espalier/wire/connect.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <initializer_list>

#include "espalier/wire/in_process.hpp"
#include "wire/mpi.hpp"

namespace espalier::wire {

bool launched_by_mpi() {
  // Set by mpirun/mpiexec of Open MPI; by PMIx launchers (srun --mpi=pmix); by PMI launchers (MPICH's mpiexec, srun --mpi=pmi2).
  // SLURM_PROCID is not among them: a batch script has it, too.
  constexpr std::array names{"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"};
  return std::any_of(names.begin(), names.end(), [](const char* name) { return std::getenv(name) != nullptr; });
}

namespace {

/// The number in the first of these variables that is set.
int first_number(std::initializer_list<const char*> names, int otherwise) {
  for (const char* name : names)
    if (const char* text = std::getenv(name); text != nullptr) return std::atoi(text);
  return otherwise;
}

}  // namespace

int launched_rank() { return first_number({"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}, 0); }

// Slurm's variable of the step, not of the job: a batch script is one task of its own.
int launched_tasks() { return first_number({"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}, 1); }

std::unique_ptr<Link> connect(Launch launch) {
  const bool with_mpi = launch == Launch::mpi || (launch == Launch::automatic && launched_by_mpi());
  return with_mpi ? make_mpi_link() : InProcessNetwork::create(1)->link(base::Rank{0});
}

}  // namespace espalier::wire
