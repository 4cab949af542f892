#include "app/launcher.hpp"

#include <cstdlib>
#include <exception>

#include "espalier/base/file.hpp"
#include "espalier/base/log.hpp"
#include "espalier/wire/connect.hpp"

namespace espalier::app {

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string file() { return environment("ESPALIER_EXIT_CODE_FILE"); }

void write(const std::string& text) {
  if (file().empty() || wire::launched_rank() != 0) return;
  try {
    base::write_file_atomically(file(), text);
  } catch (const std::exception& error) {
    base::log_warning("{}", error.what());
  }
}

}  // namespace

void write_ready() { write(""); }

std::string who_asked_to_stop() {
  if (file().empty()) return "";
  try {
    std::string text = base::read_file(file() + ".stop");
    text.erase(text.find_last_not_of('\n') + 1);
    return text;
  } catch (const std::exception&) {
    return "";
  }
}

bool write_exit_code(int exit_code) {
  write(fmt::format("{}\n", exit_code));
  return !file().empty() && wire::launched_by_mpi();
}

std::string launcher_in_use() {
  if (!wire::launched_by_mpi()) return "";
  return environment("OMPI_COMM_WORLD_SIZE").empty() && !environment("SLURM_STEP_ID").empty() ? "srun" : "mpirun";
}

std::string started_by() { return environment("ESPALIER_STARTED_BY"); }

}  // namespace espalier::app
