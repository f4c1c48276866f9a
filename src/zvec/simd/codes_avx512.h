// What both AVX-512 levels of codes share; included inside the anonymous namespace of each.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace {

struct C512 {
  static constexpr std::size_t kStep = 64;
  using Vec = __m512i;
  using Sum = __m512i;  // 16 int32
  static Sum Zero() { return _mm512_setzero_si512(); }
  static Vec Load(const std::uint8_t* p) { return _mm512_loadu_si512(p); }
  static __m512i Difference(Vec q, Vec x) { return _mm512_abs_epi8(_mm512_sub_epi8(q, x)); }
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

}  // namespace
