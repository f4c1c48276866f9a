// zvec/collection/merge_policy.h: which sealed segments are written anew next, as one. Size tiers over live
// rows keep their number small at a bounded cost; a segment of which a fifth is deleted gives its room back.
// Threads: a pure function; equal shapes, equal answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace zvec::inline v0 {

struct SegmentShape {
  std::uint64_t number = 0;  ///< of its file: what is equal otherwise is told apart by it
  std::uint64_t rows = 0, dead = 0;
  std::uint64_t bytes = 0;  ///< of its rows on disk, deleted ones too
  bool ready = true;        ///< false: it waits for its graph, or another piece of work has it
  /// What making the lists of its largest sparse field holds in memory, for deleted rows too.
  std::uint64_t list_bytes = 0;

  std::uint64_t live() const noexcept { return rows - dead; }
  std::uint64_t live_bytes() const noexcept;
  std::uint64_t live_list_bytes() const noexcept;
};

struct MergeLimits {
  std::uint64_t most_rows = UINT64_MAX, most_bytes = UINT64_MAX;  ///< of a segment, live
  std::uint64_t least_waste_bytes = 0;  ///< deleted rows that take less are worth no rewrite of their own
  std::uint64_t most_list_bytes = UINT64_MAX;  ///< of a segment, live
};

enum class MergeGoal {
  kGood,     ///< few segments, little waste: what goes on beside the writers
  kCompact,  ///< as few as the limits allow, no deleted row: Optimize
};

/// So many segments of about one size (within a factor of four) become one.
inline constexpr std::size_t kMergeWidth = 4;
/// Segments that are at most half as large as the limits: there are no more of them when nothing is left to
/// do. Larger ones stand by themselves.
inline constexpr std::size_t kMostSmallSegments = 8;

/// Places in `segments` (ascending) of those that are written as one; empty: nothing is to be done. One
/// place: that segment loses its deleted rows. Doing so again and again comes to an end.
std::vector<std::size_t> ChooseMerge(std::span<const SegmentShape> segments, const MergeLimits& limits,
                                     MergeGoal goal);

/// For kGood: while the same segments are there and ready, no answer changes from empty without this number
/// (deleted rows only become more). Cheaper than asking.
std::uint64_t MarkOf(const SegmentShape& segment, const MergeLimits& limits);

}  // namespace zvec::inline v0
