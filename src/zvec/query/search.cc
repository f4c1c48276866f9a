#include "zvec/query/search.h"

#include <algorithm>
#include <numeric>

#include "zvec/query/chunk_rows.h"
#include "zvec/query/query_vector.h"
#include "zvec/query/segment_search.h"
#include "zvec/query/top_k.h"

namespace zvec::inline v0 {

Result<ChunkRows> Matches(const SegmentView& segment, std::uint32_t chunk, const Filter& filter,
                          const FilterMask* mask, QueryStats* stats) {
  const std::uint32_t count = std::min(kChunkRows, segment.row_count() - chunk * kChunkRows);
  ChunkRows rows{};
  for (std::uint32_t w = 0; w < kChunkWords && w * 64 < count; ++w) {
    const std::uint32_t left = count - w * 64;
    rows.words[w] = left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
  }
  if (segment.dead_count() > 0) segment.ClearDead(chunk, rows.words);
  stats->documents += rows.Count();
  if (const std::uint64_t* known = mask != nullptr ? mask->Chunk(chunk, count) : nullptr) {
    for (std::uint32_t w = 0; w < kChunkWords; ++w) rows.words[w] &= known[w];
  } else if (!filter.matches_all()) {
    ZVEC_RETURN_IF_ERROR(filter.Evaluate(segment, chunk, rows.words));
  }
  stats->matches += rows.Count();
  return rows;
}

namespace {

std::string Range(std::string_view what, std::uint64_t given, std::uint64_t least, std::uint64_t most) {
  return "query: " + std::string(what) + " is " + std::to_string(given) +
         ", allowed: " + std::to_string(least) + " to " + std::to_string(most);
}

}  // namespace

Status CheckNumbers(const VectorQuery& query) {
  if (query.topk < 1 || query.topk > kMaxTopk)
    return Status::InvalidArgument(Range("topk", query.topk, 1, kMaxTopk));
  if (query.ef > kMaxEf) return Status::InvalidArgument(Range("ef", query.ef, 0, kMaxEf));
  if (query.radius && !(*query.radius == *query.radius))
    return Status::InvalidArgument("query: radius is not a number");
  return {};
}

namespace {

// Counts start from zero; a caller that does not want them gets `unwanted` filled.
QueryStats* BeginStats(std::size_t segments, QueryStats* stats, QueryStats* unwanted) {
  if (!stats) stats = unwanted;
  *stats = {};
  stats->segments = static_cast<std::uint32_t>(segments);
  return stats;
}

/// The numbers of the segments, that with the largest graph first: what is found there bounds the others.
/// Of a growing graph the rows stand for those that are linked: to look at a graph counts as a search of it.
std::vector<std::uint32_t> LargestFirst(std::span<const SegmentView* const> segments, std::size_t field) {
  std::vector<std::uint32_t> order(segments.size());
  std::iota(order.begin(), order.end(), 0u);
  if (segments.size() < 2) return order;
  std::vector<std::uint32_t> linked(segments.size());
  for (std::size_t s = 0; s < segments.size(); ++s) {
    const hnsw::Graph* graph = segments[s]->Graph(field);
    linked[s] = graph == nullptr ? 0 : segments[s]->row_count();
  }
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return linked[a] > linked[b]; });
  return order;
}

}  // namespace

Result<std::vector<RowHit>> SearchVectors(std::span<const SegmentView* const> segments,
                                          const CollectionSchema& schema, const VectorQuery& query,
                                          const Filter& filter, QueryStats* stats) {
  ZVEC_RETURN_IF_ERROR(CheckNumbers(query));
  ZVEC_ASSIGN_OR_RETURN(const QueryVector vector, QueryVector::Make(schema, query));
  QueryStats unwanted;
  stats = BeginStats(segments.size(), stats, &unwanted);
  TopK top(query.topk, vector.larger_is_nearer(), query.radius ? &*query.radius : nullptr);
  SegmentSearch search(query, vector, filter, &top, stats);
  for (const std::uint32_t s : LargestFirst(segments, vector.field()))
    ZVEC_RETURN_IF_ERROR(search.Run(*segments[s], s));
  ZVEC_RETURN_IF_ERROR(search.Finish());
  stats->strategy = search.Strategy();
  return std::move(top).Take();
}

Result<std::vector<RowHit>> ScanRows(std::span<const SegmentView* const> segments, const Filter& filter,
                                     std::uint64_t limit, QueryStats* stats) {
  QueryStats unwanted;
  stats = BeginStats(segments.size(), stats, &unwanted);
  stats->strategy = filter.matches_all() ? "scan" : "scan of matches";
  std::vector<RowHit> hits;
  for (std::uint32_t s = 0; s < segments.size() && hits.size() < limit; ++s) {
    // The first few matches may be near the beginning: nothing is found out for all rows.
    bool kept = false;
    ZVEC_ASSIGN_OR_RETURN(const auto mask, filter.Mask(*segments[s], false, &kept));
    stats->kept_filters += kept;
    for (std::uint32_t chunk = 0; chunk < segments[s]->chunk_count() && hits.size() < limit; ++chunk) {
      ZVEC_ASSIGN_OR_RETURN(const ChunkRows rows, Matches(*segments[s], chunk, filter, mask.get(), stats));
      std::uint32_t index[kChunkRows];
      const std::uint64_t count = std::min<std::uint64_t>(rows.List(index), limit - hits.size());
      for (std::uint64_t i = 0; i < count; ++i) hits.push_back({0, s, chunk * kChunkRows + index[i]});
    }
  }
  return hits;
}

}  // namespace zvec::inline v0
