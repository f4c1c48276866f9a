// The kernels of code_kernels.h, written once. Included by one file per CPU level, which has defined Bits7,
// Bits8, Bits4, Bits4Fine, Halves, Butterflies and List in its anonymous namespace before and compiles with
// that level's flags; kernels_impl.h says what may stand here.
//
// List: SortIn, without asking for rows of links.
// Butterflies: kLanes, Vec, Load, Store, Add, Sub, Within(v): the steps between the lanes of one vector.
// Each: kStep (bytes a step, which divide kCodeBlock), Vec, Sum (lanes), Zero, Load,
//       LoadQuery(query, offset in codes), AddSquare(sum, query,
//       code), Four(a, b, c, d, out): the totals of four sums as floats, One(sum).
#pragma once

#include "zvec/simd/code_kernels.h"

namespace {

using zvec::simd::CodeDistances;
using zvec::simd::CodeKernels;
using zvec::simd::CodeRows;
using zvec::simd::LinkRow;
using zvec::simd::SortedList;

// Lines in flight: a core has about two dozen; codes beyond that many lines are asked for later.
constexpr std::size_t kLinesAhead = 32;

inline __attribute__((always_inline)) void PrefetchCode(const std::uint8_t* code, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += zvec::simd::kCodeBlock) __builtin_prefetch(code + at);
}

/// `kBytes`: of a code, 0: as `rows` say.
template <class C, std::size_t kBytes>
inline __attribute__((always_inline)) void FourCodes(const std::uint8_t* query, const CodeRows& rows,
                                                     const std::uint32_t* index, float* out) {
  const std::size_t bytes = kBytes != 0 ? kBytes : rows.bytes, step = kBytes != 0 ? kBytes : rows.step();
  const std::uint8_t* a = rows.first + index[0] * step;
  const std::uint8_t* b = rows.first + index[1] * step;
  const std::uint8_t* c = rows.first + index[2] * step;
  const std::uint8_t* d = rows.first + index[3] * step;
  typename C::Sum sa = C::Zero(), sb = C::Zero(), sc = C::Zero(), sd = C::Zero();
  for (std::size_t i = 0; i < bytes; i += C::kStep) {
    const auto q = C::LoadQuery(query, i);
    sa = C::AddSquare(sa, q, C::Load(a + i));
    sb = C::AddSquare(sb, q, C::Load(b + i));
    sc = C::AddSquare(sc, q, C::Load(c + i));
    sd = C::AddSquare(sd, q, C::Load(d + i));
  }
  C::Four(sa, sb, sc, sd, out);
}

template <class C>
inline __attribute__((always_inline)) void OneCode(const std::uint8_t* query, const CodeRows& rows,
                                                   std::size_t r, float* out) {
  const std::uint8_t* a = rows.first + rows.index[r] * rows.step();
  typename C::Sum sum = C::Zero();
  for (std::size_t i = 0; i < rows.bytes; i += C::kStep)
    sum = C::AddSquare(sum, C::LoadQuery(query, i), C::Load(a + i));
  out[r] = static_cast<float>(C::One(sum));
}

/// The last ones, fewer than four.
template <class C, std::size_t kBytes>
inline __attribute__((always_inline)) void RestOfCodes(const std::uint8_t* query, const CodeRows& rows,
                                                       std::size_t r, float* out) {
  const std::size_t left = rows.count - r;
  if (left == 0) return;
  if (left == 1) return OneCode<C>(query, rows, r, out);
  // One of them again costs less than each for itself.
  const std::uint32_t index[4] = {rows.index[r], rows.index[r + 1], rows.index[r + left - 1], rows.index[r]};
  float four[4];
  FourCodes<C, kBytes>(query, rows, index, four);
  for (std::size_t i = 0; i < left; ++i) out[r + i] = four[i];
}

template <class C, std::size_t kBytes>
inline __attribute__((always_inline)) void Near(const std::uint8_t* query, const CodeRows& rows, float* out) {
  std::size_t r = 0;
  for (; r + 4 <= rows.count; r += 4) FourCodes<C, kBytes>(query, rows, rows.index + r, out + r);
  RestOfCodes<C, kBytes>(query, rows, r, out);
}

