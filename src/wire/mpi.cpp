// The only file that includes MPI. What it relies on and avoids in Boost.MPI 1.74:
// - a received message is taken from the source and tag that iprobe named, never from any_source, or two messages could mix;
// - requests of isend are kept until they are complete, or the buffer would be freed while MPI reads it;
// - irecv, cancel and wait_any of serialised types are not used (boostorg/mpi issues 63, 72, 110).
// A blocking receive would spin at 100 % of a core, so waiting is: probe for 50 us, then sleep 50 us doubling to 1 ms between probes.
// Open MPI yields the core in every probe when it believes that there are more ranks than cores; with sleeping ranks that only costs: on
// a busy machine each yield is a whole time slice of somebody else (null tasks: 9,500/s with, 15,900/s without, load 12 on 2 cores).
// In recovery mode (orte_enable_recovery) a send to a dead rank may stay pending for ever, MPI_Init never returns when a rank has died
// before, and over TCP nor does MPI_Finalize (all measured): see forget(), InitGuard and the destructor.
#include "wire/mpi.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/mpi/communicator.hpp>
#include <boost/mpi/environment.hpp>
#include <boost/serialization/string.hpp>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <thread>
#include <vector>

#include "espalier/base/error.hpp"

namespace espalier::wire {

namespace {

namespace mpi = boost::mpi;
using base::ErrorKind;
using base::fail;
using base::Rank;
using base::Seconds;
using Clock = std::chrono::steady_clock;

constexpr Seconds spin_seconds{50e-6};
constexpr Seconds shortest_sleep{50e-6};
constexpr Seconds longest_sleep{1e-3};
constexpr std::size_t largest_message = (std::size_t{1} << 31) - 4096;  // MPI counts are ints

constexpr int init_exit_code = 75;  // nothing was begun: start again
constexpr unsigned finalize_seconds = 10;

/// mpirun hands its --mca options to the ranks as environment variables.
bool recovery_mode() {
  const char* value = std::getenv("OMPI_MCA_orte_enable_recovery");
  if (value == nullptr) return false;
  constexpr std::array off{"", "0", "f", "false", "n", "no", "disabled"};
  return std::find(off.begin(), off.end(), std::string_view(value)) == off.end();
}

void leave_after(unsigned seconds, void (*leave)(int)) {
  ::signal(SIGALRM, leave);
  ::alarm(seconds);
}

/// Ends this process, by SIGALRM once a second, while MPI_Init waits for what will never come: for ranks that died before it (recovery
/// mode), or for a launcher that is gone (later the library itself notices that). PR_SET_PDEATHSIG would be no help: it looks at the
/// thread that forked us, and Open MPI's daemon forks many ranks in threads that end soon.
class InitGuard {
 public:
  explicit InitGuard(bool recovery) {
    launcher_ = ::getppid();
    const char* given = std::getenv("ESPALIER_MPI_INIT_SECONDS");
    seconds_left_ = !recovery ? std::numeric_limits<long>::max() : given != nullptr ? std::atol(given) : init_seconds;
    leave_after(1, look);
  }
  ~InitGuard() { ::alarm(0); }

 private:
  static constexpr long init_seconds = 120;

  /// Only async-signal-safe calls here.
  static void look(int) {
    seconds_left_ = seconds_left_ - 1;
    if (::getppid() != launcher_ || seconds_left_ <= 0) ::_exit(init_exit_code);
    ::alarm(1);
  }

  static inline pid_t launcher_ = 0;
  static inline volatile long seconds_left_ = 0;
};

/// Sleeps longer and longer until told that something happened.
class Backoff {
 public:
  explicit Backoff(Seconds timeout) : timeout_(timeout) {}
  /// False once the timeout is over.
  bool wait() {
    const Seconds elapsed = Clock::now() - start_;
    if (elapsed >= timeout_) return false;
    if (elapsed < spin_seconds) return true;
    std::this_thread::sleep_for(std::min(sleep_, timeout_ - elapsed));
    sleep_ = std::min(2 * sleep_, longest_sleep);
    return true;
  }

 private:
  Clock::time_point start_ = Clock::now();
  Seconds timeout_;
  Seconds sleep_ = shortest_sleep;
};

class MpiLink final : public Link {
 public:
  MpiLink() : environment_(mpi::threading::funneled, /*abort_on_exception=*/false) { ::alarm(0); }  // the guard's work is done

  /// In recovery mode nobody would end a rank that hangs in MPI_Finalize, and nobody minds if it leaves without.
  ~MpiLink() override {
    try {
      flush(Seconds(5));
    } catch (const std::exception&) {
      // MPI itself has failed; finalising is all that is left.
    }
    if (outlives_ranks()) leave_after(finalize_seconds, [](int) { ::_exit(0); });
  }

  Rank rank() const override { return Rank{world_.rank()}; }
  int size() const override { return world_.size(); }

  void send(Rank to, int tag, std::string bytes) override {
    if (to.value < 0 || to.value >= size()) fail(ErrorKind::internal, "a message to rank {} of {}", to.value, size());
    if (bytes.size() > largest_message) fail(ErrorKind::internal, "a message of {} bytes; large data travel as files", bytes.size());
    if (forgotten_.contains(to)) return;
    guarded("send", [&] { sending_[to].push_back(world_.isend(to.value, tag, bytes)); });
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

  void forget(Rank rank) override {
    forgotten_.insert(rank);
    const auto it = sending_.find(rank);
    if (it == sending_.end()) return;
    static auto& never_freed = *new std::vector<std::deque<mpi::request>>;  // MPI may still read their buffers
    never_freed.push_back(std::move(it->second));
    sending_.erase(it);
  }

  bool outlives_ranks() const override { return recovery_; }

  void abort(int exit_code) override {
    if (!recovery_) environment_.abort(exit_code);
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

  /// Messages to one rank mostly leave in the order in which they were sent, so only the oldest is asked.
  void forget_sent() {
    guarded("send", [&] {
      for (auto it = sending_.begin(); it != sending_.end();) {
        std::deque<mpi::request>& requests = it->second;
        while (!requests.empty() && requests.front().test()) requests.pop_front();
        it = requests.empty() ? sending_.erase(it) : std::next(it);
      }
    });
  }

  const bool recovery_ = recovery_mode();
  const InitGuard guard_{recovery_};  // made before MPI_Init, destroyed after MPI_Finalize
  mpi::environment environment_;
  mpi::communicator world_;
  std::map<Rank, std::deque<mpi::request>> sending_;
  std::set<Rank> forgotten_;
};

}  // namespace

std::unique_ptr<Link> make_mpi_link() {
  // Read by MPI_Init; other MPIs ignore them. A message of more than the limit makes its receiver spin until the sender looks again, and
  // between ranks of one machine that is 4 KiB by default: less than the outcome of a solve.
  ::setenv("OMPI_MCA_mpi_yield_when_idle", "0", /*overwrite=*/0);
  ::setenv("OMPI_MCA_btl_vader_eager_limit", "32768", /*overwrite=*/0);
  try {
    return std::make_unique<MpiLink>();
  } catch (const mpi::exception& e) {
    fail(ErrorKind::io, "MPI cannot be initialised: {}", e.what());
  }
}

}  // namespace espalier::wire
