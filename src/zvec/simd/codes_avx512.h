// What both AVX-512 levels of codes share; included inside the anonymous namespace of each.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#include "zvec/simd/code_kernels.h"

namespace {

struct List {
  /// Longer lists take candidates one by one, from their end on.
  static constexpr std::uint32_t kMostTogether = 256;

  static void SortIn(zvec::simd::SortedList& list, const std::uint32_t* nodes, const float* distances,
                     std::size_t count, float limit) {
    if (list.capacity <= kMostTogether) return SortInTogether(list, nodes, distances, count, limit);
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

  /// Sixteen of those that may come in at a time: one after the other each insertion would wait for what the
  /// one before has just moved.
  static void SortInTogether(zvec::simd::SortedList& list, const std::uint32_t* nodes, const float* distances,
                             std::size_t count, float limit) {
    constexpr std::size_t kTogether = 16;
    float near[2 * kTogether];
    std::uint32_t near_nodes[2 * kTogether];
    std::size_t waiting = 0;
    for (std::size_t i = 0; i < count; i += 16) {
      if (list.size == list.capacity && list.distances[list.size - 1] < limit)
        limit = list.distances[list.size - 1];
      const auto there = static_cast<__mmask16>(count - i < 16 ? (1u << (count - i)) - 1 : 0xFFFF);
      const __m512 d = _mm512_maskz_loadu_ps(there, distances + i);
      const __mmask16 in = _mm512_mask_cmp_ps_mask(there, d, _mm512_set1_ps(limit), _CMP_LT_OQ);
      _mm512_storeu_ps(near + waiting, _mm512_maskz_compress_ps(in, d));
      _mm512_storeu_si512(near_nodes + waiting,
                          _mm512_maskz_compress_epi32(in, _mm512_maskz_loadu_epi32(there, nodes + i)));
      waiting += static_cast<unsigned>(__builtin_popcount(in));
      if (waiting < kTogether) continue;
      Merge(list, near_nodes, near, kTogether);
      waiting -= kTogether;
      _mm512_storeu_ps(near, _mm512_loadu_ps(near + kTogether));
      _mm512_storeu_si512(near_nodes, _mm512_loadu_si512(near_nodes + kTogether));
    }
    if (waiting != 0) Merge(list, near_nodes, near, waiting);
  }

  /// At most sixteen, each to the place that it would have come to: behind those that are as near.
  static void Merge(zvec::simd::SortedList& list, const std::uint32_t* nodes, const float* distances,
                    std::size_t count) {
    std::uint64_t taken[kMostTogether / 64 + 1] = {};
    std::uint32_t places[16];
    const auto all = static_cast<__mmask16>((1u << count) - 1);
    const __m512 others = _mm512_maskz_loadu_ps(all, distances);
    std::uint32_t first = list.size + 16;
    for (std::size_t c = 0; c < count; ++c) {
      const __m512 x = _mm512_set1_ps(distances[c]);
      const auto before = static_cast<__mmask16>(all & ((1u << c) - 1));
      unsigned place =
          static_cast<unsigned>(__builtin_popcount(_mm512_mask_cmp_ps_mask(all, others, x, _CMP_LT_OQ))) +
          static_cast<unsigned>(__builtin_popcount(_mm512_mask_cmp_ps_mask(before, others, x, _CMP_EQ_OQ)));
      for (std::uint32_t at = 0; at < list.size; at += 16) {
        const __m512 d = _mm512_maskz_loadu_ps(Below(list.size - at), list.distances + at);
        place += static_cast<unsigned>(
            __builtin_popcount(_mm512_mask_cmp_ps_mask(Below(list.size - at), d, x, _CMP_LE_OQ)));
      }
      places[c] = place;
      taken[place / 64] |= std::uint64_t{1} << (place % 64);
      first = place < first ? place : first;
    }
    if (first >= list.capacity) return;
    const std::uint32_t whole = list.size + static_cast<std::uint32_t>(count);
    const std::uint32_t size = whole < list.capacity ? whole : list.capacity;
    MoveUp(list, taken, first, size, static_cast<std::uint32_t>(count));
    for (std::size_t c = 0; c < count; ++c) {
      if (places[c] >= size) continue;
      list.distances[places[c]] = distances[c];
      list.nodes[places[c]] = nodes[c];
    }
    list.size = size;
    if (first < list.first) list.first = first;
  }

  /// What is there goes to the places of the longer list that are not taken, from the end on.
  static void MoveUp(zvec::simd::SortedList& list, const std::uint64_t* taken, std::uint32_t first,
                     std::uint32_t size, std::uint32_t count) {
    std::uint32_t before = count;  // that come in before the end of the block
    for (std::uint32_t at = (list.size + count - 1) / 16 * 16;; at -= 16) {
      const auto in = static_cast<__mmask16>(taken[at / 64] >> (at % 64));
      before -= static_cast<unsigned>(__builtin_popcount(in));
      if (at < size) {
        const std::uint32_t from = at - before;
        const auto stay = static_cast<__mmask16>(~in);
        const __mmask16 there = from < list.size ? Below(list.size - from) : __mmask16{0};
        const __m512 d = _mm512_maskz_loadu_ps(there, list.distances + from);
        const __m512i n = _mm512_maskz_loadu_epi32(there, list.nodes + from);
        const auto to = static_cast<__mmask16>(Below(size - at) & stay);
        _mm512_mask_storeu_ps(list.distances + at, to, _mm512_maskz_expand_ps(stay, d));
        _mm512_mask_storeu_epi32(list.nodes + at, to, _mm512_maskz_expand_epi32(stay, n));
      }
      if (at <= first) return;
    }
  }

  static __mmask16 Below(std::uint32_t lanes) {
    return static_cast<__mmask16>(lanes < 16 ? (1u << lanes) - 1 : 0xFFFF);
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
