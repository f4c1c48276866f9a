// The engine and the database together; the acceptance scenarios are in tests/scenario/connector.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

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

// Covers: R99
TEST_F(SyncTest, PreviewListsTheCollectionAndItsRowsAndDoesNothing) {
  const auto preview = [this](const Plan& plan) {
    const coco::UpdateResult result = app_->update_blocking({.preview = true}, plan);
    EXPECT_TRUE(result.failures.empty());
    std::vector<std::string> actions;
    for (const coco::PlannedEffect& e : result.planned) actions.push_back(e.action->describe());
    return actions;
  };
  Plan plan = Small();
  EXPECT_THAT(preview(plan), testing::UnorderedElementsAre("create collection 'docs'", "upsert a#1",
                                                           "upsert a#2", "upsert b#1"));
  EXPECT_FALSE(fs::exists(Path()));
  EXPECT_EQ(zc::count_documents(*app_, DB, "docs"), 0u);
  EXPECT_EQ(RunWell(plan).upserted, 3u);
  Restart();
  EXPECT_THAT(preview(plan), testing::ElementsAre("keep collection 'docs'"));
  plan.files.erase("b");
  plan.files["a"][0].title = "edited";
  EXPECT_THAT(preview(plan),
              testing::UnorderedElementsAre("keep collection 'docs'", "upsert a#1", "delete b#1"));
  plan.title_indexed = false;
  EXPECT_THAT(preview(plan),
              testing::UnorderedElementsAre("replace collection 'docs'", "upsert a#1", "upsert a#2"));
  EXPECT_THAT(preview({.collection = false}), testing::ElementsAre("destroy collection 'docs'"));
  EXPECT_EQ(Opens(), 0u);
  EXPECT_EQ(Stored(), Declared(Small()));
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

// Covers: R26
TEST_F(SyncTest, PendingTargetCannotBeTalkedIntoTakingRows) {
  coco::App app(*env_, "pending", coco::fn<&pending_main>());
  EXPECT_THROW(app.update_blocking(), std::exception);
  EXPECT_EQ(Names(), std::set<std::string>{});
}

// Covers: W1
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

TEST_F(SyncTest, ACollectionThatAnAppHasIsRefusedToAnotherAppWithAnotherSchema) {
  RunWell(Small());
  coco::App other(*env_, "numbered", coco::fn<&numbered_main>());
  try {
    other.update_blocking();
    ADD_FAILURE() << "no error";
  } catch (const ::zvec::StatusError& e) {
    EXPECT_EQ(e.code(), ::zvec::StatusCode::kFailedPrecondition);
    EXPECT_THAT(e.what(), testing::HasSubstr("the directory holds a collection of another schema"));
  }
  EXPECT_EQ(Stored(), Declared(Small()));
}

// ---- a target is an argument: a function that got one, even if it declared nothing, belongs to its
// collection

std::atomic<int> g_looked = 0;
void look_only(coco::Ctx&, const zc::CollectionTarget<Doc>&) { ++g_looked; }
void looking_main(coco::Ctx& ctx, bool indexed) {
  auto schema = zc::CollectionSchema<Doc>::from_class(
      {.primary_key = {"id"}, .column_overrides = {{"title", zc::ZvecType{zc::DataType::STRING, indexed}}}});
  auto target = zc::mount_collection_target(ctx, DB, "docs", std::move(schema));
  ctx.mount("look", coco::fn<&look_only>({.memo = true, .version = 1}), target);
}

// Covers: E11
TEST_F(SyncTest, AReplacedCollectionIsAnotherArgument) {
  coco::App app(*env_, "looking", coco::fn<&looking_main>(), true);
  g_looked = 0;
  for (const bool indexed : {true, true, false, false}) app.update_blocking({}, indexed);
  EXPECT_EQ(g_looked, 2);
}

// ---- what is declared is checked before anything is done

void bare_main(coco::Ctx& ctx, const std::string& name, int managed_by) {
  const auto schema = zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}});
  const coco::TargetState state =
      zc::collection_target(DB, name, schema, {.managed_by = static_cast<coco::ManagedBy>(managed_by)});
  const coco::TargetProvider rows = coco::mount_target(ctx, state);
  zc::CollectionTarget<Doc>(rows, name, schema).declare_row(ctx, MakeDoc("1", "one"));
}

// Covers: R24, R30, R80
TEST_F(SyncTest, TheBareTargetStateIsCheckedAndMounted) {
  coco::App app(*env_, "bare", coco::fn<&bare_main>(), std::string("docs"), 0);
  EXPECT_TRUE(app.update_blocking().failures.empty());
  EXPECT_EQ(Stored().size(), 1u);
  const std::pair<const char*, int> mistakes[] = {{"docs", 2}, {"do", 0}, {"../docs", 0}};
  for (const auto& [name, managed_by] : mistakes) {
    EXPECT_THROW(app.update_blocking({}, std::string(name), managed_by), coco::SchemaError);
  }
  EXPECT_EQ(Names(), (std::set<std::string>{"docs"}));
}

// Covers: R93, R98
TEST_F(SyncTest, AKeyOfAnotherTypeIsFoundBeforeAnythingIsDone) {
  Stop();
  for (const bool provided : {false, true}) {
    coco::Environment env({.db_path = dir_ / "state"}, [&](coco::EnvironmentBuilder& b) {
      if (provided) b.provide(coco::ContextKey<int>{"main_db"}, 5);
    });
    coco::App app(env, "test", coco::fn<&app_main>(), Small());
    try {
      app.update_blocking();
      ADD_FAILURE() << "no error";
    } catch (const coco::ContextError& e) {
      EXPECT_THAT(e.what(), AllOf(HasSubstr("'docs'"), HasSubstr("main_db"),
                                  HasSubstr(provided ? "ManagedConnection" : "not provided")));
    }
    env.stop();
  }
  Start();
  Connection();
  EXPECT_EQ(Names(), std::set<std::string>{});
}

// Covers: R101
TEST_F(SyncTest, AnUpdateWhoseComponentsAllFailedSaysSo) {
  Plan plan = Small();
  plan.managed_by = coco::ManagedBy::user;
  Connection().open_or_create(
      "docs", zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}).core()->database_schema("docs"));
  EXPECT_TRUE(Run(plan).failures.empty());
  Connection().close();
  auto other = ::zvec::Collection::Open(Path());
  ASSERT_TRUE(other.ok());
  plan.files["a"][0].title = plan.files["b"][0].title = "changed";
  const coco::UpdateResult result = Run(plan);
  ASSERT_EQ(result.failures.size(), 2u);
  for (const coco::Failure& f : result.failures) {
    EXPECT_THAT(f.collection, HasSubstr("docs"));
    EXPECT_THAT(f.message, HasSubstr("already open"));
  }
  EXPECT_EQ(Documents(result).upserted, 0u);
}

}  // namespace
