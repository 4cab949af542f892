// Pham et al. (P2): the adversarial input of a dense network, by way of a pruned one as its surrogate.
#pragma once
#include <memory>

#include "espalier/studies/study.hpp"

namespace espalier::studies {

/// "surrogate": dense networks against pruned ones in their place.
std::unique_ptr<Study> make_surrogate();

}  // namespace espalier::studies
