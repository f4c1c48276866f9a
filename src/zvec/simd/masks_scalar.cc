#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/bits.h"

namespace {

struct Level {
  template <class T>
  static std::uint64_t Word(const std::byte* p, T lower, T upper) {
    // Bytes first: the compiler makes vector code of the comparisons.
    unsigned char passed[64];
    for (std::size_t bit = 0; bit < 64; ++bit) {
      T x;
      std::memcpy(&x, p + bit * sizeof(T), sizeof(T));
      if constexpr (std::is_integral_v<T>) {
        passed[bit] = static_cast<T>(x - lower) <= static_cast<T>(upper - lower);
      } else {
        passed[bit] = static_cast<unsigned char>(int{x >= lower} & int{x <= upper});
      }
    }
    std::uint64_t word = 0;
    for (std::size_t byte = 0; byte < 8; ++byte) {
      std::uint64_t eight;
      std::memcpy(&eight, passed + byte * 8, 8);
      word |= (eight * 0x0102040810204080u) >> 56 << (byte * 8);  // eight bytes of 0 or 1 to eight bits
    }
    return word;
  }

  static std::uint64_t Count(const std::uint64_t* words, std::size_t count) {
    std::uint64_t sum = 0;
    for (std::size_t w = 0; w < count; ++w) sum += cocozvec::CountBits(words[w]);
    return sum;
  }
};

}  // namespace

#include "zvec/simd/levels.h"
#include "zvec/simd/masks_impl.h"

namespace zvec::inline v0::simd {
constinit const MaskKernels kScalarMasks = MakeMaskKernels("scalar");
}
