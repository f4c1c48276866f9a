#include "base/cpu_level.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace cocozvec {
namespace {

TEST(CpuLevel, ScalarIsAlwaysThereAndTheActiveOneIsSupported) {
  const auto supported = SupportedCpuLevels();
  ASSERT_FALSE(supported.empty());
  EXPECT_EQ(supported.front(), CpuLevel::kScalar);
  EXPECT_TRUE(std::ranges::is_sorted(supported));
  EXPECT_NE(std::ranges::find(supported, ActiveCpuLevel()), supported.end());
}

TEST(CpuLevel, NamesAreThoseOfTheSwitch) {
  EXPECT_EQ(CpuLevelName(CpuLevel::kScalar), "scalar");
  EXPECT_EQ(CpuLevelName(CpuLevel::kAvx2), "avx2");
  EXPECT_EQ(CpuLevelName(CpuLevel::kAvx512), "avx512");
}

}  // namespace
}  // namespace cocozvec
