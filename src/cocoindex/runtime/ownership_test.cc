// Ownership of target states (cocoindex-engine.md 28: 29-34).
#include <chrono>
#include <latch>
#include <thread>

#include "cocoindex/runtime/engine_test.h"
#include "cocoindex/runtime/layout.h"
#include "cocoindex/state/store.h"

namespace cocoindex::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::atomic<int> bodies{0};
void one_row(Ctx& ctx, const std::string& key, const TargetProvider& rows) {
  ++bodies;
  declare(ctx, rows, key, "v");
}
constexpr auto kOneRow = fn<&one_row>({.memo = true, .version = 1});
void row_in_call(Ctx& ctx, const std::string& key, const TargetProvider& rows) {
  ctx.call(kOneRow, key, rows);
}
void row_of_child(Ctx& ctx, const std::string& key, const TargetProvider& rows) {
  ctx.mount("child", kOneRow, key, rows);
}
constexpr auto kRowOfChild = fn<&row_of_child>({.memo = true, .version = 1});

class Ownership : public EngineTest {
 protected:
  Ownership() { bodies = 0; }
  /// As after a process that died when `other` had taken the row "k" and nothing else had been committed.
  void row_taken_by(const std::string& other) {
    main_ = [this, other](Ctx& ctx) {
      ctx.mount(other, kOneRow, std::string("k"), target_.rows_provider()).ready();
      throw std::runtime_error("killed here");
    };
    EXPECT_THROW(update(), std::runtime_error);
    restart();
  }
  /// `owner` declares the row "k", loses it to another one, and is asked again.
  void expect_row_comes_back(const std::function<void(Ctx&)>& owner) {
    ops_of(owner);
    row_taken_by("other");
    ops_of(owner);
    EXPECT_EQ(target_.rows(), (Rows{{"k", "v"}}));
    bodies = 0;
    EXPECT_THAT(ops_of(owner), IsEmpty());
    EXPECT_EQ(target_.rows(), (Rows{{"k", "v"}}));
  }
  /// One component `name` that declares all rows.
  Ops component(const std::string& name, Rows rows) {
    return ops_of([this, name, rows](Ctx& ctx) {
      ctx.mount(name, [this, rows](Ctx& c) {
        for (const auto& [k, v] : rows) declare_row(c, k, v);
      });
    });
  }
  std::size_t owner_rows() {
    stop();
    std::size_t count = 0;
    auto store = Store::open({.path = settings_.db_path});
    store->app("app")->read()->scan("\x50",
                                    [&](std::string_view, std::string_view) { return ++count, true; });
    store->close();
    restart();
    return count;
  }
};

TEST_F(Ownership, AnUnchangedRowThatMovesToAnotherComponentCausesNoAction) {
  component("C1", {{"k", "v"}});
  EXPECT_THAT(component("C2", {{"k", "v"}}), IsEmpty());
  EXPECT_EQ(target_.rows(), (Rows{{"k", "v"}}));
  EXPECT_THAT(component("C2", {{"k", "v"}}), IsEmpty());
  EXPECT_EQ(owner_rows(), 1u);
}

TEST_F(Ownership, AChangedRowThatMovesIsOneUpsert) {
  component("C1", {{"k", "old"}});
  EXPECT_THAT(component("C2", {{"k", "new"}}), ElementsAre("k=new prev=[old]"));
  EXPECT_EQ(target_.rows(), (Rows{{"k", "new"}}));
}

TEST_F(Ownership, AChainOfMovesEndsInADeletion) {
  const Rows rows = {{"a", "1"}, {"b", "2"}, {"c", "3"}};
  component("C1", rows);
  EXPECT_THAT(component("C2", rows), IsEmpty());
  restart();
  EXPECT_THAT(component("C3", rows), IsEmpty());
  EXPECT_EQ(ops_of([](Ctx&) {}).size(), 3u);
  EXPECT_EQ(target_.rows(), Rows{});
  EXPECT_EQ(owner_rows(), 0u);
}

