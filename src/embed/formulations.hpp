// The formulations; registered in embed.cpp.
#pragma once
#include <memory>

#include "espalier/embed/embed.hpp"

namespace espalier::embed {

std::unique_ptr<Formulation> make_big_m_literal();
std::unique_ptr<Formulation> make_big_m();
std::unique_ptr<Formulation> make_big_m_split();

}  // namespace espalier::embed
