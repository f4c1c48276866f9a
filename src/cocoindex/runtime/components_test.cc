// Components and containers (cocoindex-engine.md 28: 12-28).
#include <chrono>
#include <thread>

#include "cocoindex/runtime/engine_test.h"
#include "cocoindex/state/store.h"

namespace cocoindex::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class Components : public EngineTest {
 protected:
  using Body = std::function<void(Ctx&)>;
  Body row(std::string key, std::string value = "1") {
    return [this, key, value](Ctx& ctx) { declare_row(ctx, key, value); };
  }
  Ops mount_rows(std::vector<std::string> names) {
    return ops_of([this, names](Ctx& ctx) {
      for (const auto& n : names) ctx.mount(n, row(n));
    });
  }
};

TEST_F(Components, AChildThatIsNotMountedAgainIsDeleted) {
  mount_rows({"A", "B"});
  EXPECT_EQ(target_.rows(), (Rows{{"A", "1"}, {"B", "1"}}));
  EXPECT_THAT(mount_rows({"A"}), ElementsAre("B gone prev=[1]"));
  EXPECT_THAT(mount_rows({"A"}), IsEmpty());
  EXPECT_THAT(mount_rows({"A", "B"}), ElementsAre("B=1 prev=[] missing"));
}

TEST_F(Components, MountEachKeepsWhatStaysAndDeletesWhatGoes) {
  auto each = [this](std::vector<int> keys) {
    return ops_of([this, keys](Ctx& ctx) {
      std::vector<std::pair<int, int>> items;
      for (int k : keys) items.emplace_back(k, 10 * k);
      ctx.mount_each("each", [this](Ctx& c, int v) { declare_row(c, v, "1"); }, items).ready();
    });
  };
  each({1, 2, 3});
  EXPECT_THAT(each({2, 3, 4}), UnorderedElementsAre("40=1 prev=[] missing", "10 gone prev=[1]"));
  EXPECT_EQ(target_.rows(), (Rows{{"20", "1"}, {"30", "1"}, {"40", "1"}}));
}

TEST_F(Components, MountEachTakesItsItemsFromAGeneratorToo) {
  main_ = [this](Ctx& ctx) {
    int next = 0;
    auto items = [&next]() -> std::optional<std::pair<int, std::unique_ptr<int>>> {
      if (next == 5) return std::nullopt;
      ++next;
      return std::pair(next, std::make_unique<int>(next));
    };
    ctx.mount_each("each", [this](Ctx& c, std::unique_ptr<int> v) { declare_row(c, *v, "1"); }, items);
  };
  run();
  EXPECT_EQ(target_.rows().size(), 5u);
}

TEST_F(Components, AContainerIsMadeBeforeRowsOfOtherComponents) {
  const Ops ops = ops_of([this](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", "d"));
    for (int i = 0; i < 3; ++i) ctx.mount(subpath("row", i), [t, i](Ctx& c) { declare(c, t, i, "v"); });
  });
  ASSERT_EQ(ops.size(), 4u);
  EXPECT_EQ(ops[0], "insert */t=d prev=[] missing");
  EXPECT_EQ(target_.rows("t").size(), 3u);
}

TEST_F(Components, APendingProviderIsResolvedByUseMount) {
  const Ops ops = ops_of([this](Ctx& ctx) {
    auto t = ctx.use_mount("setup", [this](Ctx& c) {
      TargetProvider pending = declare_target_state_with_child(c, target_.table("t", "d"));
      EXPECT_THROW(declare(c, pending, "k", "v"), InvalidRequest);
      return pending;
    });
    declare(ctx, t, "k", "v");
  });
  EXPECT_THAT(ops, ElementsAre("insert */t=d prev=[] missing", "t/k=v prev=[] missing"));
}

