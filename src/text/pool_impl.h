// The kernel of pool.h, written once for the compiler to vectorise. Included by one file per CPU level, which
// is compiled with that level's flags: nothing here may have external linkage, or the linker could give code
// for a newer CPU to an older one. For the same reason no header but the bare ones is included.
#pragma once

#include <cstddef>
#include <cstdint>

namespace {

// Four rows at a time, so that a sum is loaded and stored once for four of them.
inline __attribute__((always_inline)) void PoolFour(const std::uint8_t* __restrict a,
                                                    const std::uint8_t* __restrict b,
                                                    const std::uint8_t* __restrict c,
                                                    const std::uint8_t* __restrict d, const std::int32_t* s,
                                                    std::size_t row_bytes, std::int32_t* __restrict low,
                                                    std::int32_t* __restrict high) {
  const std::int32_t s0 = s[0], s1 = s[1], s2 = s[2], s3 = s[3];
  for (std::size_t i = 0; i < row_bytes; ++i) {
    low[i] += (a[i] & 15) * s0 + (b[i] & 15) * s1 + (c[i] & 15) * s2 + (d[i] & 15) * s3;
    high[i] += (a[i] >> 4) * s0 + (b[i] >> 4) * s1 + (c[i] >> 4) * s2 + (d[i] >> 4) * s3;
  }
}

inline __attribute__((always_inline)) void Pool(const std::uint8_t* weights, std::size_t row_bytes,
                                                const std::int16_t* scales, const std::uint16_t* rows,
                                                std::size_t count, std::int32_t* sums) {
  constexpr std::size_t kAhead = 8;  // rows: they lie anywhere in four megabytes
  for (std::size_t at = 0; at < count; at += 4) {
    for (std::size_t i = at + kAhead; i < at + kAhead + 4 && i < count; ++i) {
      for (std::size_t byte = 0; byte < row_bytes; byte += 64) {
        __builtin_prefetch(weights + rows[i] * row_bytes + byte);
      }
    }
    const std::uint8_t* row[4];
    std::int32_t scale[4];
    for (std::size_t k = 0; k < 4; ++k) {
      const bool there = at + k < count;
      const std::size_t r = rows[there ? at + k : at];
      row[k] = weights + r * row_bytes;
      scale[k] = there ? scales[r] : 0;
    }
    PoolFour(row[0], row[1], row[2], row[3], scale, row_bytes, sums, sums + row_bytes);
  }
}

}  // namespace
