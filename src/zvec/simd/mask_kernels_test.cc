#include "zvec/simd/mask_kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <type_traits>
#include <vector>

namespace zvec::simd {
namespace {

template <class T>
RangeMask<T> KernelOf(const MaskKernels& kernels) {
  if constexpr (std::is_same_v<T, std::uint8_t>) return kernels.bits8;
  if constexpr (std::is_same_v<T, std::uint32_t>) return kernels.bits32;
  if constexpr (std::is_same_v<T, std::uint64_t>) return kernels.bits64;
  if constexpr (std::is_same_v<T, float>) return kernels.fp32;
  if constexpr (std::is_same_v<T, double>) return kernels.fp64;
}

/// Few values, the ends among them, so that cells meet the ends of ranges.
template <class T>
std::vector<T> Values() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> values = {0, 1, 2, 7, static_cast<T>(Limits::max() / 2), Limits::max(), Limits::lowest()};
  if constexpr (std::is_floating_point_v<T>) {
    for (const T x : {T(-1), T(-0.0), T(0.1), Limits::infinity(), -Limits::infinity(), Limits::denorm_min()})
      values.push_back(x);
  } else {
    values.push_back(static_cast<T>(Limits::max() / 2 + 1));  // the least of signed cells
    values.push_back(static_cast<T>(Limits::max() - 1));      // -2
  }
  return values;
}

template <class T>
class MaskOf : public ::testing::Test {};
using Cells = ::testing::Types<std::uint8_t, std::uint32_t, std::uint64_t, float, double>;
TYPED_TEST_SUITE(MaskOf, Cells);

// Every rest behind whole words, every offset within a vector, every pair of ends; the cells lie at the end
// of their memory, so that the address sanitizer sees a read behind them.
TYPED_TEST(MaskOf, EveryLevelGivesTheBitsOfPlainComparisons) {
  using T = TypeParam;
  std::mt19937 random(1);
  auto values = Values<T>();
  std::vector<T> ends = values;
  if constexpr (std::is_floating_point_v<T>) values.push_back(std::numeric_limits<T>::quiet_NaN());
  for (const std::size_t count : {0, 1, 2, 15, 63, 64, 65, 127, 128, 200, 1'000, 1'023, 1'024}) {
    for (std::size_t offset = 0; offset < 4; ++offset) {
      std::vector<std::byte> bytes(offset + count * sizeof(T));
      std::vector<T> cells(count);
      for (T& cell : cells) cell = values[random() % values.size()];
      if (count != 0) std::memcpy(bytes.data() + offset, cells.data(), count * sizeof(T));
      for (const T lower : ends) {
        for (const T upper : ends) {
          if (lower > upper) continue;
          std::vector<std::uint64_t> wanted((count + 63) / 64);
          for (std::size_t r = 0; r < count; ++r)
            wanted[r / 64] |= std::uint64_t{cells[r] >= lower && cells[r] <= upper} << (r % 64);
          for (const MaskKernels* kernels : SupportedMaskKernels()) {
            std::vector<std::uint64_t> got((count + 63) / 64, 0xAAAAAAAAAAAAAAAAu);
            KernelOf<T> (*kernels)(bytes.data() + offset, count, lower, upper, got.data());
            ASSERT_EQ(got, wanted) << kernels->name << ", " << count << " cells, offset " << offset << ", "
                                   << +lower << " to " << +upper;
          }
        }
      }
    }
  }
}

template <class Signed, class Unsigned>
void CompareSigned(RangeMask<Unsigned> kernel, const char* name) {
  const std::vector<Signed> values = {std::numeric_limits<Signed>::min(), -2, -1, 0, 1, 2,
                                      std::numeric_limits<Signed>::max()};
  std::vector<Signed> cells;
  for (std::size_t r = 0; r < 150; ++r) cells.push_back(values[r * 5 % values.size()]);
  for (const Signed lower : values) {
    for (const Signed upper : values) {
      if (lower > upper) continue;
      std::uint64_t got[3];
      kernel(reinterpret_cast<const std::byte*>(cells.data()), cells.size(), static_cast<Unsigned>(lower),
             static_cast<Unsigned>(upper), got);
      for (std::size_t r = 0; r < cells.size(); ++r)
        ASSERT_EQ(got[r / 64] >> (r % 64) & 1, std::uint64_t{cells[r] >= lower && cells[r] <= upper})
            << name << ": " << cells[r] << " in " << lower << " to " << upper;
    }
  }
}

TEST(MaskKernels, SignedCellsAreComparedModuloTheirWidth) {
  for (const MaskKernels* kernels : SupportedMaskKernels()) {
    CompareSigned<std::int32_t, std::uint32_t>(kernels->bits32, kernels->name);
    CompareSigned<std::int64_t, std::uint64_t>(kernels->bits64, kernels->name);
  }
}

TEST(MaskKernels, EveryLevelCountsTheSetBits) {
  std::mt19937_64 random(2);
  std::vector<std::uint64_t> words(100);
  for (std::uint64_t& word : words) word = random() & random();
  words[3] = 0, words[4] = ~std::uint64_t{0};
  for (std::size_t count = 0; count <= words.size(); ++count) {
    std::uint64_t wanted = 0;
    for (std::size_t w = 0; w < count; ++w)
      for (int bit = 0; bit < 64; ++bit) wanted += words[w] >> bit & 1;
    for (const MaskKernels* kernels : SupportedMaskKernels())
      ASSERT_EQ(kernels->count(words.data(), count), wanted) << kernels->name;
  }
}

TEST(MaskKernels, ANamedLevelIsTakenAndAnUnknownOneGivesTheBest) {
  const auto supported = SupportedMaskKernels();
  EXPECT_STREQ(ChooseMaskKernels(supported, "scalar").name, "scalar");
  EXPECT_STREQ(ChooseMaskKernels(supported, "none").name, supported.back()->name);
  EXPECT_STREQ(ChooseMaskKernels(supported, "").name, supported.back()->name);
}

}  // namespace
}  // namespace zvec::simd
