// zvec/query/search.h: exact search of vectors over the segments of one snapshot.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "zvec/query.h"
#include "zvec/query/filter.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

struct RowHit {
  float score = 0;
  std::uint32_t segment = 0;  ///< index into the span given to the search
  std::uint32_t row = 0;
};

/// The `query.topk` nearest live rows that pass the filter, nearest first, equal scores by (segment, row).
/// Rows whose vector is null are not found. The query vector is checked against the field (kInvalidArgument,
/// kNotFound). `stats` is overwritten; null: not wanted.
Result<std::vector<RowHit>> SearchVectors(std::span<const SegmentView* const> segments,
                                          const CollectionSchema& schema, const VectorQuery& query,
                                          const Filter& filter, QueryStats* stats);

/// topk, ef and radius are ones that a query may have.
Status CheckNumbers(const VectorQuery& query);

/// `filter` evaluated on all of these segments, for many searches over the same ones; the result borrows
/// nothing. Null when every row passes: `filter` itself is as fast.
Result<std::unique_ptr<Filter>> EvaluateOnce(std::span<const SegmentView* const> segments,
                                             const Filter& filter);

/// Live rows that pass the filter, in storage order, at most `limit`.
Result<std::vector<RowHit>> ScanRows(std::span<const SegmentView* const> segments, const Filter& filter,
                                     std::uint64_t limit, QueryStats* stats);

}  // namespace zvec::inline v0
