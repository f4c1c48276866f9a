// cli/interrupt.h: SIGINT and SIGTERM as a request: once, and what runs is cancelled; twice, and the process
// ends at once.
#pragma once

#include <functional>
#include <thread>

#include "base/mutex.h"

namespace cocozvec::cli {

/// One at a time in a process. While it lives, the first signal is remembered and calls what `on_interrupt`
/// was given. Threads: any; the callback runs on a thread of its own, or in on_interrupt when the signal came
/// before.
class InterruptWatch {
 public:
  InterruptWatch();
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  /// Replaces the callback; an empty one takes it back. Neither may throw. When this returns, no earlier one
  /// runs.
  void OnInterrupt(std::function<void()> cancel) ZVEC_EXCLUDES(mu_);
  bool interrupted() const ZVEC_EXCLUDES(mu_);

 private:
  void Run() ZVEC_EXCLUDES(mu_);

  mutable Mutex mu_;
  std::function<void()> cancel_ ZVEC_GUARDED_BY(mu_);
  bool interrupted_ ZVEC_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace cocozvec::cli
