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
    std::vector<std::uint64_t> words;
    words.reserve(std::size_t{segment.chunk_count()} * kChunkWords);
    QueryStats unwanted;
    for (std::uint32_t chunk = 0; chunk < segment.chunk_count(); ++chunk) {
      ZVEC_ASSIGN_OR_RETURN(const ChunkRows rows, Matches(segment, chunk, filter, &unwanted));
      words.insert(words.end(), std::begin(rows.words), std::end(rows.words));
    }
    answers_.emplace_back(&segment, std::move(words));
    return {};
  }

  bool matches_all() const noexcept override { return false; }
  Status Evaluate(const SegmentView& segment, std::uint32_t chunk, std::uint64_t* rows) const override {
    const auto at = std::find_if(answers_.begin(), answers_.end(),
                                 [&](const auto& answer) { return answer.first == &segment; });
    if (at == answers_.end() || at->second.size() < (std::size_t{chunk} + 1) * kChunkWords)
      return Status::Internal("a filter was evaluated on other segments");
    for (std::uint32_t w = 0; w < kChunkWords; ++w)
      rows[w] &= at->second[std::size_t{chunk} * kChunkWords + w];
    return {};
  }

 private:
  std::vector<std::pair<const SegmentView*, std::vector<std::uint64_t>>> answers_;
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
