// text/pool.h: sums of the rows of a table, weighted by their scales, in integers: the order of the tokens
// and the CPU have no say in a bit of the result. Threads: functions of constant data.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/cpu_level.h"

namespace cocoindex::inline v0::text {

/// Adds scale * nibble of `count` rows to `sums`; nibbles are 0 .. 15, eight above the weights that they
/// stand for. `row_bytes` is a multiple of 16; the low nibbles of a row are its first row_bytes elements.
using PoolRows = void (*)(const std::uint8_t* weights, std::size_t row_bytes, const std::int16_t* scales,
                          const std::uint16_t* rows, std::size_t count, std::int32_t* sums);

/// So many rows cannot overflow a sum: kMostPooled * 15 * 32,767 < 2^31.
inline constexpr std::size_t kMostPooled = 2048;

/// For a level that this CPU supports.
PoolRows PoolRowsFor(cocozvec::CpuLevel level) noexcept;

}  // namespace cocoindex::inline v0::text
