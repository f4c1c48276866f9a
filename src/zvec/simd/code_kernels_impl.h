// The kernels of code_kernels.h, written once. Included by one file per CPU level, which has defined Bits7,
// Bits8, Bits4 and Halves in its anonymous namespace before and compiles with that level's flags;
// kernels_impl.h says what may stand here.
//
// Each: kStep (bytes a step, which divide kCodeBlock), Vec, Sum (lanes), Zero, Load, AddSquare(sum, query,
//       code), Four(a, b, c, d, out): the totals of four sums as floats, One(sum).
#pragma once

#include "zvec/simd/code_kernels.h"

namespace {

using zvec::simd::CodeDistances;
using zvec::simd::CodeKernels;
using zvec::simd::CodeRows;

// Lines in flight: a core has about two dozen; codes beyond that many lines are asked for later.
constexpr std::size_t kLinesAhead = 32;

inline __attribute__((always_inline)) void PrefetchCode(const std::uint8_t* code, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += zvec::simd::kCodeBlock) __builtin_prefetch(code + at);
}

template <class C>
inline __attribute__((always_inline)) void FourCodes(const std::uint8_t* query, const CodeRows& rows,
                                                     std::size_t r, float* out) {
  const std::uint8_t* a = rows.first + rows.index[r] * rows.bytes;
  const std::uint8_t* b = rows.first + rows.index[r + 1] * rows.bytes;
  const std::uint8_t* c = rows.first + rows.index[r + 2] * rows.bytes;
  const std::uint8_t* d = rows.first + rows.index[r + 3] * rows.bytes;
  typename C::Sum sa = C::Zero(), sb = C::Zero(), sc = C::Zero(), sd = C::Zero();
  for (std::size_t i = 0; i < rows.bytes; i += C::kStep) {
    const typename C::Vec q = C::Load(query + i);
    sa = C::AddSquare(sa, q, C::Load(a + i));
    sb = C::AddSquare(sb, q, C::Load(b + i));
    sc = C::AddSquare(sc, q, C::Load(c + i));
    sd = C::AddSquare(sd, q, C::Load(d + i));
  }
  C::Four(sa, sb, sc, sd, out + r);
}

template <class C>
inline __attribute__((always_inline)) void OneCode(const std::uint8_t* query, const CodeRows& rows,
                                                   std::size_t r, float* out) {
  const std::uint8_t* a = rows.first + rows.index[r] * rows.bytes;
  typename C::Sum sum = C::Zero();
  for (std::size_t i = 0; i < rows.bytes; i += C::kStep)
    sum = C::AddSquare(sum, C::Load(query + i), C::Load(a + i));
  out[r] = static_cast<float>(C::One(sum));
}

template <class C>
void CodesNear(const std::uint8_t* query, const CodeRows& rows, float* out) {
  std::size_t r = 0;
  for (; r + 4 <= rows.count; r += 4) FourCodes<C>(query, rows, r, out);
  for (; r < rows.count; ++r) OneCode<C>(query, rows, r, out);
}

template <class C>
void CodesAhead(const std::uint8_t* query, const CodeRows& rows, float* out) {
  const std::size_t lines = rows.bytes / zvec::simd::kCodeBlock;
  const std::size_t ahead = lines >= kLinesAhead / 4 ? 4 : (kLinesAhead / lines + 3) / 4 * 4;
  for (std::size_t r = 0; r < ahead && r < rows.count; ++r)
    PrefetchCode(rows.first + rows.index[r] * rows.bytes, rows.bytes);
  std::size_t r = 0;
  for (; r + 4 <= rows.count; r += 4) {
    for (std::size_t p = r + ahead; p < r + ahead + 4 && p < rows.count; ++p)
      PrefetchCode(rows.first + rows.index[p] * rows.bytes, rows.bytes);
    FourCodes<C>(query, rows, r, out);
  }
  for (; r < rows.count; ++r) OneCode<C>(query, rows, r, out);
}

template <class C>
constexpr CodeDistances MakeDistances() {
  return {&CodesAhead<C>, &CodesNear<C>};
}

constexpr CodeKernels MakeCodeKernels(const char* name) {
  return {name, MakeDistances<Bits7>(), MakeDistances<Bits8>(), MakeDistances<Bits4>(),
          MakeDistances<Halves>()};
}

}  // namespace