TEST_F(Ownership, RowsOfTableComponentsMoveToo) {
  auto in = [this](const std::string& name, int n) {
    return ops_of([this, name, n](Ctx& ctx) {
      TargetProvider t = mount_target(ctx, target_.table("t", "d"));
      ctx.mount(StableKey(StableKey::Array{name, n}), [t](Ctx& c) { declare(c, t, "k", "v"); });
    });
  };
  in("x", 1);
  EXPECT_THAT(in("x", 3), IsEmpty());
  EXPECT_EQ(target_.rows("t"), (Rows{{"k", "v"}}));
}

TEST_F(Ownership, AFailedTakeOverKeepsBothRecordsWithTheNewOwner) {
  component("C1", {{"k", "old"}});
  main_ = [this](Ctx& ctx) { ctx.mount("C2", [this](Ctx& c) { declare_row(c, "k", "new"); }); };
  fail_next_call();
  EXPECT_EQ(update().failures.size(), 1u);
  target_.take_ops();
  EXPECT_THAT(component("C2", {{"k", "new"}}), ElementsAre("k=new prev=[old,new]"));
  EXPECT_THAT(component("C2", {{"k", "new"}}), IsEmpty());
}

TEST_F(Ownership, AfterAFailedTakeOverTheNewOwnersEndIsADelete) {
  component("C1", {{"k", "old"}});
  main_ = [this](Ctx& ctx) { ctx.mount("C2", [this](Ctx& c) { declare_row(c, "k", "new"); }); };
  fail_next_call();
  EXPECT_EQ(update().failures.size(), 1u);
  target_.take_ops();
  EXPECT_THAT(ops_of([](Ctx&) {}), ElementsAre("k gone prev=[old,new]"));
}

TEST_F(Ownership, AClaimWaitsWhileTheOwnerIsBetweenIntentAndConfirmation) {
  std::latch first_applies(1), second_ready(1);
  target_.before = [&](const Op& op) {
    if (op.value != "1") return;
    first_applies.count_down();
    second_ready.wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // time for the claim to come too early
  };
  main_ = [&](Ctx& ctx) {
    ctx.mount("C1", [&](Ctx& c) { declare_row(c, "k", "1"); });
    ctx.mount("C2", [&](Ctx& c) {
      first_applies.wait();
      declare_row(c, "k", "2");
      second_ready.count_down();
    });
  };
  run();
  EXPECT_THAT(target_.take_ops(), ElementsAre("k=1 prev=[] missing", "k=2 prev=[1]"));
  EXPECT_EQ(target_.rows(), (Rows{{"k", "2"}}));
}

// Guards: a delete that a failed run had staged was retried without an intent, from a plan older than a
// take-over: the row was deleted behind its new owner's back, whose records said that it is there.
TEST_F(Ownership, ARetriedDeletePlannedBeforeATakeOverTakesNothingFromTheNewOwner) {
  component("A", {{"k", "v"}});
  main_ = [](Ctx& ctx) { ctx.mount("A", [](Ctx&) {}); };
  fail_next_call();
  EXPECT_EQ(update().failures.size(), 1u);
  target_.take_ops();

  std::latch planned(1), taken(1);
  std::atomic<bool> held = false;
  target_.on_reconcile = [&](const std::string&) {
    if (held.exchange(true)) return;
    planned.count_down();  // A's plan sees the row as its own
    taken.wait();
  };
  main_ = [&](Ctx& ctx) {
    ctx.mount("A", [](Ctx&) {});
    ctx.mount("B",
              [&](Ctx& c) {
                planned.wait();
                declare_row(c, "k", "v");
              })
        .ready();
    taken.count_down();
  };
  run();
  EXPECT_THAT(target_.take_ops(), ElementsAre("k=v prev=[v] missing"));
  EXPECT_EQ(target_.rows(), (Rows{{"k", "v"}}));
  target_.on_reconcile = nullptr;
  EXPECT_THAT(ops_of([&](Ctx& ctx) { ctx.mount("B", [&](Ctx& c) { declare_row(c, "k", "v"); }); }),
              IsEmpty());
  EXPECT_EQ(owner_rows(), 1u);
}

