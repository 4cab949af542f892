#include "espalier/wire/connect.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <map>
#include <string>

namespace espalier::wire {
namespace {

/// An environment in which only these variables of launchers are set.
class Variables {
 public:
  explicit Variables(const std::map<std::string, std::string>& values) {
    for (const char* name : {"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}) {
      const char* value = ::getenv(name);
      if (value != nullptr) before_[name] = value;
      ::unsetenv(name);
    }
    for (const auto& [name, value] : values) ::setenv(name.c_str(), value.c_str(), 1);
    for (const auto& [name, value] : values) set_.push_back(name);
  }
  ~Variables() {
    for (const std::string& name : set_) ::unsetenv(name.c_str());
    for (const auto& [name, value] : before_) ::setenv(name.c_str(), value.c_str(), 1);
  }
  Variables(const Variables&) = delete;
  Variables& operator=(const Variables&) = delete;

 private:
  std::map<std::string, std::string> before_;
  std::vector<std::string> set_;
};

TEST(Connect, RankAndTasksAreThoseOfTheLauncher) {
  {
    const Variables none{std::map<std::string, std::string>{}};
    EXPECT_FALSE(launched_by_mpi());
    EXPECT_EQ(launched_rank(), 0);
    EXPECT_EQ(launched_tasks(), 1);
  }
  {
    // mpirun inside a Slurm step with one daemon per node: mpirun's numbers count.
    const Variables mpirun({{"OMPI_COMM_WORLD_SIZE", "3"}, {"OMPI_COMM_WORLD_RANK", "2"}, {"SLURM_STEP_NUM_TASKS", "5"}});
    EXPECT_TRUE(launched_by_mpi());
    EXPECT_EQ(launched_rank(), 2);
    EXPECT_EQ(launched_tasks(), 3);
  }
  {
    const Variables srun_without_plugin(std::map<std::string, std::string>{{"SLURM_STEP_NUM_TASKS", "4"}});
    EXPECT_FALSE(launched_by_mpi());
    EXPECT_EQ(launched_rank(), 0);
    EXPECT_EQ(launched_tasks(), 4);
  }
}

}  // namespace
}  // namespace espalier::wire
