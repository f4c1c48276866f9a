// zvec/query/segment_search.h: the nearest rows of one segment after the other: by its graph where it has
// one, by a scan where not, or where that is cheaper, or where the graph found too few. Threads: one query's
// own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "zvec/index/hnsw/graph.h"
#include "zvec/index/hnsw/searcher.h"
#include "zvec/index/sparse/lists.h"
#include "zvec/query/chunk_rows.h"
#include "zvec/query/code_scan.h"
#include "zvec/query/filter.h"
#include "zvec/query/query_vector.h"
#include "zvec/query/top_k.h"

namespace zvec::inline v0 {

class SegmentSearch {
 public:
  /// All borrowed. `top` and `stats` collect over the segments.
  SegmentSearch(const VectorQuery& query, const QueryVector& vector, const Filter& filter, TopK* top,
                QueryStats* stats)
      : query_(query), vector_(vector), filter_(filter), top_(top), stats_(stats), code_scan_(vector) {}

  /// Rows that a graph should have and that none has wait for Finish: what else is found bounds them.
  Status Run(const SegmentView& segment, std::uint32_t number);
  Status Finish();
  /// QueryStats::strategy.
  std::string Strategy() const;

 private:
  enum Used : unsigned {
    kScan = 1,
    kScanMatches = 2,
    kGraph = 4,
    kGraphMatches = 8,
    kGraphThrough = 16,
    kLists = 32,
    kListsMatches = 64,
    kCodes = 128
  };

  /// Rows of a segment from `first_row` on that no graph has.
  struct Backlog {
    const SegmentView* segment = nullptr;
    std::uint32_t number = 0, first_row = 0;
    std::shared_ptr<const FilterMask> known;
    bool refused = false;  ///< their graph was
  };

  bool UsesGraph(const hnsw::GraphView& graph);
  Status Scan(std::uint32_t first_row);
  /// Of rows that a graph should have.
  Status ScanUnlinked(std::uint32_t first_row);
  bool IsDamaged(const Status& found) const;
  Status SearchGraph(const hnsw::GraphView& graph);
  Status SearchMasked(const hnsw::GraphView& graph);
  Status SearchLists(const sparse::Searcher& lists);
  /// Fills mask_ with the live rows that pass the filter and have a vector by the lists, and counts them.
  Status EvaluateMaskOf(const sparse::Searcher& lists);
  /// Finds the live rows below `rows` that have a vector and pass the filter, bits_, and counts them. There
  /// is a bit for each of `nodes` rows: a graph may know more rows than this snapshot.
  Status EvaluateMask(std::uint32_t rows, std::uint32_t nodes);
  /// As EvaluateMask, where the filter's answer is known for all of the rows and none is without a vector.
  void UseKnown(const FilterMask& known, std::uint32_t rows, std::uint32_t nodes);
  Status ScanMask(std::uint32_t rows);
  Status ScanCodes(const hnsw::GraphView& graph, std::uint32_t rows);
  Status ScoreChunk(std::uint32_t chunk, const ChunkRows& rows);
  void ScoreListed(const ColumnChunk& column, std::uint32_t chunk, std::uint32_t* rows, std::uint32_t count);
  /// Scores those of the rows that have codes and may get in, and leaves the others.
  void ScoreCoded(const ColumnChunk& column, std::uint32_t chunk, ChunkRows* rows);
  /// Asks for a row's vector.
  void AskFor(std::uint32_t row) const noexcept;
  /// Scores rows in any order.
  Status ScoreRows(std::vector<std::uint32_t>& rows);

  const VectorQuery& query_;
  const QueryVector& vector_;
  const Filter& filter_;
  TopK* const top_;
  QueryStats* const stats_;
  unsigned used_ = 0;
  CodeScan code_scan_;
  std::uint32_t groups_to_code_ = 0;  ///< that this query may still make codes of, in this segment
  bool drops_far_ = false;            ///< rows are looked at in part before they are scored
  bool met_vectors_ = false;          ///< a scan came to a row that has one

  std::vector<Backlog> backlogs_;
  const SegmentView* segment_ = nullptr;
  std::uint32_t number_ = 0;
  std::vector<std::uint8_t> code_;
  hnsw::Breadth breadth_;
  std::vector<std::uint32_t> rows_;          ///< candidates
  std::shared_ptr<const FilterMask> known_;  ///< of the filter's answer for the segment; null: nothing
  std::vector<std::uint64_t> mask_;
  const std::uint64_t* bits_ = nullptr;  ///< mask_, or the words of known_
  std::uint64_t matches_ = 0;            ///< rows in bits_
};

}  // namespace zvec::inline v0
