// AVX2. Differences of 7-bit codes are at most 127, so two squares fit the 16 bits of maddubs.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace {

struct C {
  static constexpr std::size_t kStep = 32;
  using Vec = __m256i;
  using Sum = __m256i;  // 8 int32
  static Sum Zero() { return _mm256_setzero_si256(); }
  static Vec Load(const std::uint8_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m256i d = _mm256_abs_epi8(_mm256_sub_epi8(q, x));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(d, d), _mm256_set1_epi16(1)));
  }
  static void Four(Sum a, Sum b, Sum c, Sum d, float* out) {
    const __m256i ab = _mm256_hadd_epi32(a, b), cd = _mm256_hadd_epi32(c, d);
    const __m256i all = _mm256_hadd_epi32(ab, cd);
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
    _mm_storeu_ps(out, _mm_cvtepi32_ps(four));
  }
  static int One(Sum sum) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
  }
};

}  // namespace

#include "zvec/simd/code_kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const CodeKernels kAvx2Codes = MakeCodeKernels("avx2");
}
