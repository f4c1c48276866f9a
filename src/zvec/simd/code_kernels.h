// zvec/simd/code_kernels.h: distances between codes, which the graph of an index walks on: of 7, 8 and 4 bits
// an element, and halves; and what else a query spends its time with: reading links, sorting candidates in,
// the rotation of its own code.
// Every CPU level gives the same numbers: integers are exact, floating sums have the order of kernels.h.
// Threads: tables are constant; any function may run anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace zvec::inline v0::simd {

inline constexpr std::size_t kCodeBlock = 64;  ///< a code is a whole number of cache lines

/// The codes `index[0] .. index[count - 1]` of an array of codes, `bytes` (a multiple of kCodeBlock) each.
struct CodeRows {
  const std::uint8_t* first = nullptr;
  std::size_t bytes = 0;
  const std::uint32_t* index = nullptr;
  std::size_t count = 0;
  std::size_t asked = 0;   ///< so many of the first were asked for before (squared_l2)
  std::size_t stride = 0;  ///< from one code to the next, of which the first `bytes` are taken; 0: `bytes`
  std::size_t step() const noexcept { return stride != 0 ? stride : bytes; }
};

/// out[i] = sum of (query[k] - code_i[k])^2. The query is a code of the same kind (but for bits4fine). Sums
/// of integers are exact in 32 bits up to kMaxDimension, then rounded to float.
using CodeBatch = void (*)(const std::uint8_t* query, const CodeRows& rows, float* out);

/// Of one kind of code.
struct CodeDistances {
  CodeBatch squared_l2;  ///< codes are asked for some way ahead of their turn
  /// The same for codes that lie in the nearest cache already.
  CodeBatch squared_l2_near;
};

/// A row of links, UINT32_MAX after the last, and the codes that they lead to.
struct LinkRow {
  const std::uint32_t* links = nullptr;
  std::uint32_t width = 0, known = 0;  ///< links at or past `known` are not followed
  const std::uint8_t* codes = nullptr;
  std::size_t code_bytes = 0;
  std::size_t early = 0;      ///< the codes of out[0] .. out[early - 1] are asked for
  std::size_t ask_bytes = 0;  ///< of each of these, the first; 0: all
};

/// Appends to out[count ...] the links whose bit in `seen` is not set, and sets it; returns the new count.
/// One more entry of `out` than that may be written. Links are read with acquire: others may write them.
using TakeUnseen = std::size_t (*)(const LinkRow& row, std::uint64_t* seen, std::uint32_t* out,
                                   std::size_t count);

inline constexpr std::size_t kListPad = 16;

/// Candidates, nearest first. Before both arrays lie kListPad entries that may be read; the distances there
/// are -infinity.
struct SortedList {
  float* distances = nullptr;
  std::uint32_t* nodes = nullptr;
  std::uint32_t size = 0, capacity = 0;
  std::uint32_t first = 0;  ///< lowered to the place of what comes in before it
  /// Rows of links, by node. Those of what is nearer than `soon` are asked for before anything is sorted in.
  const std::uint32_t* rows = nullptr;
  std::uint32_t row_width = 0;
  float soon = 0;
};

/// Sorts in, one after the other, those of `count` candidates that are nearer than `limit`, and than the last
/// of a full list, which goes. Equal ones come after those that are there.
using SortIn = void (*)(SortedList& list, const std::uint32_t* nodes, const float* distances,
                        std::size_t count, float limit);

/// A rotation in rounds: signs (`count` for each round), then a Hadamard transform of `part` (a power of two)
/// elements, butterflies of neighbours first, and these times `scale`: of the first elements in the first
/// round, of the last ones in the second, and so on.
struct Rotation {
  const float* mean = nullptr;  ///< `count` elements
  const float* signs = nullptr;
  std::size_t count = 0, part = 0, rounds = 0;
  float scale = 1;
};
/// out = the rotation of factor * vector - mean. Elements are summed in the same order on every level.
using Rotate = void (*)(const Rotation& rotation, const float* vector, float factor, float* out);

/// bits4fine: 8 times the element counts. Two bytes of query for one of a code: for each 64 bytes of codes
/// the 64 elements in the low halves, then those in the high ones.
inline constexpr int kFineSteps = 8;                    ///< of a query's element between two levels of a code
inline constexpr int kLeastFine = -7, kMostFine = 127;  ///< a query's element: a signed byte

/// What becomes the code of a query of bits4fine: of each of `count` elements, rounded down, factor * element
/// + middle, at least kLeastFine.
struct FineElements {
  const float* first = nullptr;
  std::size_t count = 0;
  float factor = 0, middle = 0;  ///< `middle`: more by -kLeastFine
  float half = 0;
  std::size_t bytes = 0;  ///< of the code; behind the elements it has zeroes
};
/// Returns the sum of the squares of what lies beyond `half` on either side: element i goes to lane i % 16,
/// the lanes are added in their order. NaN where an element is one.
using FineQuery = double (*)(const FineElements& elements, std::uint8_t* code);

struct CodeKernels {
  const char* name;         ///< scalar, avx2, avx512, avx512vnni, neon, neondot
  CodeDistances bits7;      ///< a byte an element, 0 .. 127
  CodeDistances bits8;      ///< a byte an element, 0 .. 255
  CodeDistances bits4;      ///< two elements a byte, 0 .. 15 each
  CodeDistances bits4fine;  ///< as bits4, of a query with finer steps
  CodeDistances halves;     ///< binary16, finite; element i goes to lane i % 16
  TakeUnseen take_unseen;
  SortIn sort_in;
  Rotate rotate;
  FineQuery fine_query;
};

/// All that this CPU can run, from plain to best; "scalar" is always there.
std::span<const CodeKernels* const> SupportedCodeKernels();

/// The best whose name begins as the environment variable COCOZVEC_SIMD: "avx512" allows avx512vnni, too.
const CodeKernels& ActiveCodeKernels();

/// What ActiveCodeKernels does, for tests.
const CodeKernels& ChooseCodeKernels(std::span<const CodeKernels* const> supported, std::string_view wanted);

}  // namespace zvec::inline v0::simd
