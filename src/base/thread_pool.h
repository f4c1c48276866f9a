// base/thread_pool.h: a fixed set of workers for the database's parallel scans and its background work.
// (The engine has a scheduler of its own: its tasks wait for each other, these must not.)
// Threads: every function may be called from any thread, also from a task; except that a task must not
// destroy or shut down the pool that runs it. A submitted task must not throw (a body of ParallelFor may) and
// must not wait for another task of the same pool.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "base/mutex.h"

namespace cocozvec::inline v0 {

class ThreadPool {
 public:
  /// 0 means one worker for each CPU. Fewer are started when the system has no more threads to give; with
  /// none at all, Submit runs the task itself.
  explicit ThreadPool(std::size_t workers = 0);
  ~ThreadPool();  ///< Shutdown
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t size() const noexcept { return workers_.size(); }

  /// Tasks start in the order of their submission. False, and the task is dropped, after Shutdown began.
  bool Submit(std::function<void()> task) ZVEC_EXCLUDES(mu_);

  /// Calls body(0) .. body(count - 1), each once, on the workers and on the calling thread, and returns when
  /// all have returned. The caller alone makes progress too, so this may be called from a task and after
  /// Shutdown. When a body throws, no further index is begun, and the first exception is thrown here once
  /// all that had begun have returned.
  void ParallelFor(std::size_t count, const std::function<void(std::size_t)>& body) ZVEC_EXCLUDES(mu_);

  /// Runs every task that was accepted, then ends the workers. Calling it again does nothing.
  void Shutdown() ZVEC_EXCLUDES(mu_);

 private:
  void Work() ZVEC_EXCLUDES(mu_);

  Mutex mu_;
  CondVar wake_;
  std::deque<std::function<void()>> tasks_ ZVEC_GUARDED_BY(mu_);
  bool closed_ ZVEC_GUARDED_BY(mu_) = false;
  std::vector<std::thread> workers_;  // joined in Shutdown, resized only by the constructor
};

}  // namespace cocozvec::inline v0
