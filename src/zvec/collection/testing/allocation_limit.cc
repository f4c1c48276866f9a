#include "zvec/collection/testing/allocation_limit.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <new>

namespace {
thread_local long allocations_left = -1;
thread_local bool exempt = false;
std::atomic<bool> limited_elsewhere = false;
std::atomic<long> left_elsewhere = 0, large = 0;
std::atomic<std::size_t> large_from = SIZE_MAX;
}  // namespace

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (allocations_left >= 0 && allocations_left-- == 0) return nullptr;
  if (limited_elsewhere && !exempt && left_elsewhere-- <= 0) return nullptr;
  if (size >= large_from) ++large;
  return std::malloc(size ? size : 1);
}
void* operator new(std::size_t size) {
  if (void* p = operator new(size, std::nothrow)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }

namespace zvec::inline v0::testing_docs {

AllocationLimit::AllocationLimit(long allowed) : before_(allocations_left) { allocations_left = allowed; }
AllocationLimit::~AllocationLimit() { allocations_left = before_; }

AllocationLimitElsewhere::AllocationLimitElsewhere(long allowed) {
  exempt = true;
  left_elsewhere = allowed;
  limited_elsewhere = true;
}
AllocationLimitElsewhere::~AllocationLimitElsewhere() {
  limited_elsewhere = false;
  exempt = false;
}

LargeAllocations::LargeAllocations(std::size_t least) {
  large = 0;
  large_from = least;
}
LargeAllocations::~LargeAllocations() { large_from = SIZE_MAX; }
long LargeAllocations::count() const noexcept { return large; }

}  // namespace zvec::inline v0::testing_docs
