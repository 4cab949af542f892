// The formulations; registered in embed.cpp.
#pragma once
#include <memory>

#include "espalier/embed/embed.hpp"

namespace espalier::embed {

std::unique_ptr<Formulation> make_paper();
std::unique_ptr<Formulation> make_lean();
std::unique_ptr<Formulation> make_split();

}  // namespace espalier::embed
