#include "zvec/upkeep/table_guess.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "base/coding.h"
#include "zvec/storage/cell.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/id_table.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

namespace {

constexpr std::uint64_t kEntryBytes = 1 + 4 + 8 + 8 + 8 + 4;  // of the table, without ends and checksums
constexpr std::uint64_t kUnreachable = std::numeric_limits<std::uint64_t>::max();

/// A section as the writer would make it, but for its place, and the ends of variable blocks.
struct Slot {
  SectionKind kind;
  std::uint32_t field;
  std::uint64_t size;  ///< 0: follows from its blocks
  std::uint64_t block_bytes;
  std::uint64_t blocks;

  bool by_chunks() const { return kind == SectionKind::kIds || kind == SectionKind::kVariable; }
  std::uint64_t table_bytes() const { return kEntryBytes + blocks * (by_chunks() ? 16 : 8); }
};

std::uint64_t Chunks(std::uint64_t rows) { return (rows + kChunkRows - 1) / kChunkRows; }

Slot Equal(SectionKind kind, std::uint32_t field, std::uint64_t size, std::uint64_t block_bytes) {
  return {kind, field, size, block_bytes, (size + block_bytes - 1) / block_bytes};
}

Slot IdSlotOf(std::uint64_t rows) { return {SectionKind::kIds, 0, 0, 0, Chunks(rows)}; }
Slot IdTableSlotOf(std::uint64_t rows) {
  return Equal(SectionKind::kIdTable, 0, IdTableCapacity(rows) * sizeof(IdSlot), kIdTableBlockBytes);
}
Slot ValidSlotOf(std::uint32_t field, std::uint64_t rows) {
  return Equal(SectionKind::kValid, field, Chunks(rows) * kValidChunkBytes, kValidBlockBytes);
}
Slot DataSlotOf(const CollectionSchema& schema, std::uint32_t field, std::uint64_t rows) {
  const std::uint64_t width = CellWidth(schema.fields[field]);
  if (width == 0) return {SectionKind::kVariable, field, 0, 0, Chunks(rows)};
  return Equal(SectionKind::kFixed, field, rows * width, width * kChunkRows);
}

std::uint64_t TableBytes(const CollectionSchema& schema, std::uint64_t rows, std::size_t valid) {
  std::uint64_t bytes = 4 + IdSlotOf(rows).table_bytes() + IdTableSlotOf(rows).table_bytes();
  for (std::uint32_t f = 0; f < schema.fields.size(); ++f) bytes += DataSlotOf(schema, f, rows).table_bytes();
  return bytes + valid * ValidSlotOf(0, rows).table_bytes();
}

std::size_t NullableFields(const CollectionSchema& schema) {
  return static_cast<std::size_t>(std::count_if(schema.fields.begin(), schema.fields.end(),
                                                [](const FieldSchema& field) { return field.nullable; }));
}

/// How many bytes of the entry at `at` are not those of the slot; its place is not looked at.
std::uint64_t Differing(std::string_view table, std::uint64_t at, const Slot& slot) {
  std::string wanted;
  cocozvec::PutFixed(wanted, slot.kind);
  cocozvec::PutFixed(wanted, slot.field);
  wanted.append(8, '\0');
  cocozvec::PutFixed(wanted, slot.size);
  cocozvec::PutFixed(wanted, slot.block_bytes);
  cocozvec::PutFixed(wanted, static_cast<std::uint32_t>(slot.blocks));
  if (at + wanted.size() > table.size()) return kUnreachable / 4;
  std::uint64_t differing = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool place = i >= 5 && i < 13, size = i >= 13 && i < 21;
    if (place || (size && slot.size == 0)) continue;
    differing += wanted[i] != table[at + i];
  }
  return differing;
}

/// The slots in their order that fit the table best; `differing`: by how many bytes they do not.
std::vector<Slot> FitSlots(const CollectionSchema& schema, std::uint64_t rows, std::string_view table,
                           std::size_t valid, std::uint64_t* differing) {
  const std::size_t fields = schema.fields.size();
  const std::uint64_t valid_bytes = ValidSlotOf(0, rows).table_bytes();
  std::vector<std::uint64_t> at = {4 + IdSlotOf(rows).table_bytes() + IdTableSlotOf(rows).table_bytes()};
  for (std::uint32_t f = 0; f < fields; ++f)
    at.push_back(at.back() + DataSlotOf(schema, f, rows).table_bytes());
  // cost[f][u]: of the fields before f, u of which have nulls.
  std::vector<std::vector<std::uint64_t>> cost(fields + 1,
                                               std::vector<std::uint64_t>(valid + 1, kUnreachable));
  std::vector<std::vector<bool>> nulls(fields + 1, std::vector<bool>(valid + 1));
  cost[0][0] = 0;
  std::string count;
  cocozvec::PutFixed(count, static_cast<std::uint32_t>(2 + fields + valid));
  for (std::size_t i = 0; i < count.size(); ++i) cost[0][0] += count[i] != table[i];
  cost[0][0] += Differing(table, 4, IdSlotOf(rows)) +
                Differing(table, 4 + IdSlotOf(rows).table_bytes(), IdTableSlotOf(rows));
  for (std::uint32_t f = 0; f < fields; ++f)
    for (std::size_t u = 0; u <= valid; ++u) {
      if (cost[f][u] == kUnreachable) continue;
      const std::uint64_t place = at[f] + u * valid_bytes;
      const Slot data = DataSlotOf(schema, f, rows);
      if (const auto plain = cost[f][u] + Differing(table, place, data); plain < cost[f + 1][u]) {
        cost[f + 1][u] = plain;
        nulls[f + 1][u] = false;
      }
      if (!schema.fields[f].nullable || u == valid) continue;
      const auto with = cost[f][u] + Differing(table, place, ValidSlotOf(f, rows)) +
                        Differing(table, place + valid_bytes, data);
      if (with < cost[f + 1][u + 1]) {
        cost[f + 1][u + 1] = with;
        nulls[f + 1][u + 1] = true;
      }
    }
  *differing = cost[fields][valid];
  if (*differing == kUnreachable) return {};
  std::vector<Slot> slots;
  std::size_t used = valid;
  for (auto f = static_cast<std::uint32_t>(fields); f-- > 0;) {
    slots.push_back(DataSlotOf(schema, f, rows));
    if (!nulls[f + 1][used]) continue;
    slots.push_back(ValidSlotOf(f, rows));
    --used;
  }
  slots.push_back(IdTableSlotOf(rows));
  slots.push_back(IdSlotOf(rows));
  std::reverse(slots.begin(), slots.end());
  return slots;
}

