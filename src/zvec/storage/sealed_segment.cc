#include "zvec/storage/sealed_segment.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/checksum.h"
#include "base/fault.h"
#include "zvec/storage/cell.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/id_table.h"

namespace zvec::inline v0 {

using cocozvec::ChecksumAt;
using cocozvec::File;
using cocozvec::FileSystem;

void SealedSegment::AlignedFree::operator()(std::byte* p) const noexcept { std::free(p); }

SealedSegment::~SealedSegment() = default;

Result<std::shared_ptr<const SealedSegment>> SealedSegment::Open(
    FileSystem& fs, const std::string& path, const SegmentFile& expected, std::uint64_t collection,
    std::shared_ptr<const CollectionSchema> schema, bool map) {
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, cocozvec::OpenMode::kRead));
  std::shared_ptr<SealedSegment> segment(new SealedSegment());
  segment->path_ = path;
  segment->info_ = expected;
  segment->collection_ = collection;
  segment->schema_ = std::move(schema);
  ZVEC_RETURN_IF_ERROR(segment->Load(*file, map));
  const std::string_view start(reinterpret_cast<const char*>(segment->bytes_.data()),
                               std::min(kFileHeaderBytes, segment->bytes_.size()));
  ZVEC_RETURN_IF_ERROR(segment->Reach(0, start.size()));
  ZVEC_ASSIGN_OR_RETURN(const FileHeader header,
                        DecodeFileHeader(kSegmentMagic, start, expected.number, path));
  if (header.collection != collection) return DamageAt(path, 16, "this is a segment of another collection");
  if (header.checksum != expected.header_checksum || header.a != expected.rows)
    return DamageAt(path, 56,
                    "this is not the segment that the manifest names, but another one of that number");
  ZVEC_RETURN_IF_ERROR(segment->ReadTable(header));
  return std::shared_ptr<const SealedSegment>(std::move(segment));
}

Status SealedSegment::Load(const File& file, bool map) {
  ZVEC_ASSIGN_OR_RETURN(const std::uint64_t size, file.Size());
  if (size != info_.size_bytes && !cocozvec::FaultPlanted("trust_sizes"))
    return DamageAt(path_, size,
                    "the file has " + std::to_string(size) + " bytes, " + std::to_string(info_.size_bytes) +
                        " in the manifest");
  if (map) {
    ZVEC_ASSIGN_OR_RETURN(mapping_, file.Map(size));
    bytes_ = mapping_->bytes();
    return {};
  }
  memory_.reset(static_cast<std::byte*>(
      std::aligned_alloc(kVectorAlignment, (size + kVectorAlignment) / kVectorAlignment * kVectorAlignment)));
  if (memory_ == nullptr)
    return Status::ResourceExhausted(path_ + ": no memory for its " + std::to_string(size) + " bytes");
  ZVEC_ASSIGN_OR_RETURN(const std::size_t got, file.ReadAt(0, {memory_.get(), size}));
  if (got != size) return DamageAt(path_, got, "the file became shorter while it was read");
  bytes_ = {memory_.get(), size};
  return {};
}

Status SealedSegment::ReadTable(const FileHeader& header) {
  const bool outside = header.b < kFileHeaderBytes || header.b > bytes_.size();
  if ((outside && !cocozvec::FaultPlanted("trust_sizes")) || header.a > UINT32_MAX - 1)
    return DamageAt(path_, 32, "the header names places that the file does not have");
  const auto table = bytes_.subspan(header.b);
  ZVEC_RETURN_IF_ERROR(Reach(header.b, table.size()));
  if (ChecksumAt(table, header.number, header.b, collection_) != header.c)
    return DamageAt(path_, header.b, "the section table does not match its checksum");
  const std::string_view text(reinterpret_cast<const char*>(table.data()), table.size());
  ZVEC_ASSIGN_OR_RETURN(auto sections, DecodeSections(text, *schema_, header.a, header.b, path_));
  data_.resize(schema_->fields.size());
  valid_.resize(schema_->fields.size());
  sections_.reserve(sections.size());
  for (Section& section : sections) {
    auto verified = std::make_unique<std::atomic<bool>[]>(section.block_count());
    sections_.push_back({std::move(section), std::move(verified)});
    const Checked* checked = &sections_.back();
    switch (checked->section.kind) {
      case SectionKind::kIds:
        ids_ = checked;
        break;
      case SectionKind::kIdTable:
        id_table_ = checked;
        break;
      case SectionKind::kValid:
        valid_[checked->section.field] = checked;
        break;
      case SectionKind::kFixed:
      case SectionKind::kVariable:
        data_[checked->section.field] = checked;
        break;
    }
  }
  return {};
}

