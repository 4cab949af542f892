#include "farm/stage_thread.hpp"

#include <utility>

namespace espalier::farm {

StageThread::StageThread(Run run) : run_(std::move(run)), thread_([this] { run_stages(); }) {}

StageThread::~StageThread() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = ending_ = true;
  }
  work_.notify_one();
  thread_.join();
}

void StageThread::assign(task::Attempt attempt) {
  {
    const std::lock_guard lock(mutex_);
    worker_.assign(std::move(attempt));
    collect_returned();
  }
  work_.notify_one();
}

void StageThread::cancel(base::AttemptId attempt) {
  const std::lock_guard lock(mutex_);
  worker_.cancel(attempt);
}

void StageThread::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  worker_.stop();
  collect_returned();
}

void StageThread::leave() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  worker_.leave();
  collect_returned();
}

bool StageThread::finished() const {
  const std::lock_guard lock(mutex_);
  return worker_.finished() && !has_news();
}

bool StageThread::busy() const {
  const std::lock_guard lock(mutex_);
  return running_ || worker_.has_work();
}

StageThread::News StageThread::take_news() {
  const std::lock_guard lock(mutex_);
  return std::exchange(news_, {});
}

bool StageThread::wait_for_news(base::Seconds timeout) {
  std::unique_lock lock(mutex_);
  return news_arrived_.wait_for(lock, timeout, [&] { return has_news(); });
}

void StageThread::collect_returned() {
  for (const base::AttemptId id : worker_.take_returned()) news_.returned.push_back(id);
}

void StageThread::run_stages() {
  std::unique_lock lock(mutex_);
  while (true) {
    work_.wait(lock, [&] { return ending_ || worker_.has_work(); });
    if (ending_) return;
    const std::optional<task::Attempt> attempt = worker_.next();
    running_ = true;
    lock.unlock();
    std::optional<task::Outcome> outcome = run_(*attempt, [this] { return stopping_.load(); });
    lock.lock();
    running_ = false;
    worker_.ended();
    if (outcome)
      news_.outcomes.push_back(std::move(*outcome));
    else
      news_.returned.push_back(attempt->id);
    news_arrived_.notify_one();
  }
}

}  // namespace espalier::farm
