#include "zvec/query/segment_search.h"

#include <algorithm>
#include <cmath>

#include "base/bits.h"
#include "cocozvec/base/log.h"
#include "zvec/simd/mask_kernels.h"

namespace zvec::inline v0 {
namespace {

/// From this share of dead rows on, a walk picks the live ones; below, it finds some more and drops the dead.
constexpr double kManyDead = 0.3;
/// A scan of rows without codes makes those of so many groups and a share of the others: it takes up to twice
/// as long for it, and the next ones less.
constexpr std::uint32_t kLeastToCode = 8, kShareToCode = 16;
/// Fewer rows of a chunk are scored without a look at codes.
constexpr std::uint32_t kFewRows = 64;
/// Scored first where nothing is known of what is near.
constexpr std::uint32_t kFirstRows = 128;

}  // namespace

std::string SegmentSearch::Strategy() const {
  if (used_ == 0) return filter_.matches_all() ? "scan" : "scan of matches";
  static constexpr std::pair<unsigned, const char*> kNames[] = {{kGraph, "graph"},
                                                                {kGraphMatches, "graph of matches"},
                                                                {kGraphThrough, "graph through misses"},
                                                                {kCodes, "scan of codes"},
                                                                {kLists, "lists"},
                                                                {kListsMatches, "lists of matches"},
                                                                {kScan, "scan"},
                                                                {kScanMatches, "scan of matches"}};
  std::string text;
  for (const auto& [bit, name] : kNames) {
    if ((used_ & bit) == 0) continue;
    if (!text.empty()) text += " + ";
    text += name;
  }
  return text;
}

bool SegmentSearch::UsesGraph(const hnsw::GraphView& graph) {
  if (graph.empty() || query_.topk > hnsw::kMostFromGraph) return false;
  code_.resize(graph.encoder->query_bytes());
  double cut = 0;
  const bool has_direction = vector_.Encode(*graph.encoder, code_.data(), &cut);
  breadth_ =
      hnsw::BreadthFor(query_.topk, query_.ef, graph.encoder->kind(), hnsw::MoreFor(cut), graph.breadth);
  // Four bits leave near candidates in the wrong order: all of them are scored.
  if (graph.encoder->kind() == hnsw::CodeKind::kBits4) {
    breadth_.keep = breadth_.ef;
    breadth_.margin = breadth_.slack = -1;
  }
  // A graph's distances say something about scores only roughly: under inner product nothing.
  const float far = top_->Farthest();
  if (std::isfinite(far) && !vector_.larger_is_nearer())
    breadth_.bound =
        graph.encoder->BetweenCodes(vector_.metric() == MetricType::kCosine ? 2 * double{far} : far);
  return has_direction;
}

Status SegmentSearch::Run(const SegmentView& segment, std::uint32_t number) {
  segment_ = &segment;
  number_ = number;
  if (segment.row_count() == 0) return {};
  bool kept = false;
  ZVEC_ASSIGN_OR_RETURN(known_, filter_.Mask(segment, true, &kept));
  stats_->kept_filters += kept;
  if (query_.exact) return Scan(0);
  const hnsw::Graph* graph = segment.Graph(vector_.field());
  if (graph != nullptr && graph->lists() != nullptr) return SearchLists(*graph->lists());
  const hnsw::GraphRef ref = graph != nullptr ? graph->Current() : hnsw::GraphRef{};
  if (ref.view.empty()) {
    const FieldSchema& field = segment.schema().fields[vector_.field()];
    if (!hnsw::WantsGraph(field) && !sparse::WantsLists(field)) return Scan(0);
    // Nothing is refused of lists.
    backlogs_.push_back({&segment, number, 0, known_, graph != nullptr && hnsw::WantsGraph(field)});
    return {};
  }
  // Rows that came after this snapshot may be linked already: they lead on, but are no answers.
  if (!UsesGraph(ref.view)) return Scan(0);
  const std::uint32_t linked = std::min(ref.view.nodes, segment.row_count());
  const hnsw::WalkCounts before = hnsw::Scratch::Local().counts;
  const Status status = filter_.matches_all() ? SearchGraph(ref.view) : SearchMasked(ref.view);
  const hnsw::WalkCounts& after = hnsw::Scratch::Local().counts;
  stats_->code_distances += after.distances - before.distances;
  stats_->nodes += after.expansions - before.expansions;
  if (status.ok() && linked != segment.row_count())
    backlogs_.push_back({&segment, number, linked, known_, false});
  return status;
}

Status SegmentSearch::Finish() {
  for (const Backlog& backlog : backlogs_) {
    segment_ = backlog.segment;
    number_ = backlog.number;
    known_ = backlog.known;
    met_vectors_ = false;
    ZVEC_RETURN_IF_ERROR(ScanUnlinked(backlog.first_row));
    stats_->refused += backlog.refused && met_vectors_;  // without vectors there was nothing to refuse
  }
  backlogs_.clear();
  return {};
}

Status SegmentSearch::ScanUnlinked(std::uint32_t first_row) {
  const std::uint64_t matches = stats_->matches;
  drops_far_ = true;
  groups_to_code_ =
      kLeastToCode + (segment_->row_count() - first_row) / CodedChunk::kGroupRows / kShareToCode;
  Status status = Scan(first_row);
  drops_far_ = false;
  stats_->unlinked += stats_->matches - matches;
  return status;
}

/// True when the way through the graph, or the lists, ended where the file is damaged or unreadable: the
/// stored vectors have the answer.
bool SegmentSearch::IsDamaged(const Status& found) const {
  if (!IsUnreadable(found)) return false;
  cocozvec::Log(cocozvec::LogLevel::kWarning,
                "a query scans instead of using a damaged or unreadable graph, which Optimize replaces: " +
                    found.ToString());
  return true;
}

Status SegmentSearch::Scan(std::uint32_t first_row) {
  used_ |= filter_.matches_all() ? kScan : kScanMatches;
  for (std::uint32_t chunk = first_row / kChunkRows; chunk < segment_->chunk_count(); ++chunk) {
    QueryStats counts;
    ZVEC_ASSIGN_OR_RETURN(ChunkRows rows, Matches(*segment_, chunk, filter_, known_.get(), &counts));
    if (chunk * kChunkRows < first_row) rows.From(first_row - chunk * kChunkRows);
    stats_->documents += chunk * kChunkRows < first_row ? rows.Count() : counts.documents;
    stats_->matches += rows.Count();
    ZVEC_RETURN_IF_ERROR(ScoreChunk(chunk, rows));
  }
  return {};
}

Status SegmentSearch::ScoreChunk(std::uint32_t chunk, const ChunkRows& matches) {
  if (!matches.Any()) return {};
  ZVEC_ASSIGN_OR_RETURN(const ColumnChunk column, segment_->Column(vector_.field(), chunk));
  ChunkRows rows = matches;
  rows.ClearNulls(column);
  met_vectors_ |= rows.Any();
  std::uint32_t index[kChunkRows];
  if (drops_far_ && code_scan_.usable()) ScoreCoded(column, chunk, &rows);
  std::uint32_t count = rows.List(index);
  if (drops_far_) count = vector_.DropFar(column, top_->Farthest(), index, count);
  ScoreListed(column, chunk, index, count);
  return {};
}

void SegmentSearch::ScoreListed(const ColumnChunk& column, std::uint32_t chunk, std::uint32_t* rows,
                                std::uint32_t count) {
  float scores[kChunkRows];
  stats_->distances += vector_.Score(column, rows, count, scores);
  for (std::uint32_t i = 0; i < count; ++i) top_->Offer(scores[i], number_, chunk * kChunkRows + rows[i]);
}

void SegmentSearch::ScoreCoded(const ColumnChunk& column, std::uint32_t chunk, ChunkRows* rows) {
  const CodedChunk* kept = segment_->Codes(vector_.field(), chunk);
  if (kept == nullptr || rows->Count() < kFewRows) return;
  std::uint32_t index[kChunkRows];
  if (!std::isfinite(top_->Farthest())) {
    const std::uint32_t count = rows->List(index), first = std::min(count, kFirstRows);
    ScoreListed(column, chunk, index, first);
    if (first == count) {
      *rows = {};
      return;
    }
    rows->From(index[first]);
    if (!std::isfinite(top_->Farthest())) return;
  }
  std::uint32_t wanted = 0;
  for (std::uint32_t w = 0; w < kChunkWords; ++w) wanted |= std::uint32_t{rows->words[w] != 0} << w;
  if (groups_to_code_ != 0)
    groups_to_code_ -= kept->Make(column, vector_.floats().size(), code_scan_.directions(),
                                  wanted & ~kept->ready(), groups_to_code_);
  const std::uint32_t ready = kept->ready();
  if ((ready & wanted) == 0) return;
  const CodedChunk::Codes& codes = kept->codes();
  ChunkRows coded{};
  for (std::uint32_t w = 0; w < kChunkWords; ++w) {
    if (((ready >> w) & 1) == 0) continue;
    coded.words[w] = rows->words[w] & ~codes.apart[w];
    rows->words[w] &= codes.apart[w];
  }
  const std::uint32_t near =
      code_scan_.Near(codes, ready, coded, top_->Farthest(), index, &stats_->code_distances);
  // Of a query far outside of the codes' range they tell little: a part of the elements may tell more.
  ScoreListed(column, chunk, index, vector_.DropFar(column, top_->Farthest(), index, near));
}

Status SegmentSearch::ScoreRows(std::vector<std::uint32_t>& rows) {
  std::sort(rows.begin(), rows.end());
  // The vectors lie far from each other: ask for all of them before the first is needed.
  constexpr std::size_t kLine = 64, kMostBytes = 4'096;
  for (const std::uint32_t row : rows) {
    ZVEC_ASSIGN_OR_RETURN(const ColumnChunk column, segment_->Column(vector_.field(), row / kChunkRows));
    const std::byte* cell = column.fixed + (row % kChunkRows) * column.width;
    for (std::size_t at = 0; at < column.width && at < kMostBytes; at += kLine) __builtin_prefetch(cell + at);
  }
  std::uint32_t index[kChunkRows];
  float scores[kChunkRows];
  for (std::size_t at = 0; at < rows.size();) {
    const std::uint32_t chunk = rows[at] / kChunkRows;
    std::uint32_t count = 0;
    for (; at < rows.size() && rows[at] / kChunkRows == chunk; ++at) index[count++] = rows[at] % kChunkRows;
    ZVEC_ASSIGN_OR_RETURN(const ColumnChunk column, segment_->Column(vector_.field(), chunk));
    stats_->distances += vector_.Score(column, index, count, scores);
    for (std::uint32_t i = 0; i < count; ++i) top_->Offer(scores[i], number_, chunk * kChunkRows + index[i]);
  }
  return {};
}

/// Without a filter: every live row is wanted, and most rows are alive.
Status SegmentSearch::SearchGraph(const hnsw::GraphView& graph) {
  const std::uint32_t rows = std::min(graph.nodes, segment_->row_count());
  const double dead = static_cast<double>(segment_->dead_count()) / segment_->row_count();
  if (dead >= kManyDead) return SearchMasked(graph);
  const auto is_dead = [](const void* search, std::uint32_t row) {
    const auto& self = *static_cast<const SegmentSearch*>(search);
    return row >= self.segment_->row_count() || self.segment_->IsDead(row);
  };
  // Rows that came after this snapshot are no answers either.
  const bool any = dead > 0 || graph.nodes > rows;
  bool bounded = false;
  const Status status =
      hnsw::FindNearest(graph, code_.data(), query_.topk, breadth_, hnsw::Scratch::Local(), &rows_,
                        any ? hnsw::DeadRows{this, is_dead, dead} : hnsw::DeadRows{}, &bounded);
  if (IsDamaged(status)) {
    ZVEC_RETURN_IF_ERROR(EvaluateMask(rows, graph.nodes));
    return ScanMask(rows);
  }
  ZVEC_RETURN_IF_ERROR(status);
  const std::uint64_t live = segment_->row_count() - segment_->dead_count();
  if (!bounded && rows_.size() < std::min<std::uint64_t>(query_.topk, live)) {
    // Fewer than there may be: the dead lie together, or rows have no vector, or some are not linked.
    return SearchMasked(graph);
  }
  used_ |= kGraph;
  stats_->documents += rows == segment_->row_count() ? live : rows;
  stats_->matches += rows == segment_->row_count() ? live : rows;
  return ScoreRows(rows_);
}

void SegmentSearch::UseKnown(const FilterMask& known, std::uint32_t rows, std::uint32_t nodes) {
  const auto count = simd::ActiveMaskKernels().count;
  std::uint64_t live = rows;
  if (segment_->dead_count() == 0 && rows == nodes && rows == known.rows) {
    bits_ = known.words.data();
    matches_ = known.count;
  } else {
    const std::size_t words = (rows + 63) / 64;
    mask_.assign(std::size_t{nodes} / 64 + 1 + kChunkWords, 0);
    bits_ = mask_.data();
    // All rows first, to count those that are alive.
    std::fill_n(mask_.begin(), words, ~std::uint64_t{0});
    if (segment_->dead_count() > 0) {
      for (std::uint32_t chunk = 0; chunk * kChunkRows < rows; ++chunk)
        segment_->ClearDead(chunk, mask_.data() + std::size_t{chunk} * kChunkWords);
    }
    if (rows % 64 != 0) mask_[words - 1] &= (std::uint64_t{1} << (rows % 64)) - 1;
    live = count(mask_.data(), words);
    for (std::size_t w = 0; w < words; ++w) mask_[w] &= known.words[w];
    matches_ = count(mask_.data(), words);
  }
  stats_->documents += live;
  stats_->matches += matches_;
}

Status SegmentSearch::EvaluateMask(std::uint32_t rows, std::uint32_t nodes) {
  const bool all_have_vectors = !segment_->schema().fields[vector_.field()].nullable;
  if (known_ != nullptr && known_->rows >= rows && all_have_vectors) {
    UseKnown(*known_, rows, nodes);
    return {};
  }
  mask_.assign(std::size_t{nodes} / 64 + 1 + kChunkWords, 0);
  bits_ = mask_.data();
  matches_ = 0;
  for (std::uint32_t chunk = 0; chunk * kChunkRows < rows; ++chunk) {
    QueryStats counts;
    ZVEC_ASSIGN_OR_RETURN(ChunkRows found, Matches(*segment_, chunk, filter_, known_.get(), &counts));
    if (rows - chunk * kChunkRows < kChunkRows) {
      ChunkRows behind = found;
      behind.From(rows - chunk * kChunkRows);
      for (std::uint32_t w = 0; w < kChunkWords; ++w) found.words[w] &= ~behind.words[w];
    }
    stats_->documents += std::min<std::uint64_t>(counts.documents, rows - chunk * kChunkRows);
    stats_->matches += found.Count();
    if (found.Any()) {
      ZVEC_ASSIGN_OR_RETURN(const ColumnChunk column, segment_->Column(vector_.field(), chunk));
      found.ClearNulls(column);
    }
    matches_ += found.Count();
    std::copy(found.words, found.words + kChunkWords, mask_.begin() + chunk * kChunkWords);
  }
  return {};
}

Status SegmentSearch::ScanMask(std::uint32_t rows) {
  used_ |= filter_.matches_all() ? kScan : kScanMatches;
  for (std::uint32_t chunk = 0; chunk * kChunkRows < rows; ++chunk) {
    ChunkRows found;
    std::copy_n(bits_ + std::size_t{chunk} * kChunkWords, kChunkWords, found.words);
    ZVEC_RETURN_IF_ERROR(ScoreChunk(chunk, found));
  }
  return {};
}

Status SegmentSearch::ScanCodes(const hnsw::GraphView& graph, std::uint32_t rows) {
  const Status status =
      hnsw::FindByCodes(graph, code_.data(), query_.topk, breadth_, {bits_}, hnsw::Scratch::Local(), &rows_);
  if (IsDamaged(status)) return ScanMask(rows);
  ZVEC_RETURN_IF_ERROR(status);
  used_ |= kCodes;
  return ScoreRows(rows_);
}

Status SegmentSearch::SearchMasked(const hnsw::GraphView& graph) {
  const std::uint32_t rows = std::min(graph.nodes, segment_->row_count());
  ZVEC_RETURN_IF_ERROR(EvaluateMask(rows, graph.nodes));
  if (matches_ == 0) return {};
  const hnsw::Way way = hnsw::ChooseWay(graph, breadth_, matches_, vector_.row_bytes());
  if (way == hnsw::Way::kScan || matches_ <= query_.topk) return ScanMask(rows);
  if (way == hnsw::Way::kCodes) return ScanCodes(graph, rows);
  bool complete = false;
  const Status status =
      hnsw::FindNearestMasked(graph, code_.data(), query_.topk, breadth_, way, {bits_}, matches_,
                              vector_.row_bytes(), hnsw::Scratch::Local(), &rows_, &complete);
  if (IsDamaged(status)) return ScanMask(rows);
  ZVEC_RETURN_IF_ERROR(status);
  if (!complete) return ScanCodes(graph, rows);
  used_ |= way == hnsw::Way::kWalk ? kGraphMatches : kGraphThrough;
  return ScoreRows(rows_);
}

namespace {

/// Into the hits over all segments.
class ListHits final : public sparse::Hits {
 public:
  ListHits(TopK& top, std::uint32_t segment) : top_(top), segment_(segment) {}
  float Least() const noexcept override { return top_.Farthest(); }
  void Offer(std::uint32_t row, float score) override { top_.Offer(score, segment_, row); }

