// AVX-512 BW, without VNNI.
#include "zvec/simd/codes_avx512.h"

namespace {

struct C : C512 {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m512i d = Difference(q, x);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(_mm512_maddubs_epi16(d, d), _mm512_set1_epi16(1)));
  }
};

}  // namespace

#include "zvec/simd/code_kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const CodeKernels kAvx512Codes = MakeCodeKernels("avx512");
}
