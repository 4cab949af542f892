// Given problems, solved: the question and its network come from problem files.
#pragma once
#include <memory>

#include "espalier/studies/study.hpp"

namespace espalier::studies {

/// "verification": problems of files against solvers and their settings, and networks against properties. `zip: {problems: FILE}` stands
/// for all problems of a file, `zip: {instances: FILE}` for the pairs of a list.
std::unique_ptr<Study> make_verification();

}  // namespace espalier::studies
