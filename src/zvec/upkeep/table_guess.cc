#include "zvec/upkeep/table_guess.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <queue>
#include <set>
#include <string>
#include <tuple>
#include <utility>

#include "base/coding.h"
#include "zvec/storage/cell.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/id_table.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

namespace {

constexpr std::uint64_t kEntryBytes = 1 + 4 + 8 + 8 + 8 + 4;  // of the table, without ends and checksums

/// Of a section this many blocks are compared with their checksums, evenly spread.
constexpr std::uint64_t kLooks = 16;

/// A section as the writer would make it, but for its place, and the ends of variable blocks.
struct Slot {
  SectionKind kind;
  std::uint32_t field;
  std::uint64_t size;  ///< 0: follows from its blocks
  std::uint64_t block_bytes;
  std::uint64_t blocks;

  bool by_chunks() const { return kind == SectionKind::kIds || kind == SectionKind::kVariable; }
  std::uint64_t looks() const { return std::min(kLooks, blocks); }
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
  std::uint64_t differing = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const bool place = i >= 5 && i < 13, size = i >= 13 && i < 21;
    if (place || (size && slot.size == 0)) continue;
    differing += wanted[i] != table[at + i];
  }
  return differing;
}

std::uint64_t WordAt(std::string_view table, std::uint64_t at) {
  std::uint64_t word = 0;
  if (at + sizeof(word) <= table.size()) std::memcpy(&word, table.data() + at, sizeof(word));
  return word;
}

/// Smaller is likelier.
struct Cost {
  std::uint64_t missed = 0;     ///< blocks, of those looked at, whose checksum is another one
  std::uint64_t differing = 0;  ///< bytes of entries that are not what the writer would have put there

  void Add(const Cost& more) {
    missed += more.missed;
    differing += more.differing;
  }
  friend auto operator<=>(const Cost&, const Cost&) = default;
};

/// A section that a slot may be, and what speaks against it.
struct Placed {
  Section section;
  Cost cost;
  bool found = false;          ///< at least one of its blocks
  bool last_is_found = false;  ///< that is, where it ends
};

/// Compares blocks with checksums; each is read once.
class Blocks {
 public:
  explicit Blocks(const TableGuess& guess)
      : guess_(guess), left_(guess.size * 32 + (std::uint64_t{1} << 28)) {}

  bool Match(std::uint64_t offset, std::uint64_t size, std::uint64_t checksum) {
    ++looks_;
    auto known = known_.find({offset, size});
    if (known == known_.end()) {
      if (size > left_) return false;  // a foreign table may name the same bytes again and again
      left_ -= size;
      known = known_.emplace(std::pair{offset, size}, guess_.checksum(offset, size)).first;
    }
    return known->second == checksum;
  }
  std::uint64_t looks() const noexcept { return looks_; }

 private:
  const TableGuess& guess_;
  std::uint64_t left_;  ///< bytes that may still be read
  std::uint64_t looks_ = 0;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::optional<std::uint64_t>> known_;
};

/// The bytes at the end of the file as a table of this size, and the blocks that it would have.
class Table {
 public:
  Table(const TableGuess& guess, Blocks& blocks, std::uint64_t bytes)
      : guess_(guess),
        blocks_(blocks),
        bytes_(guess.tail.substr(guess.tail.size() - bytes)),
        limit_(guess.size - bytes) {}

  std::string_view bytes() const { return bytes_; }

  /// The slot whose entry is at `at`, behind a section that ends at `end`: right there, or (only if the end
  /// is not `sure`) where the entry says, if it is the slot's own and more of its blocks are found there.
  /// Nothing: it has no room.
  std::optional<Placed> Place(const Slot& slot, std::uint64_t at, std::uint64_t end, bool sure) const {
    if (at + slot.table_bytes() > bytes_.size()) return std::nullopt;
    const std::uint64_t alignment = slot.kind == SectionKind::kFixed ? kVectorAlignment : 8;
    const std::uint64_t next = (end + alignment - 1) / alignment * alignment, told = WordAt(bytes_, at + 5);
    std::optional<Placed> placed = PlaceAt(slot, at, next);
    if (sure || told == next || told % alignment != 0 || !IsEntryOf(slot, at)) return placed;
    std::optional<Placed> elsewhere = PlaceAt(slot, at, told);
    return elsewhere && (!placed || elsewhere->cost.missed < placed->cost.missed) ? elsewhere : placed;
  }

