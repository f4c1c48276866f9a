#include "zvec/index/hnsw/arrays.h"

#include <sys/mman.h>

#include <new>

namespace zvec::inline v0::hnsw {

void* AllocateBytes(std::size_t bytes) {
  constexpr std::size_t kLine = 64, kHuge = std::size_t{2} << 20;
  const std::size_t alignment = bytes >= kHuge ? kHuge : kLine;
  const std::size_t size = (bytes + alignment - 1) / alignment * alignment;
  void* p = std::aligned_alloc(alignment, size != 0 ? size : alignment);
  if (p == nullptr) throw std::bad_alloc();
  // A walk touches memory at random: with small pages every step would miss the address cache too.
  if (alignment == kHuge) (void)::madvise(p, size, MADV_HUGEPAGE);
  return p;
}

}  // namespace zvec::inline v0::hnsw