 private:
  TopK& top_;
  const std::uint32_t segment_;
};

}  // namespace

Status SegmentSearch::EvaluateMaskOf(const sparse::Searcher& lists) {
  const std::uint32_t rows = segment_->row_count();
  mask_.assign(std::size_t{segment_->chunk_count()} * kChunkWords, 0);
  bits_ = mask_.data();
  for (std::uint32_t chunk = 0; chunk * kChunkRows < rows; ++chunk) {
    ZVEC_ASSIGN_OR_RETURN(const ChunkRows found, Matches(*segment_, chunk, filter_, known_.get(), stats_));
    std::copy(found.words, found.words + kChunkWords, mask_.begin() + chunk * kChunkWords);
  }
  ZVEC_RETURN_IF_ERROR(lists.MaskPresent(mask_));
  matches_ = 0;
  for (const std::uint64_t word : mask_) matches_ += cocozvec::CountBits(word);
  return {};
}

Status SegmentSearch::SearchLists(const sparse::Searcher& lists) {
  const QueryStats before = *stats_;
  Status status = EvaluateMaskOf(lists);
  if (status.ok() && matches_ == 0) return {};
  if (status.ok()) {
    const Result<bool> scan = lists.ScanIsCheaper(vector_.indices(), matches_);
    if (scan.ok() && *scan) return ScanMask(segment_->row_count());
    status = scan.status();
  }
  if (status.ok()) {
    ListHits hits(*top_, number_);
    sparse::SearchCounts counts;
    status = lists.Find(vector_.indices(), vector_.values(), mask_.data(), hits, &counts);
    stats_->distances += counts.rows;
  }
  if (IsDamaged(status)) {
    stats_->documents = before.documents;
    stats_->matches = before.matches;
    return Scan(0);
  }
  ZVEC_RETURN_IF_ERROR(status);
  used_ |= filter_.matches_all() ? kLists : kListsMatches;
  return {};
}

}  // namespace zvec::inline v0
