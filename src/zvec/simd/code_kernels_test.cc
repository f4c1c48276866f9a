#include "zvec/simd/code_kernels.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <utility>
#include <vector>

#include "zvec/doc.h"

namespace zvec::simd {
namespace {

enum Kind { kBits7, kBits8, kBits4, kHalves };

const CodeDistances& Of(const CodeKernels& kernels, Kind kind) {
  return kind == kBits7   ? kernels.bits7
         : kind == kBits8 ? kernels.bits8
         : kind == kBits4 ? kernels.bits4
                          : kernels.halves;
}

std::vector<std::uint8_t> Draw(Kind kind, std::size_t count, std::mt19937& random) {
  std::vector<std::uint8_t> codes(count);
  for (std::uint8_t& code : codes) code = static_cast<std::uint8_t>(random() % (kind == kBits7 ? 128 : 256));
  if (kind != kHalves) return codes;
  for (std::size_t i = 0; i < count; i += 2) {
    const Half half = ToHalf(std::normal_distribution<float>(0, 3)(random));
    std::memcpy(&codes[i], &half.bits, 2);
  }
  return codes;
}

double Element(Kind kind, const std::uint8_t* code, std::size_t i) {
  if (kind == kBits4) return i % 2 == 0 ? code[i / 2] & 15 : code[i / 2] >> 4;
  if (kind != kHalves) return code[i];
  Half half;
  std::memcpy(&half.bits, code + 2 * i, 2);
  return FromHalf(half);
}

double Plain(Kind kind, const std::uint8_t* a, const std::uint8_t* b, std::size_t bytes) {
  const std::size_t dim = kind == kBits4 ? 2 * bytes : kind == kHalves ? bytes / 2 : bytes;
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) {
    const double d = Element(kind, a, i) - Element(kind, b, i);
    sum += d * d;
  }
  return sum;
}

class CodesOf : public ::testing::TestWithParam<Kind> {};

// Counts with and without a rest after the fours, fewer and more codes than are asked for ahead. Integers
// exactly; halves within dim * epsilon of the sum of squares, and the same bits on every level.
TEST_P(CodesOf, EveryLevelGivesTheSum) {
  const Kind kind = GetParam();
  std::mt19937 random(1);
  for (std::size_t bytes = 64; bytes <= 1'024; bytes += 64) {
    const auto codes = Draw(kind, bytes * 80, random), query = Draw(kind, bytes, random);
    for (std::size_t count = 0; count <= 70; count += count < 10 ? 1 : 15) {
      std::vector<std::uint32_t> index(count);
      for (std::uint32_t& i : index) i = static_cast<std::uint32_t>(random() % 80);
      const CodeRows rows{codes.data(), bytes, index.data(), count};
      std::vector<float> expected(count);
      Of(*SupportedCodeKernels()[0], kind).squared_l2(query.data(), rows, expected.data());
      for (std::size_t i = 0; i < count; ++i) {
        const double plain = Plain(kind, query.data(), &codes[index[i] * bytes], bytes);
        const double slack = kind != kHalves ? 0 : plain * static_cast<double>(bytes) * 1.2e-7;
        ASSERT_NEAR(expected[i], plain, slack) << "bytes " << bytes;
      }
      for (const CodeKernels* kernels : SupportedCodeKernels()) {
        std::vector<float> ahead(count + 1, -1), near(count + 1, -1);
        Of(*kernels, kind).squared_l2(query.data(), rows, ahead.data());
        Of(*kernels, kind).squared_l2_near(query.data(), rows, near.data());
        for (std::size_t i = 0; i < count; ++i) {
          ASSERT_EQ(ahead[i], expected[i]) << kernels->name << " bytes " << bytes << " count " << count;
          ASSERT_EQ(near[i], expected[i]) << kernels->name << " bytes " << bytes << " count " << count;
        }
        ASSERT_EQ(ahead[count], -1) << kernels->name;
        ASSERT_EQ(near[count], -1) << kernels->name;
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(CodeKernels, CodesOf, ::testing::Values(kBits7, kBits8, kBits4, kHalves));

TEST(CodeKernels, TheLargestDifferencesDoNotOverflow) {
  constexpr std::size_t kBytes = 20'032;  // the largest dimension, in whole lines
  const std::uint32_t index[] = {0, 0, 0, 0, 0};
  const std::pair<Kind, int> kinds[] = {{kBits7, 127}, {kBits8, 255}, {kBits4, 255}};
  for (const auto& [kind, most] : kinds) {
    const std::vector<std::uint8_t> low(kBytes, 0), high(kBytes, static_cast<std::uint8_t>(most));
    const double expected = Plain(kind, low.data(), high.data(), kBytes);
    for (const CodeKernels* kernels : SupportedCodeKernels()) {
      float out[5];
      Of(*kernels, kind).squared_l2(low.data(), {high.data(), kBytes, index, 5}, out);
      for (const float x : out) EXPECT_EQ(x, static_cast<float>(expected)) << kernels->name;
      Of(*kernels, kind).squared_l2(high.data(), {low.data(), kBytes, index, 5}, out);
      for (const float x : out) EXPECT_EQ(x, static_cast<float>(expected)) << kernels->name;
    }
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
