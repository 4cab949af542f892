// The only file that includes MPI. What it relies on and avoids in Boost.MPI 1.74:
// - a received message is taken from the source and tag that iprobe named, never from any_source, or two messages could mix;
// - requests of isend are kept until they are complete, or the buffer would be freed while MPI reads it;
// - irecv, cancel and wait_any of serialised types are not used (boostorg/mpi issues 63, 72, 110).
// A blocking receive would spin at 100 % of a core, so waiting is: probe for 50 us, then sleep 50 us doubling to 1 ms between probes.
// Open MPI yields the core in every probe when it believes that there are more ranks than cores; with sleeping ranks that only costs: on
// a busy machine each yield is a whole time slice of somebody else (null tasks: 9,500/s with, 15,900/s without, load 12 on 2 cores).
#include "wire/mpi.hpp"

#include <boost/mpi/communicator.hpp>
#include <boost/mpi/environment.hpp>
#include <boost/serialization/string.hpp>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <thread>

#include "espalier/base/error.hpp"

namespace espalier::wire {

namespace {

namespace mpi = boost::mpi;
using base::ErrorKind;
using base::fail;
using base::Rank;
using base::Seconds;
using Clock = std::chrono::steady_clock;

constexpr Seconds kSpin{50e-6};
constexpr Seconds kShortestSleep{50e-6};
constexpr Seconds kLongestSleep{1e-3};
constexpr std::size_t kLargestMessage = (std::size_t{1} << 31) - 4096;  // MPI counts are ints

/// Sleeps longer and longer until told that something happened.
class Backoff {
 public:
  explicit Backoff(Seconds timeout) : timeout_(timeout) {}
  /// False once the timeout is over.
  bool wait() {
    const Seconds elapsed = Clock::now() - start_;
    if (elapsed >= timeout_) return false;
    if (elapsed < kSpin) return true;
    std::this_thread::sleep_for(std::min(sleep_, timeout_ - elapsed));
    sleep_ = std::min(2 * sleep_, kLongestSleep);
    return true;
  }

 private:
  Clock::time_point start_ = Clock::now();
  Seconds timeout_;
  Seconds sleep_ = kShortestSleep;
};

class MpiLink final : public Link {
 public:
  MpiLink() : environment_(mpi::threading::funneled, /*abort_on_exception=*/false) {}

  ~MpiLink() override {
    try {
      flush(Seconds(5));
    } catch (const std::exception&) {
      // MPI itself has failed; finalising is all that is left.
    }
  }

  Rank rank() const override { return Rank{world_.rank()}; }
  int size() const override { return world_.size(); }

  void send(Rank to, int tag, std::string bytes) override {
    if (to.value < 0 || to.value >= size()) fail(ErrorKind::internal, "a message to rank {} of {}", to.value, size());
    if (bytes.size() > kLargestMessage) fail(ErrorKind::internal, "a message of {} bytes; large data travel as files", bytes.size());
    guarded("send", [&] { sending_.push_back(world_.isend(to.value, tag, bytes)); });
    forget_sent();
  }

  std::optional<Message> receive(Seconds timeout) override {
    Backoff backoff(timeout);
    do {
      if (auto message = guarded("receive", [&] { return take(); })) return message;
      forget_sent();
    } while (backoff.wait());
    return std::nullopt;
  }

  bool flush(Seconds timeout) override {
    Backoff backoff(timeout);
    do {
      forget_sent();
      if (sending_.empty()) return true;
    } while (backoff.wait());
    return false;
  }

  void abort(int exit_code) override {
    environment_.abort(exit_code);
    std::_Exit(exit_code);
  }

 private:
  template <class Call>
  static auto guarded(const char* what, Call call) -> decltype(call()) {
    try {
      return call();
    } catch (const mpi::exception& e) {
      fail(ErrorKind::io, "MPI cannot {}: {}", what, e.what());
    }
  }

  std::optional<Message> take() {
    const auto status = world_.iprobe(mpi::any_source, mpi::any_tag);
    if (!status) return std::nullopt;
    Message message{Rank{status->source()}, status->tag(), {}};
    world_.recv(status->source(), status->tag(), message.bytes);
    return message;
  }

  /// Messages mostly leave in the order in which they were sent, so only the oldest is asked.
  void forget_sent() {
    guarded("send", [&] {
      while (!sending_.empty() && sending_.front().test()) sending_.pop_front();
    });
  }

  mpi::environment environment_;
  mpi::communicator world_;
  std::deque<mpi::request> sending_;
};

}  // namespace

std::unique_ptr<Link> make_mpi_link() {
  ::setenv("OMPI_MCA_mpi_yield_when_idle", "0", /*overwrite=*/0);  // read by MPI_Init; other MPIs ignore it
  try {
    return std::make_unique<MpiLink>();
  } catch (const mpi::exception& e) {
    fail(ErrorKind::io, "MPI cannot be initialised: {}", e.what());
  }
}

}  // namespace espalier::wire
