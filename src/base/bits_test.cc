#include "base/bits.h"

#include <gtest/gtest.h>

#include <bit>

namespace cocozvec {
namespace {

TEST(CountBits, CountsAsTheLibraryDoes) {
  std::uint64_t word = 0x9e3779b97f4a7c15u;
  for (int i = 0; i < 10'000; ++i) {
    for (const std::uint64_t tested : {word, word & (word >> 7), ~word >> (i % 64)})
      ASSERT_EQ(CountBits(tested), static_cast<std::uint64_t>(std::popcount(tested))) << tested;
    word ^= word << 13, word ^= word >> 7, word ^= word << 17;
  }
  EXPECT_EQ(CountBits(0), 0u);
  EXPECT_EQ(CountBits(~std::uint64_t{0}), 64u);
}

}  // namespace
}  // namespace cocozvec
