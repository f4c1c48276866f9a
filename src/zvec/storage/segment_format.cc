#include "zvec/storage/segment_format.h"

#include <bit>
#include <optional>

#include "base/coding.h"
#include "zvec/storage/cell.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

using cocozvec::CheckedAdd;
using cocozvec::CheckedMul;
using cocozvec::PutFixed;
using cocozvec::Reader;

namespace {

constexpr std::uint64_t kSectionBytes = 1 + 4 + 8 + 8 + 8 + 4;

bool ByChunks(SectionKind kind) { return kind == SectionKind::kIds || kind == SectionKind::kVariable; }

bool ReadSection(Reader& in, Section* s) {
  s->kind = static_cast<SectionKind>(in.Read<std::uint8_t>());
  s->field = in.Read<std::uint32_t>();
  s->offset = in.Read<std::uint64_t>();
  s->size = in.Read<std::uint64_t>();
  s->block_bytes = in.Read<std::uint64_t>();
  const std::uint64_t blocks = in.Read<std::uint32_t>();
  const std::uint64_t least = ByChunks(s->kind) ? 16 : 8;
  if (!in.ok() || blocks > in.remaining() / least) return false;
  if (ByChunks(s->kind)) {
    s->block_ends.resize(blocks);
    for (std::uint64_t& end : s->block_ends) end = in.Read<std::uint64_t>();
  }
  s->checksums.resize(blocks);
  for (std::uint64_t& checksum : s->checksums) checksum = in.Read<std::uint64_t>();
  return in.ok();
}

/// Null when the section is as the format wants it.
const char* CheckPlace(const Section& s, std::uint64_t end) {
  const auto stop = CheckedAdd(s.offset, s.size);
  if (s.offset < kFileHeaderBytes || !stop || *stop > end) return "lies outside the file";
  const std::uint64_t alignment = s.kind == SectionKind::kFixed ? kVectorAlignment : 8;
  if (s.offset % alignment != 0) return "is not aligned";
  return nullptr;
}

const char* CheckChunkBlocks(const Section& s, std::uint64_t rows) {
  const std::uint64_t chunks = (rows + kChunkRows - 1) / kChunkRows;
  if (s.block_bytes != 0 || s.block_count() != chunks)
    return "has another number of blocks than its rows need";
  std::uint64_t begin = 0;
  for (std::size_t i = 0; i < s.block_ends.size(); ++i) {
    const std::uint64_t in_chunk = std::min<std::uint64_t>(kChunkRows, rows - i * kChunkRows);
    const std::uint64_t end = s.block_ends[i];
    if (end > s.size || end % 8 != 0 || end < begin || end - begin < (in_chunk + 1) * 4)
      return "has a block that ends where it cannot";
    begin = end;
  }
  return begin == s.size ? nullptr : "is longer than its blocks";
}

const char* CheckEqualBlocks(const Section& s, std::optional<std::uint64_t> size, std::uint64_t block_bytes) {
  if (!size || s.size != *size) return "is not as long as its rows need";
  if (s.block_bytes != block_bytes || s.block_count() != (s.size + block_bytes - 1) / block_bytes)
    return "has another number of blocks than its rows need";
  return nullptr;
}

const char* CheckShape(const Section& s, const CollectionSchema& schema, std::uint64_t rows) {
  const std::uint64_t chunks = (rows + kChunkRows - 1) / kChunkRows;
  const bool of_field =
      s.kind == SectionKind::kFixed || s.kind == SectionKind::kVariable || s.kind == SectionKind::kValid;
  if (s.field >= (of_field ? schema.fields.size() : 1)) return "is of a field that the schema does not have";
  const std::uint64_t width = of_field ? CellWidth(schema.fields[s.field]) : 0;
  switch (s.kind) {
    case SectionKind::kIds:
      return CheckChunkBlocks(s, rows);
    case SectionKind::kVariable:
      return width == 0 ? CheckChunkBlocks(s, rows) : "is variable, the field in the schema is not";
    case SectionKind::kFixed:
      if (width == 0) return "is of fixed width, the field in the schema is not";
      return CheckEqualBlocks(s, CheckedMul(rows, width), width * kChunkRows);
    case SectionKind::kValid:
      return CheckEqualBlocks(s, chunks * kValidChunkBytes, kValidBlockBytes);
    case SectionKind::kIdTable:
      if (!std::has_single_bit(s.size) || s.size / 8 < rows) return "is not as long as its rows need";
      return CheckEqualBlocks(s, s.size, kIdTableBlockBytes);
  }
  return "is of a kind that is not known";
}

/// Every field once, ids and id table once, validity at most once.
const char* CheckComplete(const std::vector<Section>& sections, const CollectionSchema& schema) {
  std::vector<int> data(schema.fields.size()), valid(schema.fields.size());
  int ids = 0, tables = 0;
  for (const Section& s : sections) {
    if (s.kind == SectionKind::kIds) ++ids;
    if (s.kind == SectionKind::kIdTable) ++tables;
    if (s.kind == SectionKind::kValid && ++valid[s.field] > 1) return "a field has its nulls twice";
    if ((s.kind == SectionKind::kFixed || s.kind == SectionKind::kVariable) && ++data[s.field] > 1)
      return "a field is there twice";
  }
  for (const int count : data)
    if (count != 1) return "a field is missing";
  return ids == 1 && tables == 1 ? nullptr : "the ids are missing or there twice";
}

}  // namespace

std::string EncodeSections(const std::vector<Section>& sections) {
  std::string out;
  PutFixed(out, static_cast<std::uint32_t>(sections.size()));
  for (const Section& s : sections) {
    PutFixed(out, s.kind);
    PutFixed(out, s.field);
    PutFixed(out, s.offset);
    PutFixed(out, s.size);
    PutFixed(out, s.block_bytes);
    PutFixed(out, static_cast<std::uint32_t>(s.checksums.size()));
    for (const std::uint64_t end : s.block_ends) PutFixed(out, end);
    for (const std::uint64_t checksum : s.checksums) PutFixed(out, checksum);
  }
  return out;
}

Result<std::vector<Section>> DecodeSections(std::string_view table, const CollectionSchema& schema,
                                            std::uint64_t rows, std::uint64_t end, const std::string& path) {
  const auto damage = [&](const std::string& what) {
    return DamageAt(path, end, "the section table: " + what);
  };
  Reader in(table);
  const std::uint64_t count = in.Read<std::uint32_t>();
  if (!in.ok() || count > in.remaining() / kSectionBytes) return damage("too short");
  std::vector<Section> sections(count);
  for (std::size_t i = 0; i < sections.size(); ++i) {
    Section& s = sections[i];
    if (!ReadSection(in, &s)) return damage("too short");
    const char* wrong = CheckPlace(s, end);
    if (wrong == nullptr) wrong = CheckShape(s, schema, rows);
    if (wrong != nullptr) return damage("section " + std::to_string(i) + " " + wrong);
  }
  if (!in.done()) return damage("too long");
  if (const char* wrong = CheckComplete(sections, schema)) return damage(wrong);
  return sections;
}

}  // namespace zvec::inline v0