TEST_F(Components, ADroppedContainerTakesItsRowsAlong) {
  auto with_rows = [this](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", "d"));
    ctx.mount("a", [t](Ctx& c) { declare(c, t, "ka", "v"); });
    ctx.mount("b", [t](Ctx& c) { declare(c, t, "kb", "v"); });
  };
  ops_of(with_rows);
  EXPECT_THAT(ops_of([](Ctx&) {}), ElementsAre("remove */t gone prev=[d]"));
  EXPECT_FALSE(target_.has_table("t"));
  // Made again, it starts empty: what was recorded of the rows does not count.
  EXPECT_THAT(ops_of(with_rows), UnorderedElementsAre("insert */t=d prev=[] missing",
                                                      "t/ka=v prev=[] missing", "t/kb=v prev=[] missing"));
}

TEST_F(Components, OnlyTheRowsOfTheUnmountedComponentGo) {
  bool both = true;
  main_ = [&](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", "d"));
    ctx.mount("a", [t](Ctx& c) { declare(c, t, "ka", "v"); });
    if (both) ctx.mount("b", [t](Ctx& c) { declare(c, t, "kb", "v"); });
  };
  run();
  target_.take_ops();
  both = false;
  run();
  EXPECT_THAT(target_.take_ops(), ElementsAre("t/kb gone prev=[v]"));
}

TEST_F(Components, AContainerThatFailedIsTriedAgain) {
  main_ = [this](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", "d"));
    ctx.mount("a", [t](Ctx& c) { declare(c, t, "ka", "v"); });
  };
  target_.before = [](const Op& op) {
    if (op.table == "*") throw std::runtime_error("no table today");
  };
  EXPECT_THROW(update(), std::runtime_error);
  target_.before = nullptr;
  target_.take_ops();
  run();
  EXPECT_THAT(target_.take_ops(), ElementsAre("upsert */t=d prev=[d] missing", "t/ka=v prev=[] missing"));
}

TEST_F(Components, AFailingBodyWritesNothingOfItsOwn) {
  bool fail = true, mounted = true;
  main_ = [&](Ctx& ctx) {
    if (!mounted) return;
    ctx.mount("c", [&](Ctx& c) {
      mount_target(c, target_.table("t", "d"));
      declare_row(c, "own", "1");
      if (fail) throw std::runtime_error("body");
    });
  };
  UpdateResult r = update();
  ASSERT_EQ(r.failures.size(), 1u);
  EXPECT_EQ(r.failures[0].message, "body");
  EXPECT_EQ(r.failures[0].path.display(), "/\"c\"");
  EXPECT_TRUE(target_.has_table("t"));
  EXPECT_EQ(target_.rows(), Rows{});
  mounted = false;
  run();
  EXPECT_FALSE(target_.has_table("t"));
}

TEST_F(Components, AFailedOrphanDeletionIsRetriedAtTheNextRun) {
  mount_rows({"A", "B"});
  main_ = [this](Ctx& ctx) { ctx.mount("A", row("A")); };
  fail_next_call();
  UpdateResult r = update();
  ASSERT_EQ(r.failures.size(), 1u);
  EXPECT_EQ(r.failures[0].path.display(), "/\"B\"");
  EXPECT_THAT(r.failures[0].collection, HasSubstr("/rows"));
  target_.take_ops();
  EXPECT_THAT(mount_rows({"A"}), ElementsAre("B gone prev=[1] missing"));
  EXPECT_THAT(mount_rows({"A"}), IsEmpty());
}

TEST_F(Components, AChildMountedAgainAfterAFailedDeletionIsBuiltFromWhatIsLeft) {
  mount_rows({"A", "B"});
  main_ = [this](Ctx& ctx) { ctx.mount("A", row("A")); };
  fail_next_call();
  EXPECT_EQ(update().failures.size(), 1u);
  target_.take_ops();
  EXPECT_THAT(mount_rows({"A", "B"}), ElementsAre("B=1 prev=[1] missing"));
}

