// AdvSIMD of any 64-bit ARM.
#include <arm_neon.h>

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace {

struct Level {
  static const std::uint8_t* Bytes(const std::byte* p) { return reinterpret_cast<const std::uint8_t*>(p); }

  /// All bits of those of 16 bytes whose cell lies in the range.
  template <class T>
  static uint8x16_t Sixteen(const std::byte* p, T lower, T upper) {
    if constexpr (std::is_same_v<T, std::uint8_t>) {
      const uint8x16_t d = vsubq_u8(vld1q_u8(Bytes(p)), vdupq_n_u8(lower));
      return vcleq_u8(d, vdupq_n_u8(static_cast<std::uint8_t>(upper - lower)));
    } else if constexpr (sizeof(T) == 4) {
      const uint16x8_t low = vcombine_u16(Four(p, lower, upper), Four(p + 16, lower, upper));
      const uint16x8_t high = vcombine_u16(Four(p + 32, lower, upper), Four(p + 48, lower, upper));
      return vcombine_u8(vmovn_u16(low), vmovn_u16(high));
    } else {
      uint16x4_t four[4];
      for (int i = 0; i < 4; ++i)
        four[i] = vmovn_u32(vcombine_u32(Two(p + 32 * i, lower, upper), Two(p + 32 * i + 16, lower, upper)));
      return vcombine_u8(vmovn_u16(vcombine_u16(four[0], four[1])),
                         vmovn_u16(vcombine_u16(four[2], four[3])));
    }
  }
  template <class T>
  static uint16x4_t Four(const std::byte* p, T lower, T upper) {
    const uint8x16_t cells = vld1q_u8(Bytes(p));
    if constexpr (std::is_same_v<T, float>) {
      const float32x4_t x = vreinterpretq_f32_u8(cells);
      return vmovn_u32(vandq_u32(vcgeq_f32(x, vdupq_n_f32(lower)), vcleq_f32(x, vdupq_n_f32(upper))));
    } else {
      const uint32x4_t d = vsubq_u32(vreinterpretq_u32_u8(cells), vdupq_n_u32(lower));
      return vmovn_u32(vcleq_u32(d, vdupq_n_u32(upper - lower)));
    }
  }
  template <class T>
  static uint32x2_t Two(const std::byte* p, T lower, T upper) {
    const uint8x16_t cells = vld1q_u8(Bytes(p));
    if constexpr (std::is_same_v<T, double>) {
      const float64x2_t x = vreinterpretq_f64_u8(cells);
      return vmovn_u64(vandq_u64(vcgeq_f64(x, vdupq_n_f64(lower)), vcleq_f64(x, vdupq_n_f64(upper))));
    } else {
      const uint64x2_t d = vsubq_u64(vreinterpretq_u64_u8(cells), vdupq_n_u64(lower));
      return vmovn_u64(vcleq_u64(d, vdupq_n_u64(upper - lower)));
    }
  }

  template <class T>
  static std::uint64_t Word(const std::byte* p, T lower, T upper) {
    constexpr std::uint8_t kBits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t bits = vld1q_u8(kBits);
    uint8x16_t in[4];
    for (std::size_t i = 0; i < 4; ++i)
      in[i] = vandq_u8(Sixteen<T>(p + 16 * i * sizeof(T), lower, upper), bits);
    // Sums of neighbours, three times: of eight bytes one.
    const uint8x16_t eights = vpaddq_u8(vpaddq_u8(in[0], in[1]), vpaddq_u8(in[2], in[3]));
    return vgetq_lane_u64(vreinterpretq_u64_u8(vpaddq_u8(eights, eights)), 0);
  }

  static std::uint64_t Ones(std::uint64_t word) {
    return static_cast<std::uint64_t>(__builtin_popcountll(word));
  }
};

}  // namespace

#include "zvec/simd/levels.h"
#include "zvec/simd/masks_impl.h"

namespace zvec::inline v0::simd {
constinit const MaskKernels kNeonMasks = MakeMaskKernels("neon");
}
