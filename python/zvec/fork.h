// python/zvec/fork.h: which process this is, without a system call: a number that grows in every child.
#pragma once

namespace cocozvec_python {

unsigned ForkGeneration() noexcept;
void WatchForks();  ///< once, at import

}  // namespace cocozvec_python
