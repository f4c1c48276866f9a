// AdvSIMD with the dot product of bytes (from ARMv8.4 on in every CPU, in many from 8.2 on).
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace {

struct Square {
  static uint32x4_t Add(uint32x4_t sums, uint8x16_t d) { return vdotq_u32(sums, d, d); }
  static uint32x4_t AddAny(uint32x4_t sums, uint8x16_t d) { return vdotq_u32(sums, d, d); }
};

}  // namespace

#include "zvec/simd/codes_neon.h"
// Behind it: what it is written over.
#include "zvec/simd/code_kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const CodeKernels kNeonDotCodes = MakeCodeKernels("neondot");
}
