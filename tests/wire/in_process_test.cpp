#include "espalier/wire/in_process.hpp"

#include <gmock/gmock.h>

#include <thread>

#include "espalier/base/error.hpp"
#include "espalier/wire/connect.hpp"
#include "wire/link_conformance.hpp"

namespace espalier::wire {
namespace {

class InProcess : public testing::TestWithParam<std::tuple<std::size_t, int>> {};

TEST_P(InProcess, Conforms) {
  const auto& [index, size] = GetParam();
  const auto& program = test::conformance_programs()[index].second;
  const auto network = InProcessNetwork::create(size);
  {
    std::vector<std::jthread> ranks;
    for (int r = 0; r < size; ++r)
      ranks.emplace_back([&, r] {
        const auto link = network->link(base::Rank{r});
        test::Peer peer(*link);
        program(peer);
        peer.end_program();
      });
  }
  EXPECT_NO_THROW(network->expect_empty());
}

INSTANTIATE_TEST_SUITE_P(Links, InProcess,
                         testing::Combine(testing::Range(std::size_t{0}, test::conformance_programs().size()), testing::Values(2, 3, 4)),
                         [](const auto& test_info) {
                           return test::conformance_programs()[std::get<0>(test_info.param)].first + "_" +
                                  std::to_string(std::get<1>(test_info.param)) + "_ranks";
                         });

TEST(InProcessNetwork, NamesMessagesThatNobodyReceived) {
  const auto network = InProcessNetwork::create(3);
  EXPECT_NO_THROW(network->expect_empty());
  network->link(base::Rank{2})->send(base::Rank{1}, 5, "hello");
  try {
    network->expect_empty();
    FAIL();
  } catch (const base::Error& e) {
    EXPECT_STREQ(e.what(), "messages that nobody received; from 2 to 1, tag 5, 5 bytes");
  }
}

TEST(InProcessNetwork, RefusesARankThatIsNotThere) {
  const auto link = InProcessNetwork::create(2)->link(base::Rank{0});
  EXPECT_THROW(link->send(base::Rank{2}, 0, ""), base::Error);
  EXPECT_THROW(link->send(base::Rank{-1}, 0, ""), base::Error);
}

TEST(InProcessNetwork, AForgottenRankGetsNothingMoreAndMayStillSpeak) {
  const auto network = InProcessNetwork::create(3);
  const auto master = network->link(base::Rank{0});
  const auto lost = network->link(base::Rank{1});
  master->forget(base::Rank{1});
  master->send(base::Rank{1}, 5, "hello");
  lost->send(base::Rank{0}, 6, "late");
  EXPECT_FALSE(lost->receive(base::Seconds(0)));
  EXPECT_EQ(master->receive(base::Seconds(0))->bytes, "late");
  EXPECT_TRUE(master->flush(base::Seconds(1)));
  EXPECT_NO_THROW(network->expect_empty());
}

TEST(Connect, AProcessStartedByHandIsAlone) {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "PMI_RANK"}) ::unsetenv(name);
  ::setenv("SLURM_PROCID", "0", 1);  // as in a batch script
  EXPECT_FALSE(launched_by_mpi());
  ::setenv("PMIX_RANK", "0", 1);
  EXPECT_TRUE(launched_by_mpi());
  const auto link = connect(Launch::alone);
  EXPECT_EQ(link->size(), 1);
  EXPECT_EQ(link->rank(), base::Rank{0});
  ::unsetenv("PMIX_RANK");
  ::unsetenv("SLURM_PROCID");
}

}  // namespace
}  // namespace espalier::wire
