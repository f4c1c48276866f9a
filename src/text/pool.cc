#include "text/pool.h"

#include "text/pool_levels.h"

namespace cocoindex::inline v0::text {

PoolRows PoolRowsFor(cocozvec::CpuLevel level) noexcept {
  switch (level) {
#if defined(COCOINDEX_TEXT_X86)
    case cocozvec::CpuLevel::kAvx2:
      return PoolRowsAvx2;
    case cocozvec::CpuLevel::kAvx512:
      return PoolRowsAvx512;
#endif
    default:
      return PoolRowsScalar;
  }
}

}  // namespace cocoindex::inline v0::text
