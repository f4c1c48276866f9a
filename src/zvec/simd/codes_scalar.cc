// The reference: plain loops, for any CPU.
#include <cstddef>
#include <cstdint>

namespace {

struct C {
  static constexpr std::size_t kStep = 64;
  using Vec = const std::uint8_t*;
  using Sum = std::int32_t;
  static Sum Zero() { return 0; }
  static Vec Load(const std::uint8_t* p) { return p; }
  static Sum AddSquare(Sum sum, Vec q, Vec x) {
    for (std::size_t i = 0; i < kStep; ++i) {
      const std::int32_t d = q[i] - x[i];
      sum += d * d;
    }
    return sum;
  }
  static void Four(Sum a, Sum b, Sum c, Sum d, float* out) {
    out[0] = static_cast<float>(a);
    out[1] = static_cast<float>(b);
    out[2] = static_cast<float>(c);
    out[3] = static_cast<float>(d);
  }
  static Sum One(Sum sum) { return sum; }
};

}  // namespace

#include "zvec/simd/code_kernels_impl.h"
#include "zvec/simd/levels.h"

namespace zvec::inline v0::simd {
constinit const CodeKernels kScalarCodes = MakeCodeKernels("scalar");
}
