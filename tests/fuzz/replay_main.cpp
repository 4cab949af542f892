// Runs a fuzz target without libFuzzer, for continuous integration: all seeds, then random changes of them for some seconds.
//
// Usage: test_fuzz_<target> SECONDS CURRENT SEED_FOLDER      CURRENT: a file that holds the input in work, so that a crash leaves it there.
// It finds less than libFuzzer, which sees what code an input reaches, but needs no other compiler than the other tests.
#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cstring>

#include "espalier/base/file.hpp"
#include "espalier/base/random.hpp"
#include "fuzz/memory_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using espalier::base::RandomStream;
using espalier::fuzz::require;

constexpr std::size_t largest = 1 << 16;

/// Memory that is a file: what stands in it survives a crash.
class CurrentInput {
 public:
  explicit CurrentInput(const char* path) : path_(path) {
    const int fd = ::open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    require(fd >= 0 && ::ftruncate(fd, largest) == 0, "the file of the current input can be made");
    memory_ = static_cast<char*>(::mmap(nullptr, largest, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    require(memory_ != MAP_FAILED, "the file of the current input can be mapped");
    ::close(fd);
  }
  ~CurrentInput() { std::filesystem::remove(path_); }

  void run(const std::string& input) {
    const std::size_t size = std::min(input.size(), largest);
    std::memcpy(memory_, input.data(), size);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()), size);
  }

 private:
  std::filesystem::path path_;
  char* memory_ = nullptr;
};

std::string changed(std::string input, const std::vector<std::string>& seeds, RandomStream& random) {
  for (std::size_t edits = 1 + random.below(4); edits-- > 0;) {
    const std::size_t at = random.below(input.size() + 1);
    const std::size_t length = 1 + random.below(16);
    const std::string& other = seeds[random.below(seeds.size())];
    switch (random.below(5)) {
      case 0:
        if (at < input.size()) input[at] = static_cast<char>(random.below(256));
        break;
      case 1:
        if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << random.below(8)));
        break;
      case 2:
        input.erase(at, length);
        break;
      case 3:
        input.insert(at, std::string(input, random.below(input.size() + 1), length));
        break;
      default:
        input.insert(at, std::string(other, random.below(other.size() + 1), length));
    }
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  require(argc == 4, "three arguments: SECONDS CURRENT SEED_FOLDER");
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[3])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<std::string> seeds;
  for (const auto& file : files) seeds.push_back(espalier::base::read_file(file));
  require(!seeds.empty(), "there are seeds");
  CurrentInput current(argv[2]);
  std::printf("%zu seeds; the input in work stands in %s\n", seeds.size(), argv[2]);
  for (const std::string& seed : seeds) current.run(seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(std::atof(argv[1]));
  RandomStream random(20261121, "fuzz");
  std::size_t runs = 0;
  for (; std::chrono::steady_clock::now() < end; ++runs) current.run(changed(seeds[random.below(seeds.size())], seeds, random));
  std::printf("%zu changed inputs\n", runs);
  return 0;
}