template <class C, std::size_t kBytes>
inline __attribute__((always_inline)) void Ahead(const std::uint8_t* query, const CodeRows& rows,
                                                 float* out) {
  const std::size_t bytes = kBytes != 0 ? kBytes : rows.bytes, step = kBytes != 0 ? kBytes : rows.step();
  const std::size_t lines = bytes / zvec::simd::kCodeBlock;
  const std::size_t ahead = lines >= kLinesAhead / 4 ? 4 : (kLinesAhead / lines + 3) / 4 * 4;
  std::size_t next = rows.asked;  // to be asked for
  const auto ask = [&](std::size_t end) {
    for (end = end < rows.count ? end : rows.count; next < end; ++next)
      PrefetchCode(rows.first + rows.index[next] * step, bytes);
  };
  ask(ahead);
  std::size_t r = 0;
  for (; r + 4 <= rows.count; r += 4) {
    ask(r + ahead + 4);
    FourCodes<C, kBytes>(query, rows, rows.index + r, out + r);
  }
  RestOfCodes<C, kBytes>(query, rows, r, out);
}

// Two lines are what most collections have: without a loop over them.
template <class C>
void CodesNear(const std::uint8_t* query, const CodeRows& rows, float* out) {
  if (rows.bytes == 64 && rows.step() == 64) return Near<C, 64>(query, rows, out);  // of scans
  rows.bytes == 128 && rows.step() == 128 ? Near<C, 128>(query, rows, out) : Near<C, 0>(query, rows, out);
}

template <class C>
void CodesAhead(const std::uint8_t* query, const CodeRows& rows, float* out) {
  rows.bytes == 128 && rows.step() == 128 ? Ahead<C, 128>(query, rows, out) : Ahead<C, 0>(query, rows, out);
}

template <std::size_t kBytes>
inline __attribute__((always_inline)) std::size_t Unseen(const LinkRow& row, std::uint64_t* seen,
                                                         std::uint32_t* out, std::size_t count) {
  const std::size_t bytes = kBytes != 0 ? kBytes : row.code_bytes, early = row.early;
  const std::size_t ask = kBytes != 0 ? kBytes : row.ask_bytes != 0 ? row.ask_bytes : bytes;
  // Copies: after every acquiring load the compiler would read them again.
  const std::uint32_t *const links = row.links, width = row.width, known = row.known;
  const std::uint8_t* const codes = row.codes;
  for (std::uint32_t i = 0; i < width; ++i) {
    const std::uint32_t next = __atomic_load_n(links + i, __ATOMIC_ACQUIRE);
    if (next >= known) {
      if (next == UINT32_MAX) break;
      continue;
    }
    // Whether it was seen nobody can predict: no branch on it.
    out[count] = next;
    if (count < early) PrefetchCode(codes + next * bytes, ask);
    std::uint64_t& word = seen[next / 64];
    const std::uint64_t bit = std::uint64_t{1} << (next % 64), old = word;
    word = old | bit;
    count += (old & bit) == 0;
  }
  return count;
}

std::size_t TakeUnseenLinks(const LinkRow& row, std::uint64_t* seen, std::uint32_t* out, std::size_t count) {
  return row.code_bytes == 128 && row.ask_bytes == 0 ? Unseen<128>(row, seen, out, count)
                                                     : Unseen<0>(row, seen, out, count);
}

void SortInList(SortedList& list, const std::uint32_t* nodes, const float* distances, std::size_t count,
                float limit) {
  constexpr std::uint32_t kLinksOfLine = zvec::simd::kCodeBlock / 4;
  for (std::size_t i = 0; list.rows != nullptr && i < count; ++i) {
    if (!(distances[i] < list.soon)) continue;
    const std::uint32_t* row = list.rows + std::size_t{nodes[i]} * list.row_width;
    for (std::uint32_t at = 0; at < list.row_width; at += kLinksOfLine) __builtin_prefetch(row + at);
  }
  List::SortIn(list, nodes, distances, count, limit);
}

/// What is h elements apart; two such steps at a time where both are left.
template <class B>
inline std::size_t FarButterflies(float* x, std::size_t count, std::size_t h) {
  for (; 4 * h <= count; h *= 4) {
    for (std::size_t i = 0; i < count; i += 4 * h) {
      for (std::size_t j = i; j < i + h; j += B::kLanes) {
        const auto a = B::Load(x + j), b = B::Load(x + j + h);
        const auto c = B::Load(x + j + 2 * h), d = B::Load(x + j + 3 * h);
        const auto ab = B::Add(a, b), a_b = B::Sub(a, b), cd = B::Add(c, d), c_d = B::Sub(c, d);
        B::Store(x + j, B::Add(ab, cd));
        B::Store(x + j + h, B::Add(a_b, c_d));
        B::Store(x + j + 2 * h, B::Sub(ab, cd));
        B::Store(x + j + 3 * h, B::Sub(a_b, c_d));
      }
    }
  }
  for (; h < count; h *= 2) {
    for (std::size_t i = 0; i < count; i += 2 * h) {
      for (std::size_t j = i; j < i + h; j += B::kLanes) {
        const auto a = B::Load(x + j), b = B::Load(x + j + h);
        B::Store(x + j, B::Add(a, b));
        B::Store(x + j + h, B::Sub(a, b));
      }
    }
  }
  return h;
}