Status SealedSegment::Verify(const Checked& checked, std::size_t block) const {
  if (checked.verified[block].load(std::memory_order_acquire)) return {};
  const Section& section = checked.section;
  const std::uint64_t begin = section.BlockBegin(block);
  const std::uint64_t offset = section.offset + begin;
  const auto bytes = bytes_.subspan(offset, section.BlockEnd(block) - begin);
  ZVEC_RETURN_IF_ERROR(Reach(offset, bytes.size()));
  if (ChecksumAt(bytes, info_.number, offset, collection_) != section.checksums[block] &&
      !cocozvec::FaultPlanted("skip_checksum"))
    return DamageAt(path_, offset,
                    "a block of " + std::to_string(bytes.size()) + " bytes does not match its checksum");
  if (section.block_bytes == 0) ZVEC_RETURN_IF_ERROR(CheckCells(section, block));
  checked.verified[block].store(true, std::memory_order_release);
  return {};
}

Status SealedSegment::CheckCells(const Section& section, std::size_t block) const {
  if (cocozvec::FaultPlanted("trust_sizes")) return {};
  const std::uint64_t begin = section.BlockBegin(block);
  const std::uint32_t in_block =
      std::min<std::uint32_t>(kChunkRows, rows() - static_cast<std::uint32_t>(block) * kChunkRows);
  const std::uint64_t room = section.BlockEnd(block) - begin - (in_block + 1) * std::uint64_t{4};
  const auto* cells = reinterpret_cast<const char*>(At(section, begin)) + (in_block + 1) * std::uint64_t{4};
  const auto damage = [&](std::uint32_t row, std::string_view what) {
    return DamageAt(path_, section.offset + begin,
                    "row " + std::to_string(block * kChunkRows + row) + ": " + std::string(what));
  };
  const FieldSchema* field =
      section.kind == SectionKind::kVariable ? &schema_->fields[section.field] : nullptr;
  const Checked* valid = field ? valid_[section.field] : nullptr;
  if (valid != nullptr) ZVEC_RETURN_IF_ERROR(Verify(*valid, block * kValidChunkBytes / kValidBlockBytes));
  std::uint32_t from = 0;
  std::memcpy(&from, At(section, begin), 4);
  if (from != 0) return damage(0, "its cell starts late");
  for (std::uint32_t row = 0; row < in_block; ++row) {
    std::uint32_t to = 0;
    std::memcpy(&to, At(section, begin + (row + 1) * std::uint64_t{4}), 4);
    if (to < from || to > room) return damage(row, "its cell ends where it cannot");
    const std::string_view cell(cells + from, to - from);
    from = to;
    if (field == nullptr) continue;
    if (valid != nullptr) {
      std::uint64_t word = 0;
      std::memcpy(&word, At(valid->section, block * kValidChunkBytes + row / 64 * 8), 8);
      if (!((word >> (row % 64)) & 1)) continue;
    }
    if (Status status = CheckCell(*field, cell); !status.ok()) return damage(row, status.message());
  }
  return {};
}

Result<ColumnChunk> SealedSegment::Column(std::size_t field, std::uint32_t chunk) const {
  const Checked& data = field == kIdColumn ? *ids_ : *data_[field];
  ZVEC_RETURN_IF_ERROR(Verify(data, chunk));
  ColumnChunk out;
  out.rows = std::min(kChunkRows, rows() - chunk * kChunkRows);
  const std::byte* start = At(data.section, data.section.BlockBegin(chunk));
  if (data.section.kind == SectionKind::kFixed) {
    out.width = data.section.block_bytes / kChunkRows;
    out.fixed = start;
  } else {
    out.offsets = reinterpret_cast<const std::uint32_t*>(start);
    out.bytes = reinterpret_cast<const char*>(start) + (out.rows + 1) * std::size_t{4};
  }
  if (field == kIdColumn || valid_[field] == nullptr) return out;
  ZVEC_RETURN_IF_ERROR(Verify(*valid_[field], chunk * kValidChunkBytes / kValidBlockBytes));
  out.valid = reinterpret_cast<const std::uint64_t*>(At(valid_[field]->section, chunk * kValidChunkBytes));
  return out;
}

