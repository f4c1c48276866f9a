// What a program sees of the connector from one run to the next (connector.md 7).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/zvec/sync_fixture.h"

using namespace cocoindex::connectors::zvec::testing_only;
using testing::AllOf;
using testing::HasSubstr;

namespace {

TEST_F(SyncTest, FirstRunIntoNothingMakesParentsCollectionAndDocuments) {
  Stop();
  data_ = dir_ / "x" / "y";
  Start();
  const coco::TargetCounts counts = RunWell(Small());
  EXPECT_EQ(counts.upserted, 3u);
  EXPECT_EQ(Stored(), Declared(Small()));
  EXPECT_EQ(std::distance(fs::directory_iterator(data_), {}), 1);
  EXPECT_EQ(zc::count_documents(*app_, DB, "docs"), 3u);
}

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

// Guards: a run that has nothing to do asked for the lock all the same.
TEST_F(SyncTest, QuietRunNeedsNoLock) {
  RunWell(Small());
  Restart();
  auto other = ::zvec::Collection::Open((dir_ / "data" / "docs").string());
  ASSERT_TRUE(other.ok()) << other.status().ToString();
  EXPECT_EQ(RunWell(Small()).upserted, 0u);
  Plan changed = Small();
  changed.files["b"][0].title = "changed";
  const coco::UpdateResult result = Run(changed);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_THAT(result.failures[0].message, HasSubstr((dir_ / "data" / "docs").string()));
  ASSERT_TRUE((*other)->Close().ok());
  EXPECT_EQ(RunWell(changed).upserted, 1u);
  EXPECT_EQ(Stored(), Declared(changed));
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

TEST_F(SyncTest, ManyRowsInOneComponent) {
  Plan plan;
  for (int i = 0; i < 2500; ++i) plan.files["big"].push_back(MakeDoc("row " + std::to_string(i), "t"));
  EXPECT_EQ(RunWell(plan).upserted, 2500u);
  EXPECT_EQ(Stored().size(), 2500u);
  EXPECT_EQ(RunWell(plan).upserted, 0u);
  plan.files["big"].resize(100);
  EXPECT_EQ(RunWell(plan).deleted, 2400u);
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

TEST_F(SyncTest, UserManagedCollectionMustExistAndStays) {
  Plan plan = Small();
  plan.managed_by = coco::ManagedBy::user;
  const coco::UpdateResult result = Run(plan);
  ASSERT_FALSE(result.failures.empty());
  EXPECT_THAT(result.failures[0].message, HasSubstr((dir_ / "data" / "docs").string()));
  EXPECT_EQ(Names(), std::set<std::string>{});
  const auto schema =
      zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}).core()->database_schema("docs");
  Connection().open_or_create("docs", schema);
  EXPECT_EQ(RunWell(plan).upserted, 3u);
  EXPECT_EQ(Stored(), Declared(plan));
  RunWell({.collection = false});
  EXPECT_EQ(Stored(), Declared(plan));
}

TEST_F(SyncTest, DropRemovesSystemCollectionsAndNothingElse) {
  RunWell(Small());
  std::ofstream(dir_ / "data" / "mine.txt") << "kept";
  app_->drop_blocking();
  EXPECT_EQ(Names(), (std::set<std::string>{"mine.txt"}));
  EXPECT_EQ(zc::count_documents(*app_, DB, "docs"), 0u);
}

TEST_F(SyncTest, BadRowFailsItsOwnComponentOnly) {
  Plan plan = Small();
  plan.files["bad"] = {MakeDoc("bad#1", "fine"), MakeDoc("bad#2", "short")};
  plan.files["bad"][1].embedding.resize(3);
  const coco::UpdateResult result = Run(plan);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_THAT(result.failures[0].message,
              AllOf(HasSubstr("'docs'"), HasSubstr("bad#2"), HasSubstr("'embedding'"),
                    HasSubstr("3 elements"), HasSubstr("says 4")));
  EXPECT_THROW(std::rethrow_exception(result.failures[0].cause), coco::RowError);
  EXPECT_EQ(Stored(), Declared(Small()));
  plan.files["bad"][1].embedding.resize(4);
  EXPECT_EQ(RunWell(plan).upserted, 2u);
  EXPECT_EQ(Stored(), Declared(plan));
}

TEST_F(SyncTest, DirectoryDeletedBehindOurBackHeals) {
  for (const bool memo : {false, true}) {
    Plan plan = Small();
    plan.memo = memo;
    RunWell(plan);
    Stop();
    fs::remove_all(dir_ / "data" / "docs");
    Start();
    EXPECT_EQ(RunWell(plan).upserted, 3u);
    EXPECT_EQ(Stored(), Declared(plan));
    EXPECT_EQ(RunWell(plan).upserted, 0u);
  }
}

TEST_F(SyncTest, RestoredOlderCopyHeals) {
  Plan old = Small();
  RunWell(old);
  Stop();
  fs::copy(dir_ / "data" / "docs", dir_ / "copy", fs::copy_options::recursive);
  Start();
  Plan plan = Small();
  plan.files.erase("b");  // would come back with the copy, unknown to everybody
  plan.files["a"][0].title = "edited";
  RunWell(plan);
  Stop();
  fs::remove_all(dir_ / "data" / "docs");
  fs::rename(dir_ / "copy", dir_ / "data" / "docs");
  Start();
  RunWell(plan);
  EXPECT_EQ(Stored(), Declared(plan));
  EXPECT_EQ(RunWell(plan).upserted, 0u);
}

TEST_F(SyncTest, MovedBaseDirectoryIsTheSameResource) {
  RunWell(Small());
  Stop();
  fs::rename(dir_ / "data", dir_ / "elsewhere");
  data_ = dir_ / "elsewhere";
  Start();
  EXPECT_EQ(RunWell(Small()).upserted, 0u);
  EXPECT_EQ(Opens(), 0u);
  EXPECT_EQ(Stored(), Declared(Small()));
}

TEST_F(SyncTest, SomeoneElsesDirectoryIsLeftAlone) {
  ::zvec::CollectionSchema foreign;
  foreign.name = "docs";
  foreign.fields.resize(1);
  foreign.fields[0].name = "other";
  foreign.fields[0].type = ::zvec::DataType::kVectorFp32;
  foreign.fields[0].dimension = 2;
  Connection().open_or_create("docs", foreign);
  const auto message = [&] {
    try {
      const coco::UpdateResult result = Run(Small());
      return result.failures.empty() ? std::string("no error") : result.failures[0].message;
    } catch (const std::exception& e) {
      return std::string(e.what());
    }
  }();
  EXPECT_THAT(message, AllOf(HasSubstr("another schema"), HasSubstr("other"), HasSubstr("embedding")));
  EXPECT_EQ(Connection().open_existing("docs")->schema(), foreign);
}

TEST_F(SyncTest, EqualSchemaIsAdoptedWithAWarning) {
  const auto schema =
      zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}).core()->database_schema("docs");
  const auto handle = Connection().open_or_create("docs", schema);
  ASSERT_TRUE(handle
                  ->Upsert(std::vector<::zvec::Doc>{
                      ::zvec::Doc("old", {{"title", "t"}, {"embedding", std::vector<float>(4)}})})
                  .ok());
  EXPECT_EQ(RunWell(Small()).upserted, 3u);
  EXPECT_THAT(log_, HasSubstr("adopted with 1 documents"));
  EXPECT_EQ(Stored().size(), 4u);
}

TEST_F(SyncTest, FullReprocessWritesEverythingAndReplacesNothing) {
  RunWell(Small());
  const coco::UpdateResult result = Run(Small(), /*full_reprocess=*/true);
  EXPECT_TRUE(result.failures.empty());
  EXPECT_EQ(Documents(result).upserted, 3u);
  EXPECT_EQ(Stored(), Declared(Small()));
}

TEST_F(SyncTest, RowMovesBetweenComponents) {
  Plan plan = Small();
  RunWell(plan);
  for (int i = 0; i < 20; ++i) {
    std::swap(plan.files["a"], plan.files["b"]);
    plan.files["a"].back().title = "turn " + std::to_string(i);
    RunWell(plan);
    ASSERT_EQ(Stored(), Declared(plan)) << i;
  }
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

TEST_F(SyncTest, SameIdTwiceInOneComponentIsRefused) {
  Plan plan = Small();
  plan.files["a"][1].id = "a#1";
  const coco::UpdateResult result = Run(plan);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_THAT(result.failures[0].message, HasSubstr("a#1"));
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

}  // namespace
