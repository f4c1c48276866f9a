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

template <class E, class Op>
ZVEC_SIMD_INLINE void OneRow(const typename E::Query* q, const std::byte* row, std::size_t dim, std::size_t r,
                             float* const* out) {
  typename E::Acc acc[Op::kSums];
  for (int s = 0; s < Op::kSums; ++s) acc[s] = E::Zero();
  std::size_t i = 0;
  for (; i + E::kStep <= dim; i += E::kStep) {
    Op::template Step<E>(acc, E::LoadQuery(q + i), E::LoadRow(row + i * E::kRowElement));
  }
  if (const std::size_t left = dim - i; left != 0) {
    Op::template Step<E>(acc, E::LoadQueryTail(q + i, left), E::LoadRowTail(row + i * E::kRowElement, left));
  }
  for (int s = 0; s < Op::kSums; ++s) out[s][r] = E::Sum(acc[s]);
}

ZVEC_SIMD_INLINE void PrefetchRow(const std::byte* row, std::size_t bytes) {
  constexpr std::size_t kLine = 64, kMost = 1024;  // behind that the processor has noticed the stream
  for (std::size_t at = 0; at < bytes && at < kMost; at += kLine) __builtin_prefetch(row + at);
}

// Scattered rows: memory is asked for them some rows ahead.
template <class E, class Op>
void RunScattered(const typename E::Query* q, const Rows& rows, float* const* out) {
  constexpr std::size_t kBytesAhead = 4096;
  const std::size_t bytes = rows.dim * E::kRowElement;
  const std::size_t ahead = bytes >= kBytesAhead ? 1 : kBytesAhead / bytes;
  for (std::size_t r = 0; r < ahead && r < rows.count; ++r)
    PrefetchRow(rows.first + rows.index[r] * rows.stride, bytes);
  for (std::size_t r = 0; r < rows.count; ++r) {
    if (r + ahead < rows.count) PrefetchRow(rows.first + rows.index[r + ahead] * rows.stride, bytes);
    OneRow<E, Op>(q, rows.first + rows.index[r] * rows.stride, rows.dim, r, out);
  }
}

// One row after the other: the processor overlaps the sums of neighbours by itself, and memory is read in one
// stream, which is faster from caches and a third faster from memory than four rows side by side
// (bench/database).
template <class E, class Op>
void Run(const void* query, const Rows& rows, float* const* out) {
  const auto* q = static_cast<const typename E::Query*>(query);
  if (rows.index) return RunScattered<E, Op>(q, rows, out);
  const std::byte* row = rows.first;
  for (std::size_t r = 0; r < rows.count; ++r, row += rows.stride) OneRow<E, Op>(q, row, rows.dim, r, out);
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
