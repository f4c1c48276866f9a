// zvec/index/sparse/lists.h: the rows of one segment with the largest inner products with a sparse vector,
// from inverted lists in a mapped file. Exact: scores are those of a scan, bit for bit.
// Source   Ding & Suel 2011, block-max indexes; blocks of rows are ranked by their bounds, the most promising
//          first, then all others in order as far as they can still matter.
// Threads: any number of searches at once.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/io/file_system.h"
#include "zvec/index/hnsw/graph.h"
#include "zvec/index/hnsw/index_file.h"
#include "zvec/storage/index_entry.h"

namespace zvec::inline v0::sparse {

inline constexpr index::SectionFormat kListsFile{kSparseMagic, 7};

/// Sparse fields with any index but FLAT: lists are the only kind, and exact.
inline bool WantsLists(const FieldSchema& field) noexcept {
  return IsSparseVector(field.type) && field.index && field.index->type != IndexType::kFlat;
}

/// Where a search puts what it finds.
class Hits {
 public:
  virtual ~Hits() = default;
  /// Rows with a smaller score are not wanted (any more). -infinity: all are.
  virtual float Least() const noexcept = 0;
  virtual void Offer(std::uint32_t row, float score) = 0;
};

struct SearchCounts {
  std::uint64_t blocks = 0;    ///< of rows, that were scored
  std::uint64_t rows = 0;      ///< scored
  std::uint64_t postings = 0;  ///< read
};

class Searcher {
 public:
  virtual ~Searcher() = default;
  /// What a search of these terms may have to read, against that of scoring `matches` rows one by one.
  /// kDataLoss, kIoError
  virtual Result<bool> ScanIsCheaper(std::span<const std::uint32_t> terms, std::uint64_t matches) const = 0;
  /// Offers every row of `mask` (bit r: row r; as many words as blocks) that has a vector and whose score is
  /// at least hits.Least(), and some others. `terms`: ascending, with their weights. kDataLoss, kIoError
  virtual Status Find(std::span<const std::uint32_t> terms, std::span<const float> weights,
                      const std::uint64_t* mask, Hits& hits, SearchCounts* counts) const = 0;
  /// Of `mask`, the rows that have a vector, word by word. kDataLoss, kIoError
  virtual Status MaskPresent(std::span<std::uint64_t> mask) const = 0;
};

/// Checks header, section table and what they say about the lists; blocks are checked when a search first
/// touches them. The result's lists() is the searcher.
/// Errors   kNotFound, kIoError, kDataLoss, kUnimplemented (a newer version).
Result<std::shared_ptr<const hnsw::Graph>> OpenLists(cocozvec::FileSystem& fs, const std::string& path,
                                                     const IndexEntry& expected,
                                                     const hnsw::GraphPlace& place, bool map);

}  // namespace zvec::inline v0::sparse
