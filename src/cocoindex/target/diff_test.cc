#include <gtest/gtest.h>

#include <vector>

#include "cocoindex/target_state.h"

namespace cocoindex::inline v0 {
namespace {

using Records = std::vector<std::string_view>;

TEST(Diff, FollowsItsTable) {
  const std::string_view x = "x";
  EXPECT_EQ(diff(nullptr, Records{}, false), DiffAction::none);
  EXPECT_EQ(diff(nullptr, Records{}, true), DiffAction::none);
  EXPECT_EQ(diff(nullptr, Records{"a"}, false), DiffAction::remove);
  EXPECT_EQ(diff(nullptr, Records{"a", "b"}, true), DiffAction::remove);
  EXPECT_EQ(diff(&x, Records{"a"}, false), DiffAction::replace);
  EXPECT_EQ(diff(&x, Records{"x", "a"}, true), DiffAction::replace);
  EXPECT_EQ(diff(&x, Records{"x", "x"}, false), DiffAction::none);
  EXPECT_EQ(diff(&x, Records{}, false), DiffAction::none);
  EXPECT_EQ(diff(&x, Records{}, true), DiffAction::insert);
  EXPECT_EQ(diff(&x, Records{"x"}, true), DiffAction::upsert);
}

}  // namespace
}  // namespace cocoindex::inline v0
