// A filter's answers, kept: for many queries over the same segments.
#include <algorithm>
#include <utility>
#include <vector>

#include "zvec/query/chunk_rows.h"
#include "zvec/query/search.h"

namespace zvec::inline v0 {
namespace {

class EvaluatedFilter final : public Filter {
 public:
  Status Add(const SegmentView& segment, const Filter& filter) {
    bool kept = false;
    ZVEC_ASSIGN_OR_RETURN(auto mask, filter.Mask(segment, true, &kept));
    if (mask == nullptr || mask->rows < segment.row_count()) {
      // A view of an earlier moment than the answer's would have been enough; this one has rows beyond it.
      ZVEC_ASSIGN_OR_RETURN(mask, MakeFilterMask(segment, filter, segment.row_count(), mask.get()));
    }
    answers_.push_back({&segment, std::move(mask), kept});
    return {};
  }

  bool matches_all() const noexcept override { return false; }
  Status Evaluate(const SegmentView& segment, std::uint32_t chunk, std::uint64_t* rows) const override {
    const Answer* answer = Find(segment);
    if (answer == nullptr || chunk >= segment.chunk_count())
      return Status::Internal("a filter was evaluated on other segments");
    const std::uint64_t* words = answer->mask->words.data() + std::size_t{chunk} * kChunkWords;
    for (std::uint32_t w = 0; w < kChunkWords; ++w) rows[w] &= words[w];
    return {};
  }
  Result<std::shared_ptr<const FilterMask>> Mask(const SegmentView& segment, bool,
                                                 bool* kept) const override {
    const Answer* answer = Find(segment);
    *kept = answer != nullptr && answer->kept;
    return answer != nullptr ? answer->mask : nullptr;
  }

 private:
  struct Answer {
    const SegmentView* segment;
    std::shared_ptr<const FilterMask> mask;  ///< of all its rows
    bool kept;                               ///< from an earlier query
  };
  const Answer* Find(const SegmentView& segment) const {
    const auto at = std::find_if(answers_.begin(), answers_.end(),
                                 [&](const Answer& answer) { return answer.segment == &segment; });
    return at != answers_.end() ? &*at : nullptr;
  }

  std::vector<Answer> answers_;
};

}  // namespace

Result<std::unique_ptr<Filter>> EvaluateOnce(std::span<const SegmentView* const> segments,
                                             const Filter& filter) {
  if (filter.matches_all()) return std::unique_ptr<Filter>();
  auto evaluated = std::make_unique<EvaluatedFilter>();
  for (const SegmentView* segment : segments) ZVEC_RETURN_IF_ERROR(evaluated->Add(*segment, filter));
  return std::unique_ptr<Filter>(std::move(evaluated));
}

}  // namespace zvec::inline v0
