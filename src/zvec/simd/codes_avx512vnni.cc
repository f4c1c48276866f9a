// AVX-512 with VNNI: four squares and their sum are one instruction.
#include "zvec/simd/codes_avx512.h"

namespace {

struct Bits7 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m512i d = Difference(q, x);
    return _mm512_dpbusd_epi32(sum, d, d);
  }
};

// One factor of dpbusd is signed, too narrow for differences of 8 bits.
struct Bits8 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m512i d = WideDifference(q, x), zero = _mm512_setzero_si512();
    const __m512i low = _mm512_unpacklo_epi8(d, zero), high = _mm512_unpackhi_epi8(d, zero);
    return _mm512_dpwssd_epi32(_mm512_dpwssd_epi32(sum, low, low), high, high);
  }
};

struct Bits4 : Integers {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m512i low = Difference(Low(q), Low(x)), high = Difference(High(q), High(x));
    return _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sum, low, low), high, high);
  }
};

struct Bits4Fine : FineIntegers {
  static Sum AddSquare(Sum sum, const Query& q, Vec x) {
    const __m512i low = LowDifference(q, x), high = HighDifference(q, x);
    return _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(sum, low, low), high, high);
  }
};

}  // namespace

#include "zvec/simd/code_kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const CodeKernels kAvx512VnniCodes = MakeCodeKernels("avx512vnni");
}
