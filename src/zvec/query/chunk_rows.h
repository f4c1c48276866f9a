// zvec/query/chunk_rows.h: a choice of a chunk's rows, a bit for each.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "zvec/query.h"
#include "zvec/query/filter.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

inline constexpr std::uint32_t kChunkWords = kChunkRows / 64;

/// Without the instruction, which not every CPU has: std::popcount would be a call and a table there.
inline std::uint32_t BitCount(std::uint64_t word) noexcept {
  word -= (word >> 1) & 0x5555'5555'5555'5555;
  word = (word & 0x3333'3333'3333'3333) + ((word >> 2) & 0x3333'3333'3333'3333);
  word = (word + (word >> 4)) & 0x0F0F'0F0F'0F0F'0F0F;
  return static_cast<std::uint32_t>((word * 0x0101'0101'0101'0101) >> 56);
}

struct ChunkRows {
  std::uint64_t words[kChunkWords];

  std::uint64_t Count() const {
    std::uint64_t count = 0;
    for (const std::uint64_t word : words) count += BitCount(word);
    return count;
  }
  bool Any() const {
    return std::any_of(words, words + kChunkWords, [](std::uint64_t word) { return word != 0; });
  }
  /// The numbers of the set rows, ascending; returns how many.
  std::uint32_t List(std::uint32_t* out) const {
    std::uint32_t count = 0;
    for (std::uint32_t w = 0; w < kChunkWords; ++w) {
      for (std::uint64_t left = words[w]; left != 0; left &= left - 1) {
        out[count++] = w * 64 + static_cast<std::uint32_t>(std::countr_zero(left));
      }
    }
    return count;
  }
  /// Leaves rows `first` and later.
  void From(std::uint32_t first) {
    for (std::uint32_t w = 0; w < kChunkWords; ++w) {
      if (first >= (w + 1) * 64) {
        words[w] = 0;
      } else if (first > w * 64) {
        words[w] &= ~std::uint64_t{0} << (first - w * 64);
      }
    }
  }
  void ClearNulls(const ColumnChunk& column) {
    if (!column.valid) return;
    for (std::uint32_t w = 0; w < kChunkWords && w * 64 < column.rows; ++w) words[w] &= column.valid[w];
  }
};

/// The live rows of a chunk that pass the filter; `stats` counts both.
Result<ChunkRows> Matches(const SegmentView& segment, std::uint32_t chunk, const Filter& filter,
                          QueryStats* stats);

}  // namespace zvec::inline v0
