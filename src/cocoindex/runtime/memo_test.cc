// Memos of components and of calls (cocoindex-engine.md 28: 35-54, 79).
#include <atomic>
#include <map>

#include "cocoindex/runtime/engine_test.h"

namespace cocoindex::inline v0 {

/// Key: the name; state: the time; content decides when the time differs.
struct TestFile {
  std::string name, content;
  int time = 0;
};
std::string coco_memo_key(const TestFile& f) { return f.name; }
MemoStateOutcome coco_memo_state(const TestFile& f, std::optional<std::string_view> previous) {
  const std::string state = std::to_string(f.time) + ":" + f.content;
  const bool same = previous && previous->substr(previous->find(':') + 1) == f.content;
  return {state, same};
}

namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr ContextKey<std::string> kModel{"model", {.detect_change = true}};
constexpr ContextKey<std::string> kLoose{"loose"};

// Functions have no place to count but here; one test runs at a time.
std::atomic<int> bodies{0};
std::string extra;  // what a body would depend on without saying so

void index_item(Ctx& ctx, const std::string& name, const std::string& value, const TargetProvider& rows) {
  ++bodies;
  testing::declare(ctx, rows, name, value + extra);
}
int half_failing(Ctx&, int n) {
  ++bodies;
  if (extra == "fail") throw std::runtime_error("today not");
  return 2 * n;
}
void leaf(Ctx& ctx, const std::string& name, const TargetProvider& rows) {
  ++bodies;
  testing::declare(ctx, rows, name, "1");
}
void parent_v1(Ctx& ctx, const TargetProvider& rows) {
  ++bodies;
  ctx.mount("leaf", fn<&leaf>({.memo = true, .version = 1}), std::string("leaf"), rows);
}
int square(Ctx& ctx, int n, const TargetProvider& rows) {
  ++bodies;
  testing::declare(ctx, rows, n, std::to_string(n * n) + extra);
  return n * n;
}
int outer(Ctx& ctx, int n, const TargetProvider& rows) {
  ++bodies;
  testing::declare(ctx, rows, "outer", "1");
  return 1 + ctx.call(fn<&square>({.memo = true, .version = 1}), n, rows);
}
std::string with_model(Ctx& ctx, int n) {
  ++bodies;
  return ctx.use(kModel) + std::to_string(n);
}
std::string with_loose(Ctx& ctx, int n) {
  ++bodies;
  return ctx.use(kLoose) + std::to_string(n);
}
std::string over_model(Ctx& ctx, int n) {
  ++bodies;
  return ctx.call(fn<&with_model>({.memo = true, .version = 1}), n);
}
void process_file(Ctx& ctx, const TestFile& f, const TargetProvider& rows) {
  ++bodies;
  testing::declare(ctx, rows, f.name, f.content);
}
void mounts(Ctx& ctx, int) {
  ctx.mount("x", [](Ctx&) {});
}
int helper(Ctx&, int n) { return n + 1; }
int over_helper(Ctx& ctx, int n) {
  ++bodies;
  if (extra == "new build") return ctx.call(fn<&helper>({.version = 2}), n);
  return ctx.call(fn<&helper>({.version = 1}), n);
}
int over_both(Ctx& ctx, int n) {
  ++bodies;
  return ctx.call(fn<&over_helper>({.memo = true, .version = 1}), n);
}
int recursive(Ctx& ctx, int n) { return ctx.call(fn<&recursive>({.memo = true, .version = 1}), n); }

/// The rows y and z, each by a child of its own: memoised ones, or the plain function.
void two_children(Ctx& ctx, bool memo, const std::string& y, const std::string& z,
                  const TargetProvider& rows) {
  auto child = [&](const MountPath& path, const std::string& name, const std::string& value) {
    if (memo) {
      ctx.mount(path, fn<&index_item>({.memo = true, .version = 1}), name, value, rows).ready();
    } else {
      ctx.mount(path, &index_item, name, value, rows).ready();
    }
  };
  if (!ctx.path().empty()) {
    child("y", "y", y);
    child("z", "z", z);
  } else {  // by the root, the component between is a directory now
    child(subpath("x", "y"), "y", y);
    child(subpath("x", "z"), "z", z);
  }
}

class Memo : public EngineTest {
 protected:
  Memo() {
    bodies = 0;
    extra.clear();
  }
  int bodies_of(std::function<void(Ctx&)> main, UpdateOptions options = {}) {
    bodies = 0;
    main_ = std::move(main);
    run(options);
    return bodies;
  }
  std::function<void(Ctx&)> index(std::map<std::string, std::string> items) {
    return [this, items](Ctx& ctx) {
      std::vector<std::pair<std::string, std::string>> list(items.begin(), items.end());
      for (const auto& [name, value] : list) {
        ctx.mount(subpath("index", name), fn<&index_item>({.memo = true, .version = 1}), name, value,
                  target_.rows_provider());
      }
    };
  }
};

TEST_F(Memo, OnlyTheItemWhoseKeyChangedRunsAgain) {
  EXPECT_EQ(bodies_of(index({{"a", "1"}, {"b", "1"}, {"c", "1"}})), 3);
  EXPECT_EQ(bodies_of(index({{"a", "1"}, {"b", "1"}, {"c", "1"}})), 0);
  extra = "!";  // not part of any key
  EXPECT_EQ(bodies_of(index({{"a", "1"}, {"b", "2"}, {"c", "1"}})), 1);
  EXPECT_EQ(target_.rows(), (Rows{{"a", "1"}, {"b", "2!"}, {"c", "1"}}));
  restart();
  EXPECT_EQ(bodies_of(index({{"a", "1"}, {"b", "2"}, {"c", "1"}})), 0);
}

TEST_F(Memo, StatsTellAddsReprocessesDeletesAndUnchanged) {
  main_ = index({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  const std::string name = "cocoindex::v0::(anonymous)::index_item";
  EXPECT_EQ(run().by_component[name].adds, 3u);
  EXPECT_EQ(run().by_component[name].unchanged, 3u);
  main_ = index({{"a", "2"}, {"b", "1"}});
  const UpdateStats stats = run();
  const ComponentCounts c = stats.by_component.at(name);
  EXPECT_EQ(c.reprocesses, 1u);
  EXPECT_EQ(c.unchanged, 1u);
  EXPECT_EQ(c.deletes, 1u);
  EXPECT_EQ(c.in_progress(), 0u);
  EXPECT_EQ(stats.executed, 1u);
}

TEST_F(Memo, AnItemThatCameBackRunsAgain) {
  bodies_of(index({{"a", "1"}, {"b", "1"}}));
  bodies_of(index({{"a", "1"}}));
  EXPECT_EQ(bodies_of(index({{"a", "1"}, {"b", "1"}})), 1);
  EXPECT_EQ(target_.rows().size(), 2u);
}

TEST_F(Memo, AFailedRunLeavesNoMemo) {
  auto main = [](Ctx& ctx) { ctx.mount("x", fn<&half_failing>({.memo = true, .version = 1}), 1); };
  EXPECT_EQ(bodies_of(main), 1);
  extra = "fail";
  main_ = [](Ctx& ctx) { ctx.mount("x", fn<&half_failing>({.memo = true, .version = 1}), 2); };
  EXPECT_EQ(update().failures.size(), 1u);
  extra.clear();
  EXPECT_EQ(bodies_of(main), 1);  // the arguments of the good run, but its memo is gone
}

TEST_F(Memo, ARunWithoutMemoForgetsIt) {
  auto memoised = [](Ctx& ctx) { ctx.mount("x", fn<&half_failing>({.memo = true, .version = 1}), 1); };
  bodies_of(memoised);
  EXPECT_EQ(bodies_of([](Ctx& ctx) { ctx.mount("x", fn<&half_failing>(), 1); }), 1);
  EXPECT_EQ(bodies_of(memoised), 1);
  EXPECT_EQ(bodies_of(memoised), 0);
}

TEST_F(Memo, ANewVersionRunsAgain) {
  bodies_of([](Ctx& ctx) { ctx.mount("x", fn<&half_failing>({.memo = true, .version = 1}), 1); });
  EXPECT_EQ(bodies_of([](Ctx& ctx) { ctx.mount("x", fn<&half_failing>({.memo = true, .version = 2}), 1); }),
            1);
  EXPECT_EQ(bodies_of([](Ctx& ctx) {
              ctx.mount("x", fn<&half_failing>({.memo = true, .version = 2, .deps = deps("prompt 1")}), 1);
            }),
            1);
  EXPECT_EQ(bodies_of([](Ctx& ctx) {
              ctx.mount("x", fn<&half_failing>({.memo = true, .version = 2, .deps = deps("prompt 2")}), 1);
            }),
            1);
}

TEST_F(Memo, ANewVersionOfAFunctionThatIsCalledVoidsWhatCalledIt) {
  auto main = [](Ctx& ctx) {
    ctx.mount("direct", fn<&over_helper>({.memo = true, .version = 1}), 1);
    ctx.mount("above", fn<&over_both>({.memo = true, .version = 1}), 2);
    ctx.mount("other", fn<&half_failing>({.memo = true, .version = 1}), 3);
  };
  EXPECT_EQ(bodies_of(main), 4);
  EXPECT_EQ(bodies_of(main), 0);
  extra = "new build";  // of the program
  const registered_fn changed{fn<&helper>({.version = 2})};
  EXPECT_EQ(bodies_of(main), 3);
  EXPECT_EQ(bodies_of(main), 0);
}

TEST_F(Memo, TheValueOfAUseMountIsRestored) {
  int value = 0;
  auto main = [&value](Ctx& ctx) {
    value = ctx.use_mount("x", fn<&half_failing>({.memo = true, .version = 1}), 21);
  };
  EXPECT_EQ(bodies_of(main), 1);
  value = 0;
  EXPECT_EQ(bodies_of(main), 0);
  EXPECT_EQ(value, 42);
}

TEST_F(Memo, AParentsHitKeepsItsChildrenAndANewVersionOfAChildVoidsIt) {
  auto main = [this](Ctx& ctx) {
    ctx.mount("parent", fn<&parent_v1>({.memo = true, .version = 1}), target_.rows_provider());
  };
  EXPECT_EQ(bodies_of(main), 2);
  EXPECT_EQ(bodies_of(main), 0);
  EXPECT_EQ(target_.rows().size(), 1u);
  const registered_fn changed{fn<&leaf>({.memo = true, .version = 2})};
  EXPECT_GE(bodies_of(main), 1);
  // The parent ran although its child hit: it rests on the child's version all the same.
  EXPECT_EQ(bodies_of(main), 0);
  const registered_fn again{fn<&leaf>({.memo = true, .version = 3})};
  EXPECT_GE(bodies_of(main), 1);
}

TEST_F(Memo, AFailedDescendantKeepsItsAncestorsWithoutMemo) {
  main_ = [](Ctx& ctx) {
    ctx.mount("p", fn<[](Ctx& c) {
                ++bodies;
                c.mount("bad", [](Ctx&) {
                  if (extra == "fail") throw std::runtime_error("bad");
                });
              }>({.memo = true, .version = 1, .name = "p"}));
  };
  extra = "fail";
  EXPECT_EQ(update().failures.size(), 1u);
  extra.clear();
  bodies = 0;
  run();
  EXPECT_EQ(bodies, 1);
  run();
  EXPECT_EQ(bodies, 1);
}

TEST_F(Memo, AFailedOrphanKeepsItsParentWithoutMemo) {
  auto main = [this](int version) {
    return [this, version](Ctx& ctx) {
      ctx.mount("p", fn<[](Ctx& c, int v, const TargetProvider& rows) {
                  ++bodies;
                  if (v == 1) c.mount("child", [rows](Ctx& d) { testing::declare(d, rows, "child", "1"); });
                }>({.memo = true, .version = 1, .name = "p2"}),
                version, target_.rows_provider());
    };
  };
  main_ = main(1);
  run();
  main_ = main(2);
  fail_next_call();
  EXPECT_EQ(update().failures.size(), 1u);
  EXPECT_EQ(bodies_of(main(2)), 1);
  EXPECT_EQ(target_.rows(), Rows{});
  EXPECT_EQ(bodies_of(main(2)), 0);
}

TEST_F(Memo, AnUnchangedCallKeepsItsValueAndItsRows) {
  std::vector<int> values;
  auto main = [&](Ctx& ctx) {
    values.clear();
    for (int n : {2, 3}) {
      values.push_back(ctx.call(fn<&square>({.memo = true, .version = 1}), n, target_.rows_provider()));
    }
  };
  EXPECT_EQ(bodies_of(main), 2);
  EXPECT_EQ(bodies_of(main), 0);
  EXPECT_THAT(values, ElementsAre(4, 9));
  EXPECT_EQ(target_.rows(), (Rows{{"2", "4"}, {"3", "9"}}));
  restart();
  EXPECT_EQ(bodies_of(main), 0);
  EXPECT_EQ(target_.rows(), (Rows{{"2", "4"}, {"3", "9"}}));
}

TEST_F(Memo, ACallThatIsNotMadeAgainLosesItsRows) {
  auto calls = [this](std::vector<int> ns) {
    return [this, ns](Ctx& ctx) {
      for (int n : ns) ctx.call(fn<&square>({.memo = true, .version = 1}), n, target_.rows_provider());
    };
  };
  bodies_of(calls({2, 3}));
  EXPECT_EQ(bodies_of(calls({3})), 0);
  EXPECT_EQ(target_.rows(), (Rows{{"3", "9"}}));
  EXPECT_EQ(bodies_of(calls({2, 3})), 1);
  EXPECT_EQ(bodies_of(calls({})), 0);
  EXPECT_EQ(target_.rows(), Rows{});
}

TEST_F(Memo, AHitKeepsTheRowsAndEntriesOfTheCallsInside) {
  auto main = [this](Ctx& ctx) {
    ctx.call(fn<&outer>({.memo = true, .version = 1}), 5, target_.rows_provider());
  };
  EXPECT_EQ(bodies_of(main), 2);
  EXPECT_EQ(bodies_of(main), 0);
  EXPECT_EQ(bodies_of(main), 0);
  EXPECT_EQ(target_.rows(), (Rows{{"5", "25"}, {"outer", "1"}}));
  // Now the inner one is called alone: its entry is still there.
  EXPECT_EQ(bodies_of([this](Ctx& ctx) {
              EXPECT_EQ(ctx.call(fn<&square>({.memo = true, .version = 1}), 5, target_.rows_provider()), 25);
            }),
            0);
  EXPECT_EQ(target_.rows(), (Rows{{"5", "25"}}));
}

TEST_F(Memo, AThrowingCallIsNotRemembered) {
  auto main = [](Ctx& ctx) {
    try {
      ctx.call(fn<&half_failing>({.memo = true, .version = 1}), 1);
    } catch (const std::runtime_error&) {
    }
  };
  extra = "fail";
  EXPECT_EQ(bodies_of(main), 1);
  EXPECT_EQ(bodies_of(main), 1);
  extra.clear();
  EXPECT_EQ(bodies_of(main), 1);
  EXPECT_EQ(bodies_of(main), 0);
}

TEST_F(Memo, AMemoisedCallMayNotMount) {
  main_ = [](Ctx& ctx) {
    try {
      ctx.call(fn<[](Ctx& c) { mounts(c, 1); }>({.memo = true, .version = 1, .name = "mounts"}));
      ADD_FAILURE();
    } catch (const InvalidRequest& e) {
      EXPECT_THAT(e.what(),
                  ::testing::HasSubstr("Either mount the function as a component, or set memo=False"));
    }
  };
  run();
}

TEST_F(Memo, EqualCallsAtOneTimeRunOnce) {
  EXPECT_EQ(bodies_of([this](Ctx& ctx) {
              const std::vector<int> same(50, 7);
              const auto values =
                  ctx.map(same, fn<&square>({.memo = true, .version = 1}), target_.rows_provider());
              for (int v : values) EXPECT_EQ(v, 49);
            }),
            1);
}

TEST_F(Memo, ACallOfItselfWithEqualArgumentsIsAnError) {
  main_ = [](Ctx& ctx) {
    EXPECT_THROW(ctx.call(fn<&recursive>({.memo = true, .version = 1}), 1), InvalidRequest);
  };
  run();
}

TEST_F(Memo, AChangedContextValueVoidsWhatUsedItAndNothingElse) {
  std::string model = "m1", loose = "l1";
  lifespan_ = [&](EnvironmentBuilder& b) {
    b.provide(kModel, model);
    b.provide(kLoose, loose);
  };
  restart();
  auto main = [](Ctx& ctx) {
    ctx.mount("direct", fn<&with_model>({.memo = true, .version = 1}), 1);
    ctx.mount("transitive", fn<&over_model>({.memo = true, .version = 1}), 2);
    ctx.mount("other", fn<&half_failing>({.memo = true, .version = 1}), 3);
    ctx.mount("loose", fn<&with_loose>({.memo = true, .version = 1}), 4);
  };
  EXPECT_EQ(bodies_of(main), 5);
  restart();
  EXPECT_EQ(bodies_of(main), 0);
  loose = "l2";
  restart();
  EXPECT_EQ(bodies_of(main), 0);
  model = "m2";
  restart();
  EXPECT_EQ(bodies_of(main), 3);
}

TEST_F(Memo, AStateThatChangedButHoldsIsRefreshedWithoutRunning) {
  auto main = [this](TestFile f) {
    return [this, f](Ctx& ctx) {
      ctx.mount("f", fn<&process_file>({.memo = true, .version = 1}), f, target_.rows_provider());
    };
  };
  EXPECT_EQ(bodies_of(main({"a", "x", 1})), 1);
  EXPECT_EQ(bodies_of(main({"a", "x", 1})), 0);
  EXPECT_EQ(bodies_of(main({"a", "x", 2})), 0);
  EXPECT_EQ(bodies_of(main({"a", "y", 3})), 1);
  EXPECT_EQ(target_.rows(), (Rows{{"a", "y"}}));
}

// GAP 3: a refreshed hit lost its target states.
TEST_F(Memo, ATouchedFileKeepsItsDocumentsWhenItsFunctionIsCalled) {
  auto main = [this](int time) {
    return [this, time](Ctx& ctx) {
      for (const char* name : {"a", "b"}) {
        ctx.call(fn<&process_file>({.memo = true, .version = 1}), TestFile{name, "same", time},
                 target_.rows_provider());
      }
    };
  };
  EXPECT_EQ(bodies_of(main(1)), 2);
  target_.take_ops();
  EXPECT_EQ(bodies_of(main(2)), 0);
  EXPECT_THAT(target_.take_ops(), IsEmpty());
  restart();
  EXPECT_EQ(bodies_of(main(2)), 0);
  EXPECT_EQ(target_.rows(), (Rows{{"a", "same"}, {"b", "same"}}));
}

TEST_F(Memo, ARebuiltTableVoidsTheMemosThatWroteToIt) {
  std::string definition = "d1";
  auto main = [&](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", definition));
    ctx.mount("row", fn<&index_item>({.memo = true, .version = 1}), std::string("k"), std::string("v"), t);
    ctx.use_mount("calls", [t](Ctx& c) { c.call(fn<&square>({.memo = true, .version = 1}), 3, t); });
  };
  EXPECT_EQ(bodies_of(main), 2);
  EXPECT_EQ(bodies_of(main), 0);
  definition = "d2";
  target_.take_ops();
  EXPECT_EQ(bodies_of(main), 2);
  EXPECT_THAT(target_.take_ops(), UnorderedElementsAre("replace */t=d2 prev=[d1]", "t/k=v prev=[] missing",
                                                       "t/3=9 prev=[] missing"));
  EXPECT_EQ(bodies_of(main), 0);
  EXPECT_THAT(target_.take_ops(), IsEmpty());
  EXPECT_EQ(target_.rows("t").size(), 2u);
}

TEST_F(Memo, ACapturedTableCountsAsWell) {
  std::string definition = "d1";
  static TargetProvider captured;
  auto main = [&](Ctx& ctx) {
    captured = mount_target(ctx, target_.table("t", definition));
    ctx.mount("row", fn<[](Ctx& c) {
                ++bodies;
                testing::declare(c, captured, "k", "v");
              }>({.memo = true, .version = 1, .name = "captured"}));
  };
  EXPECT_EQ(bodies_of(main), 1);
  EXPECT_EQ(bodies_of(main), 0);
  definition = "d2";
  EXPECT_EQ(bodies_of(main), 1);
  definition = "d2:lossy";
  target_.take_ops();
  EXPECT_EQ(bodies_of(main), 1);
  EXPECT_THAT(target_.take_ops(), ElementsAre("alter */t=d2:lossy prev=[d2]", "t/k=v prev=[v] missing"));
  EXPECT_EQ(bodies_of(main), 0);
  EXPECT_THAT(target_.take_ops(), IsEmpty());
  captured = {};
}

// An old entry must not vouch for rows that a crashed run had begun to revert.
TEST_F(Memo, ACallThatWasDroppedInAFailedRunRunsAgain) {
  auto calls = [this](bool make) {
    return [this, make](Ctx& ctx) {
      if (make) ctx.call(fn<&square>({.memo = true, .version = 1}), 2, target_.rows_provider());
    };
  };
  bodies_of(calls(true));
  main_ = calls(false);
  fail_next_call();  // the delete was applied
  EXPECT_THROW(update(), std::runtime_error);
  EXPECT_EQ(bodies_of(calls(true)), 1);
  EXPECT_EQ(target_.rows(), (Rows{{"2", "4"}}));
}

TEST_F(Memo, TwoUpdatesAtOnceRunAMemoisedRootOnce) {
  App root{*env_, "root", fn<&half_failing>({.memo = true, .version = 1}), 4};
  bodies = 0;
  UpdateHandle a = root.update(), b = root.update();
  EXPECT_EQ(a.result().value<int>(), 8);
  EXPECT_EQ(b.result().value<int>(), 8);
  EXPECT_EQ(bodies, 1);
  UpdateHandle c = root.update({.full_reprocess = true}), d = root.update({.full_reprocess = true});
  EXPECT_EQ(c.result().value<int>() + d.result().value<int>(), 16);
  EXPECT_EQ(bodies, 3);
}

TEST_F(Memo, AMemoisedRootThatFailedIsRunByTheSecondUpdate) {
  App root{*env_, "root", fn<&half_failing>({.memo = true, .version = 1}), 4};
  extra = "fail";
  EXPECT_THROW(root.update_blocking(), std::runtime_error);
  extra.clear();
  bodies = 0;
  EXPECT_EQ(root.update_blocking().value<int>(), 8);
  EXPECT_EQ(bodies, 1);
}

TEST(FnNames, AreNormalised) {
  EXPECT_EQ(fn<&index_item>().info.name, "cocoindex::v0::(anonymous)::index_item");
  EXPECT_EQ(fn<&index_item>().info.short_name, "index_item");
  EXPECT_EQ((internal::NameBuffer(internal::normalise_name("x [F = &a::(anonymous namespace)::g]")).text),
            std::string("a::(anonymous)::g"));
  EXPECT_EQ((internal::NameBuffer(
                 internal::normalise_name("x [with auto F = a::{anonymous}::g; std::string_view = y]"))
                 .text),
            std::string("a::(anonymous)::g"));
}

// Guards: a component's memo vouched for children that had been changed while its place was a directory.
TEST_F(Memo, AComponentThatWasADirectoryForAMomentRunsAgain) {
  for (bool memo : {false, true}) {
    auto as_component = [this, memo](Ctx& ctx) {
      ctx.mount("x", fn<&two_children>({.memo = true, .version = 1}), memo, std::string("1"),
                std::string("1"), target_.rows_provider());
    };
    bodies_of(as_component);
    main_ = [this, memo](Ctx& ctx) {
      two_children(ctx, memo, "1", "2", target_.rows_provider());
      throw std::runtime_error("killed before the root's confirmation");
    };
    EXPECT_THROW(update(), std::runtime_error);
    restart();
    bodies_of(as_component);
    EXPECT_EQ(target_.rows(), (Rows{{"y", "1"}, {"z", "1"}}));
    EXPECT_EQ(bodies_of(as_component), 0);
    bodies_of([](Ctx&) {});
  }
}

}  // namespace
}  // namespace cocoindex::inline v0
