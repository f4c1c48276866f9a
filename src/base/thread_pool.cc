#include "base/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <memory>
#include <new>
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
  std::exception_ptr error ZVEC_GUARDED_BY(mu);

  void Run() {
    std::size_t ran = 0;
    try {
      for (std::size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count; ++ran) body(i);
    } catch (...) {
      // What nobody has begun counts as done, and so does the index that failed.
      const std::size_t begun = std::min(next.exchange(count, std::memory_order_relaxed), count);
      ran += 1 + (count - begun);
      MutexLock lock(mu);
      if (!error) error = std::current_exception();
    }
    if (ran == 0) return;
    MutexLock lock(mu);
    done += ran;
    if (done == count) finished.NotifyAll();
  }
  /// The first exception, or null.
  std::exception_ptr Wait() {
    MutexLock lock(mu);
    while (done != count) finished.Wait(mu);
    return std::exchange(error, nullptr);
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
  } catch (const std::bad_alloc&) {  // the same: what a thread needs is allocated, too
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
    try {
      if (!Submit([loop] { loop->Run(); })) break;
    } catch (const std::bad_alloc&) {
      break;  // as many as there are help
    }
  }
  loop->Run();
  if (const std::exception_ptr error = loop->Wait()) std::rethrow_exception(error);
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
