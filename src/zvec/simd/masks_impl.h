// The kernels of mask_kernels.h over a level's `Level`, included by one file per level behind its
// definition. `Level::Word<T>(p, lower, upper)` gives the bits of 64 cells of T from p on.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "zvec/simd/mask_kernels.h"

namespace {

template <class T>
bool InRange(T x, T lower, T upper) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(x - lower) <= static_cast<T>(upper - lower);
  } else {
    return x >= lower && x <= upper;
  }
}

template <class T>
void MaskOf(const std::byte* cells, std::size_t count, T lower, T upper, std::uint64_t* out) {
  std::size_t at = 0;
  for (; at + 64 <= count; at += 64) *out++ = Level::Word<T>(cells + at * sizeof(T), lower, upper);
  if (at == count) return;
  std::uint64_t word = 0;
  for (std::size_t bit = 0; at + bit < count; ++bit) {
    T x;
    std::memcpy(&x, cells + (at + bit) * sizeof(T), sizeof(T));
    word |= std::uint64_t{InRange(x, lower, upper)} << bit;
  }
  *out = word;
}

constexpr zvec::simd::MaskKernels MakeMaskKernels(const char* name) {
  return {name,          MaskOf<std::uint8_t>, MaskOf<std::uint32_t>, MaskOf<std::uint64_t>,
          MaskOf<float>, MaskOf<double>,       Level::Count};
}

}  // namespace