 private:
  /// Entries of other fields are found elsewhere, too: bytes of a table in the place of others.
  bool IsEntryOf(const Slot& slot, std::uint64_t at) const {
    std::string wanted;
    cocozvec::PutFixed(wanted, slot.kind);
    cocozvec::PutFixed(wanted, slot.field);
    return bytes_.substr(at, wanted.size()) == wanted;
  }

  std::optional<Placed> PlaceAt(const Slot& slot, std::uint64_t at, std::uint64_t offset) const {
    if (offset < kFileHeaderBytes || offset > limit_ || slot.size > limit_ - offset) return std::nullopt;
    Placed placed{{.kind = slot.kind,
                   .field = slot.field,
                   .offset = offset,
                   .size = slot.size,
                   .block_bytes = slot.block_bytes,
                   .block_ends = {},
                   .checksums = {}},
                  {.missed = 0, .differing = Differing(bytes_, at, slot)}};
    Section& section = placed.section;
    const std::uint64_t ends_at = at + kEntryBytes;
    const std::uint64_t checksums_at = ends_at + (slot.by_chunks() ? slot.blocks * 8 : 0);
    for (std::uint64_t block = 0; block < slot.blocks; ++block)
      section.checksums.push_back(WordAt(bytes_, checksums_at + block * 8));
    if (slot.by_chunks()) FindEnds(ends_at, section);
    if (section.size > limit_ - offset) return std::nullopt;
    const std::uint64_t looks = slot.looks();
    for (std::uint64_t look = 0; look < looks; ++look) {
      const std::uint64_t block = look * slot.blocks / looks, begin = section.BlockBegin(block);
      const bool found = Matches(section, block, begin, section.BlockEnd(block));
      placed.cost.missed += !found;
      placed.found |= found;
    }
    const std::uint64_t last = slot.blocks - 1;
    placed.last_is_found =
        slot.blocks != 0 && Matches(section, last, section.BlockBegin(last), section.BlockEnd(last));
    return placed;
  }

  bool Matches(const Section& section, std::size_t block, std::uint64_t begin, std::uint64_t end) const {
    return blocks_.Match(section.offset + begin, end - begin, section.checksums[block]);
  }

  void FindEnds(std::uint64_t ends_at, Section& section) const {
    std::uint64_t begin = 0;
    for (std::size_t block = 0; block < section.checksums.size(); ++block) {
      begin = EndOf(ends_at, section, block, begin);
      section.block_ends.push_back(begin);
    }
    section.size = begin;
  }

  /// Where a block of variable cells that begins at `begin` may end: as the table says, or as the block
  /// itself does, whichever its checksum knows.
  struct Ends {
    std::uint64_t told = 0, walked = 0;  ///< 0: it cannot end there
    bool told_is_right = false, walked_is_right = false;
  };

  Ends EndsOf(std::uint64_t ends_at, const Section& section, std::size_t block, std::uint64_t begin) const {
    const std::uint64_t fixed = FixedBytes(block), room = limit_ - section.offset;
    const auto sane = [&](std::uint64_t end) {
      return end % 8 == 0 && end >= begin + fixed && end <= room ? end : 0;
    };
    Ends ends;
    ends.told = sane(WordAt(bytes_, ends_at + block * 8));
    const std::uint64_t cells = guess_.word(section.offset + begin + fixed - 4);
    ends.walked = sane((begin + fixed + cells + 7) / 8 * 8);
    ends.told_is_right = ends.told != 0 && Matches(section, block, begin, ends.told);
    ends.walked_is_right =
        ends.walked != 0 &&
        (ends.walked == ends.told ? ends.told_is_right : Matches(section, block, begin, ends.walked));
    return ends;
  }

