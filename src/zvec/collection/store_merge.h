// zvec/collection/store_merge.h: which rows go into new segments, for seals and merges. Only store_*.cc
// include it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "zvec/storage/segment_writer.h"

namespace zvec::inline v0 {

/// A sealed segment ends before its cells pass this: blocks of variable cells have offsets of 32 bits.
inline constexpr std::uint64_t kMaxSegmentBytes = std::uint64_t{2} << 30;

/// In the order of the sources.
RowRefs LiveRows(std::span<const SegmentView* const> sources);

/// Where each output ends. `total_bytes` is an upper bound of all cells: mostly it says that one output is
/// enough.
Result<std::vector<std::size_t>> SplitRows(std::span<const SegmentView* const> sources,
                                           std::span<const RowRef> rows, std::uint64_t total_bytes,
                                           std::uint64_t most_rows);

/// When there was no memory to say more.
const Status& NoMemoryForMaintenance();

}  // namespace zvec::inline v0
