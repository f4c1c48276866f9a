// What the published packages get wrong today stays right here. Killed inside create (W1) and while flushing
// (W2): tests/crash/connector_kills.py, scenarios first_run and optimize.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "connectors/zvec/sync_fixture.h"
#include "other_process.h"

namespace cocoindex::inline v0::connectors::zvec::testing_only {

/// A file as an argument: its name is the key, its time and content the state, its content decides.
struct SourceFile {
  std::string name, content;
  int time = 0;
};
inline std::string coco_memo_key(const SourceFile& f) { return f.name; }
inline MemoStateOutcome coco_memo_state(const SourceFile& f, std::optional<std::string_view> previous) {
  const std::string state = std::to_string(f.time) + ":" + f.content;
  const bool same = previous && previous->substr(previous->find(':') + 1) == f.content;
  return {state, same};
}

}  // namespace cocoindex::inline v0::connectors::zvec::testing_only

using namespace cocoindex::connectors::zvec::testing_only;
using testing::HasSubstr;

namespace {

using W3 = SyncTest;
using W4 = SyncTest;
using W5 = SyncTest;
using W6 = SyncTest;
using W7 = SyncTest;

// Theirs: the database refuses the call, and the component never succeeds.
// Covers: W3
TEST_F(W3, AComponentOf1025RowsIsWritten) {
  Plan plan;
  for (int i = 0; i < 1025; ++i) plan.files["one"].push_back(MakeDoc(std::to_string(i), "t"));
  EXPECT_EQ(RunWell(plan).upserted, 1025u);
  EXPECT_EQ(Stored(), Declared(plan));
}

// Theirs: NOT_FOUND fails this and every later update.
// Covers: W4, R94
TEST_F(W4, APendingDeleteOfAnAbsentIdSucceeds) {
  Plan plan = Small();
  RunWell(plan);
  const std::vector<std::string> gone{"a#1", "a#2"};
  ASSERT_TRUE(Connection().open_existing("docs")->Delete(gone).ok());
  plan.files.erase("a");
  RunWell(plan);
  EXPECT_EQ(Stored(), Declared(plan));
  EXPECT_EQ(RunWell(plan).deleted, 0u);
}

// ---- a touched file

void index_source(coco::Ctx& ctx, const SourceFile& file, const zc::CollectionTarget<Doc>& target) {
  target.declare_row(ctx, MakeDoc(file.name, file.content));
}
void touched_main(coco::Ctx& ctx, bool call, int time) {
  auto target = zc::mount_collection_target(ctx, DB, "docs",
                                            zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}));
  for (const char* name : {"a", "b"}) {
    const SourceFile file{name, "same", time};
    if (call) {
      ctx.call(coco::fn<&index_source>({.memo = true, .version = 1}), file, target);
    } else {
      ctx.mount(coco::subpath("file", name), coco::fn<&index_source>({.memo = true, .version = 1}), file,
                target);
    }
  }
}

// Theirs: the documents of a function called on such a file are deleted.
// Covers: W5
TEST_F(W5, ATouchedFileWithTheSameContentKeepsItsDocuments) {
  for (const bool call : {false, true}) {
    coco::App app(*env_, call ? "called" : "mounted", coco::fn<&touched_main>(), call, 1);
    EXPECT_EQ(Documents(app.update_blocking()).upserted, 2u);
    for (const int time : {2, 2, 3}) {
      const coco::UpdateResult result = app.update_blocking({}, call, time);
      EXPECT_EQ(Documents(result).upserted + Documents(result).deleted, 0u);
      EXPECT_EQ(Stored(), (std::map<std::string, std::string>{{"a", "same"}, {"b", "same"}}));
    }
    app.drop_blocking();
  }
}

// ---- a nested orphan

void nested_leaf(coco::Ctx& ctx, const zc::CollectionTarget<Doc>& target) {
  target.declare_row(ctx, MakeDoc("nested", "n"));
}
void nested_middle(coco::Ctx& ctx, const zc::CollectionTarget<Doc>& target) {
  ctx.mount("leaf", coco::fn<&nested_leaf>(), target);
}
void nested_main(coco::Ctx& ctx, bool mounted) {
  auto target = zc::mount_collection_target(ctx, DB, "docs",
                                            zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}));
  target.declare_row(ctx, MakeDoc("root", "r"));
  if (mounted) ctx.mount("middle", coco::fn<&nested_middle>(), target);
}

