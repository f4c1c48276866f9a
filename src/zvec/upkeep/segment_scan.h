// zvec/upkeep/segment_scan.h: what of a sealed segment's file is whole, block by block. A damaged header or
// table is worked out anew: where everything lies follows from the schema, the rows and the blocks
// themselves. Threads: one at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/io/file_system.h"
#include "zvec/storage/segment_format.h"
#include "zvec/storage/segment_view.h"
#include "zvec/storage/segment_writer.h"
#include "zvec/upkeep/notes.h"

namespace zvec::inline v0 {

class SegmentScan {
 public:
  /// `file` null: it cannot be opened; `why` says so.
  SegmentScan(const cocozvec::File* file, const SegmentFile& expected, std::uint64_t collection,
              const CollectionSchema& schema);

  /// Reads all of it. After that the functions below mean something. Errors   kUnimplemented (a newer
  /// format).
  Status Run(Notes& notes);

  const SegmentFile& expected() const noexcept { return expected_; }
  std::uint32_t rows() const noexcept { return static_cast<std::uint32_t>(expected_.rows); }
  std::uint32_t chunks() const noexcept { return (rows() + kChunkRows - 1) / kChunkRows; }
  /// Every row of it can be read.
  bool rows_are_whole() const noexcept { return rows_are_whole_; }
  /// The block that holds a field's (or kIdColumn's) cells of the chunk, and the one of its nulls.
  bool Whole(std::size_t field, std::uint32_t chunk) const;

  /// One column of one chunk. False when its blocks are damaged.
  struct Column {
    std::vector<std::byte> bytes;
    std::vector<std::uint64_t> valid;
    ColumnChunk cells;  ///< into these
  };
  bool Load(std::size_t field, std::uint32_t chunk, Column* column) const;

 private:
  struct Part {
    Section section;
    std::vector<bool> whole;
  };
  Result<bool> ReadTable(Notes& notes);
  bool GuessTable(Notes& notes);
  void Take(std::vector<Section> sections);
  bool ReadBlock(const Section& section, std::size_t block, std::vector<std::byte>* bytes) const;
  bool ReadBytes(std::uint64_t offset, std::uint64_t size, std::vector<std::byte>* bytes) const;
  void CheckBlocks(Notes& notes);
  void CheckCells(Notes& notes);
  std::string NameOf(const Section& section) const;
  /// Of a field's cells (or kIdColumn), and of its nulls; kNone.
  std::size_t PartOf(std::size_t field) const;
  std::size_t ValidOf(std::size_t field) const;
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);

  const cocozvec::File* const file_;
  const SegmentFile expected_;
  const std::uint64_t collection_;
  const CollectionSchema& schema_;
  std::uint64_t size_ = 0;      ///< of the file, as far as the manifest knows it
  std::uint64_t table_at_ = 0;  ///< as a whole header says; 0: there is none
  std::vector<Part> parts_;
  bool rows_are_whole_ = false;
};

}  // namespace zvec::inline v0
