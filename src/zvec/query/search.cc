#include "zvec/query/search.h"

#include <algorithm>
#include <bit>

#include "zvec/query/query_vector.h"

namespace zvec::inline v0 {
namespace {

constexpr std::uint32_t kWords = kChunkRows / 64;

struct Rows {
  std::uint64_t words[kWords];

  std::uint64_t Count() const {
    std::uint64_t count = 0;
    for (const std::uint64_t word : words) count += static_cast<std::uint64_t>(std::popcount(word));
    return count;
  }
  bool Any() const {
    return std::any_of(words, words + kWords, [](std::uint64_t word) { return word != 0; });
  }
  /// The numbers of the set rows, ascending; returns how many.
  std::uint32_t List(std::uint32_t* out) const {
    std::uint32_t count = 0;
    for (std::uint32_t w = 0; w < kWords; ++w) {
      for (std::uint64_t left = words[w]; left != 0; left &= left - 1) {
        out[count++] = w * 64 + static_cast<std::uint32_t>(std::countr_zero(left));
      }
    }
    return count;
  }
};

// The `k` nearest so far. Rows are offered in storage order, so of equal ones the first stay.
class TopK {
 public:
  TopK(std::size_t k, bool larger_is_nearer) : k_(k), sign_(larger_is_nearer ? -1.0f : 1.0f) {}

  void Offer(float score, std::uint32_t segment, std::uint32_t row) {
    const float key = sign_ * score;
    if (heap_.size() == k_) {
      if (key >= heap_.front().key) return;
      std::pop_heap(heap_.begin(), heap_.end(), Nearer);
      heap_.back() = {key, segment, row};
    } else {
      heap_.push_back({key, segment, row});
    }
    std::push_heap(heap_.begin(), heap_.end(), Nearer);
  }

  std::vector<RowHit> Take() && {
    std::sort(heap_.begin(), heap_.end(), Nearer);
    std::vector<RowHit> hits;
    hits.reserve(heap_.size());
    for (const Entry& e : heap_) hits.push_back({sign_ * e.key, e.segment, e.row});
    return hits;
  }

 private:
  struct Entry {
    float key;  // smaller is nearer
    std::uint32_t segment, row;
  };
  static bool Nearer(const Entry& a, const Entry& b) {
    if (a.key != b.key) return a.key < b.key;
    return a.segment != b.segment ? a.segment < b.segment : a.row < b.row;
  }

  std::size_t k_;
  float sign_;
  std::vector<Entry> heap_;  // the farthest in front
};

// The live rows of a chunk that pass the filter.
Result<Rows> Matches(const SegmentView& segment, std::uint32_t chunk, const Filter& filter,
                     QueryStats* stats) {
  const std::uint32_t count = std::min(kChunkRows, segment.row_count() - chunk * kChunkRows);
  Rows rows{};
  for (std::uint32_t w = 0; w < kWords && w * 64 < count; ++w) {
    const std::uint32_t left = count - w * 64;
    rows.words[w] = left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
  }
  if (segment.dead_count() > 0) segment.ClearDead(chunk, rows.words);
  stats->documents += rows.Count();
  if (!filter.matches_all()) ZVEC_RETURN_IF_ERROR(filter.Evaluate(segment, chunk, rows.words));
  stats->matches += rows.Count();
  return rows;
}

void ClearNulls(const ColumnChunk& column, Rows* rows) {
  if (!column.valid) return;
  for (std::uint32_t w = 0; w < kWords && w * 64 < column.rows; ++w) rows->words[w] &= column.valid[w];
}

Status SearchChunk(const SegmentView& segment, std::uint32_t segment_index, std::uint32_t chunk,
                   const QueryVector& vector, const Filter& filter, TopK* top, QueryStats* stats) {
  ZVEC_ASSIGN_OR_RETURN(Rows rows, Matches(segment, chunk, filter, stats));
  if (!rows.Any()) return Status::Ok();
  ZVEC_ASSIGN_OR_RETURN(const ColumnChunk column, segment.Column(vector.field(), chunk));
  ClearNulls(column, &rows);
  std::uint32_t index[kChunkRows];
  float scores[kChunkRows];
  const std::uint32_t count = rows.List(index);
  stats->distances += vector.Score(column, index, count, scores);
  for (std::uint32_t i = 0; i < count; ++i)
    top->Offer(scores[i], segment_index, chunk * kChunkRows + index[i]);
  return Status::Ok();
}

// Counts start from zero; a caller that does not want them gets `unwanted` filled.
QueryStats* BeginStats(std::size_t segments, const Filter& filter, QueryStats* stats, QueryStats* unwanted) {
  if (!stats) stats = unwanted;
  *stats = {};
  stats->strategy = filter.matches_all() ? "scan" : "scan of matches";
  stats->segments = static_cast<std::uint32_t>(segments);
  return stats;
}

}  // namespace

Result<std::vector<RowHit>> SearchVectors(std::span<const SegmentView* const> segments,
                                          const CollectionSchema& schema, const VectorQuery& query,
                                          const Filter& filter, QueryStats* stats) {
  if (query.topk < 1 || query.topk > kMaxTopk) {
    return Status::InvalidArgument("query: topk is " + std::to_string(query.topk) + ", allowed: 1 to " +
                                   std::to_string(kMaxTopk));
  }
  ZVEC_ASSIGN_OR_RETURN(const QueryVector vector, QueryVector::Make(schema, query));
  QueryStats unwanted;
  stats = BeginStats(segments.size(), filter, stats, &unwanted);
  TopK top(query.topk, vector.larger_is_nearer());
  for (std::uint32_t s = 0; s < segments.size(); ++s) {
    for (std::uint32_t chunk = 0; chunk < segments[s]->chunk_count(); ++chunk) {
      ZVEC_RETURN_IF_ERROR(SearchChunk(*segments[s], s, chunk, vector, filter, &top, stats));
    }
  }
  return std::move(top).Take();
}

Result<std::vector<RowHit>> ScanRows(std::span<const SegmentView* const> segments, const Filter& filter,
                                     std::uint64_t limit, QueryStats* stats) {
  QueryStats unwanted;
  stats = BeginStats(segments.size(), filter, stats, &unwanted);
  std::vector<RowHit> hits;
  for (std::uint32_t s = 0; s < segments.size() && hits.size() < limit; ++s) {
    for (std::uint32_t chunk = 0; chunk < segments[s]->chunk_count() && hits.size() < limit; ++chunk) {
      ZVEC_ASSIGN_OR_RETURN(const Rows rows, Matches(*segments[s], chunk, filter, stats));
      std::uint32_t index[kChunkRows];
      const std::uint64_t count = std::min<std::uint64_t>(rows.List(index), limit - hits.size());
      for (std::uint64_t i = 0; i < count; ++i) hits.push_back({0, s, chunk * kChunkRows + index[i]});
    }
  }
  return hits;
}

}  // namespace zvec::inline v0
