#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <system_error>
#include <utility>

namespace cocozvec::inline v0 {
namespace {

/// One ParallelFor. Shared with helper tasks that may start only after the call is over; those find no index
/// left and touch nothing of the caller's.
struct Loop {
  Loop(std::size_t n, const std::function<void(std::size_t)>& f) : count(n), body(f) {}

  const std::size_t count;
  const std::function<void(std::size_t)>& body;
  std::atomic<std::size_t> next{0};
  Mutex mu;
  CondVar finished;
  std::size_t done ZVEC_GUARDED_BY(mu) = 0;

  void Run() {
    std::size_t ran = 0;
    for (std::size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count; ++ran) body(i);
    if (ran == 0) return;
    MutexLock lock(mu);
    done += ran;
    if (done == count) finished.NotifyAll();
  }
  void Wait() {
    MutexLock lock(mu);
    while (done != count) finished.Wait(mu);
  }
};

}  // namespace

ThreadPool::ThreadPool(std::size_t workers) {
  if (workers == 0) workers = std::max(1u, std::thread::hardware_concurrency());
  workers_.reserve(workers);
  try {
    for (std::size_t i = 0; i < workers; ++i) workers_.emplace_back([this] { Work(); });
  } catch (const std::system_error&) {
    // No more threads: the pool works with those that it has.
  }
}

ThreadPool::~ThreadPool() { Shutdown(); }

bool ThreadPool::Submit(std::function<void()> task) {
  {
    MutexLock lock(mu_);
    if (closed_) return false;
    if (!workers_.empty()) {
      tasks_.push_back(std::move(task));
      wake_.NotifyOne();
      return true;
    }
  }
  task();
  return true;
}

void ThreadPool::ParallelFor(std::size_t count, const std::function<void(std::size_t)>& body) {
  if (count == 0) return;
  auto loop = std::make_shared<Loop>(count, body);
  const std::size_t helpers = std::min(count - 1, workers_.size());
  for (std::size_t i = 0; i < helpers; ++i) {
    if (!Submit([loop] { loop->Run(); })) break;
  }
  loop->Run();
  loop->Wait();
}

void ThreadPool::Shutdown() {
  {
    MutexLock lock(mu_);
    if (closed_) return;
    closed_ = true;
    wake_.NotifyAll();
  }
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Work() {
  for (;;) {
    std::function<void()> task;
    {
      MutexLock lock(mu_);
      while (tasks_.empty() && !closed_) wake_.Wait(mu_);
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

}  // namespace cocozvec::inline v0
