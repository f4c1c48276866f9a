// The kernels of mask_kernels.h over a level's `Level`, included by one file per level behind its
// definition. `Level::Word<T>(p, lower, upper)` gives the bits of 64 cells of T from p on,
// `Level::Ones(word)` how many bits of a word are set.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "zvec/simd/mask_kernels.h"
#include "zvec/simd/masks_range.h"

namespace {

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

std::uint64_t CountWords(const std::uint64_t* words, std::size_t count) {
  std::uint64_t sum = 0;
  for (std::size_t w = 0; w < count; ++w) sum += Level::Ones(words[w]);
  return sum;
}

constexpr zvec::simd::MaskKernels MakeMaskKernels(const char* name) {
  return {name,
          MaskOf<std::uint8_t>,
          MaskOf<std::uint32_t>,
          MaskOf<std::uint64_t>,
          MaskOf<float>,
          MaskOf<double>,
          CountWords};
}

}  // namespace
