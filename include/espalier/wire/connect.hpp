// The link of this process: MPI if a launcher started it, else alone.
#pragma once
#include <memory>

#include "espalier/wire/link.hpp"

namespace espalier::wire {

enum class Launch {
  automatic,  ///< MPI if mpirun, mpiexec or srun with an MPI plugin started this process
  alone,      ///< never MPI
  mpi,        ///< MPI in any case (a process without launcher is then rank 0 of 1)
};

/// True if the environment shows an MPI launcher (Open MPI's mpirun, PMIx as with srun --mpi=pmix, or PMI).
bool launched_by_mpi();

/// This process among those of its MPI launcher, by the environment: known before MPI is up, 0 without a launcher.
int launched_rank();

/// How many processes this one was started with, by the environment (also by srun without an MPI plugin); 1 if nothing says so. More than
/// the link has ranks: the launcher and MPI did not find each other.
int launched_tasks();

/// At most once in a process, from the main thread, before other threads start. MPI is initialised only if it is used, so a program
/// started by hand needs no MPI daemon, no network and no extra threads; MPI_Finalize is called when the link is destroyed.
/// Without MPI the link has size 1. Throws Error(io) if MPI cannot be initialised. The process ends with code 75 if its launcher is gone
/// before MPI is up, and in Open MPI's recovery mode if MPI is not up in 120 s (environment variable ESPALIER_MPI_INIT_SECONDS).
std::unique_ptr<Link> connect(Launch launch = Launch::automatic);

}  // namespace espalier::wire
