// zvec/query/filter.h: a filter expression: parsed, checked against a schema, then evaluated on chunks of
// rows.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "zvec/schema.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

inline constexpr std::size_t kMaxFilterDepth = 256;
inline constexpr std::size_t kMaxFilterTerms = 4'096;
inline constexpr std::size_t kMaxInItems = 20'000;

struct FilterMask;

/// A filter bound to one schema. May be used from any thread; one that a FilterCache gave, not after its end.
class Filter {
 public:
  /// `text` blank: a filter that every row passes (matches_all). kInvalidArgument with the place marked by a
  /// caret.
  static Result<std::unique_ptr<Filter>> Parse(std::string_view text, const CollectionSchema& schema);
  virtual ~Filter() = default;
  virtual bool matches_all() const noexcept = 0;
  /// Keeps in `rows` (kChunkRows / 64 words, bit r = row r of the chunk) the rows for which the whole
  /// expression is true (three-valued logic: unknown is not true). Only rows set on entry are looked at.
  virtual Status Evaluate(const SegmentView& segment, std::uint32_t chunk, std::uint64_t* rows) const = 0;
  /// What is known of the segment at once: of a filter that keeps its answers (filter_cache.h). Null, or
  /// fewer rows than there are: the rest has to be evaluated. `make`: the answer is wanted for all rows, so
  /// find it out, if it can be had of all; `*kept` says whether that was not needed.
  virtual Result<std::shared_ptr<const FilterMask>> Mask(const SegmentView& segment, bool make,
                                                         bool* kept) const {
    (void)segment, (void)make;
    *kept = false;
    return std::shared_ptr<const FilterMask>();
  }
};

}  // namespace zvec::inline v0