  std::uint64_t EndOf(std::uint64_t ends_at, const Section& section, std::size_t block,
                      std::uint64_t begin) const {
    const Ends ends = EndsOf(ends_at, section, block, begin);
    if (ends.told_is_right) return ends.told;
    if (ends.walked_is_right) return ends.walked;
    // Its checksum says nothing; the next block's may.
    for (const std::uint64_t end : {ends.told, ends.walked}) {
      if (end == 0 || block + 1 == section.checksums.size()) continue;
      const Ends next = EndsOf(ends_at, section, block + 1, end);
      if (next.told_is_right || next.walked_is_right) return end;
    }
    const bool begins = guess_.word(section.offset + begin) == 0;  // as the offsets of cells do
    if (ends.walked != 0 && (begins || ends.told == 0)) return ends.walked;
    if (ends.told != 0) return ends.told;
    return std::min((limit_ - section.offset) / 8 * 8,
                    begin + (FixedBytes(block) + 7) / 8 * 8);  // it is lost
  }

  /// Of the offsets that a block of variable cells begins with.
  std::uint64_t FixedBytes(std::size_t block) const {
    return (std::min<std::uint64_t>(kChunkRows, guess_.rows - block * kChunkRows) + 1) * 4;
  }

  const TableGuess& guess_;
  Blocks& blocks_;
  std::string_view bytes_;
  std::uint64_t limit_;  ///< sections end before it
};

/// Where the search is: the sections of the fields before `field` are placed.
struct Step {
  Cost cost;
  std::size_t table = 0;  ///< which of the tables
  std::uint32_t field = 0;
  std::size_t valid = 0;   ///< of the fields before have nulls
  std::uint64_t at = 0;    ///< of the next entry
  std::uint64_t end = 0;   ///< of the last section
  bool sure = true;        ///< a block was found that says so, and only sections of known sizes follow it
  std::size_t before = 0;  ///< the step before
  bool nulls = false;      ///< of the last field
};

/// The cheapest way from the start of a table to its end (Dijkstra), over tables of every number of fields
/// with nulls. What is right costs no more than what is damaged, so wrong ways are soon left.
class Search {
 public:
  Search(const CollectionSchema& schema, const TableGuess& guess)
      : schema_(schema), guess_(guess), blocks_(guess) {}

  /// A table in which this many fields have nulls.
  void Start(std::size_t valid) {
    const std::uint64_t bytes = TableBytes(schema_, guess_.rows, valid);
    tables_.emplace_back(Table(guess_, blocks_, bytes), valid);
    std::string count;
    cocozvec::PutFixed(count, static_cast<std::uint32_t>(2 + schema_.fields.size() + valid));
    Step step{.cost = {}, .table = tables_.size() - 1, .at = count.size(), .end = kFileHeaderBytes};
    // Where fewer fields have nulls there are fewer blocks to miss: what counts is how many are found.
    step.cost.missed = (NullableFields(schema_) - valid) * ValidSlotOf(0, guess_.rows).looks();
    for (std::size_t i = 0; i < count.size(); ++i)
      step.cost.differing += count[i] != tables_.back().first.bytes()[i];
    if (Take(step, IdSlotOf(guess_.rows)) && Take(step, IdTableSlotOf(guess_.rows))) Note(step);
  }

  GuessedTable Run() {
    const std::size_t fields = schema_.fields.size();
    std::set<std::tuple<std::size_t, std::uint32_t, std::size_t, std::uint64_t>> settled;
    while (!next_.empty()) {
      if (settled.size() >= guess_.most_steps || blocks_.looks() >= guess_.most_looks)
        return {StraightOn(), false};
      const std::size_t at = next_.top().second;
      next_.pop();
      const Step step = steps_[at];
      if (step.field == fields) return {SectionsTo(at), true};
      if (settled.insert({step.table, step.field, step.valid, step.end}).second) Expand(step, at);
    }
    return {};
  }

 private:
  /// From the step that came farthest, of these the cheapest, always by the cheaper way to the end.
  std::vector<Section> StraightOn() {
    const auto better = [&](std::size_t a, std::size_t b) {
      return std::pair(steps_[b].field, steps_[a].cost) < std::pair(steps_[a].field, steps_[b].cost);
    };
    const auto best_from = [&](std::size_t first) {
      std::size_t best = first;
      for (std::size_t at = first + 1; at < steps_.size(); ++at)
        if (better(at, best)) best = at;
      return best;
    };
    std::size_t at = best_from(0);
    while (steps_[at].field < schema_.fields.size()) {
      const std::size_t before = steps_.size();
      const Step step = steps_[at];
      Expand(step, at);
      if (steps_.size() == before) return {};
      at = best_from(before);
    }
    return SectionsTo(at);
  }

