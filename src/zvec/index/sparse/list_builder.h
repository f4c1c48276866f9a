// zvec/index/sparse/list_builder.h: inverted lists of one sparse column, and the file that holds them
// (docs/format/sparse.md). Threads: plain functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/io/file_system.h"
#include "zvec/index/hnsw/index_file.h"
#include "zvec/storage/index_entry.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0::sparse {

inline constexpr std::uint32_t kBlockRows = 64;

/// What one term has in one block of rows. As in the file.
struct Entry {
  std::uint32_t block = 0;
  std::uint32_t first = 0;  ///< of its postings; they end where those of the next entry begin
  float most = 0, least = 0;
};
static_assert(sizeof(Entry) == 16);  // docs/format/sparse.md

struct Lists {
  std::uint32_t rows = 0;
  std::vector<std::uint32_t> terms;        ///< ascending
  std::vector<std::uint32_t> first_entry;  ///< of each term
  std::vector<Entry> entries;              ///< of each term by ascending block
  std::vector<std::uint8_t> row;           ///< of each posting, within its block, ascending
  std::vector<float> value;                ///< of each posting
  std::vector<std::uint64_t> present;      ///< bit r: row r has a vector
};

/// nullopt: more entries than a file can number. kDataLoss: a damaged column.
Result<std::optional<Lists>> BuildLists(const SegmentView& view, std::size_t field);

/// Writes and syncs the file.
Result<IndexEntry> WriteLists(cocozvec::FileSystem& fs, const std::string& path, std::uint64_t number,
                              const hnsw::GraphPlace& place, const Lists& lists);

}  // namespace zvec::inline v0::sparse
