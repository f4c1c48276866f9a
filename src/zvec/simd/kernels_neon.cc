// AdvSIMD ("NEON") of any 64-bit ARM. See kernels_impl.h for what may stand here.
#include <arm_neon.h>

#include <cstddef>

namespace {

struct V {
  struct F {
    float32x4_t part[4];
  };
  struct I {
    int16x8_t part[4];
  };
  struct A {
    int32x4_t low, high;
  };

  static const unsigned char* Bytes(const void* p) { return static_cast<const unsigned char*>(p); }

  static F Zero() { return {{vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)}}; }
  static F Load(const void* p) {
    F f;
    for (int i = 0; i < 4; ++i) f.part[i] = vreinterpretq_f32_u8(vld1q_u8(Bytes(p) + 16 * i));
    return f;
  }
  static F LoadTail(const void* p, std::size_t n) {
    alignas(16) unsigned char bytes[64] = {};
    __builtin_memcpy(bytes, p, n * 4);
    return Load(bytes);
  }
  static F LoadHalf(const void* p) {
    F f;
    for (int i = 0; i < 4; ++i) f.part[i] = vcvt_f32_f16(vreinterpret_f16_u8(vld1_u8(Bytes(p) + 8 * i)));
    return f;
  }
  static F LoadHalfTail(const void* p, std::size_t n) {
    alignas(16) unsigned char bytes[32] = {};
    __builtin_memcpy(bytes, p, n * 2);
    return LoadHalf(bytes);
  }
  static F Sub(F a, F b) {
    F f;
    for (int i = 0; i < 4; ++i) f.part[i] = vsubq_f32(a.part[i], b.part[i]);
    return f;
  }
  static F MulAdd(F acc, F a, F b) {
    for (int i = 0; i < 4; ++i) acc.part[i] = vaddq_f32(acc.part[i], vmulq_f32(a.part[i], b.part[i]));
    return acc;
  }
  static float Sum(F f) {
    const float32x4_t four = vaddq_f32(vaddq_f32(f.part[0], f.part[2]), vaddq_f32(f.part[1], f.part[3]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
  }

  static A ZeroA() { return {vdupq_n_s32(0), vdupq_n_s32(0)}; }
  static I LoadInt8(const void* p) {
    I v;
    for (int i = 0; i < 4; ++i) v.part[i] = vmovl_s8(vreinterpret_s8_u8(vld1_u8(Bytes(p) + 8 * i)));
    return v;
  }
  static I LoadInt8Tail(const void* p, std::size_t n) {
    alignas(16) unsigned char bytes[32] = {};
    __builtin_memcpy(bytes, p, n);
    return LoadInt8(bytes);
  }
  static I SubI(I a, I b) {
    for (int i = 0; i < 4; ++i) a.part[i] = vsubq_s16(a.part[i], b.part[i]);
    return a;
  }
  static A MulAddI(A acc, I a, I b) {
    for (int i = 0; i < 4; ++i) {
      acc.low = vmlal_s16(acc.low, vget_low_s16(a.part[i]), vget_low_s16(b.part[i]));
      acc.high = vmlal_high_s16(acc.high, a.part[i], b.part[i]);
    }
    return acc;
  }
  static int SumA(A acc) { return vaddvq_s32(vaddq_s32(acc.low, acc.high)); }
};

}  // namespace

#include "zvec/simd/kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const Kernels kNeonKernels = {"neon", MakeKernels<Fp32>(), MakeKernels<Fp16>(),
                                        MakeKernels<Int8>()};
}
