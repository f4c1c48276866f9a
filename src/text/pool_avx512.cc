#include "text/pool_impl.h"
#include "text/pool_levels.h"

namespace cocoindex::inline v0::text {

void PoolRowsAvx512(const std::uint8_t* weights, std::size_t row_bytes, const std::int16_t* scales,
                    const std::uint16_t* rows, std::size_t count, std::int32_t* sums) {
  Pool(weights, row_bytes, scales, rows, count, sums);
}

}  // namespace cocoindex::inline v0::text
