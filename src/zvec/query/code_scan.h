// zvec/query/code_scan.h: a scan's look at codes (storage/coded_chunk.h) before vectors: rows that are too
// far for certain are not scored. Threads: one query's own.
#pragma once

#include <cstdint>
#include <vector>

#include "zvec/query/chunk_rows.h"
#include "zvec/query/query_vector.h"
#include "zvec/storage/coded_chunk.h"

namespace zvec::inline v0 {

class CodeScan {
 public:
  /// Borrowed.
  explicit CodeScan(const QueryVector& vector);

  /// False: codes say nothing about this query's scores.
  bool usable() const noexcept { return usable_; }
  bool directions() const noexcept { return vector_.metric() == MetricType::kCosine; }

  /// The numbers of those of `rows` that may score `limit` or nearer, ascending, into `out` (room for
  /// kChunkRows); returns how many. All rows must be of groups that `ready` has and not apart. Adds to
  /// `measured`.
  std::uint32_t Near(const CodedChunk::Codes& codes, std::uint32_t ready, const ChunkRows& rows, float limit,
                     std::uint32_t* out, std::uint64_t* measured);

 private:
  double MostLevels(const CodedChunk::Codes& codes, float error, float limit,
                    const CodedChunk::Codes::Off& query) const noexcept;

  const QueryVector& vector_;
  const bool usable_;
  std::vector<std::uint8_t> first_, rest_;  ///< planes of the query's code
};

}  // namespace zvec::inline v0
