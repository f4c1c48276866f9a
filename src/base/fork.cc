#include "base/fork.h"

#include <pthread.h>

#include <atomic>

namespace cocozvec::inline v0 {
namespace {

std::atomic<std::uint64_t> forks{0};

bool CountForks() noexcept {
  return pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); }) == 0;
}

}  // namespace

std::uint64_t ForkCount() noexcept {
  static const bool counting = CountForks();
  (void)counting;
  return forks.load(std::memory_order_relaxed);
}

}  // namespace cocozvec::inline v0
