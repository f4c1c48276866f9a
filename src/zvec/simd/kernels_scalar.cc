// The reference: plain loops over the lanes, for any CPU.
#include <cstdint>
#include <cstring>

#include "zvec/doc.h"

namespace {

struct V {
  struct F {
    float lane[16];
  };
  struct I {
    std::int32_t lane[32];
  };
  using A = std::int32_t;

  static F Zero() { return {}; }
  static F Load(const void* p) { return LoadTail(p, 16); }
  static F LoadTail(const void* p, std::size_t n) {
    F f{};
    std::memcpy(f.lane, p, n * sizeof(float));
    return f;
  }
  static F LoadHalf(const void* p) { return LoadHalfTail(p, 16); }
  static F LoadHalfTail(const void* p, std::size_t n) {
    F f{};
    for (std::size_t i = 0; i < n; ++i) {
      zvec::Half half;
      std::memcpy(&half.bits, static_cast<const char*>(p) + i * 2, 2);
      f.lane[i] = zvec::FromHalf(half);
    }
    return f;
  }
  static F Sub(const F& a, const F& b) {
    F f;
    for (int i = 0; i < 16; ++i) f.lane[i] = a.lane[i] - b.lane[i];
    return f;
  }
  static F MulAdd(const F& acc, const F& a, const F& b) {
    F f;
    for (int i = 0; i < 16; ++i) f.lane[i] = acc.lane[i] + a.lane[i] * b.lane[i];
    return f;
  }
  static float Sum(F f) {
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) f.lane[i] += f.lane[i + half];
    }
    return f.lane[0];
  }

  static A ZeroA() { return 0; }
  static I LoadInt8(const void* p) { return LoadInt8Tail(p, 32); }
  static I LoadInt8Tail(const void* p, std::size_t n) {
    I v{};
    for (std::size_t i = 0; i < n; ++i) v.lane[i] = static_cast<const signed char*>(p)[i];
    return v;
  }
  static I SubI(const I& a, const I& b) {
    I v;
    for (int i = 0; i < 32; ++i) v.lane[i] = a.lane[i] - b.lane[i];
    return v;
  }
  static A MulAddI(A acc, const I& a, const I& b) {
    for (int i = 0; i < 32; ++i) acc += a.lane[i] * b.lane[i];
    return acc;
  }
  static std::int32_t SumA(A acc) { return acc; }
};

}  // namespace

#include "zvec/simd/kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const Kernels kScalarKernels = {"scalar", MakeKernels<Fp32>(), MakeKernels<Fp16>(),
                                          MakeKernels<Int8>()};
}
