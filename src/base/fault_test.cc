#include "base/fault.h"

#include <gtest/gtest.h>

namespace cocozvec {
namespace {

TEST(Fault, OnlyTestBuildsCanPlantOne) {
  EXPECT_FALSE(FaultPlanted("base_test"));
#if defined(ZVEC_TEST_HOOKS)
  PlantFault("base_test", true);
  EXPECT_TRUE(FaultPlanted("base_test"));
  EXPECT_FALSE(FaultPlanted("base_tes"));
  PlantFault("base_test", false);
  EXPECT_FALSE(FaultPlanted("base_test"));
#endif
}

}  // namespace
}  // namespace cocozvec
