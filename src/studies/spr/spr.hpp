// Cacciola, Frangioni and Lodi (P1): networks pruned by structured perspective regularisation, each with its own adversarial input.
#pragma once
#include <memory>

#include "espalier/studies/study.hpp"

namespace espalier::studies {

/// "spr": attacks on the pruned network itself.
std::unique_ptr<Study> make_spr();

}  // namespace espalier::studies