// Theirs: its tombstone is never found again, and the document stays for ever.
// Covers: W6
TEST_F(W6, ANestedOrphanWhoseDeleteFailedOnceIsDeletedByTheNextRun) {
  coco::App app(*env_, "nested", coco::fn<&nested_main>(), true);
  EXPECT_EQ(Documents(app.update_blocking()).upserted, 2u);
  Connection().close();
  {
    OtherProcess other(Path());
    ASSERT_EQ(other.answer(), "open");
    EXPECT_EQ(app.update_blocking({}, false).failures.size(), 1u);
  }
  EXPECT_EQ(Stored().size(), 2u);
  const coco::UpdateResult result = app.update_blocking({}, false);
  EXPECT_TRUE(result.failures.empty());
  EXPECT_EQ(Documents(result).deleted, 1u);
  EXPECT_EQ(Stored(), (std::map<std::string, std::string>{{"root", "r"}}));
}

// Theirs: deleted rows are back for good, and what the copy lacks cannot be un-declared.
// Covers: W7, E4
TEST_F(W7, AnOlderCopyPutBackIsNoticedAndHealed) {
  Plan old = Small();
  RunWell(old);
  Stop();
  fs::copy(dir_ / "data" / "docs", dir_ / "copy", fs::copy_options::recursive);
  Start();
  Plan plan = Small();
  plan.files.erase("b");  // would come back with the copy, unknown to everybody
  plan.files["a"][0].title = "edited";
  plan.files["c"] = {MakeDoc("c#1", "the copy lacks it")};
  RunWell(plan);
  Stop();
  fs::remove_all(dir_ / "data" / "docs");
  fs::rename(dir_ / "copy", dir_ / "data" / "docs");
  Start();
  plan.files["a"].pop_back();
  RunWell(plan);
  EXPECT_EQ(Stored(), Declared(plan));
  EXPECT_EQ(RunWell(plan).upserted, 0u);
}

// A user's collection is not ours to make anew: what is declared is written again, what was declared and is
// no longer is deleted, what somebody else wrote stays.
// Covers: W7, E4
TEST_F(W7, AnOlderCopyOfAUsersCollectionIsFilledAgainInPlace) {
  for (const bool memo : {false, true}) {
    const auto schema = zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}});
    Connection().open_or_create("docs", schema.core()->database_schema("docs"));
    Plan plan = Small();
    plan.managed_by = coco::ManagedBy::user;
    plan.memo = memo;
    RunWell(plan);
    Stop();
    fs::copy(dir_ / "data" / "docs", dir_ / "copy", fs::copy_options::recursive);
    Start();
    plan.files["a"][0].title = "edited";
    plan.files["c"] = {MakeDoc("c#1", "the copy lacks it")};
    RunWell(plan);
    Stop();
    fs::remove_all(dir_ / "data" / "docs");
    fs::rename(dir_ / "copy", dir_ / "data" / "docs");
    Start();
    ::zvec::Doc foreign("foreign");
    foreign.fields = {{"title", std::string("theirs")}, {"embedding", std::vector<float>{1, 2, 3, 4}}};
    ASSERT_TRUE(Connection().open_existing("docs")->Upsert(std::vector{foreign}).ok());
    plan.files.erase("b");
    RunWell(plan);
    auto expected = Declared(plan);
    expected["foreign"] = "theirs";
    EXPECT_EQ(Stored(), expected);
    EXPECT_EQ(RunWell(plan).upserted, 0u);
    RunWell({.collection = false});
    Connection().close();
    fs::remove_all(dir_ / "data" / "docs");
    Restart();
  }
}

// Covers: E4
TEST_F(W7, ACollectionThatAnotherStoreHasWrittenIsRebuilt) {
  RunWell(Small());
  Connection().close();
  {
    coco::Environment other({.db_path = dir_ / "other_state"},
                            [&](coco::EnvironmentBuilder& b) { b.provide(DB, zc::connect(dir_ / "data")); });
    coco::App app(other, "test", coco::fn<&app_main>(), Plan{});
    for (int i = 0; i < 5; ++i) {  // its counter overtakes ours
      Plan theirs;
      theirs.files["z"] = {MakeDoc("z", std::to_string(i))};
      EXPECT_TRUE(app.update_blocking({}, theirs).failures.empty());
    }
    other.stop();
  }
  RunWell(Small());
  EXPECT_EQ(Stored(), Declared(Small()));
}

}  // namespace
