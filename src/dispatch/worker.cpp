#include "espalier/dispatch/worker.hpp"

#include <algorithm>
#include <utility>

namespace espalier::dispatch {

void Worker::assign(task::Attempt attempt) {
  if (stopping_)
    returned_.push_back(attempt.id);
  else
    queue_.push_back(std::move(attempt));
}

void Worker::cancel(base::AttemptId attempt) {
  std::erase_if(queue_, [&](const task::Attempt& a) { return a.id == attempt; });
}

void Worker::stop() {
  stopping_ = true;
  for (const task::Attempt& attempt : queue_) returned_.push_back(attempt.id);
  queue_.clear();
}

void Worker::leave() {
  stop();
  leaving_ = true;
}

std::optional<task::Attempt> Worker::next() {
  if (running_ || queue_.empty()) return std::nullopt;
  running_ = true;
  task::Attempt attempt = std::move(queue_.front());
  queue_.pop_front();
  return attempt;
}

std::vector<base::AttemptId> Worker::take_returned() { return std::exchange(returned_, {}); }

}  // namespace espalier::dispatch
