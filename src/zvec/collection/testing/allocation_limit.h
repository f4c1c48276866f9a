// zvec/collection/testing/allocation_limit.h: how many allocations this thread may still make. Tests only: a
// program that links it has its own operator new.
#pragma once

#include <cstddef>

namespace zvec::inline v0::testing_docs {

/// While it lives: the allocation after `allowed` ones fails, once; negative: none does.
class AllocationLimit {
 public:
  explicit AllocationLimit(long allowed);
  ~AllocationLimit();
  AllocationLimit(const AllocationLimit&) = delete;
  AllocationLimit& operator=(const AllocationLimit&) = delete;

 private:
  const long before_;
};

/// While it lives, on every thread but the one that made it: the same, counted together.
class AllocationLimitElsewhere {
 public:
  explicit AllocationLimitElsewhere(long allowed);
  ~AllocationLimitElsewhere();
  AllocationLimitElsewhere(const AllocationLimitElsewhere&) = delete;
  AllocationLimitElsewhere& operator=(const AllocationLimitElsewhere&) = delete;
};

/// Counts the allocations of so many bytes and more, on every thread, while it lives; one at a time.
class LargeAllocations {
 public:
  explicit LargeAllocations(std::size_t least);
  ~LargeAllocations();
  LargeAllocations(const LargeAllocations&) = delete;
  LargeAllocations& operator=(const LargeAllocations&) = delete;
  long count() const noexcept;
};

}  // namespace zvec::inline v0::testing_docs
