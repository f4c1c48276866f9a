// zvec/simd/kernels.h: distances between one query and many rows. One table per CPU level; the best is chosen
// once. Scores do not depend on the level: integer sums are exact, and floating sums have one order
// everywhere: element i goes to lane i % 16 by a rounded multiplication and a rounded addition (no fused
// ones), and the lanes are added as (i, i + 8), (i, i + 4), (i, i + 2), (0, 1). Threads: tables are constant;
// any function may run anywhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace zvec::inline v0::simd {

/// `count` rows of `dim` elements, their first bytes `stride` bytes apart; with `index`, those of them that
/// it names. No alignment is needed; exactly `dim` elements of each row are read.
struct Rows {
  const std::byte* first = nullptr;
  std::size_t stride = 0;
  std::size_t count = 0;
  std::size_t dim = 0;
  const std::uint32_t* index = nullptr;  ///< `count` numbers of rows; null: 0, 1, 2, ...
};

/// One number per row.
using Batch = void (*)(const void* query, const Rows& rows, float* out);
/// For cosine: the inner product and the row's squared norm.
using TwoSumBatch = void (*)(const void* query, const Rows& rows, float* products, float* squared_norms);

/// Of one element type. Sums of int8 are exact in 32 bits up to kMaxDimension and rounded once to float.
struct TypeKernels {
  Batch squared_l2;
  Batch inner_product;
  TwoSumBatch product_and_norm;
};

struct Kernels {
  const char* name;  ///< scalar, avx2, avx512, neon
  TypeKernels fp32;  ///< query and rows: float
  TypeKernels fp16;  ///< query: float (widened once by the caller), rows: binary16 bits
  TypeKernels int8;  ///< query and rows: int8
};

/// All that this CPU can run, from plain to best; "scalar" is always there.
std::span<const Kernels* const> SupportedKernels();

/// The best of them, or the one that the environment variable COCOZVEC_SIMD names (their `name`);
/// read once. A name that this CPU cannot run is logged and ignored.
const Kernels& ActiveKernels();

/// The table that `wanted` names, or the best of `supported`: what ActiveKernels does, for tests.
const Kernels& ChooseKernels(std::span<const Kernels* const> supported, std::string_view wanted);

}  // namespace zvec::inline v0::simd