// GAP 2: the nested tombstone became unreachable.
TEST_F(Components, ANestedOrphanWhoseDeletionFailsIsRetriedAndDropDoesNotForgetIt) {
  auto nested = [this](Ctx& ctx) {
    ctx.mount("M", [this](Ctx& m) {
      declare_row(m, "m", "1");
      m.mount("G", row("g"));
    });
  };
  ops_of(nested);
  auto fail_g = [](const Op& op) {
    if (op.key == "g") throw std::runtime_error("g stays");
  };
  target_.before = fail_g;
  main_ = [](Ctx&) {};
  UpdateResult r = update();
  ASSERT_EQ(r.failures.size(), 1u);
  EXPECT_EQ(r.failures[0].path.display(), "/\"M\"/\"G\"");
  EXPECT_EQ(target_.rows(), (Rows{{"g", "1"}}));
  restart();
  EXPECT_EQ(update().failures.size(), 1u);
  EXPECT_THROW(app_->drop_blocking(), std::runtime_error);
  target_.before = nullptr;
  target_.take_ops();
  app_->drop_blocking();
  EXPECT_EQ(target_.rows(), Rows{});
  EXPECT_THAT(target_.take_ops(), ElementsAre("g gone prev=[1] missing"));
}

TEST_F(Components, ADirectoryThatBecomesAComponentLosesWhatWasBelow) {
  ops_of([this](Ctx& ctx) { ctx.mount(subpath("x", "y"), row("xy")); });
  EXPECT_THAT(ops_of([this](Ctx& ctx) { ctx.mount("x", row("x")); }),
              UnorderedElementsAre("x=1 prev=[] missing", "xy gone prev=[1]"));
  EXPECT_THAT(ops_of([this](Ctx& ctx) { ctx.mount("x", row("x")); }), IsEmpty());
  ops_of([](Ctx&) {});
  EXPECT_EQ(target_.rows(), Rows{});
}

TEST_F(Components, AComponentThatBecomesADirectoryLosesOnlyItsOwnRows) {
  ops_of([this](Ctx& ctx) {
    ctx.mount("x", [this](Ctx& x) {
      declare_row(x, "x", "1");
      x.mount("y", row("xy"));
    });
  });
  EXPECT_THAT(ops_of([this](Ctx& ctx) { ctx.mount(subpath("x", "y"), row("xy")); }),
              ElementsAre("x gone prev=[1]"));
  EXPECT_EQ(target_.rows(), (Rows{{"xy", "1"}}));
  EXPECT_THAT(ops_of([this](Ctx& ctx) { ctx.mount(subpath("x", "y"), row("xy")); }), IsEmpty());
  ops_of([](Ctx&) {});
  EXPECT_EQ(target_.rows(), Rows{});
}

TEST_F(Components, AFailedDemotionIsRetried) {
  ops_of([this](Ctx& ctx) { ctx.mount("x", row("x")); });
  main_ = [this](Ctx& ctx) { ctx.mount(subpath("x", "y"), row("xy")); };
  target_.before = [](const Op& op) {
    if (op.key == "x") throw std::runtime_error("x stays");
  };
  EXPECT_EQ(update().failures.size(), 1u);
  target_.before = nullptr;
  run();
  EXPECT_EQ(target_.rows(), (Rows{{"xy", "1"}}));
}

TEST_F(Components, OnePathMountedTwiceIsAnError) {
  main_ = [this](Ctx& ctx) {
    ctx.mount("x", row("a"));
    EXPECT_THROW(ctx.mount("x", row("b")), InvalidRequest);
    EXPECT_THROW(ctx.mount(subpath("x", "below"), row("c")), InvalidRequest);
    EXPECT_THROW(ctx.mount(StablePath(), row("d")), InvalidRequest);
    try {
      ctx.mount("x", row("b"));
    } catch (const InvalidRequest& e) {
      EXPECT_THAT(e.what(), HasSubstr("already exists"));
    }
  };
  run();
  EXPECT_EQ(target_.rows(), (Rows{{"a", "1"}}));
}

TEST_F(Components, ASlashIsNoSeparator) {
  main_ = [this](Ctx& ctx) {
    ctx.mount("a/b", row("one"));
    ctx.mount(subpath("a", "b"), row("two"));
  };
  run();
  EXPECT_EQ(target_.rows().size(), 2u);
}

TEST_F(Components, AParentIsAppliedAfterItsBackgroundChildren) {
  EXPECT_THAT(ops_of([this](Ctx& ctx) {
                declare_row(ctx, "parent", "1");
                ctx.mount("slow", [this](Ctx& c) {
                  std::this_thread::sleep_for(std::chrono::milliseconds(20));
                  declare_row(c, "child", "1");
                });
              }),
              ElementsAre("child=1 prev=[] missing", "parent=1 prev=[] missing"));
}

