// base/cancel.h: a request to stop, for long work that looks at it between its parts.
// Threads: all.
#pragma once

#include <atomic>

namespace cocozvec::inline v0 {

class Cancel {
 public:
  void Raise() noexcept { requests_.fetch_add(1, std::memory_order_relaxed); }
  /// Takes one request back.
  void Lower() noexcept { requests_.fetch_sub(1, std::memory_order_relaxed); }
  bool raised() const noexcept { return requests_.load(std::memory_order_relaxed) > 0; }

 private:
  std::atomic<int> requests_{0};
};

}  // namespace cocozvec::inline v0
