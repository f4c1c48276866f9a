// zvec/query/testing/fake_segment.h: rows in memory behind the SegmentView interface, for tests without
// storage.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "zvec/doc.h"
#include "zvec/storage/cell.h"
#include "zvec/storage/segment_view.h"

namespace zvec::testing {

class FakeSegment final : public SegmentView {
 public:
  /// `as_file`: variable columns as offsets and bytes, as a sealed segment has them; else as views.
  FakeSegment(const CollectionSchema& schema, const std::vector<Doc>& docs, bool as_file = false)
      : schema_(schema), rows_(static_cast<std::uint32_t>(docs.size())), as_file_(as_file) {
    for (std::size_t f = 0; f < schema_.fields.size(); ++f) {
      const FieldSchema& field = schema_.fields[f];
      AddColumn(f, CellWidth(field), docs, [&](const Doc& doc, std::string& cell) {
        const Value* value = doc.Find(field.name);
        if (!value || std::holds_alternative<std::monostate>(*value)) return false;
        const Status status = EncodeCell(field, *value, cell);
        if (!status.ok()) cocozvec::ThrowStatusError(status);
        return true;
      });
    }
    AddColumn(kIdColumn, 0, docs, [](const Doc& doc, std::string& cell) {
      cell = doc.id;
      return true;
    });
  }

  void Kill(std::uint32_t row) { dead_.insert(row); }
  /// Chunk reads so far, for tests that count work.
  std::uint64_t reads() const { return reads_; }

  const CollectionSchema& schema() const noexcept override { return schema_; }
  std::uint32_t row_count() const noexcept override { return rows_; }
  Result<ColumnChunk> Column(std::size_t field, std::uint32_t chunk) const override {
    ++reads_;
    if (chunk == broken_chunk) return Status::DataLoss("fake segment: chunk " + std::to_string(chunk));
    return columns_.at(field).at(chunk).view;
  }
  std::shared_ptr<const void> Identity() const override { return identity; }
  std::uint32_t fixed_rows() const noexcept override { return std::min(fixed, rows_); }
  std::uint64_t dead_count() const noexcept override { return dead_.size(); }
  bool IsDead(std::uint32_t row) const noexcept override { return dead_.contains(row); }
  void ClearDead(std::uint32_t chunk, std::uint64_t* live) const noexcept override {
    for (const std::uint32_t row : dead_) {
      if (row / kChunkRows == chunk) live[row % kChunkRows / 64] &= ~(std::uint64_t{1} << (row % 64));
    }
  }

  std::uint32_t broken_chunk = UINT32_MAX;
  std::shared_ptr<const void> identity;  ///< null: none
  std::uint32_t fixed = UINT32_MAX;      ///< rows that are fixed, if there are so many

 private:
  struct Chunk {
    ColumnChunk view;
    std::vector<std::uint64_t> valid;
    std::string bytes;
    std::vector<std::string> cells;
    std::vector<std::string_view> views;
    std::vector<std::uint32_t> offsets;
  };

  template <class Encode>
  void AddColumn(std::size_t key, std::size_t width, const std::vector<Doc>& docs, const Encode& encode) {
    std::vector<Chunk>& chunks = columns_[key];
    chunks.resize(chunk_count());
    for (std::uint32_t c = 0; c < chunk_count(); ++c) {
      const std::size_t first = std::size_t{c} * kChunkRows;
      const auto count = static_cast<std::uint32_t>(std::min<std::size_t>(kChunkRows, docs.size() - first));
      Chunk& chunk = chunks[c];
      chunk.valid.resize((count + 63) / 64);
      chunk.cells.resize(count);
      for (std::uint32_t r = 0; r < count; ++r) {
        if (encode(docs[first + r], chunk.cells[r])) {
          chunk.valid[r / 64] |= std::uint64_t{1} << (r % 64);
        } else {
          chunk.cells[r].assign(width, '\x55');  // what lies under a null must not matter
        }
      }
      Finish(width, count, chunk);
    }
  }

  void Finish(std::size_t width, std::uint32_t count, Chunk& chunk) const {
    chunk.view.rows = count;
    chunk.view.width = width;
    chunk.view.valid = chunk.valid.data();
    chunk.offsets.push_back(0);
    for (const std::string& cell : chunk.cells) {
      chunk.bytes += cell;
      chunk.offsets.push_back(static_cast<std::uint32_t>(chunk.bytes.size()));
      chunk.views.push_back(cell);
    }
    if (width != 0) {
      chunk.view.fixed = reinterpret_cast<const std::byte*>(chunk.bytes.data());
    } else if (as_file_) {
      chunk.view.offsets = chunk.offsets.data();
      chunk.view.bytes = chunk.bytes.data();
    } else {
      chunk.view.views = chunk.views.data();
    }
  }

  CollectionSchema schema_;
  std::uint32_t rows_;
  bool as_file_;
  std::map<std::size_t, std::vector<Chunk>> columns_;
  std::set<std::uint32_t> dead_;
  mutable std::atomic<std::uint64_t> reads_ = 0;
};

}  // namespace zvec::testing
