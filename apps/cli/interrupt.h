// cli/interrupt.h: SIGINT and SIGTERM as a request: once, and what runs is cancelled; twice, and the process
// ends at once.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace cocozvec::cli {

/// One at a time in a process. While it lives, the first signal calls `cancel` (on a thread of its own).
class InterruptWatch {
 public:
  explicit InterruptWatch(std::function<void()> cancel);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  bool interrupted() const noexcept { return interrupted_.load(); }

 private:
  void Run();

  std::function<void()> cancel_;
  std::atomic<bool> interrupted_ = false;
  std::thread thread_;
};

}  // namespace cocozvec::cli
