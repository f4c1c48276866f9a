// AVX-512 BW, without VNNI.
#include "zvec/simd/codes_avx512.h"

namespace {

struct Bits7 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m512i d = Difference(q, x);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(d, d), _mm512_set1_epi16(1)));
  }
};

struct Bits8 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m512i d = WideDifference(q, x), zero = _mm512_setzero_si512();
    const __m512i low = _mm512_unpacklo_epi8(d, zero), high = _mm512_unpackhi_epi8(d, zero);
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(low, low));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(high, high));
  }
};

struct Bits4 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m512i low = Difference(Low(q), Low(x)), high = Difference(High(q), High(x));
    const __m512i squares =
        _mm512_add_epi16(_mm512_maddubs_epi16(low, low), _mm512_maddubs_epi16(high, high));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(squares, _mm512_set1_epi16(1)));
  }
};

struct Bits4Fine : FineIntegers {
  static Sum AddSquare(Sum sum, const Query& q, Vec x) {
    const __m512i low = LowDifference(q, x), high = HighDifference(q, x), one = _mm512_set1_epi16(1);
    sum = _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(low, low), one));
    return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(high, high), one));
  }
};

}  // namespace

#include "zvec/simd/code_kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const CodeKernels kAvx512Codes = MakeCodeKernels("avx512");
}
