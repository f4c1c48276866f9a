// The kernels, written once. Included by one file per CPU level, which has defined a `V` in its anonymous
// namespace before and compiles with that level's flags: nothing here may have external linkage, or the
// linker could give code for a newer CPU to an older one. For the same reason no header but the bare ones is
// included.
//
// V: F (16 floats), Zero, Load, LoadTail, LoadHalf, LoadHalfTail, Sub, MulAdd, Sum;
//    I (32 int16), A (their int32 sums), ZeroA, LoadInt8, LoadInt8Tail, SubI, MulAddI, SumA.
#pragma once

#include "zvec/simd/kernels.h"

#define ZVEC_SIMD_INLINE inline __attribute__((always_inline))

namespace {

using zvec::simd::Kernels;
using zvec::simd::Rows;

struct Fp32 {
  using Query = float;
  using Vec = V::F;
  using Acc = V::F;
  static constexpr std::size_t kStep = 16, kRowElement = 4;
  static ZVEC_SIMD_INLINE Acc Zero() { return V::Zero(); }
  static ZVEC_SIMD_INLINE Vec LoadQuery(const Query* q) { return V::Load(q); }
  static ZVEC_SIMD_INLINE Vec LoadQueryTail(const Query* q, std::size_t n) { return V::LoadTail(q, n); }
  static ZVEC_SIMD_INLINE Vec LoadRow(const std::byte* r) { return V::Load(r); }
  static ZVEC_SIMD_INLINE Vec LoadRowTail(const std::byte* r, std::size_t n) { return V::LoadTail(r, n); }
  static ZVEC_SIMD_INLINE Vec Sub(Vec a, Vec b) { return V::Sub(a, b); }
  static ZVEC_SIMD_INLINE Acc MulAdd(Acc acc, Vec a, Vec b) { return V::MulAdd(acc, a, b); }
  static ZVEC_SIMD_INLINE float Sum(Acc acc) { return V::Sum(acc); }
};

struct Fp16 : Fp32 {
  static constexpr std::size_t kRowElement = 2;
  static ZVEC_SIMD_INLINE Vec LoadRow(const std::byte* r) { return V::LoadHalf(r); }
  static ZVEC_SIMD_INLINE Vec LoadRowTail(const std::byte* r, std::size_t n) { return V::LoadHalfTail(r, n); }
};

struct Int8 {
  using Query = signed char;
  using Vec = V::I;
  using Acc = V::A;
  static constexpr std::size_t kStep = 32, kRowElement = 1;
  static ZVEC_SIMD_INLINE Acc Zero() { return V::ZeroA(); }
  static ZVEC_SIMD_INLINE Vec LoadQuery(const Query* q) { return V::LoadInt8(q); }
  static ZVEC_SIMD_INLINE Vec LoadQueryTail(const Query* q, std::size_t n) { return V::LoadInt8Tail(q, n); }
  static ZVEC_SIMD_INLINE Vec LoadRow(const std::byte* r) { return V::LoadInt8(r); }
  static ZVEC_SIMD_INLINE Vec LoadRowTail(const std::byte* r, std::size_t n) { return V::LoadInt8Tail(r, n); }
  static ZVEC_SIMD_INLINE Vec Sub(Vec a, Vec b) { return V::SubI(a, b); }
  static ZVEC_SIMD_INLINE Acc MulAdd(Acc acc, Vec a, Vec b) { return V::MulAddI(acc, a, b); }
  static ZVEC_SIMD_INLINE float Sum(Acc acc) { return static_cast<float>(V::SumA(acc)); }
};

struct SquaredL2 {
  static constexpr int kSums = 1;
  template <class E>
  static ZVEC_SIMD_INLINE void Step(typename E::Acc* acc, typename E::Vec q, typename E::Vec x) {
    const typename E::Vec d = E::Sub(q, x);
    acc[0] = E::MulAdd(acc[0], d, d);
  }
};

struct InnerProduct {
  static constexpr int kSums = 1;
  template <class E>
  static ZVEC_SIMD_INLINE void Step(typename E::Acc* acc, typename E::Vec q, typename E::Vec x) {
    acc[0] = E::MulAdd(acc[0], q, x);
  }
};

struct ProductAndNorm {
  static constexpr int kSums = 2;
  template <class E>
  static ZVEC_SIMD_INLINE void Step(typename E::Acc* acc, typename E::Vec q, typename E::Vec x) {
    acc[0] = E::MulAdd(acc[0], q, x);
    acc[1] = E::MulAdd(acc[1], x, x);
  }
};

// `N` rows side by side: independent sums hide the latency of the additions, and the query is loaded once for
// all.
template <class E, class Op, int N>
ZVEC_SIMD_INLINE void Block(const typename E::Query* query, const Rows& rows, std::size_t first,
                            float* const* out) {
  const std::byte* row[N];
  typename E::Acc acc[N][Op::kSums];
  for (int r = 0; r < N; ++r) {
    row[r] = rows.first + (first + static_cast<std::size_t>(r)) * rows.stride;
    for (int s = 0; s < Op::kSums; ++s) acc[r][s] = E::Zero();
  }
  std::size_t i = 0;
  for (; i + E::kStep <= rows.dim; i += E::kStep) {
    const typename E::Vec q = E::LoadQuery(query + i);
    for (int r = 0; r < N; ++r) Op::template Step<E>(acc[r], q, E::LoadRow(row[r] + i * E::kRowElement));
  }
  if (const std::size_t left = rows.dim - i; left != 0) {
    const typename E::Vec q = E::LoadQueryTail(query + i, left);
    for (int r = 0; r < N; ++r)
      Op::template Step<E>(acc[r], q, E::LoadRowTail(row[r] + i * E::kRowElement, left));
  }
  for (int s = 0; s < Op::kSums; ++s) {
    for (int r = 0; r < N; ++r) out[s][first + static_cast<std::size_t>(r)] = E::Sum(acc[r][s]);
  }
}

template <class E, class Op>
void Run(const void* query, const Rows& rows, float* const* out) {
  constexpr int kBlock = 4;
  const auto* q = static_cast<const typename E::Query*>(query);
  std::size_t i = 0;
  for (; i + kBlock <= rows.count; i += kBlock) Block<E, Op, kBlock>(q, rows, i, out);
  for (; i < rows.count; ++i) Block<E, Op, 1>(q, rows, i, out);
}

template <class E, class Op>
void RunOne(const void* query, const Rows& rows, float* out) {
  float* const outs[] = {out};
  Run<E, Op>(query, rows, outs);
}

template <class E>
void RunTwo(const void* query, const Rows& rows, float* products, float* squared_norms) {
  float* const outs[] = {products, squared_norms};
  Run<E, ProductAndNorm>(query, rows, outs);
}

template <class E>
constexpr zvec::simd::TypeKernels MakeKernels() {
  return {&RunOne<E, SquaredL2>, &RunOne<E, InnerProduct>, &RunTwo<E>};
}

}  // namespace
