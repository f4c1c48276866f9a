// AVX-512 with VNNI: four squares and their sum are one instruction.
#include "zvec/simd/codes_avx512.h"

namespace {

struct C : C512 {
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    const __m512i d = Difference(q, x);
    return _mm512_dpbusd_epi32(sum, d, d);
  }
};

}  // namespace

#include "zvec/simd/code_kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const CodeKernels kAvx512VnniCodes = MakeCodeKernels("avx512vnni");
}