TEST_F(Components, ABackgroundFailureIsReportedAndSiblingsCommit) {
  main_ = [this](Ctx& ctx) {
    ctx.mount("bad", [](Ctx&) { throw std::out_of_range("gone wrong"); });
    ctx.mount("good", row("good"));
  };
  UpdateResult r = update();
  ASSERT_EQ(r.failures.size(), 1u);
  EXPECT_THROW(std::rethrow_exception(r.failures[0].cause), std::out_of_range);
  EXPECT_EQ(r.stats.total().errors, 1u);
  EXPECT_EQ(target_.rows(), (Rows{{"good", "1"}}));
}

// Guards: the row of a new component that failed at once was still on its way when the next run began.
TEST_F(Components, NewComponentsThatFailAtOnceKeepTheirPlaces) {
  bool fail = true;
  main_ = [&](Ctx& ctx) {
    for (int i = 0; i < 50; ++i) {
      ctx.mount(subpath("dir", i), [&, i](Ctx& c) {
        if (fail && i % 2 == 0) throw std::runtime_error("at once");
        declare_row(c, i, "1");
      });
    }
  };
  EXPECT_EQ(update().failures.size(), 25u);
  fail = false;
  run();
  EXPECT_EQ(target_.rows().size(), 50u);
  main_ = [](Ctx&) {};
  run();
  EXPECT_EQ(target_.rows(), Rows{});
}

TEST_F(Components, AUseMountFailureCanBeCaughtWithItsType) {
  main_ = [this](Ctx& ctx) {
    EXPECT_THROW(ctx.use_mount("bad", [](Ctx&) -> int { throw std::out_of_range("x"); }), std::out_of_range);
    EXPECT_EQ(ctx.use_mount("good", [](Ctx&) { return 7; }), 7);
    declare_row(ctx, "a", "1");
  };
  run();
  EXPECT_EQ(target_.rows(), (Rows{{"a", "1"}}));
}

TEST_F(Components, TheRootsFailureIsThrownAndItsValueReturned) {
  App other{*env_, "other", [](Ctx&, int a, std::string b) { return std::to_string(a) + b; }, 4,
            std::string("x")};
  EXPECT_EQ(other.update_blocking().value<std::string>(), "4x");
  EXPECT_EQ(other.update_blocking({}, 5, std::string("y")).value<std::string>(), "5y");
  EXPECT_THROW(other.update_blocking({}, 5), InvalidRequest);
  EXPECT_THROW(other.update_blocking().value<int>(), InvalidRequest);
  main_ = [](Ctx&) { throw std::out_of_range("root"); };
  EXPECT_THROW(update(), std::out_of_range);
}

TEST_F(Components, TwoAppsOfOneNameAreRefused) {
  EXPECT_THROW((App{*env_, "app", [](Ctx&) {}}), InvalidRequest);
}

TEST_F(Components, AFailureNamesTheCollectionAlsoWhenItCameThroughUseMount) {
  main_ = [this](Ctx& ctx) {
    ctx.mount("outer", [this](Ctx& c) { mount_target(c, target_.table("t", "d")); });
  };
  target_.before = [](const Op&) { throw std::runtime_error("no table today"); };
  UpdateResult r = update();
  ASSERT_EQ(r.failures.size(), 1u);
  EXPECT_EQ(r.failures[0].path.display(), "/\"outer\"");
  EXPECT_EQ(r.failures[0].collection, target_.tables_provider().impl()->container_path);
}

// 71
TEST_F(Components, OneRejectedComponentOfAMergedCallFailsAlone) {
  target_.before = [&](const Op& op) {
    if (op.key == "2") throw std::runtime_error("rejected");
  };
  main_ = [&](Ctx& ctx) {
    for (int i = 0; i < 4; ++i)
      ctx.mount(subpath(i), [this, i](Ctx& c) { declare_row(c, std::to_string(i), "1"); });
  };
  UpdateResult r = update();
  ASSERT_EQ(r.failures.size(), 1u);
  EXPECT_EQ(r.failures[0].path.display(), "/2");
  EXPECT_EQ(target_.rows(), (Rows{{"0", "1"}, {"1", "1"}, {"3", "1"}}));
}

