#include "zvec/storage/segment_writer.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "base/checksum.h"
#include "base/coding.h"
#include "zvec/storage/cell.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/id_table.h"
#include "zvec/storage/segment_format.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;
using cocozvec::File;
using cocozvec::FileSystem;
using cocozvec::PutFixed;

namespace {

/// Writes end where such a piece of the file does: newer kernels then keep each on a huge page (ext4, XFS),
/// and a query, which reads rows here and there, misses the address cache less often.
constexpr std::size_t kPieceBytes = 2 << 20;

/// Appends to a file through a buffer.
class Output {
 public:
  Output(File& file, std::uint64_t number, std::uint64_t collection)
      : file_(file), number_(number), collection_(collection) {}

  std::uint64_t offset() const noexcept { return flushed_ + buffer_.size(); }
  void Align(std::uint64_t alignment) {
    buffer_.append((alignment - offset() % alignment) % alignment, '\0');
  }

  Status Put(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, kPieceBytes - offset() % kPieceBytes);
      buffer_.append(part);
      bytes.remove_prefix(part.size());
      if (offset() % kPieceBytes == 0) ZVEC_RETURN_IF_ERROR(Flush());
    }
    return {};
  }
  Status PutBlock(std::string_view block, Section& section) {
    section.checksums.push_back(ChecksumAt(AsBytes(block), number_, offset(), collection_));
    section.size += block.size();
    return Put(block);
  }
  Status Flush() {
    ZVEC_RETURN_IF_ERROR(file_.WriteAt(flushed_, AsBytes(buffer_)));
    flushed_ += buffer_.size();
    buffer_.clear();
    return {};
  }

 private:
  File& file_;
  const std::uint64_t number_, collection_;
  std::uint64_t flushed_ = 0;
  cocozvec::LargeString buffer_;
};

/// One column of the rows, cell after cell.
class Cells {
 public:
  Cells(std::span<const SegmentView* const> sources, std::span<const RowRef> rows, std::size_t field)
      : sources_(sources), rows_(rows), field_(field) {}

  /// A null data(): null.
  Result<std::string_view> At(std::size_t i) {
    const RowRef ref = rows_[i];
    const std::uint32_t chunk = ref.row / kChunkRows;
    if (!loaded_ || ref.source != source_ || chunk != chunk_index_) {
      ZVEC_ASSIGN_OR_RETURN(chunk_, sources_[ref.source]->Column(field_, chunk));
      source_ = ref.source;
      chunk_index_ = chunk;
      loaded_ = true;
    }
    const std::uint32_t row = ref.row % kChunkRows;
    if (chunk_.IsNull(row)) return std::string_view();
    const std::string_view cell = chunk_.Cell(row);
    return cell.data() != nullptr ? cell : std::string_view("", 0);
  }

 private:
  std::span<const SegmentView* const> sources_;
  std::span<const RowRef> rows_;
  const std::size_t field_;
  ColumnChunk chunk_;
  std::uint32_t source_ = 0, chunk_index_ = 0;
  bool loaded_ = false;
};

class SegmentBuilder {
 public:
  SegmentBuilder(File& file, std::uint64_t number, std::uint64_t collection,
                 std::span<const SegmentView* const> sources, std::span<const RowRef> rows)
      : file_(file),
        out_(file, number, collection),
        header_{.collection = collection, .number = number},
        sources_(sources),
        rows_(rows),
        schema_(sources[0]->schema()) {}

  Result<SegmentFile> Write() {
    ZVEC_RETURN_IF_ERROR(out_.Put(std::string(kFileHeaderBytes, '\0')));
    ZVEC_RETURN_IF_ERROR(WriteVariable(SectionKind::kIds, kIdColumn));
    ZVEC_RETURN_IF_ERROR(WriteIdTable());
    for (std::size_t f = 0; f < schema_.fields.size(); ++f) {
      ZVEC_RETURN_IF_ERROR(WriteValid(f));
      ZVEC_RETURN_IF_ERROR(CellWidth(schema_.fields[f]) != 0 ? WriteFixed(f)
                                                             : WriteVariable(SectionKind::kVariable, f));
    }
    return Finish();
  }

 private:
  std::size_t chunk_count() const { return (rows_.size() + kChunkRows - 1) / kChunkRows; }
  std::size_t ChunkEnd(std::size_t chunk) const {
    return std::min<std::size_t>(rows_.size(), (chunk + 1) * kChunkRows);
  }

  Section& Begin(SectionKind kind, std::size_t field, std::uint64_t alignment, std::uint64_t block_bytes) {
    out_.Align(alignment);
    sections_.push_back({.kind = kind,
                         .field = static_cast<std::uint32_t>(field),
                         .offset = out_.offset(),
                         .size = 0,
                         .block_bytes = block_bytes,
                         .block_ends = {},
                         .checksums = {}});
    return sections_.back();
  }

