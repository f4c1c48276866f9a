// base/fork.h: telling a process from the one that it was forked from.
// What a handle holds (locks of the kernel, a place in a log, mutexes that another thread may have held)
// belongs to the process that opened it: after a fork the child's copy must neither be used nor closed in
// order.
#pragma once

#include <cstdint>

namespace cocozvec::inline v0 {

/// How many forks lie between this process and the first one that called it: equal numbers, same process.
/// Costs a load. Forks that bypass the C library (a bare clone) are not seen.
std::uint64_t ForkCount() noexcept;

/// A handle's memory of the process that made it.
class BornHere {
 public:
  bool inherited() const noexcept { return ForkCount() != born_in_; }

 private:
  std::uint64_t born_in_ = ForkCount();
};

}  // namespace cocozvec::inline v0
