// A study that has nothing to do with networks: how many primes there are below a number. What a study costs.
#pragma once
#include <memory>

#include "espalier/studies/study.hpp"

namespace espalier::test {

std::unique_ptr<studies::Study> make_toy();

}  // namespace espalier::test
