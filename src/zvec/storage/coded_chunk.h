// zvec/storage/coded_chunk.h: codes of 7 bits an element, a byte each, beside the FP32 vectors of a chunk
// that no graph has yet. A scan reads a quarter of the bytes, or an eighth, and knows of most rows for
// certain that they are too far. The scans make them, a few groups each, so writers pay nothing. Threads: any
// number of scans.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/array.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

class CodedChunk {
 public:
  static constexpr std::uint32_t kGroupRows = 64;
  /// Shorter vectors are read as quickly as their codes.
  static constexpr std::size_t kLeastDim = 64;

  /// A code of element x, of a vector of length 1 where `directions`, is y = (x - mean) * scale + 63.5,
  /// rounded: what is said in "levels" is in units of y. It lies in two planes, whole cache lines of a row in
  /// each, so that most rows are known by the first.
  struct Codes {
    std::size_t dim = 0, first_bytes = 0, rest_bytes = 0;  ///< rest_bytes 0: one plane
    bool directions = false;
    float scale = 0;
    std::vector<float> mean;
    cocozvec::Array<std::uint8_t> first, rest;
    /// Of groups that are ready. Bit r of word g: row 64 g + r is farther from its code than MostError().
    std::uint64_t apart[kChunkRows / kGroupRows] = {};
    /// How far, in levels, the code of a row of the group may be from it, if it is not apart.
    float errors[kChunkRows / kGroupRows] = {};

    float MostError() const noexcept;
    /// How far a vector is from its code, in squared levels: from the range of codes, and from there to the
    /// code, at a right angle. NaN where nobody knows.
    struct Off {
      float range = 0, rounding = 0;
    };
    /// Writes both planes of a vector.
    Off Encode(const float* vector, std::uint8_t* first_plane, std::uint8_t* rest_plane) const noexcept;
  };

  CodedChunk() = default;
  ~CodedChunk();
  CodedChunk(const CodedChunk&) = delete;
  CodedChunk& operator=(const CodedChunk&) = delete;

  static bool Suits(const FieldSchema& field) noexcept;

  /// Bit g: the codes of rows 64 g to 64 g + 63 are there.
  std::uint32_t ready() const noexcept { return ready_.load(std::memory_order_acquire); }
  /// Of memory that the codes take, from the first of them on.
  std::uint64_t bytes() const noexcept;
  /// Where ready() is not 0.
  const Codes& codes() const noexcept { return *codes_.load(std::memory_order_acquire); }
  /// Makes those of up to `most` of the `wanted` groups, of the chunk's FP32 vectors of `dim` elements, that
  /// `column` has whole and that nobody makes; returns of how many. Without memory it makes none.
  std::uint32_t Make(const ColumnChunk& column, std::size_t dim, bool directions, std::uint32_t wanted,
                     std::uint32_t most) const;

 private:
  Codes* Begin(const ColumnChunk& column, std::size_t dim, bool directions) const;

  mutable std::atomic<Codes*> codes_{nullptr};
  mutable std::atomic<std::uint32_t> claimed_{0}, ready_{0};
};

}  // namespace zvec::inline v0