// 72
TEST_F(Components, AReconcileThatThrowsFailsItsComponentAlone) {
  target_.on_reconcile = [](const std::string& key) {
    if (key == "1") throw std::runtime_error("cannot decide");
  };
  main_ = [&](Ctx& ctx) {
    for (int i = 0; i < 3; ++i)
      ctx.mount(subpath(i), [this, i](Ctx& c) { declare_row(c, std::to_string(i), "1"); });
  };
  UpdateResult r = update();
  ASSERT_EQ(r.failures.size(), 1u);
  EXPECT_EQ(r.failures[0].message, "cannot decide");
  EXPECT_EQ(target_.rows(), (Rows{{"0", "1"}, {"2", "1"}}));
}

// 75
TEST_F(Components, AChildHandlerThatCannotBeMadeStopsTheComponentBeforeAnyAction) {
  main_ = [this](Ctx& ctx) {
    ctx.use_mount("setup", [this](Ctx& c) {
      declare_row(c, "beside", "1");
      declare_target_state_with_child(c, target_.table("t", "d"));
    });
  };
  target_.on_child_handler = [](const std::string&) { throw std::runtime_error("no handler"); };
  EXPECT_THROW(update(), std::runtime_error);
  EXPECT_THAT(target_.take_ops(), IsEmpty());
  target_.on_child_handler = nullptr;
  run();
  EXPECT_THAT(target_.take_ops(),
              UnorderedElementsAre("upsert */t=d prev=[d] missing", "beside=1 prev=[1] missing"));
}

TEST_F(Components, CountsOfTargetStatesComeFromTheStoreAlone) {
  main_ = [this](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", "d"));
    for (int i = 0; i < 7; ++i) ctx.mount(subpath(i), [t, i](Ctx& c) { declare(c, t, i, "v"); });
  };
  const std::string root = *target_.tables_provider().impl()->keys[0].get_if<std::string>();
  EXPECT_EQ(app_->count_target_states(root, "t"), 0u);
  run();
  restart();
  EXPECT_EQ(app_->count_target_states(root, "t"), 7u);
  EXPECT_EQ(app_->count_target_states(root, "other"), 0u);
}

TEST_F(Components, NothingIsWrittenWhenNothingChanged) {
  main_ = [this](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", "d"));
    for (int i = 0; i < 7; ++i) ctx.mount(subpath("dir", i), [t, i](Ctx& c) { declare(c, t, i, "v"); });
    declare_row(ctx, "r", "1");
  };
  run();
  stop();
  auto bytes = [this] {
    std::string all;
    auto store = Store::open({.path = settings_.db_path});
    store->app("app")->read()->scan("", [&](std::string_view k, std::string_view v) {
      all.append(k).append("=").append(v).append("\n");
      return true;
    });
    store->close();
    return all;
  };
  const std::string before = bytes();
  restart();
  const UpdateStats stats = run();
  EXPECT_EQ(stats.target_total().unchanged, 8u);
  EXPECT_EQ(stats.target_total().upserted, 0u);
  stop();
  EXPECT_EQ(bytes(), before);
}

TEST_F(Components, AnEmptyRunLeavesNothingBehind) {
  main_ = [this](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", "d"));
    for (int i = 0; i < 7; ++i) ctx.mount(subpath("dir", i), [t, i](Ctx& c) { declare(c, t, i, "v"); });
    declare_row(ctx, "r", "1");
  };
  run();
  main_ = [](Ctx&) {};
  run();
  stop();
  auto store = Store::open({.path = settings_.db_path});
  std::vector<char> kinds;
  store->app("app")->read()->scan("", [&](std::string_view k, std::string_view) {
    if (k[0] != 1) kinds.push_back(k[0]);
    return true;
  });
  store->close();
  EXPECT_THAT(kinds, ElementsAre(0x10));  // the root
}

}  // namespace
}  // namespace cocoindex::inline v0
