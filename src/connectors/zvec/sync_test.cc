// The engine and the database together; the acceptance scenarios are in tests/scenario/connector.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/zvec/sync_fixture.h"

using namespace cocoindex::connectors::zvec::testing_only;
using testing::AllOf;
using testing::HasSubstr;

namespace {

TEST_F(SyncTest, QuietRunWritesNothingAndOpensNothing) {
  for (const bool memo : {false, true}) {
    Plan plan = Small();
    plan.memo = memo;
    RunWell(plan);
    RunWell(plan);
    Restart();
    const coco::TargetCounts counts = RunWell(plan);
    EXPECT_EQ(counts.upserted + counts.deleted, 0u);
    EXPECT_EQ(counts.unchanged, memo ? 0u : 3u);
    EXPECT_EQ(Opens(), 0u);
    EXPECT_EQ(zc::count_documents(*app_, DB, "docs"), 3u);
    EXPECT_EQ(Opens(), 0u);
  }
}

TEST_F(SyncTest, ChangedAddedAndRemovedRowsAreAllThatIsWritten) {
  Plan plan = Small();
  RunWell(plan);
  plan.files["a"][0].title = "one, edited";
  plan.files["a"].pop_back();
  plan.files["c"] = {MakeDoc("c#1", "new")};
  coco::TargetCounts counts = RunWell(plan);
  EXPECT_EQ(counts.upserted, 2u);
  EXPECT_EQ(counts.deleted, 1u);
  EXPECT_EQ(Stored(), Declared(plan));
  plan.files.erase("b");  // a component that is gone takes its rows with it
  counts = RunWell(plan);
  EXPECT_EQ(counts.upserted, 0u);
  EXPECT_EQ(counts.deleted, 1u);
  EXPECT_EQ(Stored(), Declared(plan));
}

TEST_F(SyncTest, SchemaChangeReplacesCollectionAndRunsMemoisedFilesAgain) {
  Plan plan = Small();
  plan.memo = true;
  RunWell(plan);
  plan.title_indexed = false;
  EXPECT_EQ(RunWell(plan).upserted, 3u);
  EXPECT_EQ(Stored(), Declared(plan));
  EXPECT_FALSE(Connection().open_existing("docs")->schema().Find("title")->index.has_value());
  EXPECT_EQ(RunWell(plan).upserted, 0u);
  EXPECT_EQ(Names(), (std::set<std::string>{"docs"}));
}

TEST_F(SyncTest, UndeclaredCollectionIsDestroyed) {
  RunWell(Small());
  RunWell({.collection = false});
  EXPECT_EQ(Names(), std::set<std::string>{});
  EXPECT_EQ(RunWell(Small()).upserted, 3u);
  EXPECT_EQ(Stored(), Declared(Small()));
}

TEST_F(SyncTest, UndeclaredWithoutItsConnectionNamesTheKey) {
  RunWell(Small());
  Stop();
  provide_ = false;
  Start();
  const auto message = [&] {
    try {
      const coco::UpdateResult result = Run({.collection = false});
      return result.failures.empty() ? std::string("no error") : result.failures[0].message;
    } catch (const std::exception& e) {
      return std::string(e.what());
    }
  }();
  EXPECT_THAT(message, HasSubstr("main_db"));
  EXPECT_EQ(Names(), (std::set<std::string>{"docs"}));
  Stop();
  provide_ = true;
  Start();
  RunWell({.collection = false});
  EXPECT_EQ(Names(), std::set<std::string>{});
}

void pending_main(coco::Ctx& ctx) {
  auto pending = zc::declare_collection_target(
      ctx, DB, "docs", zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}));
  zc::CollectionTarget<Doc> too_early = pending;
  too_early.declare_row(ctx, MakeDoc("1", "t"));
}

TEST_F(SyncTest, PendingTargetCannotBeTalkedIntoTakingRows) {
  coco::App app(*env_, "pending", coco::fn<&pending_main>());
  EXPECT_THROW(app.update_blocking(), std::exception);
  EXPECT_EQ(Names(), std::set<std::string>{});
}

TEST_F(SyncTest, LeftoversOfKilledCreatesAndDestroysAreRemovedOnConnect) {
  RunWell(Small());
  Stop();
  fs::copy(dir_ / "data" / "docs", dir_ / "data" / ".docs.zvec-new-0123456789abcdef",
           fs::copy_options::recursive);
  fs::copy(dir_ / "data" / "docs", dir_ / "data" / ".docs.zvec-old-0123456789abcdef",
           fs::copy_options::recursive);
  fs::remove(dir_ / "data" / ".docs.zvec-new-0123456789abcdef" / "LOCK");
  fs::create_directory(dir_ / "data" / "mine");
  Start();
  EXPECT_EQ(RunWell(Small()).upserted, 0u);
  EXPECT_EQ(Names(), (std::set<std::string>{"docs", "mine"}));
}

struct Numbered {
  std::int64_t id;
  std::array<float, 1> v;
};
void numbered_main(coco::Ctx& ctx) {
  auto target = zc::mount_collection_target(
      ctx, DB, "docs", zc::CollectionSchema<Numbered>::from_class({.primary_key = {"id"}}));
  target.declare_row(ctx, {.id = 42, .v = {1}});
}

TEST_F(SyncTest, TwoAppsKeepTwoCollections) {
  RunWell(Small());
  coco::App other(*env_, "numbered", coco::fn<&numbered_main>());
  // One collection declared by two apps with two schemas: the second is refused, and nothing is lost.
  EXPECT_ANY_THROW({
    if (!other.update_blocking().failures.empty()) throw std::runtime_error("refused");
  });
  EXPECT_EQ(Stored(), Declared(Small()));
}

}  // namespace
