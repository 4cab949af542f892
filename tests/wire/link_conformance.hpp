// What every Link must do, as programs that all ranks run together (two or more ranks). Each consumes every message it causes.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "espalier/base/clock.hpp"
#include "espalier/base/random.hpp"
#include "espalier/wire/link.hpp"

namespace espalier::wire::test {

using base::Rank;
using base::Seconds;

constexpr int done_tag = 32767;
constexpr Seconds patience_limit{30};

inline std::string random_bytes(base::RandomStream& random, std::size_t size) {
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random.next());
  return bytes;
}

/// One rank running the programs one after the other. Ranks are not in step: what a rank sends after it is done with a program belongs to
/// the next one and is set aside until then.
class Peer {
 public:
  explicit Peer(Link& the_link) : link(the_link) {}

  std::optional<Message> receive(Seconds timeout) {
    const base::Stopwatch watch;
    while (true) {
      std::optional<Message> message = next(Seconds(std::max(0.0, timeout.count() - watch.wall_seconds())));
      if (!message) return std::nullopt;
      if (done_.contains(message->from))
        later_.push_back(std::move(*message));
      else if (message->tag == done_tag)
        done_.insert(message->from);
      else
        return message;
    }
  }

  /// Tells the others that this program is over and waits for them to say so; nothing may be left of it then.
  void end_program() {
    for (int r = 0; r < link.size(); ++r)
      if (Rank{r} != link.rank()) link.send(Rank{r}, done_tag, "");
    const base::Stopwatch watch;
    while (static_cast<int>(done_.size()) < link.size() - 1) {
      ASSERT_LT(watch.wall_seconds(), patience_limit.count()) << "rank " << link.rank().value << " waits for the others to end";
      ASSERT_FALSE(receive(Seconds(0.001))) << "a message was left over";
    }
    ASSERT_TRUE(link.flush(patience_limit));
    done_.clear();
    early_.insert(early_.end(), later_.begin(), later_.end());
    later_.clear();
  }

  Link& link;

 private:
  std::optional<Message> next(Seconds timeout) {
    if (early_.empty()) return link.receive(timeout);
    Message message = std::move(early_.front());
    early_.pop_front();
    return message;
  }

  std::set<Rank> done_;                // with the current program
  std::deque<Message> early_, later_;  // set aside, of this program; of the next one
};

inline void ranks_are_distinct(Peer& peer) {
  Link& link = peer.link;
  ASSERT_GE(link.size(), 2);
  ASSERT_GE(link.rank().value, 0);
  ASSERT_LT(link.rank().value, link.size());
  std::set<int> seen{link.rank().value};
  for (int r = 0; r < link.size(); ++r)
    if (Rank{r} != link.rank()) link.send(Rank{r}, 1, std::to_string(link.rank().value));
  for (int n = 1; n < link.size(); ++n) {
    const auto message = peer.receive(patience_limit);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->bytes, std::to_string(message->from.value));
    seen.insert(message->from.value);
  }
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(link.size()));
}

/// Between each pair of ranks messages keep their order, tags and bytes, whatever their sizes: 0, odd ones, above any eager limit.
inline void order_tags_and_bytes_are_kept(Peer& peer) {
  Link& link = peer.link;
  constexpr std::uint64_t message_count = 300;
  const auto stream = [](Rank from, Rank to) {
    return base::RandomStream(static_cast<std::uint64_t>(100 * from.value + to.value), "wire");
  };
  const auto next = [](base::RandomStream& random) {
    const std::size_t sizes[] = {0, 1, 7, 4095, 4096, 4097, 70000, 300001};
    std::string bytes = random_bytes(random, random.below(4) ? random.below(300) : sizes[random.below(8)]);
    return std::pair(static_cast<int>(random.below(1000)), std::move(bytes));
  };
  std::map<int, base::RandomStream> sending, expected;
  for (int r = 0; r < link.size(); ++r)
    if (Rank{r} != link.rank()) {
      sending.emplace(r, stream(link.rank(), Rank{r}));
      expected.emplace(r, stream(Rank{r}, link.rank()));
    }
  for (std::uint64_t i = 0; i < message_count; ++i)
    for (auto& [to, random] : sending) {
      auto [tag, bytes] = next(random);
      link.send(Rank{to}, tag, std::move(bytes));
    }
  for (std::uint64_t i = 0; i < message_count * (static_cast<std::uint64_t>(link.size()) - 1); ++i) {
    const auto message = peer.receive(patience_limit);
    ASSERT_TRUE(message) << "message " << i << " was lost";
    const auto [tag, bytes] = next(expected.at(message->from.value));
    ASSERT_EQ(message->tag, tag);
    ASSERT_TRUE(message->bytes == bytes) << "message " << i << " from rank " << message->from.value << " changed";
  }
}

