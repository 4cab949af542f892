// The conformance suite over MPI: every rank of an mpirun is this GoogleTest program.
#include <gtest/gtest.h>

#include "espalier/wire/connect.hpp"
#include "wire/link_conformance.hpp"

namespace espalier::wire {
namespace {

test::Peer* the_peer = nullptr;

class Mpi : public testing::TestWithParam<std::size_t> {};

// Rank counts: 2, 3 and 4 (tests/wire/CMakeLists.txt).
TEST_P(Mpi, Conforms) {
  test::conformance_programs()[GetParam()].second(*the_peer);
  the_peer->end_program();
}

INSTANTIATE_TEST_SUITE_P(Links, Mpi, testing::Range(std::size_t{0}, test::conformance_programs().size()),
                         [](const auto& test_info) { return test::conformance_programs()[test_info.param].first; });

}  // namespace
}  // namespace espalier::wire

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const auto link = espalier::wire::connect();
  espalier::wire::test::Peer peer(*link);
  espalier::wire::the_peer = &peer;
  if (link->size() < 2) {
    std::fprintf(stderr, "start it with mpirun -np 2 or more\n");
    return 2;
  }
  // A rank that fails leaves the others waiting: end them all.
  const int failed = RUN_ALL_TESTS();
  if (failed) link->abort(1);
  return 0;
}
