// AVX-512 F, BW, DQ, VL (every such CPU since 2017). See kernels_impl.h for what may stand here.
#include <immintrin.h>

#include <cstddef>

namespace {

struct V {
  using F = __m512;
  using I = __m512i;  // 32 int16
  using A = __m512i;  // 16 int32

  static F Zero() { return _mm512_setzero_ps(); }
  static F Load(const void* p) { return _mm512_loadu_ps(p); }
  // Masked loads do not touch the memory of the lanes that are off.
  static F LoadTail(const void* p, std::size_t n) {
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1u), p);
  }
  static F LoadHalf(const void* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
  }
  static F LoadHalfTail(const void* p, std::size_t n) {
    return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(static_cast<__mmask16>((1u << n) - 1u), p));
  }
  static F Sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F MulAdd(F acc, F a, F b) { return _mm512_add_ps(acc, _mm512_mul_ps(a, b)); }
  static float Sum(F f) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(f), _mm512_extractf32x8_ps(f, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }

  static A ZeroA() { return _mm512_setzero_si512(); }
  static I LoadInt8(const void* p) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(static_cast<const __m256i*>(p)));
  }
  static I LoadInt8Tail(const void* p, std::size_t n) {
    return _mm512_cvtepi8_epi16(_mm256_maskz_loadu_epi8(static_cast<__mmask32>((1u << n) - 1u), p));
  }
  static I SubI(I a, I b) { return _mm512_sub_epi16(a, b); }
  static A MulAddI(A acc, I a, I b) { return _mm512_add_epi32(acc, _mm512_madd_epi16(a, b)); }
  static int SumA(A acc) {
    const __m256i eight = _mm256_add_epi32(_mm512_castsi512_si256(acc), _mm512_extracti64x4_epi64(acc, 1));
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
  }
};

}  // namespace

#include "zvec/simd/kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const Kernels kAvx512Kernels = {"avx512", MakeKernels<Fp32>(), MakeKernels<Fp16>(),
                                          MakeKernels<Int8>()};
}