inline void a_large_message_arrives_whole(Peer& peer) {
  Link& link = peer.link;
  base::RandomStream random(7, "large");
  const std::string bytes = random_bytes(random, 5 << 20);
  if (link.rank() == Rank{0}) {
    for (int r = 1; r < link.size(); ++r) link.send(Rank{r}, 2, bytes);
    EXPECT_TRUE(link.flush(patience_limit));
  } else {
    const auto message = peer.receive(patience_limit);
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->bytes == bytes);
  }
}

inline void a_rank_may_send_to_itself(Peer& peer) {
  Link& link = peer.link;
  link.send(link.rank(), 3, "myself");
  const auto message = peer.receive(patience_limit);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->from, link.rank());
  EXPECT_EQ(message->bytes, "myself");
}

inline void receive_gives_up_after_its_timeout(Peer& peer) {
  const base::Stopwatch none;
  EXPECT_FALSE(peer.receive(Seconds(0)));
  EXPECT_LT(none.wall_seconds(), 0.1);
  const base::Stopwatch some;
  EXPECT_FALSE(peer.receive(Seconds(0.2)));
  EXPECT_GE(some.wall_seconds(), 0.199);
  EXPECT_LT(some.wall_seconds(), 2.0);
}

/// The promise is 5 % of a core; the bound leaves room for a loaded machine and still excludes spinning, which is 100 %.
inline void waiting_costs_no_core(Peer& peer) {
  const double before = base::thread_cpu_time().count();
  const base::Stopwatch watch;
  EXPECT_FALSE(peer.receive(Seconds(1)));
  const double share = (base::thread_cpu_time().count() - before) / watch.wall_seconds();
  testing::Test::RecordProperty("idle_cpu_percent", std::to_string(100 * share));
  EXPECT_LT(share, 0.25);
}

inline void a_waiting_rank_wakes_up_soon(Peer& peer) {
  Link& link = peer.link;
  // Rounds of ping-pong: each wake-up takes at most a few ms (1 ms of sleep and the scheduler), in the median.
  std::vector<double> seconds;
  for (int i = 0; i < 20; ++i) {
    if (link.rank() == Rank{0}) {
      std::this_thread::sleep_for(Seconds(0.005));
      const base::Stopwatch watch;
      link.send(Rank{1}, 4, "ping");
      ASSERT_TRUE(peer.receive(patience_limit));
      seconds.push_back(watch.wall_seconds());
    } else if (link.rank() == Rank{1}) {
      ASSERT_TRUE(peer.receive(patience_limit));
      link.send(Rank{0}, 4, "pong");
    }
  }
  if (seconds.empty()) return;
  std::nth_element(seconds.begin(), seconds.begin() + 10, seconds.end());
  EXPECT_LT(seconds[10], 0.05);
}

using Program = std::function<void(Peer&)>;

inline const std::vector<std::pair<std::string, Program>>& conformance_programs() {
  static const std::vector<std::pair<std::string, Program>> programs{
      {"ranks_are_distinct", ranks_are_distinct},
      {"order_tags_and_bytes_are_kept", order_tags_and_bytes_are_kept},
      {"a_large_message_arrives_whole", a_large_message_arrives_whole},
      {"a_rank_may_send_to_itself", a_rank_may_send_to_itself},
      {"receive_gives_up_after_its_timeout", receive_gives_up_after_its_timeout},
      {"waiting_costs_no_core", waiting_costs_no_core},
      {"a_waiting_rank_wakes_up_soon", a_waiting_rank_wakes_up_soon},
  };
  return programs;
}

}  // namespace espalier::wire::test
