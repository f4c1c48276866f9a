#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bits.h"
#include "zvec/simd/masks_range.h"

namespace {

struct Level {
  template <class T>
  static std::uint64_t Word(const std::byte* p, T lower, T upper) {
    // Bytes first: the compiler makes vector code of the comparisons.
    unsigned char passed[64];
    for (std::size_t bit = 0; bit < 64; ++bit) {
      T x;
      std::memcpy(&x, p + bit * sizeof(T), sizeof(T));
      passed[bit] = InRange(x, lower, upper);
    }
    std::uint64_t word = 0;
    for (std::size_t byte = 0; byte < 8; ++byte) {
      std::uint64_t eight;
      std::memcpy(&eight, passed + byte * 8, 8);
      word |= (eight * 0x0102040810204080u) >> 56 << (byte * 8);  // eight bytes of 0 or 1 to eight bits
    }
    return word;
  }

  static std::uint64_t Ones(std::uint64_t word) { return cocozvec::CountBits(word); }
};

}  // namespace

#include "zvec/simd/levels.h"
#include "zvec/simd/masks_impl.h"

namespace zvec::inline v0::simd {
constinit const MaskKernels kScalarMasks = MakeMaskKernels("scalar");
}
