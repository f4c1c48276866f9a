// AVX2 with F16C. Compiled with -mavx2 -mf16c: see kernels_impl.h for what may stand here.
#include <immintrin.h>

#include <cstddef>

namespace {

struct V {
  struct F {
    __m256 low, high;
  };
  struct I {
    __m256i low, high;  // 16 int16 each
  };
  using A = __m256i;  // 8 int32

  static F Zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static F Load(const void* p) {
    const auto* f = static_cast<const float*>(p);
    return {_mm256_loadu_ps(f), _mm256_loadu_ps(f + 8)};
  }
  // Lanes below n of eight: all bits; the others 0, and their memory is not touched.
  static __m256i Mask(long n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)),
                              _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static F LoadTail(const void* p, std::size_t n) {
    const auto* f = static_cast<const float*>(p);
    const long count = static_cast<long>(n);
    F v;
    v.low = _mm256_maskload_ps(f, Mask(count));
    v.high = count > 8 ? _mm256_maskload_ps(f + 8, Mask(count - 8)) : _mm256_setzero_ps();
    return v;
  }
  static F LoadHalf(const void* p) {
    const auto* h = static_cast<const __m128i*>(p);
    return {_mm256_cvtph_ps(_mm_loadu_si128(h)), _mm256_cvtph_ps(_mm_loadu_si128(h + 1))};
  }
  static F LoadHalfTail(const void* p, std::size_t n) {
    alignas(32) unsigned char bytes[32] = {};
    __builtin_memcpy(bytes, p, n * 2);
    return LoadHalf(bytes);
  }
  static F Sub(F a, F b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
  static F MulAdd(F acc, F a, F b) {
    return {_mm256_add_ps(acc.low, _mm256_mul_ps(a.low, b.low)),
            _mm256_add_ps(acc.high, _mm256_mul_ps(a.high, b.high))};
  }
  static float Sum(F f) {
    const __m256 eight = _mm256_add_ps(f.low, f.high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
  }

  static A ZeroA() { return _mm256_setzero_si256(); }
  static I LoadInt8(const void* p) {
    const auto* b = static_cast<const __m128i*>(p);
    return {_mm256_cvtepi8_epi16(_mm_loadu_si128(b)), _mm256_cvtepi8_epi16(_mm_loadu_si128(b + 1))};
  }
  static I LoadInt8Tail(const void* p, std::size_t n) {
    alignas(32) unsigned char bytes[32] = {};
    __builtin_memcpy(bytes, p, n);
    return LoadInt8(bytes);
  }
  static I SubI(I a, I b) { return {_mm256_sub_epi16(a.low, b.low), _mm256_sub_epi16(a.high, b.high)}; }
  static A MulAddI(A acc, I a, I b) {
    acc = _mm256_add_epi32(acc, _mm256_madd_epi16(a.low, b.low));
    return _mm256_add_epi32(acc, _mm256_madd_epi16(a.high, b.high));
  }
  static int SumA(A acc) {
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(acc), _mm256_extracti128_si256(acc, 1));
    const __m128i two = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32(two, 0xB1)));
  }
};

}  // namespace

#include "zvec/simd/kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const Kernels kAvx2Kernels = {"avx2", MakeKernels<Fp32>(), MakeKernels<Fp16>(),
                                        MakeKernels<Int8>()};
}
