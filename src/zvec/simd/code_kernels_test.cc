#include "zvec/simd/code_kernels.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace zvec::simd {
namespace {

std::vector<std::uint8_t> Draw(std::size_t count, std::mt19937& random) {
  std::vector<std::uint8_t> codes(count);
  for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random() % 128);
  return codes;
}

std::int64_t Plain(const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < bytes; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// Counts with and without a rest after the fours, fewer and more codes than are asked for ahead.
TEST(CodeKernels, EveryLevelGivesTheExactSum) {
  std::mt19937 random(1);
  for (std::size_t bytes = 64; bytes <= 1'024; bytes += 64) {
    const auto codes = Draw(bytes * 80, random), query = Draw(bytes, random);
    for (std::size_t count = 0; count <= 70; count += count < 10 ? 1 : 15) {
      std::vector<std::uint32_t> index(count);
      for (std::uint32_t& i : index) i = static_cast<std::uint32_t>(random() % 80);
      for (const CodeKernels* kernels : SupportedCodeKernels()) {
        std::vector<float> ahead(count + 1, -1), near(count + 1, -1);
        const CodeRows rows{codes.data(), bytes, index.data(), count};
        kernels->squared_l2(query.data(), rows, ahead.data());
        kernels->squared_l2_near(query.data(), rows, near.data());
        for (std::size_t i = 0; i < count; ++i) {
          const auto expected = static_cast<float>(Plain(query.data(), &codes[index[i] * bytes], bytes));
          ASSERT_EQ(ahead[i], expected) << kernels->name << " bytes " << bytes << " count " << count;
          ASSERT_EQ(near[i], expected) << kernels->name << " bytes " << bytes << " count " << count;
        }
        ASSERT_EQ(ahead[count], -1) << kernels->name;
        ASSERT_EQ(near[count], -1) << kernels->name;
      }
    }
  }
}

TEST(CodeKernels, TheLargestDifferencesDoNotOverflow) {
  constexpr std::size_t kBytes = 20'032;  // the largest dimension, in whole lines
  const std::vector<std::uint8_t> low(kBytes, 0), high(kBytes, 127);
  const std::uint32_t index[] = {0, 0, 0, 0, 0};
  for (const CodeKernels* kernels : SupportedCodeKernels()) {
    float out[5];
    kernels->squared_l2(low.data(), {high.data(), kBytes, index, 5}, out);
    for (const float x : out) EXPECT_EQ(x, static_cast<float>(127 * 127 * kBytes)) << kernels->name;
  }
}

TEST(CodeKernels, TheSwitchNamesALevelAndAvx512AllowsVnni) {
  const auto all = SupportedCodeKernels();
  EXPECT_STREQ(all[0]->name, "scalar");
  EXPECT_STREQ(ChooseCodeKernels(all, "scalar").name, "scalar");
  EXPECT_EQ(&ChooseCodeKernels(all, ""), all.back());
  EXPECT_EQ(&ChooseCodeKernels(all, "sse9"), all.back());
  if (std::string_view(all.back()->name).starts_with("avx512")) {
    EXPECT_EQ(&ChooseCodeKernels(all, "avx512"), all.back());
  }
}

}  // namespace
}  // namespace zvec::simd
