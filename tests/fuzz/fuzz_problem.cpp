// The problem file reader. Flipping bytes of an HDF5 file mostly finds crashes of the HDF5 library, which `espalier solve` survives because
// it reads problem files in a process of their own. So the bytes are a recipe instead: a good problem file in which objects and attributes
// are removed or replaced by ones of any type, rank, extent and value. Now and then bytes of the finished file are changed, too; it is then
// read if it passes h5::verify_file. The reader refuses as Error(data), or gives problems that keep their value when written and read
// again.
#include <fstream>
#include <limits>

#include "espalier/base/error.hpp"
#include "espalier/base/file.hpp"
#include "espalier/h5/file.hpp"
#include "espalier/h5/verify.hpp"
#include "espalier/problem/file.hpp"
#include "fuzz/memory_file.hpp"

namespace {

using namespace espalier;
using fuzz::Bytes;
using fuzz::require;

const std::vector<std::string> objects{"input",
                                       "optimal_input",
                                       "network",
                                       "network/layer_0",
                                       "network/layer_0/weight",
                                       "network/layer_0/bias",
                                       "network/layer_0/mask",
                                       "network/layer_1",
                                       "network/layer_1/weight",
                                       "network/layer_1/bias",
                                       "network/layer_2",
                                       "network/layer_2/weight",
                                       "network/layer_2/bias",
                                       "lower",
                                       "upper"};
const std::vector<std::string> attributes{"norm", "epsilon",      "label",      "target",  "dataset",
                                          "note", "sample_index", "true_label", "optimum", "input_side"};

problem::Problem good_problem() {
  problem::Problem problem;
  problem.name = "good";
  nn::Layer first{.weight = nn::WeightMatrix::Constant(3, 2, 0.5F), .bias = Eigen::VectorXf::Constant(3, 0.25F)};
  first.weight(1, 0) = -1;
  nn::Layer second{.weight = nn::WeightMatrix::Constant(2, 3, -0.5F), .bias = Eigen::VectorXf::Constant(2, 1)};
  problem.network.layers = {first, second};
  problem.input = Eigen::VectorXd::Constant(2, 0.5);
  problem.epsilon = 0.5;
  problem.label = 0;
  problem.target = 1;
  problem.sample_index = 7;
  return problem;
}

double real(Bytes& bytes) {
  using limits = std::numeric_limits<double>;
  constexpr double special[] = {0,
                                -0.0,
                                1,
                                -1,
                                0.5,
                                0.1,
                                1e-320,
                                1e300,
                                1e39,
                                16777217,
                                0x1p53,
                                -0x1p63,
                                0x1p63,
                                limits::infinity(),
                                -limits::infinity(),
                                limits::quiet_NaN()};
  const std::uint8_t byte = bytes.byte();
  return byte < 128 ? special[byte % std::size(special)] : (byte - 192) / 16.0;
}

std::int64_t integer(Bytes& bytes) {
  using limits = std::numeric_limits<std::int64_t>;
  constexpr std::int64_t special[] = {0, 1, 2, 3, -1, 10, 255, 256, 1LL << 31, (1LL << 31) - 1, 1LL << 32, limits::min(), limits::max()};
  return special[bytes.below(std::size(special))];
}

template <class T>
void write_values(const h5::Group& group, const std::string& name, Bytes& bytes, const h5::Dims& dims, std::size_t count) {
  const auto values = std::make_unique<T[]>(count + 1);
  for (std::size_t i = 0; i < count; ++i) {
    if constexpr (std::is_floating_point_v<T>)
      values[i] = static_cast<T>(real(bytes));
    else if constexpr (std::is_same_v<T, bool>)
      values[i] = bytes.byte() % 2 == 1;
    else
      values[i] = static_cast<T>(integer(bytes));
  }
  h5::ArrayOptions options;
  if (count > 0 && !dims.empty() && bytes.byte() % 4 == 0) options = {.chunk = {}, .gzip_level = 4, .shuffle = true, .fletcher32 = true};
  group.write_array(name, std::span<const T>(values.get(), count), dims, options);
}

void write_any_array(const h5::Group& group, const std::string& name, Bytes& bytes) {
  h5::Dims dims(bytes.below(4));
  std::size_t count = 1;
  for (std::uint64_t& extent : dims) count *= extent = bytes.below(5);
  switch (bytes.below(6)) {
    case 0:
      return write_values<float>(group, name, bytes, dims, count);
    case 1:
      return write_values<double>(group, name, bytes, dims, count);
    case 2:
      return write_values<std::int64_t>(group, name, bytes, dims, count);
    case 3:
      return write_values<std::int32_t>(group, name, bytes, dims, count);
    case 4:
      return write_values<std::uint8_t>(group, name, bytes, dims, count);
    default:
      return write_values<bool>(group, name, bytes, dims, count);
  }
}

h5::AttributeValue any_attribute(Bytes& bytes) {
  switch (bytes.below(8)) {
    case 0:
      return std::string(problem::words(problem::Norm{})[bytes.below(4)].second);
    case 1: {
      std::string text(bytes.take(bytes.below(40)));
      return text;
    }
    case 2:
      return real(bytes);
    case 3:
      return integer(bytes);
    case 4:
      return bytes.byte() % 2 == 1;
    case 5:
      return std::vector<double>(bytes.below(3), real(bytes));
    case 6:
      return std::vector<std::int64_t>(bytes.below(3), integer(bytes));
    default:
      return std::vector<std::string>(bytes.below(3), std::string(bytes.take(3)));
  }
}

/// One change of the good file. What h5 itself refuses to write is no change.
void change(const h5::Group& problem, Bytes& bytes) {
  const std::string& name = objects[bytes.below(objects.size())];
  try {
    switch (bytes.below(4)) {
      case 0:
        problem.remove(name);
        break;
      case 1:
        if (problem.exists(name)) problem.remove(name);
        write_any_array(problem, name, bytes);
        break;
      case 2:
        problem.write_attribute(attributes[bytes.below(attributes.size())], any_attribute(bytes));
        break;
      default:
        if (problem.exists(name)) problem.remove(name);
        problem.create_group(name);
    }
  } catch (const base::Error&) {
  }
}

const std::filesystem::path& folder() {
  static const std::filesystem::path path = [] {
    static std::string name = std::filesystem::exists("/dev/shm") ? "/dev/shm/espalier-fuzz-XXXXXX" : "/tmp/espalier-fuzz-XXXXXX";
    require(::mkdtemp(name.data()) != nullptr, "a folder");
    std::atexit([] { std::filesystem::remove_all(name); });
    return std::filesystem::path(name);
  }();
  return path;
}

bool same(const problem::Problem& a, const problem::Problem& b) {
  bool equal = a.name == b.name && a.network.layers.size() == b.network.layers.size() && a.input == b.input && a.norm == b.norm &&
               a.epsilon == b.epsilon && a.region().box.lower == b.region().box.lower && a.region().box.upper == b.region().box.upper &&
               a.label == b.label && a.target == b.target && a.dataset == b.dataset && a.note == b.note && a.input_side == b.input_side &&
               a.sample_index == b.sample_index && a.true_label == b.true_label &&
               a.optimal_input.has_value() == b.optimal_input.has_value();
  for (std::size_t k = 0; equal && k < a.network.layers.size(); ++k)
    equal = a.network.layers[k].weight == b.network.layers[k].weight && a.network.layers[k].bias == b.network.layers[k].bias;
  return equal;
}

void read_and_write_again(const std::filesystem::path& file) {
  std::vector<problem::Problem> problems;
  try {
    problems = problem::read_problems(file);
  } catch (const base::Error& error) {
    require(error.kind() == base::ErrorKind::data, "a file is refused as data");
    return;
  }
  const std::filesystem::path copy = folder() / "again.h5";
  problem::write_problems(copy, problems);
  const std::vector<problem::Problem> again = problem::read_problems(copy);
  require(again.size() == problems.size(), "as many problems");
  for (std::size_t i = 0; i < problems.size(); ++i) require(same(problems[i], again[i]), "a problem keeps its value");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes bytes(data, size);
  const std::filesystem::path path = folder() / "problem.h5";
  const bool damage = bytes.byte() % 64 == 63;
  {
    static const std::string good = [&] {
      const problem::Problem problem = good_problem();
      problem::write_problems(path, std::span(&problem, 1));
      return base::read_file(path);
    }();
    std::ofstream(path, std::ios::binary) << good;
    h5::File changed = h5::File::open_read_write(path);
    const h5::Group problem = changed.root().open_group("good");
    for (std::uint64_t count = bytes.below(6); count-- > 0;) change(problem, bytes);
    changed.close();
  }
  if (damage) {
    std::string content = base::read_file(path);
    while (!bytes.empty()) content[bytes.below(content.size())] = static_cast<char>(bytes.byte());
    std::ofstream(path, std::ios::binary) << content;
    if (!h5::verify_file(path).empty()) return 0;
  }
  read_and_write_again(path);
  return 0;
}