Result<std::optional<std::uint32_t>> SealedSegment::Find(std::string_view id, std::uint64_t hash) const {
  const std::uint64_t slots = id_table_->section.size / sizeof(IdSlot);
  std::uint64_t at = hash & (slots - 1);
  for (std::uint64_t step = 0; step < slots; ++step, at = (at + 1) & (slots - 1)) {
    ZVEC_RETURN_IF_ERROR(Verify(*id_table_, at * sizeof(IdSlot) / kIdTableBlockBytes));
    IdSlot slot;
    std::memcpy(&slot, At(id_table_->section, at * sizeof(IdSlot)), sizeof(slot));
    if (slot.row_plus_one == 0) return std::optional<std::uint32_t>();
    if (slot.tag != IdTable::Tag(hash)) continue;
    const std::uint32_t row = slot.row_plus_one - 1;
    if (row >= rows())
      return DamageAt(path_, id_table_->section.offset + at * sizeof(IdSlot),
                      "an id of a row that is not there");
    ZVEC_ASSIGN_OR_RETURN(const ColumnChunk ids, Column(kIdColumn, row / kChunkRows));
    if (ids.Cell(row % kChunkRows) == id) return std::optional<std::uint32_t>(row);
  }
  return std::optional<std::uint32_t>();
}

void SealedSegment::PrefetchFind(std::uint64_t hash, int step) const noexcept {
  const std::uint64_t mask = id_table_->section.size / sizeof(IdSlot) - 1;
  const auto slot_at = [&](std::uint64_t at) { return At(id_table_->section, (at & mask) * sizeof(IdSlot)); };
  if (step == 0) return __builtin_prefetch(slot_at(hash));
  constexpr std::uint64_t kProbes = 4;  // most ids; the others are waited for
  for (std::uint64_t at = hash; at < hash + kProbes; ++at) {
    // What was not verified is not read: Find does that, and has an answer for what cannot be read.
    const std::uint64_t block = (at & mask) * sizeof(IdSlot) / kIdTableBlockBytes;
    if (!id_table_->verified[block].load(std::memory_order_acquire)) return;
    IdSlot slot;
    std::memcpy(&slot, slot_at(at), sizeof(slot));
    if (slot.row_plus_one == 0 || slot.row_plus_one > rows()) return;
    if (slot.tag != IdTable::Tag(hash)) continue;
    const std::uint32_t chunk = (slot.row_plus_one - 1) / kChunkRows,
                        row = (slot.row_plus_one - 1) % kChunkRows;
    if (!ids_->verified[chunk].load(std::memory_order_acquire)) return;
    const std::byte* start = At(ids_->section, ids_->section.BlockBegin(chunk));
    if (step == 1) return __builtin_prefetch(start + row * std::size_t{4});
    const std::uint32_t in_chunk = std::min(kChunkRows, rows() - chunk * kChunkRows);
    std::uint32_t offset = 0;
    std::memcpy(&offset, start + row * std::size_t{4}, sizeof(offset));
    return __builtin_prefetch(start + (in_chunk + 1) * std::size_t{4} + offset);
  }
}

std::shared_ptr<const ScanCodes> SealedSegment::NoCodesYet() const {
  auto codes = std::make_shared<ScanCodes>(schema_->fields.size());
  for (std::size_t f = 0; f < codes->size(); ++f)
    if (CodedChunk::Suits(schema_->fields[f]))
      (*codes)[f] = std::make_unique<CodedChunk[]>((rows() + kChunkRows - 1) / kChunkRows);
  return codes;
}

std::shared_ptr<const SealedView> SealedView::After(const SealedView& before,
                                                    std::shared_ptr<const Bitmap> dead,
                                                    std::shared_ptr<const Graphs> graphs) {
  if (before.graphs_ && graphs && *before.graphs_ == *graphs)
    return std::make_shared<SealedView>(before, std::move(dead), std::move(graphs));
  return std::make_shared<SealedView>(before.segment_, std::move(dead), std::move(graphs));
}

std::uint64_t SealedView::code_bytes() const noexcept {
  std::uint64_t bytes = 0;
  for (const auto& chunks : *codes_)
    for (std::uint32_t chunk = 0; chunks && chunk < chunk_count(); ++chunk) bytes += chunks[chunk].bytes();
  return bytes;
}

Status SealedSegment::VerifyAll() const {
  for (const Checked& checked : sections_)
    for (std::size_t block = 0; block < checked.section.block_count(); ++block)
      ZVEC_RETURN_IF_ERROR(Verify(checked, block));
  return {};
}

}  // namespace zvec::inline v0