std::uint64_t WordAt(std::string_view table, std::uint64_t at) {
  std::uint64_t word = 0;
  if (at + sizeof(word) <= table.size()) std::memcpy(&word, table.data() + at, sizeof(word));
  return word;
}

/// Where the blocks of a variable column end: as the table says, or as the block itself does, whichever its
/// checksum knows.
void FindEnds(const TableGuess& guess, std::string_view table, std::uint64_t ends_at, std::uint64_t limit,
              Section& section) {
  std::uint64_t begin = 0;
  for (std::size_t block = 0; block < section.checksums.size(); ++block) {
    const std::uint64_t rows = std::min<std::uint64_t>(kChunkRows, guess.rows - block * kChunkRows);
    const std::uint64_t room = limit - section.offset, fixed = (rows + 1) * 4;
    const auto sane = [&](std::uint64_t end) { return end % 8 == 0 && end >= begin + fixed && end <= room; };
    const auto fits = [&](std::uint64_t end) {
      return sane(end) && guess.matches(section.offset + begin, end - begin, section.checksums[block]);
    };
    const std::uint64_t told = WordAt(table, ends_at + block * 8);
    const std::uint64_t walked = (begin + fixed + guess.word(section.offset + begin + rows * 4) + 7) / 8 * 8;
    const bool walk = !fits(told) && (fits(walked) || (!sane(told) && sane(walked)));
    std::uint64_t end = walk ? walked : told;
    if (!sane(end)) end = std::min(room / 8 * 8, begin + (fixed + 7) / 8 * 8);  // nothing says: it is lost
    section.block_ends.push_back(end);
    begin = end;
  }
  section.size = begin;
}

/// Trying every number of fields with nulls takes the cube of the fields: of more, the table must say it.
constexpr std::size_t kMostTried = 128;

bool CountIs(std::string_view tail, std::uint64_t bytes, std::size_t count) {
  std::uint32_t said = 0;
  std::memcpy(&said, tail.data() + (tail.size() - bytes), sizeof(said));
  return said == count;
}

}  // namespace

std::uint64_t LargestTable(const CollectionSchema& schema, std::uint64_t rows) {
  return TableBytes(schema, rows, NullableFields(schema));
}

std::vector<Section> GuessSections(const CollectionSchema& schema, const TableGuess& guess) {
  std::vector<Slot> slots;
  std::string_view table;
  std::uint64_t least = kUnreachable;
  for (std::size_t valid = 0; valid <= NullableFields(schema); ++valid) {
    const std::uint64_t bytes = TableBytes(schema, guess.rows, valid);
    if (bytes > guess.tail.size()) break;
    if (schema.fields.size() > kMostTried && !CountIs(guess.tail, bytes, 2 + schema.fields.size() + valid))
      continue;
    const std::string_view candidate = guess.tail.substr(guess.tail.size() - bytes);
    std::uint64_t differing = 0;
    auto fitted = FitSlots(schema, guess.rows, candidate, valid, &differing);
    if (differing >= least) continue;
    least = differing;
    slots = std::move(fitted);
    table = candidate;
  }
  std::vector<Section> sections;
  std::uint64_t at = 4, end = kFileHeaderBytes;
  const std::uint64_t limit = guess.size - table.size();
  for (const Slot& slot : slots) {
    const std::uint64_t alignment = slot.kind == SectionKind::kFixed ? kVectorAlignment : 8;
    Section section{.kind = slot.kind,
                    .field = slot.field,
                    .offset = (end + alignment - 1) / alignment * alignment,
                    .size = slot.size,
                    .block_bytes = slot.block_bytes,
                    .block_ends = {},
                    .checksums = {}};
    if (section.offset > limit || slot.size > limit - section.offset) return {};
    const std::uint64_t ends_at = at + kEntryBytes;
    const std::uint64_t checksums_at = ends_at + (slot.by_chunks() ? slot.blocks * 8 : 0);
    for (std::uint64_t block = 0; block < slot.blocks; ++block)
      section.checksums.push_back(WordAt(table, checksums_at + block * 8));
    if (slot.by_chunks()) FindEnds(guess, table, ends_at, limit, section);
    if (section.size > limit - section.offset) return {};
    end = section.offset + section.size;
    at += slot.table_bytes();
    sections.push_back(std::move(section));
  }
  return sections;
}

}  // namespace zvec::inline v0
