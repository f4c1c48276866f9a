// AVX2 and POPCNT.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace {

struct Level {
  static __m256i Load(const std::byte* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static std::uint64_t Bits(int mask) { return static_cast<std::uint32_t>(mask); }

  template <class T>
  static std::uint64_t Word(const std::byte* p, T lower, T upper) {
    std::uint64_t word = 0;
    if constexpr (std::is_same_v<T, std::uint8_t>) {
      const __m256i low = _mm256_set1_epi8(static_cast<char>(lower));
      const __m256i span = _mm256_set1_epi8(static_cast<char>(upper - lower));
      for (int i = 0; i < 2; ++i) {
        const __m256i d = _mm256_sub_epi8(Load(p + i * 32), low);
        word |= Bits(_mm256_movemask_epi8(_mm256_cmpeq_epi8(_mm256_min_epu8(d, span), d))) << (i * 32);
      }
    } else if constexpr (std::is_same_v<T, std::uint32_t>) {
      const __m256i low = _mm256_set1_epi32(static_cast<int>(lower));
      const __m256i span = _mm256_set1_epi32(static_cast<int>(upper - lower));
      for (int i = 0; i < 8; ++i) {
        const __m256i d = _mm256_sub_epi32(Load(p + i * 32), low);
        const __m256i in = _mm256_cmpeq_epi32(_mm256_min_epu32(d, span), d);
        word |= Bits(_mm256_movemask_ps(_mm256_castsi256_ps(in))) << (i * 8);
      }
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
      // There is no unsigned comparison: both sides move by 2^63.
      constexpr std::uint64_t kHalf = std::uint64_t{1} << 63;
      const __m256i low = _mm256_set1_epi64x(static_cast<long long>(lower + kHalf));
      const __m256i span = _mm256_set1_epi64x(static_cast<long long>((upper - lower) ^ kHalf));
      for (int i = 0; i < 16; ++i) {
        const __m256i d = _mm256_sub_epi64(Load(p + i * 32), low);
        word |= Bits(_mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(d, span)))) << (i * 4);
      }
      word = ~word;
    } else if constexpr (std::is_same_v<T, float>) {
      const __m256 low = _mm256_set1_ps(lower), high = _mm256_set1_ps(upper);
      for (int i = 0; i < 8; ++i) {
        const __m256 x = _mm256_castsi256_ps(Load(p + i * 32));
        const __m256 in =
            _mm256_and_ps(_mm256_cmp_ps(x, low, _CMP_GE_OQ), _mm256_cmp_ps(x, high, _CMP_LE_OQ));
        word |= Bits(_mm256_movemask_ps(in)) << (i * 8);
      }
    } else {
      const __m256d low = _mm256_set1_pd(lower), high = _mm256_set1_pd(upper);
      for (int i = 0; i < 16; ++i) {
        const __m256d x = _mm256_castsi256_pd(Load(p + i * 32));
        const __m256d in =
            _mm256_and_pd(_mm256_cmp_pd(x, low, _CMP_GE_OQ), _mm256_cmp_pd(x, high, _CMP_LE_OQ));
        word |= Bits(_mm256_movemask_pd(in)) << (i * 4);
      }
    }
    return word;
  }

  static std::uint64_t Ones(std::uint64_t word) {
    return static_cast<std::uint64_t>(__builtin_popcountll(word));
  }
};

}  // namespace

#include "zvec/simd/levels.h"
#include "zvec/simd/masks_impl.h"

namespace zvec::inline v0::simd {
constinit const MaskKernels kAvx2Masks = MakeMaskKernels("avx2");
}
