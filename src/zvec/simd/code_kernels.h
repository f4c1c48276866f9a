// zvec/simd/code_kernels.h: distances between 7-bit codes, which the graph of an index walks on. Integers, so
// every CPU level gives the same numbers. Threads: tables are constant; any function may run anywhere.
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

/// out[i] = sum of (query[k] - code_i[k])^2, elements 0 .. 127; exact up to 133,000 of them, then rounded to
/// float. Codes are asked for some way ahead of their turn.
using CodeBatch = void (*)(const std::uint8_t* query, const CodeRows& rows, float* out);

struct CodeKernels {
  const char* name;  ///< scalar, avx2, avx512, avx512vnni
  CodeBatch squared_l2;
  /// The same for codes that lie in the nearest cache already.
  CodeBatch squared_l2_near;
};

/// All that this CPU can run, from plain to best; "scalar" is always there.
std::span<const CodeKernels* const> SupportedCodeKernels();

/// The best that the environment variable COCOZVEC_SIMD allows: "avx512" allows both avx512 and avx512vnni.
const CodeKernels& ActiveCodeKernels();

/// What ActiveCodeKernels does, for tests.
const CodeKernels& ChooseCodeKernels(std::span<const CodeKernels* const> supported, std::string_view wanted);

}  // namespace zvec::inline v0::simd
