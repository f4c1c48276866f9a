// zvec/upkeep/table_guess.h: the section table of a sealed segment whose bytes are damaged. The writer lays
// sections out in one way, so only three things have to come from the file: which fields have nulls, where
// the blocks of variable cells end, and the checksums. What is right is what most checksums agree with: bytes
// that merely look like an entry count only where checksums say nothing. Threads: plain functions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <vector>

#include "zvec/schema.h"
#include "zvec/storage/segment_format.h"

namespace zvec::inline v0 {

struct TableGuess {
  std::string_view tail;   ///< the last bytes of the file, as many as LargestTable says or all there are
  std::uint64_t size = 0;  ///< of the file
  std::uint64_t rows = 0;
  std::uint64_t table_at = 0;  ///< where a whole header says that the table begins; 0: nobody says it
  /// Of these bytes of the file; nothing when they cannot be read.
  std::function<std::optional<std::uint64_t>(std::uint64_t offset, std::uint64_t size)> checksum;
  /// The u32 at this place of the file; UINT32_MAX when it cannot be read.
  std::function<std::uint32_t(std::uint64_t offset)> word;
  /// Ways to read the table that are followed, and blocks that are looked at for it, before the best so far
  /// is taken: with more, too little is left to tell one way from the others.
  std::uint64_t most_steps = 50'000, most_looks = 50'000'000;
};

struct GuessedTable {
  std::vector<Section> sections;  ///< empty: the file cannot hold such a table, or too little of it is left
  bool certain = true;            ///< false: the search was ended, and another reading may agree with more
};

/// Bytes of the table when every nullable field has nulls.
std::uint64_t LargestTable(const CollectionSchema& schema, std::uint64_t rows);

GuessedTable GuessSections(const CollectionSchema& schema, const TableGuess& guess);

}  // namespace zvec::inline v0
