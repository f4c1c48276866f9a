// zvec/collection/store_merge.h: which rows go into new segments, for seals and merges. Only store_*.cc
// include it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "zvec/collection/merge_policy.h"
#include "zvec/storage/segment_writer.h"

namespace zvec::inline v0 {

/// A sealed segment ends before its cells pass this: blocks of variable cells have offsets of 32 bits.
inline constexpr std::uint64_t kMaxSegmentBytes = std::uint64_t{2} << 30;

/// In the order of the sources.
std::vector<RowRef> LiveRows(std::span<const SegmentView* const> sources);

/// Bytes that making the lists of a sparse field holds: postings, once more while they are sorted.
inline constexpr std::uint64_t kListBytesPerPosting = 24;
/// From the bytes of its cells; an upper bound.
std::uint64_t ListBytes(const FieldSchema& field, std::uint64_t cell_bytes);

/// Where each output ends. `total` (bytes and list_bytes) holds upper bounds: mostly they say that one output
/// is enough.
Result<std::vector<std::size_t>> SplitRows(std::span<const SegmentView* const> sources,
                                           std::span<const RowRef> rows, const SegmentShape& total,
                                           const MergeLimits& limits);

/// When there was no memory to say more.
const Status& NoMemoryForMaintenance();

}  // namespace zvec::inline v0
