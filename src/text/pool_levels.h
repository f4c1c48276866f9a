// One PoolRows per CPU level, each in a file of its own. Bare headers only: see pool_impl.h.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cocoindex::inline v0::text {

void PoolRowsScalar(const std::uint8_t* weights, std::size_t row_bytes, const std::int16_t* scales,
                    const std::uint16_t* rows, std::size_t count, std::int32_t* sums);
void PoolRowsAvx2(const std::uint8_t* weights, std::size_t row_bytes, const std::int16_t* scales,
                  const std::uint16_t* rows, std::size_t count, std::int32_t* sums);
void PoolRowsAvx512(const std::uint8_t* weights, std::size_t row_bytes, const std::int16_t* scales,
                    const std::uint16_t* rows, std::size_t count, std::int32_t* sums);

}  // namespace cocoindex::inline v0::text
