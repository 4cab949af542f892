// Ranks as threads of one process: for a run without mpirun, and for tests.
#pragma once
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "espalier/wire/link.hpp"

namespace espalier::wire {

/// Mailboxes of `size` ranks. Only bytes pass, so that what works here has been serialised. Each link is used by one thread.
class InProcessNetwork : public std::enable_shared_from_this<InProcessNetwork> {
 public:
  static std::shared_ptr<InProcessNetwork> create(int size);
  /// The end of `rank`; it keeps the network alive.
  std::unique_ptr<Link> link(base::Rank rank);
  /// Throws Error(internal) naming messages that nobody received: a protocol that leaves messages lying is wrong.
  void expect_empty() const;

 private:
  friend class InProcessLink;
  struct Mailbox {
    mutable std::mutex mutex;
    std::condition_variable arrived;
    std::deque<Message> messages;
  };
  explicit InProcessNetwork(int size) : mailboxes_(size) {}
  std::vector<Mailbox> mailboxes_;
};

}  // namespace espalier::wire
