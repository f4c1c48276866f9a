// zvec/collection/graphs.h: which vector fields get a graph, and the graph of a segment from its rows.
// Threads: plain functions.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/array.h"
#include "base/cancel.h"
#include "base/io/file_system.h"
#include "base/thread_pool.h"
#include "zvec/index/hnsw/builder.h"
#include "zvec/index/sparse/lists.h"
#include "zvec/schema.h"
#include "zvec/storage/sealed_segment.h"
#include "zvec/storage/segment_writer.h"

namespace zvec::inline v0 {

using hnsw::WantsGraph;

inline constexpr std::uint64_t kMaxSegmentRows = 10'000'000;

/// Who helps with a build, and who may end it: then it answers kCancelled.
struct BuildHelp {
  cocozvec::ThreadPool* pool = nullptr;  ///< null: this thread alone
  const cocozvec::Cancel* cancel = nullptr;
  cocozvec::FileSystem* files = nullptr;         ///< through which the result is written; null: the store's
  std::atomic<std::uint64_t>* linked = nullptr;  ///< counts rows as they are linked

  Status Check() const {
    return cancel != nullptr && cancel->raised() ? Status::Cancelled("the build of a graph was cancelled")
                                                 : Status();
  }
};

/// A graph, or the lists of a sparse field.
inline bool WantsIndex(const FieldSchema& field) noexcept {
  return WantsGraph(field) || sparse::WantsLists(field);
}
/// Stands where BuildGraph gave none, so that nobody tries again: empty.
std::shared_ptr<const hnsw::Graph> RefusedGraph();
/// `m` and `ef_construction` as given, 0 and what no graph can have replaced.
hnsw::BuildParams BuildParamsOf(const FieldSchema& field) noexcept;

/// What the graphs that grow over rows in memory take for each.
std::uint64_t GraphBytesPerRow(const CollectionSchema& schema);
/// How many rows a segment may have so that the work on it, one graph after the other, stays within so many
/// bytes; at least kLinkBatch, at most kMaxSegmentRows.
std::uint64_t SegmentRowsWithin(const CollectionSchema& schema, std::uint64_t bytes);

/// Fields of fewer dimensions would gain too little by codes of 4 bits with finer queries
/// (bench/index/README.md).
inline constexpr std::uint32_t kLeastFineDim = 384;

/// What links the rows of the field's graph, and what its walks measure but where those find as much by less
/// (docs/search.md, "Codes").
hnsw::CodeKind CodeKindOf(const FieldSchema& field) noexcept;

/// One dense vector column of a segment as floats, with everything about it verified. Borrows from the view.
class VectorColumn {
 public:
  /// kCancelled, kDataLoss, kIoError
  static Result<VectorColumn> Make(const SegmentView& view, std::size_t field,
                                   const cocozvec::Cancel* cancel = nullptr);

  std::uint32_t rows() const noexcept { return rows_; }
  /// Null: the row has no vector. `buffer` has room for one vector; FP32 rows are given where they lie.
  const float* Row(std::uint32_t row, float* buffer) const noexcept;
  /// Up to `most` vectors spread over the rows, one after the other.
  cocozvec::LargeVector<float> Sample(std::size_t most) const;
  /// The vectors of these rows, of those that have one.
  cocozvec::LargeVector<float> Rows(std::span<const std::uint32_t> rows) const;
  hnsw::VectorSource Source() const {
    return [this](std::uint32_t row, float* buffer) { return Row(row, buffer); };
  }

 private:
  DataType type_ = DataType::kUndefined;
  std::size_t dim_ = 0;
  std::uint32_t rows_ = 0;
  std::vector<ColumnChunk> chunks_;
};

/// The encoder for a field of these rows; nothing when no row has a vector, or when codes cannot tell them
/// apart (`why` then says so, else it stays empty).
Result<std::optional<hnsw::Encoder>> TrainEncoder(const SegmentView& rows, std::size_t field,
                                                  const VectorColumn& column, const BuildHelp& help,
                                                  std::string* why);

/// The finished graph of a field of `target`, whose row i was row `from[i]` of `sources`; the graph
/// among theirs with the most of those rows is taken over when few of its own are gone and it is sound.
/// Null: none, because it would answer worse than is promised (graph_check.h), which is logged, or because no
/// row has a vector.
Result<std::shared_ptr<hnsw::GraphBuilder>> BuildGraph(const SealedView& target, std::size_t field,
                                                       std::span<const SegmentView* const> sources,
                                                       std::span<const RowRef> from, const BuildHelp& help);

}  // namespace zvec::inline v0
