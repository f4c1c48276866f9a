#include "zvec/upkeep/segment_scan.h"

#include <algorithm>
#include <cstring>

#include "base/checksum.h"
#include "base/fault.h"
#include "zvec/storage/cell.h"
#include "zvec/storage/file_header.h"
#include "zvec/upkeep/pieces.h"
#include "zvec/upkeep/table_guess.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;
using cocozvec::File;

namespace {

std::string_view AsText(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

SegmentScan::SegmentScan(const File* file, const SegmentFile& expected, std::uint64_t collection,
                         const CollectionSchema& schema)
    : file_(file), expected_(expected), collection_(collection), schema_(schema) {}

bool SegmentScan::ReadBytes(std::uint64_t offset, std::uint64_t size, std::vector<std::byte>* bytes) const {
  if (offset > size_ || size > size_ - offset) return false;
  bytes->resize(size);
  const auto got = file_->ReadAt(offset, *bytes);
  return got.ok() && *got == size;
}

Status SegmentScan::Run(Notes& notes) {
  if (file_ == nullptr) return {};
  ++notes.report().files;
  const auto size = file_->Size();
  notes.report().bytes += size.ok() ? *size : 0;
  if (!size.ok()) {
    notes.Add(size.status());
    return {};
  }
  size_ = std::min(*size, expected_.size_bytes);
  if (*size != expected_.size_bytes)
    notes.Add(*size, 0,
              "the file has " + std::to_string(*size) + " bytes, " + std::to_string(expected_.size_bytes) +
                  " in the manifest");
  ZVEC_ASSIGN_OR_RETURN(const bool told, ReadTable(notes));
  if (!told && !GuessTable(notes)) {
    notes.Add(0, *size, "nothing says where its columns lie");
    return {};
  }
  CheckBlocks(notes);
  CheckCells(notes);
  return {};
}

/// As an open reads it.
Result<bool> SegmentScan::ReadTable(Notes& notes) {
  std::vector<std::byte> start, table;
  if (!ReadBytes(0, std::min<std::uint64_t>(kFileHeaderBytes, size_), &start)) {
    notes.Add(0, kFileHeaderBytes, "the header cannot be read");
    return false;
  }
  const auto header = DecodeFileHeader(kSegmentMagic, AsText(start), expected_.number, notes.file());
  if (header.status().code() == StatusCode::kUnimplemented) return header.status();
  if (!header.ok()) {
    notes.Add(header.status());
    return false;
  }
  if (header->collection != collection_ || header->checksum != expected_.header_checksum ||
      header->a != expected_.rows || header->b < kFileHeaderBytes || header->b > expected_.size_bytes) {
    notes.Add(0, kFileHeaderBytes, "this is not the segment that the manifest names");
    return false;
  }
  table_at_ = header->b;
  const std::uint64_t bytes = expected_.size_bytes - header->b;
  if (!ReadBytes(header->b, bytes, &table)) {
    notes.Add(header->b, bytes, "the section table cannot be read");
    return false;
  }
  if (ChecksumAt(table, expected_.number, header->b, collection_) != header->c) {
    notes.Add(header->b, bytes, "the section table does not match its checksum");
    return false;
  }
  auto sections = DecodeSections(AsText(table), schema_, expected_.rows, header->b, notes.file());
  if (!sections.ok()) {
    notes.Add(sections.status());
    return false;
  }
  Take(*std::move(sections));
  return true;
}

bool SegmentScan::GuessTable(Notes& notes) {
  std::vector<std::byte> tail;
  // At the end of the file, where one that is shorter than it was has lost it.
  if (expected_.rows > UINT32_MAX - 1 || size_ < expected_.size_bytes) return false;
  const std::uint64_t bytes = std::min(size_, LargestTable(schema_, expected_.rows));
  tail.resize(bytes);
  ReadAround(*file_, size_ - bytes, tail);
  TableGuess guess{.tail = AsText(tail),
                   .size = size_,
                   .rows = expected_.rows,
                   .table_at = table_at_,
                   .checksum = {},
                   .word = {}};
  guess.checksum = [this](std::uint64_t offset, std::uint64_t size) -> std::optional<std::uint64_t> {
    std::vector<std::byte> block;
    if (!ReadBytes(offset, size, &block)) return std::nullopt;
    return ChecksumAt(block, expected_.number, offset, collection_);
  };
  guess.word = [this](std::uint64_t offset) {
    std::vector<std::byte> bytes_of_it;
    std::uint32_t word = UINT32_MAX;
    if (ReadBytes(offset, sizeof(word), &bytes_of_it)) std::memcpy(&word, bytes_of_it.data(), sizeof(word));
    return word;
  };
  GuessedTable table = GuessSections(schema_, guess);
  if (table.sections.empty()) return false;
  if (!table.certain)
    notes.Add(0, size_, "too little says where its columns lie: more may be whole than is found");
  Take(std::move(table.sections));
  return true;
}

void SegmentScan::Take(std::vector<Section> sections) {
  parts_.clear();
  for (Section& section : sections) {
    std::vector<bool> whole(section.block_count());
    parts_.push_back({std::move(section), std::move(whole)});
  }
}

std::string SegmentScan::NameOf(const Section& section) const {
  switch (section.kind) {
    case SectionKind::kIds:
      return "the ids";
    case SectionKind::kIdTable:
      return "the table of ids";
    case SectionKind::kValid:
      return "the nulls of field " + schema_.fields[section.field].name;
    default:
      return "field " + schema_.fields[section.field].name;
  }
}

bool SegmentScan::ReadBlock(const Section& section, std::size_t block, std::vector<std::byte>* bytes) const {
  const std::uint64_t begin = section.BlockBegin(block);
  const std::uint64_t offset = section.offset + begin;
  return ReadBytes(offset, section.BlockEnd(block) - begin, bytes) &&
         (ChecksumAt(*bytes, expected_.number, offset, collection_) == section.checksums[block] ||
          cocozvec::FaultPlanted("verify_skips_blocks"));
}

void SegmentScan::CheckBlocks(Notes& notes) {
  std::vector<std::byte> bytes;
  rows_are_whole_ = true;
  for (Part& part : parts_)
    for (std::size_t block = 0; block < part.whole.size(); ++block) {
      ++notes.report().blocks;
      part.whole[block] = ReadBlock(part.section, block, &bytes);
      if (part.whole[block]) continue;
      rows_are_whole_ &= part.section.kind == SectionKind::kIdTable;
      const std::uint64_t begin = part.section.BlockBegin(block), end = part.section.BlockEnd(block);
      std::string what = "block " + std::to_string(block) + " of " + NameOf(part.section);
      if (part.section.kind != SectionKind::kIdTable && part.section.kind != SectionKind::kValid)
        what += " (rows " + std::to_string(block * kChunkRows) + " to " +
                std::to_string(std::min<std::uint64_t>(rows(), (block + 1) * kChunkRows) - 1) + ")";
      const bool read = ReadBytes(part.section.offset + begin, end - begin, &bytes);
      notes.Add(part.section.offset + begin, end - begin,
                what + (read ? " does not match its checksum" : " cannot be read"));
    }
}

/// What a checksum does not say: that cells are what their type wants.
void SegmentScan::CheckCells(Notes& notes) {
  for (std::size_t f = 0; f <= schema_.fields.size(); ++f) {
    const std::size_t field = f == schema_.fields.size() ? kIdColumn : f;
    const std::size_t place = PartOf(field);
    if (place == kNone || parts_[place].section.block_bytes != 0) continue;
    Part& part = parts_[place];
    for (std::uint32_t chunk = 0; chunk < chunks(); ++chunk) {
      Column column;
      if (!Whole(field, chunk) || Load(field, chunk, &column)) continue;
      part.whole[chunk] = false;
      rows_are_whole_ = false;
      notes.Add(part.section.offset + part.section.BlockBegin(chunk), 0,
                "block " + std::to_string(chunk) + " of " + NameOf(part.section) +
                    " has a right checksum and does not follow its format");
    }
  }
}

std::size_t SegmentScan::PartOf(std::size_t field) const {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    const Section& section = parts_[i].section;
    const bool data = section.kind == SectionKind::kFixed || section.kind == SectionKind::kVariable;
    if (field == kIdColumn ? section.kind == SectionKind::kIds : data && section.field == field) return i;
  }
  return kNone;
}

std::size_t SegmentScan::ValidOf(std::size_t field) const {
  for (std::size_t i = 0; field != kIdColumn && i < parts_.size(); ++i)
    if (parts_[i].section.kind == SectionKind::kValid && parts_[i].section.field == field) return i;
  return kNone;
}

bool SegmentScan::Whole(std::size_t field, std::uint32_t chunk) const {
  const std::size_t part = PartOf(field), valid = ValidOf(field);
  return part != kNone && parts_[part].whole[chunk] &&
         (valid == kNone || parts_[valid].whole[chunk * kValidChunkBytes / kValidBlockBytes]);
}

bool SegmentScan::Load(std::size_t field, std::uint32_t chunk, Column* column) const {
  if (!Whole(field, chunk)) return false;
  const Section& section = parts_[PartOf(field)].section;
  if (!ReadBlock(section, chunk, &column->bytes)) return false;
  ColumnChunk& cells = column->cells;
  cells = {};
  cells.rows = std::min(kChunkRows, rows() - chunk * kChunkRows);
  if (const std::size_t valid = ValidOf(field); valid != kNone) {
    column->valid.resize(kValidChunkBytes / 8);
    std::vector<std::byte> bits;
    if (!ReadBytes(parts_[valid].section.offset + chunk * kValidChunkBytes, kValidChunkBytes, &bits))
      return false;
    std::memcpy(column->valid.data(), bits.data(), kValidChunkBytes);
    cells.valid = column->valid.data();
  }
  if (section.kind == SectionKind::kFixed) {
    cells.width = section.block_bytes / kChunkRows;
    cells.fixed = column->bytes.data();
    return column->bytes.size() >= cells.rows * cells.width;
  }
  const std::size_t offsets = (cells.rows + 1) * sizeof(std::uint32_t);
  if (column->bytes.size() < offsets) return false;
  cells.offsets = reinterpret_cast<const std::uint32_t*>(column->bytes.data());
  cells.bytes = reinterpret_cast<const char*>(column->bytes.data()) + offsets;
  const std::uint64_t room = column->bytes.size() - offsets;
  if (cells.offsets[0] != 0) return false;
  for (std::uint32_t row = 0; row < cells.rows; ++row) {
    if (cells.offsets[row + 1] < cells.offsets[row] || cells.offsets[row + 1] > room) return false;
    if (field != kIdColumn && !cells.IsNull(row) && !CheckCell(schema_.fields[field], cells.Cell(row)).ok())
      return false;
  }
  return true;
}

}  // namespace zvec::inline v0
