// zvec/storage/index_entry.h: what the manifest says about the file of a vector index.
#pragma once

#include <cstdint>

namespace zvec::inline v0 {

struct IndexEntry {
  std::uint64_t field = 0;   ///< place in the schema
  std::uint64_t number = 0;  ///< of the file; 0: there is none, a graph would have answered badly
  std::uint64_t size_bytes = 0;
  std::uint64_t nodes = 0;            ///< rows of its segment
  std::uint64_t header_checksum = 0;  ///< covers the section table, which covers every block
  bool refused() const noexcept { return number == 0; }
  bool operator==(const IndexEntry&) const = default;
};

}  // namespace zvec::inline v0
