// zvec/storage/mutable_segment.h: the rows that came since the last seal: append-only columns in chunks of
// kChunkRows rows that never move, an arena for variable cells, and an id table. Threads: one writer (the
// store's write lock). Readers hold a MutableView: it sees the rows that were there when it was published and
// shares no byte with rows that come later. The id table is read and changed under the store's state lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "base/array.h"
#include "zvec/storage/id_table.h"
#include "zvec/storage/row.h"
#include "zvec/storage/stored_view.h"

namespace zvec::inline v0 {

class MutableView;

class MutableSegment : public std::enable_shared_from_this<MutableSegment> {
 public:
  explicit MutableSegment(std::shared_ptr<const CollectionSchema> schema);
  ~MutableSegment();

  /// Appends a row that no view sees yet; returns its number.
  std::uint32_t Append(const RowCells& row);
  /// Points the id to the row; returns the row that it pointed to.
  std::optional<std::uint32_t> Index(std::string_view id, std::uint64_t hash, std::uint32_t row);
  /// A view of all rows appended so far.
  std::shared_ptr<const MutableView> Publish(std::shared_ptr<const Bitmap> dead) const;

  /// What views published from now on walk; the graphs may go on growing.
  void SetGraphs(std::shared_ptr<const Graphs> graphs) noexcept { graphs_ = std::move(graphs); }

  std::uint32_t rows() const noexcept { return rows_; }
  std::uint64_t bytes() const noexcept { return bytes_; }  ///< of cells and ids, and what a row costs besides

 private:
  friend class MutableView;
  struct Chunk;
  using ChunkTable = std::vector<const Chunk*>;
  using ValidWords = std::vector<std::uint64_t>;

  std::string_view Keep(std::string_view bytes);
  std::string_view IdAt(std::uint32_t row) const noexcept;
  void AddChunk();

  const std::shared_ptr<const CollectionSchema> schema_;
  const RowLayout layout_;
  std::vector<std::unique_ptr<Chunk>> chunks_;
  std::shared_ptr<const ChunkTable> table_;  ///< a new one with every chunk, so that views can keep theirs
  std::vector<cocozvec::Array<char>> arena_;
  char* arena_at_ = nullptr;
  std::size_t arena_left_ = 0;
  IdTable ids_;
  std::shared_ptr<const Graphs> graphs_;
  std::uint32_t rows_ = 0;
  std::uint64_t bytes_ = 0;
};

class MutableView final : public StoredView {
 public:
  const CollectionSchema& schema() const noexcept override { return *segment_->schema_; }
  std::uint32_t row_count() const noexcept override { return rows_; }
  Result<ColumnChunk> Column(std::size_t field, std::uint32_t chunk) const override;
  std::shared_ptr<const void> Identity() const override { return segment_; }
  std::uint32_t fixed_rows() const noexcept override { return rows_ / kChunkRows * kChunkRows; }
  Result<std::optional<std::uint32_t>> Find(std::string_view id, std::uint64_t hash) const override;
  const hnsw::Graph* Graph(std::size_t field) const override {
    return graphs_ && field < graphs_->size() ? (*graphs_)[field].get() : nullptr;
  }
  const CodedChunk* Codes(std::size_t field, std::uint32_t chunk) const override;
  std::uint64_t code_bytes() const noexcept override;
  const std::shared_ptr<const Graphs>& graphs() const noexcept { return graphs_; }

 private:
  friend class MutableSegment;
  MutableView(std::shared_ptr<const MutableSegment> segment, std::shared_ptr<const Bitmap> dead);

  std::shared_ptr<const MutableSegment> segment_;
  std::uint32_t rows_;
  std::shared_ptr<const MutableSegment::ChunkTable> table_;
  /// Validity of the last chunk while it is not full: its words go on changing. Empty words: no nulls.
  std::vector<MutableSegment::ValidWords> tail_valid_;
  std::shared_ptr<const Graphs> graphs_;
};

}  // namespace zvec::inline v0
