// zvec/storage/row.h: a document as cells, and the body of one log record: the resolved effects of one write
// call.
//
//   batch  := u32 puts, u32 deletes, puts rows, deletes ids
//   row    := varint id size, id, presence bits (one per field, ceil(fields / 8) bytes), the cells that are
//   present cell   := fixed-width: its bytes; variable: u32 size, bytes          (cell.h)
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/coding.h"
#include "zvec/schema.h"

namespace zvec::inline v0 {

/// Widths of a schema's cells, computed once. Threads: immutable.
class RowLayout {
 public:
  explicit RowLayout(const CollectionSchema& schema);
  std::size_t field_count() const noexcept { return widths_.size(); }
  std::size_t width(std::size_t field) const noexcept { return widths_[field]; }  ///< 0: variable
  std::size_t presence_bytes() const noexcept { return (widths_.size() + 7) / 8; }

 private:
  std::vector<std::size_t> widths_;
};

/// Borrowed; a cell with a null data() is null.
struct RowCells {
  std::string_view id;
  std::vector<std::string_view> cells;
};

void EncodeRow(const RowLayout& layout, const RowCells& row, std::string& out);
/// False when the bytes do not follow the format; the structure inside cells is not looked at.
bool DecodeRow(const RowLayout& layout, cocozvec::Reader& in, RowCells* row);
/// What DecodeRow leaves: the id, what may be null, the structure of the cells.
Status CheckRow(const CollectionSchema& schema, const RowLayout& layout, const RowCells& row);

/// Collects one call's effects as a log record: `space` bytes are left free in front for the record's header.
class BatchBuilder {
 public:
  explicit BatchBuilder(std::size_t space);
  /// Room for rows of that many bytes in all.
  void Reserve(std::size_t bytes) { bytes_.reserve(bytes_.size() + bytes); }
  void Put(std::string_view encoded_row);
  /// All puts come before the first delete.
  void Delete(std::string_view id);
  bool empty() const noexcept { return puts_ == 0 && deletes_ == 0; }
  std::string Finish() &&;

 private:
  std::string bytes_;
  std::size_t space_;
  std::uint32_t puts_ = 0, deletes_ = 0;
};

/// Reads a batch record after record; `ok()` at the end says whether the bytes followed the format.
class BatchReader {
 public:
  BatchReader(const RowLayout& layout, std::string_view payload);
  bool NextPut(RowCells* row);
  bool NextDelete(std::string_view* id);
  bool ok() const noexcept { return in_.done() && puts_ == 0 && deletes_ == 0; }

 private:
  const RowLayout& layout_;
  cocozvec::Reader in_;
  std::uint32_t puts_ = 0, deletes_ = 0;
};

}  // namespace zvec::inline v0
