// Threads, tokens and depth (cocoindex-engine.md 28: 28, 66, 76; design.md 2: one thread, depth 1,000).
#include <atomic>
#include <latch>
#include <thread>

#include "cocoindex/runtime/engine_test.h"
#include "cocoindex/runtime/inflight.h"
#include "cocoindex/runtime/pool.h"

namespace cocoindex::inline v0 {
namespace {

using ::testing::ElementsAre;

int squared(Ctx&, int n) { return n * n; }

/// Sums over a tree whose branches meet: every level has calls with equal memo keys.
std::int64_t meeting_sum(Ctx& ctx, int level, int round) {
  if (level == 0) {
    for (int i = round % 7; i > 0; --i) std::this_thread::yield();  // so that threads meet in many ways
    return round;
  }
  std::int64_t sum = 0;
  for (std::int64_t v : ctx.map(std::vector<int>{0, 1, 2, 3}, [&](Ctx& c, int i) {
         return c.call(fn<&meeting_sum>({.memo = true, .version = 1}), level - 1, round * 2 + i % 2);
       })) {
    sum += v;
  }
  return sum;
}

// Two threads meet in maps inside each other, step by step; each step waits for the one before it.
enum Step { kNothing, kInB, kInC, kTwoInC, kOutside };
std::atomic<int> step{kNothing};
void reach(Step s) {
  for (int now = step; now < s && !step.compare_exchange_weak(now, s);) {
  }
}
void await(Step s) {
  while (step < s) std::this_thread::yield();
}
int inner_call(Ctx& ctx) {
  ctx.map(std::vector<int>{0, 1}, [](int i) {
    if (i == 0) {
      reach(kInC);
      await(kTwoInC);
    } else {
      reach(kTwoInC);
      // The other thread waits for this item now. It must not find anything; give it time to try.
      for (int tries = 0; tries < 20000 && step < kOutside; ++tries) std::this_thread::yield();
    }
  });
  return 1;
}
int outer_call(Ctx& ctx) {
  ctx.map(std::vector<int>{0, 1}, [](Ctx& c, int i) {
    if (i == 0) {
      reach(kInB);
      await(kInC);
    } else {
      c.call(fn<&inner_call>({.memo = true, .version = 1}));
    }
  });
  return 1;
}

class Scheduler : public EngineTest {
 protected:
  explicit Scheduler(Settings s = {}) : EngineTest(std::move(s)) {}
  void nest(Ctx& ctx, int depth, bool use) {
    if (depth == 0) return declare_row(ctx, "deepest", "1");
    // Equal memo keys on the way: the same call at every level.
    EXPECT_EQ(ctx.call(fn<&squared>({.memo = true, .version = 1}), 3), 9);
    if (use) {
      ctx.use_mount("n", [this, depth, use](Ctx& c) { nest(c, depth - 1, use); });
    } else {
      ctx.mount("n", [this, depth, use](Ctx& c) { nest(c, depth - 1, use); });
    }
  }
  /// The largest number of leaf bodies that ran at one time.
  int leaves_at_once(int width, int depth) {
    std::atomic<int> now{0}, most{0};
    std::function<void(Ctx&, int)> level = [&](Ctx& ctx, int d) {
      if (d == 0) {
        const int n = ++now;
        for (int m = most; n > m && !most.compare_exchange_weak(m, n);) {
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        --now;
        return;
      }
      for (int i = 0; i < width; ++i) ctx.mount(subpath(i), [&level, d](Ctx& c) { level(c, d - 1); });
    };
    main_ = [&](Ctx& ctx) { level(ctx, depth); };
    run();
    return most;
  }
};

class OneThread : public Scheduler {
 protected:
  OneThread() : Scheduler({.threads = 1}) {}
};
class TwoThreads : public Scheduler {
 protected:
  TwoThreads() : Scheduler({.threads = 2}) {}
};
class OneThreadOneToken : public Scheduler {
 protected:
  OneThreadOneToken() : Scheduler({.threads = 1, .max_inflight_components = 1}) {}
};
class OneToken : public Scheduler {
 protected:
  OneToken() : Scheduler({.threads = 3, .max_inflight_components = 1}) {}
};
class ThreeTokens : public Scheduler {
 protected:
  ThreeTokens() : Scheduler({.threads = 8, .max_inflight_components = 3}) {}
};

TEST_F(OneThread, AThousandMountsInsideEachOther) {
  main_ = [this](Ctx& ctx) { nest(ctx, 1000, false); };
  run();
  EXPECT_EQ(target_.rows().size(), 1u);
  main_ = [](Ctx&) {};
  run();
  EXPECT_EQ(target_.rows().size(), 0u);
}

TEST_F(OneThread, AThousandUseMountsInsideEachOther) {
  main_ = [this](Ctx& ctx) { nest(ctx, 1000, true); };
  run();
  EXPECT_EQ(target_.rows().size(), 1u);
}

TEST_F(OneThreadOneToken, AThousandMountsAndUseMountsInsideEachOther) {
  for (bool use : {false, true}) {
    main_ = [this, use](Ctx& ctx) { nest(ctx, 1000, use); };
    run();
    EXPECT_EQ(target_.rows().size(), 1u);
  }
}

TEST_F(OneThreadOneToken, MapAndReadyAndUseMountMixed) {
  main_ = [this](Ctx& ctx) {
    const std::vector<int> items{1, 2, 3};
    EXPECT_THAT(ctx.map(items, fn<&squared>({.memo = true, .version = 1})), ElementsAre(1, 4, 9));
    auto slow = ctx.mount("background", [this](Ctx& c) {
      c.use_mount("inner", [](Ctx&) {});
      declare_row(c, "background", "1");
    });
    ctx.use_mount("foreground", [this](Ctx& c) { declare_row(c, "foreground", "1"); });
    slow.ready();
    EXPECT_EQ(target_.rows().size(), 2u);
    ctx.mount_each(
           "each", [](Ctx& c, int) { c.use_mount("x", [](Ctx&) {}); },
           std::vector<std::pair<int, int>>{{1, 1}, {2, 2}, {3, 3}})
        .ready();
  };
  run();
}

TEST_F(OneToken, LeavesRunOneAtATime) {
  EXPECT_EQ(leaves_at_once(3, 3), 1);
  main_ = [](Ctx&) {};
  const UpdateStats stats = run();  // deletes obey the limit too, and do not deadlock
  EXPECT_EQ(stats.total().deletes, 3u + 9u + 27u);
}

TEST_F(ThreeTokens, NoMoreLeavesRunThanTheLimit) { EXPECT_LE(leaves_at_once(5, 2), 3); }

TEST_F(Scheduler, MapThrowsTheFirstFailureInOrderAfterAllHaveEnded) {
  std::atomic<int> ended{0};
  main_ = [&](Ctx& ctx) {
    const std::vector<int> items{0, 1, 2, 3, 4, 5};
    try {
      ctx.map(items, [&](int i) {
        ++ended;
        if (i % 2 == 1) throw std::runtime_error(std::to_string(i));
        return i;
      });
      ADD_FAILURE();
    } catch (const std::runtime_error& e) {
      EXPECT_STREQ(e.what(), "1");
    }
    EXPECT_EQ(ended, 6);
  };
  run();
}

TEST_F(Scheduler, ManyComponentsOverManyThreads) {
  main_ = [this](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", "d"));
    for (int i = 0; i < 40; ++i) {
      ctx.mount(subpath("outer", i), [t, i](Ctx& c) {
        for (int j = 0; j < 10; ++j)
          c.mount(subpath(j), [t, i, j](Ctx& d) { declare(d, t, 100 * i + j, "v"); });
        declare(c, t, 1000000 + i, "v");
      });
    }
  };
  run();
  EXPECT_EQ(target_.rows("t").size(), 440u);
  EXPECT_EQ(run().target_total().unchanged, 440u);
  main_ = [](Ctx&) {};
  run();
  EXPECT_FALSE(target_.has_table("t"));
}

// Guards: a thread that waited for the items of one map took an item of a map around it, which waited in turn
// for a call that could not end before what lay below it on its own stack.
TEST_F(TwoThreads, AThreadThatWaitsForAMapTakesNothingFromAMapAroundIt) {
  step = kNothing;
  main_ = [](Ctx& ctx) {
    const auto first = std::this_thread::get_id();
    ctx.map(std::vector<int>{0, 1}, [first](Ctx& c, int) {
      if (std::this_thread::get_id() == first) return await(kInB);  // and then helps the other thread
      c.map(std::vector<int>{0, 1}, [](Ctx& d, int j) {
        if (j == 1) reach(kOutside);
        d.call(fn<&outer_call>({.memo = true, .version = 1}));
      });
    });
  };
  run();
  EXPECT_EQ(step, kOutside);
}

class MeetingMaps : public ::testing::TestWithParam<unsigned> {};

TEST_P(MeetingMaps, EndForAnyNumberOfThreads) {
  class Fixture : public EngineTest {
   public:
    explicit Fixture(unsigned threads) : EngineTest({.threads = threads}) {}
    void TestBody() override {
      for (int round = 0; round < 100; ++round) {
        main_ = [round](Ctx& ctx) {
          const std::vector<int> three{0, 1, 2};
          ctx.map(three, [&](Ctx& outer, int) {
            outer.map(three, [&](Ctx& inner, int) {
              // 4^3 leaves: 64 * round * 8, and half of the items add 1 on each level.
              EXPECT_EQ(meeting_sum(inner, 3, round), 64 * round * 8 + 32 * (4 + 2 + 1));
            });
          });
        };
        run();
      }
    }
  };
  Fixture(GetParam()).TestBody();
}
INSTANTIATE_TEST_SUITE_P(Threads, MeetingMaps, ::testing::Values(1u, 2u, 3u));

TEST(Scope, FindsAncestorsAtAnyDepth) {
  std::vector<std::unique_ptr<Scope>> chain;
  chain.push_back(std::make_unique<Scope>(nullptr));
  for (int i = 1; i < 500; ++i) chain.push_back(std::make_unique<Scope>(chain.back().get()));
  const Scope side(chain[100].get());
  for (int i = 0; i < 500; ++i) {
    const auto n = static_cast<std::size_t>(i);
    EXPECT_TRUE(chain[499]->is_within(*chain[n]));
    EXPECT_EQ(side.is_within(*chain[n]), i <= 100);
    EXPECT_EQ(chain[n]->is_within(side), false);
  }
}

TEST(Inflight, AParentLendsItsTokenToOneChildAtATimeInOrder) {
  InflightLimit limit(1);
  using Holder = InflightLimit::Holder;
  Holder root(nullptr), a(&root), b(&root), c(&root);
  std::vector<char> granted;
  EXPECT_TRUE(limit.acquire(root, [] {}));
  EXPECT_TRUE(limit.acquire(a, [] {}));
  EXPECT_FALSE(limit.acquire(b, [&] { granted.push_back('b'); }));
  EXPECT_FALSE(limit.acquire(c, [&] { granted.push_back('c'); }));
  limit.release(a);
  EXPECT_THAT(granted, ElementsAre('b'));
  limit.release(b);
  EXPECT_THAT(granted, ElementsAre('b', 'c'));
  limit.release(c);
  limit.release(root);
  Holder other(nullptr);
  EXPECT_TRUE(limit.acquire(other, [] {}));
}

TEST(Inflight, WhoeverIsFreeFirstServesAWaitingChild) {
  InflightLimit limit(2);
  using Holder = InflightLimit::Holder;
  Holder root(nullptr), other(nullptr), a(&root), b(&root);
  bool b_granted = false;
  EXPECT_TRUE(limit.acquire(root, [] {}));
  EXPECT_TRUE(limit.acquire(other, [] {}));
  EXPECT_TRUE(limit.acquire(a, [] {}));
  EXPECT_FALSE(limit.acquire(b, [&] { b_granted = true; }));
  limit.release(other);
  EXPECT_TRUE(b_granted);
}

}  // namespace
}  // namespace cocoindex::inline v0
