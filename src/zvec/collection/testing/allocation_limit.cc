#include "zvec/collection/testing/allocation_limit.h"

#include <cstdlib>
#include <new>

namespace {
thread_local long allocations_left = -1;
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  if (allocations_left >= 0 && allocations_left-- == 0) return nullptr;
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

}  // namespace zvec::inline v0::testing_docs