// The other order: who comes while the retried delete is on its way waits for its confirmation.
TEST_F(Ownership, AClaimWaitsForARetriedDelete) {
  component("A", {{"k", "v"}});
  main_ = [](Ctx& ctx) { ctx.mount("A", [](Ctx&) {}); };
  fail_next_call();
  EXPECT_EQ(update().failures.size(), 1u);
  target_.take_ops();

  std::latch deletes(1), declared(1);
  target_.before = [&](const Op& op) {
    if (op.value) return;
    deletes.count_down();
    declared.wait();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // time for the claim to come too early
  };
  main_ = [&](Ctx& ctx) {
    ctx.mount("A", [](Ctx&) {});
    ctx.mount("B", [&](Ctx& c) {
      deletes.wait();
      declare_row(c, "k", "v");
      declared.count_down();
    });
  };
  run();
  EXPECT_THAT(target_.take_ops(), ElementsAre("k gone prev=[v] missing", "k=v prev=[] missing"));
  EXPECT_EQ(target_.rows(), (Rows{{"k", "v"}}));
}

// Guards: a component whose row another one had taken hit its memo, and the row went with the other one.
TEST_F(Ownership, AMemoDoesNotVouchForARowThatWasTaken) {
  expect_row_comes_back(
      [this](Ctx& ctx) { ctx.mount("owner", kOneRow, std::string("k"), target_.rows_provider()); });
  EXPECT_EQ(bodies, 0);
}

TEST_F(Ownership, AMemoOfACallDoesNotVouchForARowThatWasTaken) {
  expect_row_comes_back(
      [this](Ctx& ctx) { ctx.mount("owner", &row_in_call, std::string("k"), target_.rows_provider()); });
  EXPECT_EQ(bodies, 0);
}

TEST_F(Ownership, AMemoOfAnAncestorDoesNotVouchForARowThatWasTaken) {
  expect_row_comes_back([this](Ctx& ctx) {
    ctx.mount(subpath("dir", "owner"), kRowOfChild, std::string("k"), target_.rows_provider());
  });
  EXPECT_EQ(bodies, 0);
}

TEST_F(Ownership, TheRootsOwnCallsDoNotVouchForARowThatWasTaken) {
  expect_row_comes_back([this](Ctx& ctx) { ctx.call(kOneRow, std::string("k"), target_.rows_provider()); });
  EXPECT_EQ(bodies, 0);
}

TEST_F(Ownership, ARowThatGoesBackAndForthIsNeverLost) {
  auto owner = [this](Ctx& ctx) { ctx.mount("owner", kOneRow, std::string("k"), target_.rows_provider()); };
  ops_of(owner);
  for (int i = 0; i < 3; ++i) {
    row_taken_by("other");
    row_taken_by("owner");
  }
  EXPECT_THAT(ops_of(owner), IsEmpty());
  EXPECT_EQ(target_.rows(), (Rows{{"k", "v"}}));
  EXPECT_EQ(owner_rows(), 1u);
}

TEST_F(Ownership, ACompletedMoveLeavesNothingToDo) {
  auto two = [this](const std::string& first, const std::string& second) {
    return [=, this](Ctx& ctx) {
      ctx.mount("1", kOneRow, first, target_.rows_provider()).ready();
      ctx.mount("2", kOneRow, second, target_.rows_provider()).ready();
    };
  };
  ops_of(two("a", "b"));
  ops_of(two("b", "a"));  // each takes the other's row
  bodies = 0;
  ops_of(two("b", "a"));
  ops_of(two("b", "a"));
  EXPECT_LE(bodies, 1);
  bodies = 0;
  EXPECT_THAT(ops_of(two("b", "a")), IsEmpty());
  EXPECT_EQ(bodies, 0);
  EXPECT_EQ(target_.rows(), (Rows{{"a", "v"}, {"b", "v"}}));
}

TEST_F(Ownership, NoOwnerRowPointsToADeletedComponent) {
  component("C1", {{"a", "1"}, {"b", "1"}});
  component("C1", {{"b", "1"}});
  EXPECT_EQ(owner_rows(), 1u);
  ops_of([](Ctx&) {});
  EXPECT_EQ(owner_rows(), 0u);
}

}  // namespace
}  // namespace cocoindex::inline v0
