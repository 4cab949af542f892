#include "espalier/wire/in_process.hpp"

#include <cstdlib>
#include <set>

#include "espalier/base/error.hpp"

namespace espalier::wire {

using base::ErrorKind;
using base::fail;
using base::Rank;

class InProcessLink final : public Link {
 public:
  InProcessLink(std::shared_ptr<InProcessNetwork> network, Rank rank) : network_(std::move(network)), rank_(rank) {}

  Rank rank() const override { return rank_; }
  int size() const override { return static_cast<int>(network_->mailboxes_.size()); }

  void send(Rank to, int tag, std::string bytes) override {
    if (to.value < 0 || to.value >= size()) fail(ErrorKind::internal, "a message to rank {} of {}", to.value, size());
    if (forgotten_.contains(to)) return;
    auto& mailbox = network_->mailboxes_[static_cast<std::size_t>(to.value)];
    {
      const std::lock_guard lock(mailbox.mutex);
      mailbox.messages.push_back({rank_, tag, std::move(bytes)});
    }
    mailbox.arrived.notify_one();
  }

  std::optional<Message> receive(base::Seconds timeout) override {
    auto& mailbox = network_->mailboxes_[static_cast<std::size_t>(rank_.value)];
    std::unique_lock lock(mailbox.mutex);
    if (!mailbox.arrived.wait_for(lock, timeout, [&] { return !mailbox.messages.empty(); })) return std::nullopt;
    Message message = std::move(mailbox.messages.front());
    mailbox.messages.pop_front();
    return message;
  }

  bool flush(base::Seconds) override { return true; }
  void forget(Rank rank) override { forgotten_.insert(rank); }
  bool outlives_ranks() const override { return false; }
  void abort(int exit_code) override { std::_Exit(exit_code); }

 private:
  std::shared_ptr<InProcessNetwork> network_;
  Rank rank_;
  std::set<Rank> forgotten_;
};

std::shared_ptr<InProcessNetwork> InProcessNetwork::create(int size) {
  return std::shared_ptr<InProcessNetwork>(new InProcessNetwork(size));
}

std::unique_ptr<Link> InProcessNetwork::link(Rank rank) { return std::make_unique<InProcessLink>(shared_from_this(), rank); }

void InProcessNetwork::expect_empty() const {
  std::string lying;
  for (std::size_t to = 0; to < mailboxes_.size(); ++to) {
    const std::lock_guard lock(mailboxes_[to].mutex);
    for (const Message& m : mailboxes_[to].messages)
      lying += fmt::format("; from {} to {}, tag {}, {} bytes", m.from.value, to, m.tag, m.bytes.size());
  }
  if (!lying.empty()) fail(ErrorKind::internal, "messages that nobody received{}", lying);
}

}  // namespace espalier::wire
