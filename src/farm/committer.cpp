#include "farm/committer.hpp"

#include <utility>

namespace espalier::farm {

Committer::Committer(Ledger& ledger) : ledger_(ledger), thread_([this] { run(); }) {}

Committer::~Committer() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Committer::add(task::Outcome outcome) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(std::move(outcome));
  }
  ++added_;
  wake_.notify_one();
}

void Committer::check() const {
  if (failed_) std::rethrow_exception(error_);
}

void Committer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [&] { return ending_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const std::vector<task::Outcome> batch = std::exchange(queue_, {});
    lock.unlock();
    commit(batch);
    lock.lock();
  }
}

void Committer::commit(const std::vector<task::Outcome>& batch) {
  if (failed_) return;  // after a failure nothing more may be called durable
  try {
    for (const task::Outcome& outcome : batch) ledger_.append(outcome);
    ledger_.sync();
    durable_ += batch.size();
  } catch (...) {
    error_ = std::current_exception();
    failed_ = true;
  }
}

}  // namespace espalier::farm
