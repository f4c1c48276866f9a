// zvec/storage/segment_format.h: the section table of a sealed segment's file. docs/format/segment.md
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "zvec/schema.h"

namespace zvec::inline v0 {

enum class SectionKind : std::uint8_t {
  kIds = 1,       ///< variable-width column of the ids
  kFixed = 2,     ///< fixed-width cells of one field, nulls as zeros
  kVariable = 3,  ///< variable-width cells of one field
  kValid = 4,     ///< bit r: row r has a value; absent: every row has
  kIdTable = 5,   ///< id_table.h
};

/// A section is cut into blocks, each with a checksum: of equal size (the last may be shorter), or, for kIds
/// and kVariable, one for every kChunkRows rows, ending at `block_ends`.
struct Section {
  SectionKind kind = SectionKind::kIds;
  std::uint32_t field = 0;  ///< index in the schema; 0 for kIds and kIdTable
  std::uint64_t offset = 0, size = 0;
  std::uint64_t block_bytes = 0;          ///< 0: block_ends holds the ends
  std::vector<std::uint64_t> block_ends;  ///< relative to the section
  std::vector<std::uint64_t>
      checksums;  ///< ChecksumAt(block, segment number, offset in the file, collection)

  std::size_t block_count() const noexcept { return checksums.size(); }
  std::uint64_t BlockBegin(std::size_t block) const noexcept {
    if (block_bytes != 0) return block * block_bytes;
    return block == 0 ? 0 : block_ends[block - 1];
  }
  std::uint64_t BlockEnd(std::size_t block) const noexcept {
    if (block_bytes == 0) return block_ends[block];
    return block + 1 == checksums.size() ? size : (block + 1) * block_bytes;
  }
};

inline constexpr std::uint64_t kIdTableBlockBytes = 16 << 10;
inline constexpr std::uint64_t kValidChunkBytes = 128;  ///< of one chunk: kChunkRows bits
inline constexpr std::uint64_t kValidBlockBytes = 128 * 128;
inline constexpr std::uint64_t kVectorAlignment = 64;

std::string EncodeSections(const std::vector<Section>& sections);

/// Checks everything about the sections that does not need their bytes: that each lies in [64, end), is
/// aligned, is as long as `rows` rows of its field need, has its blocks, and that every field is there once.
/// kDataLoss.
Result<std::vector<Section>> DecodeSections(std::string_view table, const CollectionSchema& schema,
                                            std::uint64_t rows, std::uint64_t end, const std::string& path);

}  // namespace zvec::inline v0