  Status WriteVariable(SectionKind kind, std::size_t field) {
    Section& section = Begin(kind, field == kIdColumn ? 0 : field, 8, 0);
    Cells cells(sources_, rows_, field);
    for (std::size_t chunk = 0; chunk < chunk_count(); ++chunk) {
      std::string offsets, bytes;
      PutFixed<std::uint32_t>(offsets, 0);
      for (std::size_t i = chunk * kChunkRows; i < ChunkEnd(chunk); ++i) {
        ZVEC_ASSIGN_OR_RETURN(const std::string_view cell, cells.At(i));
        bytes.append(cell);
        if (bytes.size() > UINT32_MAX)
          return Status::Internal(file_.path() + ": a block of cells passes 4 GiB");
        PutFixed(offsets, static_cast<std::uint32_t>(bytes.size()));
      }
      offsets.append(bytes);
      offsets.append((8 - offsets.size() % 8) % 8, '\0');
      ZVEC_RETURN_IF_ERROR(out_.PutBlock(offsets, section));
      section.block_ends.push_back(section.size);
    }
    return {};
  }

  Status WriteFixed(std::size_t field) {
    const std::size_t width = CellWidth(schema_.fields[field]);
    Section& section = Begin(SectionKind::kFixed, field, kVectorAlignment, width * kChunkRows);
    Cells cells(sources_, rows_, field);
    cocozvec::LargeString block;
    for (std::size_t chunk = 0; chunk < chunk_count(); ++chunk) {
      block.clear();
      for (std::size_t i = chunk * kChunkRows; i < ChunkEnd(chunk); ++i) {
        ZVEC_ASSIGN_OR_RETURN(const std::string_view cell, cells.At(i));
        if (cell.data() != nullptr)
          block.append(cell);
        else
          block.append(width, '\0');
      }
      ZVEC_RETURN_IF_ERROR(out_.PutBlock(block, section));
    }
    return {};
  }

  /// Only for a field that has nulls among the rows.
  Status WriteValid(std::size_t field) {
    if (!schema_.fields[field].nullable) return {};
    std::vector<std::uint64_t> words(chunk_count() * kValidChunkBytes / 8, 0);
    Cells cells(sources_, rows_, field);
    bool nulls = false;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      ZVEC_ASSIGN_OR_RETURN(const std::string_view cell, cells.At(i));
      if (cell.data() != nullptr)
        words[i / 64] |= std::uint64_t{1} << (i % 64);
      else
        nulls = true;
    }
    if (!nulls) return {};
    return WriteBlocks(Begin(SectionKind::kValid, field, 8, kValidBlockBytes), words.data(),
                       words.size() * 8);
  }

  Status WriteIdTable() {
    cocozvec::LargeVector<IdSlot> slots(IdTableCapacity(rows_.size()));
    const std::uint64_t mask = slots.size() - 1;
    Cells ids(sources_, rows_, kIdColumn);
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      ZVEC_ASSIGN_OR_RETURN(const std::string_view id, ids.At(i));
      const std::uint64_t hash = HashId(id);
      std::uint64_t at = hash & mask;
      while (slots[at].row_plus_one != 0) at = (at + 1) & mask;
      slots[at] = {IdTable::Tag(hash), static_cast<std::uint32_t>(i + 1)};
    }
    return WriteBlocks(Begin(SectionKind::kIdTable, 0, 8, kIdTableBlockBytes), slots.data(),
                       slots.size() * sizeof(IdSlot));
  }

  Status WriteBlocks(Section& section, const void* data, std::size_t size) {
    const std::string_view all(static_cast<const char*>(data), size);
    for (std::size_t at = 0; at < size; at += section.block_bytes)
      ZVEC_RETURN_IF_ERROR(out_.PutBlock(all.substr(at, section.block_bytes), section));
    return {};
  }

  Result<SegmentFile> Finish() {
    out_.Align(8);
    const std::string table = EncodeSections(sections_);
    header_.a = rows_.size();
    header_.b = out_.offset();
    header_.c = ChecksumAt(AsBytes(table), header_.number, header_.b, header_.collection);
    ZVEC_RETURN_IF_ERROR(out_.Put(table));
    ZVEC_RETURN_IF_ERROR(out_.Flush());
    const std::string header = EncodeFileHeader(kSegmentMagic, header_);
    ZVEC_RETURN_IF_ERROR(file_.WriteAt(0, AsBytes(header)));
    ZVEC_RETURN_IF_ERROR(file_.Sync());
    return SegmentFile{header_.number, out_.offset(), rows_.size(), header_.checksum};
  }

  File& file_;
  Output out_;
  FileHeader header_;
  std::span<const SegmentView* const> sources_;
  std::span<const RowRef> rows_;
  const CollectionSchema& schema_;
  std::vector<Section> sections_;
};

}  // namespace

Result<SegmentFile> WriteSegment(FileSystem& fs, const std::string& path, std::uint64_t number,
                                 std::uint64_t collection, std::span<const SegmentView* const> sources,
                                 std::span<const RowRef> rows) {
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, cocozvec::OpenMode::kCreateNew));
  return SegmentBuilder(*file, number, collection, sources, rows).Write();
}

}  // namespace zvec::inline v0
