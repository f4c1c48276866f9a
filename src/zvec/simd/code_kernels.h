// zvec/simd/code_kernels.h: distances between codes, which the graph of an index walks on: of 7, 8 and 4 bits
// an element, and halves. Every CPU level gives the same numbers: integers are exact, floating sums have the
// order of kernels.h. Threads: tables are constant; any function may run anywhere.
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
};

/// out[i] = sum of (query[k] - code_i[k])^2. The query is a code of the same kind. Sums of integers are exact
/// in 32 bits up to kMaxDimension, then rounded to float.
using CodeBatch = void (*)(const std::uint8_t* query, const CodeRows& rows, float* out);

/// Of one kind of code.
struct CodeDistances {
  CodeBatch squared_l2;  ///< codes are asked for some way ahead of their turn
  /// The same for codes that lie in the nearest cache already.
  CodeBatch squared_l2_near;
};

struct CodeKernels {
  const char* name;      ///< scalar, avx2, avx512, avx512vnni
  CodeDistances bits7;   ///< a byte an element, 0 .. 127
  CodeDistances bits8;   ///< a byte an element, 0 .. 255
  CodeDistances bits4;   ///< two elements a byte, 0 .. 15 each
  CodeDistances halves;  ///< binary16, finite; element i goes to lane i % 16
};

/// All that this CPU can run, from plain to best; "scalar" is always there.
std::span<const CodeKernels* const> SupportedCodeKernels();

/// The best that the environment variable COCOZVEC_SIMD allows: "avx512" allows both avx512 and avx512vnni.
const CodeKernels& ActiveCodeKernels();

/// What ActiveCodeKernels does, for tests.
const CodeKernels& ChooseCodeKernels(std::span<const CodeKernels* const> supported, std::string_view wanted);

}  // namespace zvec::inline v0::simd
