// Problem files (HDF5). Layout: one group per problem,
//   /<problem>                attributes: label, target (a class, or "any": the largest of all other classes), norm ("l1", "l2",
//                             "linf", "row-wise", "none"), epsilon (but with norm none); optional: dataset, input_side, true_label,
//                             sample_index, optimum, note
//   /<problem>/input          float64 (n0,)
//   /<problem>/lower, upper   float64 (n0,), optional, both or none: the box of the inputs, [0,1]^n without them
//   /<problem>/optimal_input  float64 (n0,), optional
//   /<problem>/functions      float64 (m, n_out), optional, in place of label and target: the largest of these m linear functions of the
//                             logits is maximised
//   /<problem>/constants      float64 (m,), optional: what is added to each
//   /<problem>/network/layer_<k>/weight float32 (out, in), bias float32 (out,), mask uint8 (out, in); the last two optional
// A problem holds nothing else: an unknown member is refused by name. So are a member that is an attribute, an attribute that is a
// dataset, and an unknown attribute that is nearly the name of one that is not there; other attributes are the user's own. Links are
// followed. What stands beside the problems is ignored, unless it is a link that leads nowhere.
#pragma once
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "espalier/nn/file.hpp"
#include "espalier/problem/problem.hpp"

namespace espalier::h5 {
class Group;
}

namespace espalier::problem {

/// Names of the problems in the file, sorted. Throws base::Error(data) if there is none, or if the file is no HDF5 file.
[[nodiscard]] std::vector<std::string> problem_names(const std::filesystem::path& file);

/// One problem, checked. Errors (base::Error(data)) name file, object, expected and found; an unknown name gets a "did you mean".
/// `rounding`: see nn::read_network.
[[nodiscard]] Problem read_problem(const std::filesystem::path& file, const std::string& name, nn::Rounding* rounding = nullptr);

/// The same, of a group that stands for a file.
[[nodiscard]] Problem read_problem(const h5::Group& file, const std::string& name);

/// The problems called `names`, in that order; all of them in sorted order if `names` is empty.
[[nodiscard]] std::vector<Problem> read_problems(const std::filesystem::path& file, std::span<const std::string> names = {});

/// Writes a new file with these problems (checked; names must be distinct, not empty and without '/'), by temporary file and rename.
void write_problems(const std::filesystem::path& file, std::span<const Problem> problems);

}  // namespace espalier::problem
