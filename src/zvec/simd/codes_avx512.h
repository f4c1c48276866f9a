// What both AVX-512 levels of codes share; included inside the anonymous namespace of each.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "zvec/simd/code_kernels.h"

namespace {

struct List {
  static void SortIn(zvec::simd::SortedList& list, const std::uint32_t* nodes, const float* distances,
                     std::size_t count, float limit) {
    const __m512 most = _mm512_set1_ps(limit);
    for (std::size_t i = 0; i < count; i += 16) {
      const auto there = static_cast<__mmask16>(count - i < 16 ? (1u << (count - i)) - 1 : 0xFFFF);
      const __m512 d = _mm512_maskz_loadu_ps(there, distances + i);
      for (unsigned in = _mm512_mask_cmp_ps_mask(there, d, most, _CMP_LT_OQ); in != 0; in &= in - 1) {
        const std::size_t at = i + static_cast<unsigned>(__builtin_ctz(in));
        Insert(list, nodes[at], distances[at]);
      }
    }
  }
  /// From the end on, sixteen at a time, what is farther moves up by one.
  static void Insert(zvec::simd::SortedList& list, std::uint32_t node, float distance) {
    const bool full = list.size == list.capacity;
    if (full && !(distance < list.distances[list.size - 1])) return;
    const __m512 x = _mm512_set1_ps(distance);
    float* at = list.distances + (full ? list.size - 1 : list.size);
    std::uint32_t* place = list.nodes + (at - list.distances);
    for (unsigned moved = 0xFFFF; moved == 0xFFFF;) {
      const __m512 d = _mm512_loadu_ps(at - 16);
      const __m512i n = _mm512_loadu_si512(place - 16);
      const __mmask16 farther = _mm512_cmp_ps_mask(d, x, _CMP_GT_OQ);
      _mm512_mask_storeu_ps(at - 15, farther, d);
      _mm512_mask_storeu_epi32(place - 15, farther, n);
      moved = farther;
      at -= __builtin_popcount(moved);
      place -= __builtin_popcount(moved);
    }
    *at = distance;
    *place = node;
    list.size += !full;
    const auto first = static_cast<std::uint32_t>(at - list.distances);
    if (first < list.first) list.first = first;
  }
};

struct Integers {
  static constexpr std::size_t kStep = 64;
  using Vec = __m512i;
  using Sum = __m512i;  // 16 int32
  static Sum Zero() { return _mm512_setzero_si512(); }
  static Vec Load(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
  static Vec LoadQuery(const std::uint8_t* query, std::size_t at) { return Load(query + at); }
  /// Of elements below 128.
  static __m512i Difference(Vec q, Vec x) { return _mm512_abs_epi8(_mm512_sub_epi8(q, x)); }
  static __m512i WideDifference(Vec q, Vec x) {
    return _mm512_or_si512(_mm512_subs_epu8(q, x), _mm512_subs_epu8(x, q));
  }
  static __m512i Low(Vec v) { return _mm512_and_si512(v, _mm512_set1_epi8(15)); }
  static __m512i High(Vec v) { return Low(_mm512_srli_epi16(v, 4)); }
  // Transposes while adding: three additions for four sums.
  static void Four(Sum a, Sum b, Sum c, Sum d, float* out) {
    const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    const __m512i all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    _mm_storeu_ps(out, _mm_cvtepi32_ps(four));
  }
  static int One(Sum sum) {
    const __m256i half = _mm256_add_epi32(_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64(sum, 1));
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
  }
};

/// What codes of 4 bits and their finer queries differ by, at most 127.
struct FineIntegers : Integers {
  struct Query {
    Vec low, high;
  };
  static Query LoadQuery(const std::uint8_t* query, std::size_t at) {
    return {Load(query + 2 * at), Load(query + 2 * at + 64)};
  }
  static Vec LowDifference(const Query& q, Vec x) {
    return Difference(q.low, _mm512_and_si512(_mm512_slli_epi16(x, 3), _mm512_set1_epi8(0x78)));
  }
  static Vec HighDifference(const Query& q, Vec x) {
    return Difference(q.high, _mm512_and_si512(_mm512_srli_epi16(x, 1), _mm512_set1_epi8(0x78)));
  }
};

struct Butterflies {
  static constexpr std::size_t kLanes = 16;
  using Vec = __m512;
  static Vec Load(const float* p) { return _mm512_loadu_ps(p); }
  static void Store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
  static Vec Add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static Vec Sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
  /// `other`: each lane's partner; `later`: the lanes that are the second of their pair.
  static Vec Pairs(Vec v, Vec other, __mmask16 later) {
    return _mm512_mask_sub_ps(_mm512_add_ps(v, other), later, other, v);
  }
  static Vec Within(Vec v) {
    v = Pairs(v, _mm512_permute_ps(v, 0xB1), 0xAAAA);
    v = Pairs(v, _mm512_permute_ps(v, 0x4E), 0xCCCC);
    v = Pairs(v, _mm512_shuffle_f32x4(v, v, 0xB1), 0xF0F0);
    return Pairs(v, _mm512_shuffle_f32x4(v, v, 0x4E), 0xFF00);
  }
};

struct Halves {
  static constexpr std::size_t kStep = 32;
  using Vec = __m512;
  static Vec LoadQuery(const std::uint8_t* query, std::size_t at) { return Load(query + at); }
  using Sum = __m512;
  static Sum Zero() { return _mm512_setzero_ps(); }
  static Vec Load(const std::uint8_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m512 d = _mm512_sub_ps(q, x);
    return _mm512_add_ps(sum, _mm512_mul_ps(d, d));
  }
  static void Four(Sum a, Sum b, Sum c, Sum d, float* out) {
    out[0] = One(a);
    out[1] = One(b);
    out[2] = One(c);
    out[3] = One(d);
  }
  static float One(Sum sum) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(sum), _mm512_extractf32x8_ps(sum, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }
};

}  // namespace