struct OneElement {
  static constexpr std::size_t kLanes = 1;
  static float Load(const float* p) { return *p; }
  static void Store(float* p, float v) { *p = v; }
  static float Add(float a, float b) { return a + b; }
  static float Sub(float a, float b) { return a - b; }
};

inline void HadamardSteps(float* x, std::size_t count) {
  using B = Butterflies;
  std::size_t h = 1;
  if (count >= B::kLanes) {
    for (std::size_t i = 0; i < count; i += B::kLanes) B::Store(x + i, B::Within(B::Load(x + i)));
    h = FarButterflies<B>(x, count, B::kLanes);
  }
  FarButterflies<OneElement>(x, count, h);
}

void RotateElements(const zvec::simd::Rotation& r, const float* vector, float factor, float* out) {
  const std::size_t count = r.count, part = r.part;
  const float *mean = r.mean, scale = r.scale;
  for (std::size_t i = 0; i < count; ++i) out[i] = vector[i] * factor - mean[i];
  for (std::size_t round = 0; round < r.rounds; ++round) {
    const float* signs = r.signs + round * count;
    for (std::size_t i = 0; i < count; ++i) out[i] *= signs[i];
    float* x = round % 2 == 0 ? out : out + (count - part);
    HadamardSteps(x, part);
    for (std::size_t i = 0; i < part; ++i) x[i] *= scale;
  }
}

constexpr std::size_t kFineBlock = 2 * zvec::simd::kCodeBlock;

/// Of `count` elements, at most kFineBlock; the lanes take what lies beyond.
inline __attribute__((always_inline)) void FineBlock(const zvec::simd::FineElements& e, const float* x,
                                                     std::size_t count, float* lanes, std::uint8_t* code) {
  constexpr float kMost = zvec::simd::kMostFine - zvec::simd::kLeastFine;
  const float factor = e.factor, middle = e.middle, half = e.half;
  std::uint8_t levels[kFineBlock];
  for (std::size_t i = 0; i < count; ++i) {
    float level = x[i] * factor + middle;
    level = level > 0 ? level : 0;  // a NaN, too
    level = level < kMost ? level : kMost;
    levels[i] = static_cast<std::uint8_t>(static_cast<int>(level) + zvec::simd::kLeastFine);
  }
  for (std::size_t i = count; i < kFineBlock; ++i) levels[i] = 0;
  for (std::size_t j = 0; j < kFineBlock / 2; ++j) {
    code[j] = levels[2 * j];
    code[j + kFineBlock / 2] = levels[2 * j + 1];
  }
  const auto add = [&](std::size_t i, std::size_t lane) {
    const float beyond = __builtin_fabsf(x[i]) - half, cut = beyond < 0 ? 0 : beyond;
    lanes[lane] += cut * cut;
  };
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16)
    for (std::size_t lane = 0; lane < 16; ++lane) add(i + lane, lane);
  for (; i < count; ++i) add(i, i % 16);
}

double WriteFineQuery(const zvec::simd::FineElements& e, std::uint8_t* code) {
  float lanes[16] = {};
  for (std::size_t at = 0; at < e.bytes; at += kFineBlock) {
    const std::size_t left = at < e.count ? e.count - at : 0;
    if (left >= kFineBlock) {
      FineBlock(e, e.first + at, kFineBlock, lanes, code + at);
    } else {
      FineBlock(e, e.first + (left != 0 ? at : 0), left, lanes, code + at);
    }
  }
  double sum = 0;
  for (const float lane : lanes) sum += lane;
  return sum;
}

template <class C>
constexpr CodeDistances MakeDistances() {
  return {&CodesAhead<C>, &CodesNear<C>};
}

constexpr CodeKernels MakeCodeKernels(const char* name) {
  return {name,
          MakeDistances<Bits7>(),
          MakeDistances<Bits8>(),
          MakeDistances<Bits4>(),
          MakeDistances<Bits4Fine>(),
          MakeDistances<Halves>(),
          &TakeUnseenLinks,
          &SortInList,
          &RotateElements,
          &WriteFineQuery};
}

}  // namespace
