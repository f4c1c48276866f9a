// What an interrupted removal leaves behind.
#include <atomic>

#include "cocoindex/runtime/engine_test.h"

namespace cocoindex::inline v0 {
namespace {

std::atomic<int> g_bodies = 0;
void keep_row(Ctx& ctx, const TargetProvider& rows) {
  ++g_bodies;
  declare(ctx, rows, "a", "1");
}

using Removal = EngineTest;

// Guards: the memo of a component outlived its rows, and the component was skipped when it was mounted again.
// Covers: E8
TEST_F(Removal, AMemoDoesNotOutliveRowsThatAFailedRemovalTook) {
  g_bodies = 0;
  const auto mounted = [this](Ctx& ctx) {
    ctx.mount("m", fn<&keep_row>({.memo = true, .version = 1}), target_.rows_provider());
  };
  ops_of(mounted);
  main_ = [](Ctx&) {};
  fail_next_call();  // after the row was deleted
  EXPECT_EQ(update().failures.size(), 1u);
  EXPECT_EQ(target_.rows(), Rows{});
  main_ = mounted;
  run();
  EXPECT_EQ(g_bodies, 2);
  EXPECT_EQ(target_.rows(), (Rows{{"a", "1"}}));
}

}  // namespace
}  // namespace cocoindex::inline v0
