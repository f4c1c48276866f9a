// AdvSIMD of any 64-bit ARM.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace {

struct Square {
  /// Two squares up to 127 fit 16 bits.
  static uint32x4_t Add(uint32x4_t sums, uint8x16_t d) {
    const uint16x8_t low = vmull_u8(vget_low_u8(d), vget_low_u8(d));
    return vpadalq_u16(sums, vmlal_high_u8(low, d, d));
  }
  /// Of bytes up to 255.
  static uint32x4_t AddAny(uint32x4_t sums, uint8x16_t d) {
    sums = vpadalq_u16(sums, vmull_u8(vget_low_u8(d), vget_low_u8(d)));
    return vpadalq_u16(sums, vmull_high_u8(d, d));
  }
};

}  // namespace

#include "zvec/simd/codes_neon.h"
// Behind it: what it is written over.
#include "zvec/simd/code_kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const CodeKernels kNeonCodes = MakeCodeKernels("neon");
}
