// AVX-512 BW and POPCNT.
#include <immintrin.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace {

struct Level {
  static __m512i Load(const std::byte* p) { return _mm512_loadu_si512(p); }

  template <class T>
  static std::uint64_t Word(const std::byte* p, T lower, T upper) {
    std::uint64_t word = 0;
    if constexpr (std::is_same_v<T, std::uint8_t>) {
      const __m512i d = _mm512_sub_epi8(Load(p), _mm512_set1_epi8(static_cast<char>(lower)));
      return _mm512_cmple_epu8_mask(d, _mm512_set1_epi8(static_cast<char>(upper - lower)));
    } else if constexpr (std::is_same_v<T, std::uint32_t>) {
      const __m512i low = _mm512_set1_epi32(static_cast<int>(lower));
      const __m512i span = _mm512_set1_epi32(static_cast<int>(upper - lower));
      for (int i = 0; i < 4; ++i) {
        const __mmask16 in = _mm512_cmple_epu32_mask(_mm512_sub_epi32(Load(p + i * 64), low), span);
        word |= std::uint64_t{in} << (i * 16);
      }
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
      const __m512i low = _mm512_set1_epi64(static_cast<long long>(lower));
      const __m512i span = _mm512_set1_epi64(static_cast<long long>(upper - lower));
      for (int i = 0; i < 8; ++i) {
        const __mmask8 in = _mm512_cmple_epu64_mask(_mm512_sub_epi64(Load(p + i * 64), low), span);
        word |= std::uint64_t{in} << (i * 8);
      }
    } else if constexpr (std::is_same_v<T, float>) {
      const __m512 low = _mm512_set1_ps(lower), high = _mm512_set1_ps(upper);
      for (int i = 0; i < 4; ++i) {
        const __m512 x = _mm512_castsi512_ps(Load(p + i * 64));
        const __mmask16 above = _mm512_cmp_ps_mask(x, low, _CMP_GE_OQ);
        word |= std::uint64_t{_mm512_mask_cmp_ps_mask(above, x, high, _CMP_LE_OQ)} << (i * 16);
      }
    } else {
      const __m512d low = _mm512_set1_pd(lower), high = _mm512_set1_pd(upper);
      for (int i = 0; i < 8; ++i) {
        const __m512d x = _mm512_castsi512_pd(Load(p + i * 64));
        const __mmask8 above = _mm512_cmp_pd_mask(x, low, _CMP_GE_OQ);
        word |= std::uint64_t{_mm512_mask_cmp_pd_mask(above, x, high, _CMP_LE_OQ)} << (i * 8);
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
constinit const MaskKernels kAvx512Masks = MakeMaskKernels("avx512");
}