  void Expand(const Step& step, std::size_t at) {
    const FieldSchema& field = schema_.fields[step.field];
    const std::size_t open = tables_[step.table].second - step.valid;
    for (const bool nulls : {false, true}) {
      if (nulls && (!field.nullable || open == 0)) continue;
      if (open - nulls > NullableFrom(step.field + 1)) continue;  // the table would be longer than its fields
      Step next = step;
      next.before = at;
      next.nulls = nulls;
      if (nulls && !Take(next, ValidSlotOf(step.field, guess_.rows))) continue;
      if (!Take(next, DataSlotOf(schema_, step.field, guess_.rows))) continue;
      ++next.field;
      next.valid += nulls;
      Note(next);
    }
  }

  void Note(const Step& step) {
    steps_.push_back(step);
    next_.push({step.cost, steps_.size() - 1});
  }

  /// False: it has no room.
  bool Take(Step& step, const Slot& slot, std::vector<Section>* sections = nullptr) const {
    auto placed = tables_[step.table].first.Place(slot, step.at, step.end, step.sure);
    if (!placed) return false;
    step.cost.Add(placed->cost);
    step.sure = slot.by_chunks() ? placed->last_is_found : step.sure || placed->found;
    step.at += slot.table_bytes();
    step.end = placed->section.offset + placed->section.size;
    if (sections != nullptr) sections->push_back(std::move(placed->section));
    return true;
  }

  std::vector<Section> SectionsTo(std::size_t last) const {
    std::vector<bool> nulls(schema_.fields.size());
    for (std::size_t at = last; steps_[at].field > 0; at = steps_[at].before)
      nulls[steps_[at].field - 1] = steps_[at].nulls;
    std::vector<Section> sections;
    Step step{.cost = {}, .table = steps_[last].table, .at = 4, .end = kFileHeaderBytes};
    const auto take = [&](const Slot& slot) { (void)Take(step, slot, &sections); };
    take(IdSlotOf(guess_.rows));
    take(IdTableSlotOf(guess_.rows));
    for (std::uint32_t f = 0; f < nulls.size(); ++f) {
      if (nulls[f]) take(ValidSlotOf(f, guess_.rows));
      take(DataSlotOf(schema_, f, guess_.rows));
    }
    return sections;
  }

  std::size_t NullableFrom(std::size_t field) const {
    return static_cast<std::size_t>(std::count_if(schema_.fields.begin() + static_cast<std::ptrdiff_t>(field),
                                                  schema_.fields.end(),
                                                  [](const FieldSchema& one) { return one.nullable; }));
  }

  using Next = std::pair<Cost, std::size_t>;
  const CollectionSchema& schema_;
  const TableGuess& guess_;
  Blocks blocks_;
  std::vector<std::pair<Table, std::size_t>> tables_;  ///< and how many fields have nulls in it
  std::vector<Step> steps_;
  std::priority_queue<Next, std::vector<Next>, std::greater<>> next_;
};

/// Of more fields the table must say how many have nulls: a search through all is too long.
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

GuessedTable GuessSections(const CollectionSchema& schema, const TableGuess& guess) {
  std::vector<std::size_t> possible;
  for (std::size_t valid = 0; valid <= NullableFields(schema); ++valid) {
    const std::uint64_t bytes = TableBytes(schema, guess.rows, valid);
    if (bytes > guess.tail.size()) break;
    const bool told = guess.table_at != 0 && guess.size - bytes == guess.table_at;
    if (told) possible.clear();
    if (told || schema.fields.size() <= kMostTried ||
        CountIs(guess.tail, bytes, 2 + schema.fields.size() + valid))
      possible.push_back(valid);
    if (told) break;
  }
  Search search(schema, guess);
  for (const std::size_t valid : possible) search.Start(valid);
  return search.Run();
}

}  // namespace zvec::inline v0
