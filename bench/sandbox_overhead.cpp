// What a process of its own costs: work that does nothing, in this process and in children of a server that was forked from a process of so
// many MiB. Rounds alternate, with the child measured twice as control. Usage: sandbox_overhead [runs]
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "espalier/base/clock.hpp"
#include "espalier/sandbox/sandbox.hpp"

namespace {

using namespace espalier;

struct Times {
  std::vector<double> milliseconds;
  double quantile(double q) {
    std::sort(milliseconds.begin(), milliseconds.end());
    return milliseconds[static_cast<std::size_t>(q * static_cast<double>(milliseconds.size() - 1))];
  }
};

template <class Run>
void measure(Times& times, const Run& run) {
  const base::Stopwatch watch;
  run();
  times.milliseconds.push_back(1e3 * watch.wall_seconds());
}

void compare(std::size_t mib, int runs) {
  const std::vector<char> held(mib << 20, 1);  // by this process when it starts the server
  const std::string result(20000, 'r');        // a row with three images
  const sandbox::Work work{.run = [&](std::string_view, const sandbox::Inside&) { return result; }};
  sandbox::Sandbox box(work);
  const std::string request(10000, 'a');
  const task::ResourceLimits limits{.wall_seconds = 300, .memory_mib = 8192};
  const auto child = [&] {
    if (box.run(request, limits, "/tmp/espalier-bench.out", {}).end != sandbox::End::finished) std::abort();
  };
  child();
  Times here, first, second;
  for (int i = 0; i < runs; ++i) {
    measure(here, [&] { work.run(request, {}); });
    measure(first, child);
    measure(second, child);
  }
  fmt::print("{:>8} {:>12.4f} {:>12.3f} {:>12.3f} {:>12.3f} {:>12.3f}\n", mib, here.quantile(0.5), first.quantile(0.5),
             first.quantile(0.99), second.quantile(0.5), second.quantile(0.99));
}

}  // namespace

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 1000;
  fmt::print("milliseconds per run, {} runs\n{:>8} {:>12} {:>12} {:>12} {:>12} {:>12}\n", runs, "MiB held", "here", "child", "p99",
             "child again", "p99");
  for (const std::size_t mib : {0, 60, 250, 1000}) compare(mib, runs);
  return 0;
}
