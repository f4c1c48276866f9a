#include "failing_new.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

#include "base/array.h"

namespace {

std::atomic<std::int64_t> countdown{0};  ///< the allocation that finds 1 fails; 0: none does
std::atomic<bool> sticky{false}, failed{false};
thread_local int calm = 0;
std::atomic<std::size_t> limit{0};

bool Fails() noexcept {
  if (countdown.load(std::memory_order_relaxed) == 0 || calm != 0) return false;
  if (failed && sticky) return true;
  if (countdown.fetch_sub(1) != 1) return false;
  failed = true;
  if (sticky) countdown = 1;
  return true;
}

bool IsRefused(std::size_t size) noexcept { return Fails() || (limit != 0 && size > limit); }

#if defined(ZVEC_TEST_HOOKS)
// Large arrays come from the system, small ones from malloc: neither is seen below.
[[maybe_unused]] const bool arrays = (cocozvec::AskBeforeArrays(IsRefused), true);
#endif

void* Allocate(std::size_t size, std::size_t alignment) noexcept {
  if (IsRefused(size)) return nullptr;
  if (size == 0) size = 1;
  if (alignment <= alignof(std::max_align_t)) return std::malloc(size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
}
void* AllocateOrThrow(std::size_t size, std::size_t alignment) {
  void* p = Allocate(size, alignment);
  if (p == nullptr) throw std::bad_alloc();
  return p;
}

}  // namespace

namespace reliability {

void FailNew(std::int64_t n, bool from_then_on) {
  failed = false;
  sticky = from_then_on;
  countdown = n;
}
void StopFailingNew() { countdown = 0; }
void LimitNew(std::size_t bytes) { limit = bytes; }
bool NewHasFailed() { return failed; }
NewAlwaysWorks::NewAlwaysWorks() { ++calm; }
NewAlwaysWorks::~NewAlwaysWorks() { --calm; }

}  // namespace reliability

// The whole program's; malloc serves, so that sanitizers go on seeing every block.
void* operator new(std::size_t n) { return AllocateOrThrow(n, 1); }
void* operator new[](std::size_t n) { return AllocateOrThrow(n, 1); }
void* operator new(std::size_t n, std::align_val_t a) { return AllocateOrThrow(n, std::size_t(a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return AllocateOrThrow(n, std::size_t(a)); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return Allocate(n, 1); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return Allocate(n, 1); }
void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
