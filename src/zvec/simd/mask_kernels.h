// zvec/simd/mask_kernels.h: which of many fixed-width cells lie in a range, a bit for each: what a filter
// asks of a column. Every CPU level gives the same bits. Threads: tables are constant; any function may run
// anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace zvec::inline v0::simd {

/// Writes (count + 63) / 64 words: bit r says whether cell r lies in [lower, upper]; bits from `count` on are
/// 0. No alignment of `cells` is needed; exactly `count` of them are read. NaN lies in no range.
template <class T>
using RangeMask = void (*)(const std::byte* cells, std::size_t count, T lower, T upper, std::uint64_t* out);

struct MaskKernels {
  const char* name;                 ///< scalar, avx2, avx512, neon
  RangeMask<std::uint8_t> bits8;    ///< lower <= upper
  RangeMask<std::uint32_t> bits32;  ///< modulo 2^32, so for signed cells too: cell - lower <= upper - lower
  RangeMask<std::uint64_t> bits64;  ///< the same modulo 2^64
  RangeMask<float> fp32;
  RangeMask<double> fp64;
  std::uint64_t (*count)(const std::uint64_t* words, std::size_t words_count);  ///< of set bits
};

/// All that this CPU can run, from plain to best; "scalar" is always there.
std::span<const MaskKernels* const> SupportedMaskKernels();

/// The best that the environment variable COCOZVEC_SIMD allows.
const MaskKernels& ActiveMaskKernels();

/// What ActiveMaskKernels does, for tests.
const MaskKernels& ChooseMaskKernels(std::span<const MaskKernels* const> supported, std::string_view wanted);

}  // namespace zvec::inline v0::simd
