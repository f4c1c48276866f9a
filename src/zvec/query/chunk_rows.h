// zvec/query/chunk_rows.h: a choice of a chunk's rows, a bit for each.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/bits.h"
#include "zvec/query.h"
#include "zvec/query/filter.h"
#include "zvec/query/filter_mask.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

inline constexpr std::uint32_t kChunkWords = kChunkRows / 64;

struct ChunkRows {
  std::uint64_t words[kChunkWords];

  std::uint64_t Count() const {
    std::uint64_t count = 0;
    for (const std::uint64_t word : words) count += cocozvec::CountBits(word);
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

/// The live rows of a chunk that pass the filter; `stats` counts both. `mask`: what is known of the filter's
/// answer for this segment, or null.
Result<ChunkRows> Matches(const SegmentView& segment, std::uint32_t chunk, const Filter& filter,
                          const FilterMask* mask, QueryStats* stats);

}  // namespace zvec::inline v0
