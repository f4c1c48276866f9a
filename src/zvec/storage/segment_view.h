// zvec/storage/segment_view.h: the rows of one segment as a query sees them: columns in chunks, at one
// moment. The same for the mutable segment (rows in memory) and a sealed one (a mapped file).
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "cocozvec/base/status.h"
#include "zvec/schema.h"

namespace zvec::inline v0 {

namespace hnsw {
class Graph;
}

/// One column of up to kChunkRows consecutive rows. Borrowed: valid as long as the SegmentView it came from.
struct ColumnChunk {
  std::uint32_t rows = 0;
  const std::uint64_t* valid = nullptr;  ///< bit r: row r has a value; a null pointer: every row has
  const std::byte* fixed =
      nullptr;            ///< fixed-width cells, `width` bytes apart; vectors start 64-byte aligned
  std::size_t width = 0;  ///< 0: a variable-width column
  const std::string_view* views = nullptr;  ///< variable-width, in memory: one per row
  const std::uint32_t* offsets =
      nullptr;  ///< variable-width, from a file: rows + 1 offsets into `bytes`, ascending
  const char* bytes = nullptr;

  bool IsNull(std::uint32_t row) const noexcept { return valid && !((valid[row / 64] >> (row % 64)) & 1); }
  /// The cell of a row that is not null.
  std::string_view Cell(std::uint32_t row) const noexcept {
    if (width) return {reinterpret_cast<const char*>(fixed) + row * width, width};
    if (views) return views[row];
    return {bytes + offsets[row], offsets[row + 1] - offsets[row]};
  }
  template <class T>
  T Fixed(std::uint32_t row) const noexcept {
    T value;
    std::memcpy(&value, fixed + row * width, sizeof(T));
    return value;
  }
};

inline constexpr std::uint32_t kChunkRows = 1024;
inline constexpr std::size_t kIdColumn =
    static_cast<std::size_t>(-1);  ///< the ids, as a variable-width column

class CodedChunk;

class SegmentView {
 public:
  virtual ~SegmentView() = default;
  virtual const CollectionSchema& schema() const noexcept = 0;
  virtual std::uint32_t row_count()
      const noexcept = 0;  ///< rows that exist for this view, dead ones included
  /// Rows [chunk * kChunkRows, ...) of the field with index `field` in schema().fields, or kIdColumn.
  /// kDataLoss when a checksum does not match at first touch.
  virtual Result<ColumnChunk> Column(std::size_t field, std::uint32_t chunk) const = 0;
  /// What views of one segment have in common, and no others; null where nothing may be remembered of it.
  virtual std::shared_ptr<const void> Identity() const { return nullptr; }
  /// The first rows whose cells no other view of the segment shows otherwise: whole chunks, or all.
  virtual std::uint32_t fixed_rows() const noexcept { return row_count(); }
  /// The graph over a dense vector field, of the rows that are linked so far; null: there is none.
  virtual const hnsw::Graph* Graph(std::size_t field) const {
    (void)field;
    return nullptr;
  }
  /// Codes beside a chunk's vectors (coded_chunk.h); null: the segment keeps none.
  virtual const CodedChunk* Codes(std::size_t field, std::uint32_t chunk) const {
    (void)field, (void)chunk;
    return nullptr;
  }
  virtual std::uint64_t dead_count() const noexcept = 0;
  virtual bool IsDead(std::uint32_t row) const noexcept = 0;
  /// Clears in `live` (kChunkRows bits, 16 words... row r of the chunk is bit r) the bits of deleted rows.
  virtual void ClearDead(std::uint32_t chunk, std::uint64_t* live) const noexcept = 0;
  std::uint32_t chunk_count() const noexcept { return (row_count() + kChunkRows - 1) / kChunkRows; }
};

}  // namespace zvec::inline v0
