// zvec/query/filter_mask.h: what a filter answers for the rows of one segment, kept. Cells never change, so
// it stays true as long as the segment lives; which rows are dead is asked anew by every query.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "zvec/query/filter.h"

namespace zvec::inline v0 {

/// Immutable once it is shared.
struct FilterMask {
  std::uint32_t rows = 0;   ///< the first ones of the segment: whole chunks, or all
  std::uint64_t count = 0;  ///< rows that pass, dead ones among them
  /// Bit r % 64 of word r / 64: row r passes. Whole chunks of words, and one of zeros: a walk may look a
  /// little further.
  std::vector<std::uint64_t> words;

  /// The words of a chunk, or null when not all its `rows` are covered.
  const std::uint64_t* Chunk(std::uint32_t chunk, std::uint32_t chunk_rows) const noexcept {
    if (std::uint64_t{chunk} * kChunkRows + chunk_rows > rows) return nullptr;
    return words.data() + std::size_t{chunk} * (kChunkRows / 64);
  }
};

/// Asks the filter of the first `rows` rows of the segment: whole chunks, or all. `known` (or null) answers
/// for fewer rows of the same segment and is not asked again.
Result<std::shared_ptr<const FilterMask>> MakeFilterMask(const SegmentView& segment, const Filter& filter,
                                                         std::uint32_t rows, const FilterMask* known);

}  // namespace zvec::inline v0
