// Scenarios 23 to 30: owners, drop, damage, half precision, annotations, optimize, override mistakes; a disk
// that fails.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>
#include <optional>

#include "base/fault.h"
#include "base/io/sim_disk.h"
#include "connectors/zvec/sync_fixture.h"
#include "other_process.h"

using namespace cocoindex::connectors::zvec::testing_only;
using coco::Annotated, coco::DType, coco::VectorSchema;
using testing::AllOf;
using testing::HasSubstr;

namespace {

using S23 = SyncTest;
using S24 = SyncTest;
using S25 = SyncTest;
using S26 = SyncTest;
using S27 = SyncTest;
using S28 = SyncTest;
using S30 = SyncTest;

// Covers: S23
TEST_F(S23, ARowThatChangesItsOwnerIsThereWithTheContentOfItsNewOwner) {
  Stop();
  durable_ = false;  // 200 runs without a sync
  threads_ = 4;
  Start();
  for (int i = 0; i < 200; ++i) {  // which component comes first is the scheduler's choice
    Plan plan;
    plan.files["a.md"] = {MakeDoc("a", "a")};
    plan.files["b.md"] = {MakeDoc("b", "b")};
    plan.files[i % 2 == 0 ? "a.md" : "b.md"].push_back(
        MakeDoc("X", i % 3 == 0 ? "the same" : "of turn " + std::to_string(i)));
    RunWell(plan);
    ASSERT_EQ(Stored(), Declared(plan)) << i;
  }
}

// Covers: S23, R91
TEST_F(S23, ARowDeclaredTwiceInOneComponentIsRefusedAndNothingOfItWritten) {
  Plan plan = Small();
  plan.files["a"][1].id = "a#1";
  const coco::UpdateResult result = Run(plan);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_THAT(result.failures[0].message, AllOf(HasSubstr("already declared"), HasSubstr("a#1")));
  plan.files.erase("a");
  EXPECT_EQ(Stored(), Declared(plan));
}

// ---- 24: dropping the app

void two_collections(coco::Ctx& ctx) {
  auto schema = zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}});
  auto ours = zc::mount_collection_target(ctx, DB, "docs", schema);
  auto theirs = zc::mount_collection_target(ctx, DB, "theirs", schema, {.managed_by = coco::ManagedBy::user});
  ours.declare_row(ctx, MakeDoc("1", "one"));
  theirs.declare_row(ctx, MakeDoc("2", "two"));
}

// Covers: S24, R24
TEST_F(S24, DroppingTheAppRemovesTheSystemCollectionAndNothingElse) {
  auto schema = zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}});
  Connection().open_or_create("theirs", schema.core()->database_schema("theirs"));
  std::ofstream(dir_ / "data" / "mine.txt") << "kept";
  coco::App app(*env_, "two", coco::fn<&two_collections>());
  EXPECT_TRUE(app.update_blocking().failures.empty());
  Connection().close();
  {
    OtherProcess other(Path());
    ASSERT_EQ(other.answer(), "open");
    EXPECT_ANY_THROW(app.drop_blocking());
    EXPECT_EQ(Names(), (std::set<std::string>{"docs", "theirs", "mine.txt"}));
  }
  app.drop_blocking();
  EXPECT_EQ(Names(), (std::set<std::string>{"theirs", "mine.txt"}));
  EXPECT_EQ(Connection().open_existing("theirs")->Stats().doc_count, 1u);  // its rows stay as well
}

// Covers: S25, E4, W7, R96
TEST_F(S25, ADirectoryDeletedBehindTheAppsBackIsMadeAndFilledAgain) {
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

// Covers: S25, E4, W7
TEST_F(S25, ItIsSoAlsoWithAChangeAndADeletionPendingAndUnderAFullReprocess) {
  for (const bool full : {false, true}) {
    Plan plan = Small();
    RunWell(plan);
    Connection().close();
    fs::remove_all(Path());
    plan.files["a"].pop_back();
    plan.files["b"][0].title = "changed";
    const coco::UpdateResult result = Run(plan, full);
    for (const auto& f : result.failures) ADD_FAILURE() << f.message;
    EXPECT_EQ(Stored(), Declared(plan));
    EXPECT_EQ(RunWell(plan).upserted, 0u);
    EXPECT_EQ(RunWell(plan).deleted, 0u);
  }
}

// Covers: S25, E4
TEST_F(S25, AFullReprocessWritesEverythingAndReplacesNothing) {
  RunWell(Small());
  const auto handle = Connection().open_existing("docs");
  const coco::UpdateResult result = Run(Small(), /*full_reprocess=*/true);
  EXPECT_TRUE(result.failures.empty());
  EXPECT_EQ(Documents(result).upserted, 3u);
  EXPECT_EQ(Stored(), Declared(Small()));
  EXPECT_EQ(Connection().open_existing("docs"), handle);
}

// Guards: rows of a collection whose removal had begun were taken for ours when it was declared again.
// Covers: S25
TEST_F(S25, ACollectionWhoseRemovalFailedIsMadeAnewWhenItIsDeclaredAgain) {
  RunWell(Small());
  Connection().close();
  {
    OtherProcess other(Path());
    const coco::UpdateResult result = Run({.collection = false});
    EXPECT_EQ(result.failures.size(), 1u);
  }
  Plan plan = Small();
  plan.files.erase("b");
  RunWell(plan);
  EXPECT_EQ(Stored(), Declared(plan));
}

// ---- 26: half precision and bad numbers

struct HalfRow {
  std::string id;
  Annotated<std::vector<float>, VectorSchema{1, DType::float16}> v;
};
void half_main(coco::Ctx& ctx, float value) {
  auto target = zc::mount_collection_target(
      ctx, DB, "docs", zc::CollectionSchema<HalfRow>::from_class({.primary_key = {"id"}}));
  target.declare_row(ctx, {.id = "1", .v = std::vector<float>{value}});
}

// Covers: S26, R52, R58, R88
TEST_F(S26, FloatsAreRoundedToHalfAsNumPyDoesAndWhatIsNotFiniteIsARowError) {
  coco::App app(*env_, "half", coco::fn<&half_main>(), 0.f);
  const std::pair<float, std::uint16_t> rounded[] = {
      {0.1f, 0x2e66}, {2049.f, 0x6800},  {65519.996f, 0x7bff}, {5.96e-8f, 0x0001},
      {-0.f, 0x8000}, {1.f / 3, 0x3555}, {2050.999f, 0x6801}};
  const std::vector<std::string> ids{"1"};
  for (const auto& [value, bits] : rounded) {
    ASSERT_TRUE(app.update_blocking({}, value).failures.empty());
    const auto doc = Connection().open_existing("docs")->Fetch(ids).value().at(0);
    EXPECT_EQ(doc.Get<std::vector<::zvec::Half>>("v")->at(0).bits, bits) << value;
  }
  for (const float bad : {65520.f, std::nanf(""), std::numeric_limits<float>::infinity()}) {
    EXPECT_THROW(app.update_blocking({}, bad), coco::RowError);
  }
  EXPECT_THROW(zc::CollectionSchema<HalfRow>::from_class(
                   {.primary_key = {"id"},
                    .column_overrides = {{"v", zc::ZvecVectorDef{.quantize = zc::Quantize::int8}}}}),
               coco::SchemaError);
}

// ---- 27: optional around annotations

struct Inside {
  std::string id;
  Annotated<std::optional<std::string>, zc::ZvecFtsType{}> body;
  std::array<float, 1> v;
};
struct Outside {
  std::string id;
  std::optional<Annotated<std::string, zc::ZvecFtsType{}>> body;
  std::array<float, 1> v;
};
void fts_main(coco::Ctx& ctx, bool outside) {
  if (outside) {
    auto target = zc::mount_collection_target(
        ctx, DB, "docs", zc::CollectionSchema<Outside>::from_class({.primary_key = {"id"}}));
    target.declare_row(ctx, {.id = "1", .body = "the words", .v = {1}});
    target.declare_row(ctx, {.id = "2", .body = {}, .v = {1}});
    return;
  }
  auto target = zc::mount_collection_target(
      ctx, DB, "docs", zc::CollectionSchema<Inside>::from_class({.primary_key = {"id"}}));
  Inside row{.id = "1", .body = {}, .v = {1}};
  row.body = "the words";
  target.declare_row(ctx, row);
  target.declare_row(ctx, {.id = "2", .body = {}, .v = {1}});
}

// The match itself waits for the full-text index.
// Covers: S27, R40, R63, R64
TEST_F(S27, OptionalInsideAndOutsideOfAFullTextAnnotationAreTheSameNullableColumn) {
  coco::App app(*env_, "fts", coco::fn<&fts_main>(), false);
  EXPECT_EQ(Documents(app.update_blocking()).upserted, 2u);
  EXPECT_EQ(Documents(app.update_blocking({}, true)).unchanged, 2u);
  const auto docs = Connection().open_existing("docs");
  const ::zvec::FieldSchema* field = docs->schema().Find("body");
  ASSERT_NE(field, nullptr);
  EXPECT_TRUE(field->nullable);
  EXPECT_EQ(field->type, ::zvec::DataType::kString);
  EXPECT_EQ(field->index, ::zvec::IndexParams::Fts("standard", {"lowercase"}));
  const std::vector<std::string> ids{"1", "2"};
  const auto fetched = docs->Fetch(ids).value();
  EXPECT_EQ(*fetched.at(0).Get<std::string>("body"), "the words");
  EXPECT_EQ(fetched.at(1).Find("body"), nullptr);
  EXPECT_EQ(docs->Query({.field = "body"}).status().code(), ::zvec::StatusCode::kUnimplemented);
}

// ---- 28: optimize

#if defined(ZVEC_TEST_HOOKS)
// Covers: S28
TEST_F(S28, AFailedOptimizeIsAWarningAndTheRowsAreThere) {
  cocozvec::PlantFault("optimize_fails", true);
  Plan plan;
  for (int i = 0; i < 12'000; ++i) plan.files["big"].push_back(MakeDoc(std::to_string(i), "t"));
  EXPECT_EQ(RunWell(plan).upserted, 12'000u);
  cocozvec::PlantFault("optimize_fails", false);
  EXPECT_THAT(log_, AllOf(HasSubstr("optimize failed"), HasSubstr(Path().string())));
  const auto hits = Connection().open_existing("docs")->Query(
      {.field = "embedding", .vector = std::vector<float>{1, 1, 2, 3}, .topk = 5});
  EXPECT_EQ(hits.value().hits.size(), 5u);
  EXPECT_EQ(RunWell(plan).upserted, 0u);
}
#endif

// Covers: S28
TEST_F(S28, ManySmallComponentsOptimizeAtMostTwice) {
  Plan plan;
  for (int i = 0; i < 300; ++i) {
    const std::string id = std::to_string(i);
    plan.files[id] = {MakeDoc(id, "t")};
  }
  EXPECT_EQ(RunWell(plan).upserted, 300u);
  const auto connection = Connection().impl();
  Stop();
  EXPECT_LE(connection->optimizes(), 2u);
}

// Covers: S28
TEST_F(S28, SmallRunsAreNotOptimizedAtAll) {
  Plan plan = Small();
  for (int i = 0; i < 5; ++i) {
    plan.files["a"][0].title = "turn " + std::to_string(i);
    RunWell(plan);
  }
  const auto connection = Connection().impl();
  Stop();
  EXPECT_EQ(connection->optimizes(), 0u);
}

// Covers: S28
TEST_F(S28, OptimizingFollowsWhatWasWrittenNotWhatIsThere) {
  Plan plan;
  for (int i = 0; i < 12'000; ++i) plan.files["big"].push_back(MakeDoc(std::to_string(i), "t"));
  EXPECT_EQ(RunWell(plan).upserted, 12'000u);
  auto connection = Connection().impl();
  Restart();
  EXPECT_EQ(connection->optimizes(), 1u);
  for (int i = 0; i < 1'100; ++i) plan.files["big"][static_cast<std::size_t>(i)].title = "u";
  EXPECT_EQ(RunWell(plan).upserted, 1'100u);  // below a tenth
  connection = Connection().impl();
  Restart();
  EXPECT_EQ(connection->optimizes(), 0u);
  for (int i = 0; i < 1'300; ++i) plan.files["big"][static_cast<std::size_t>(i)].title = "w";
  EXPECT_EQ(RunWell(plan).upserted, 1'300u);
  connection = Connection().impl();
  Stop();
  EXPECT_EQ(connection->optimizes(), 1u);
}

// ---- 30: override mistakes

struct Money {
  int cents = 0;
};
void mistaken_main(coco::Ctx& ctx, int mistake) {
  zc::ColumnOverrides overrides;
  if (mistake == 0) overrides.add("nope", VectorSchema{4});
  if (mistake == 1) overrides.add("title", zc::encoder([](const Money& m) { return m.cents; }));
  if (mistake == 2) overrides.add("title", zc::ZvecVectorDef{});
  auto target = zc::mount_collection_target(
      ctx, DB, "docs",
      zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}, .column_overrides = overrides}));
  target.declare_row(ctx, MakeDoc("1", "one"));
}

// Covers: S30, R75, R76
TEST_F(S30, OverrideMistakesAreSchemaErrorsThatNameTheColumnBeforeAnythingIsCreated) {
  const char* const named[] = {"'nope'", "'title'", "'title'"};
  for (int mistake = 0; mistake < 3; ++mistake) {
    coco::App app(*env_, "mistaken", coco::fn<&mistaken_main>(), mistake);
    try {
      app.update_blocking();
      ADD_FAILURE() << "no error for mistake " << mistake;
    } catch (const coco::SchemaError& e) {
      EXPECT_THAT(e.what(), HasSubstr(named[mistake]));
    }
    EXPECT_EQ(Names(), std::set<std::string>{});
  }
}

// ---- a disk that fails

class FailingDisk : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/connector_disk_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { fs::remove_all(dir_); }

  struct World {
    cocozvec::SimDisk disk;
    std::optional<coco::Environment> env;
    std::optional<coco::App> app;
    ~World() {
      app.reset();
      if (env) env->stop();
    }
    zc::ManagedConnection& connection() { return env->context().get(DB); }
    /// What went wrong; empty: nothing. `written`: what became of the documents, when nothing went wrong.
    std::string run(const Plan& plan, coco::TargetCounts* written = nullptr) {
      try {
        const coco::UpdateResult result = app->update_blocking({}, plan);
        if (written != nullptr) *written = result.stats.target_total();
        return result.failures.empty() ? "" : result.failures[0].message;
      } catch (const std::exception& e) {
        return e.what();
      }
    }
    std::map<std::string, std::string> stored() {
      std::map<std::string, std::string> out;
      auto it = connection().open_existing("docs")->Iterate().value();
      for (::zvec::Doc doc; it->Next(&doc).value();) out[doc.id] = *doc.Get<std::string>("title");
      return out;
    }
  };
  void Make(World& world, int number) {
    const fs::path state = dir_ / std::to_string(number);
    world.env.emplace(coco::Settings{.db_path = state, .map_size = 1u << 20, .durable = false, .threads = 1},
                      [&world](coco::EnvironmentBuilder& b) {
                        b.provide(DB, zc::connect("/data", {.file_system = &world.disk}));
                      });
    world.app.emplace(*world.env, "test", coco::fn<&app_main>(), Plan{});
  }
  static std::map<std::string, std::string> Declared(const Plan& plan) {
    std::map<std::string, std::string> out;
    for (const auto& [name, docs] : plan.files) {
      for (const Doc& doc : docs) out[doc.id] = doc.title;
    }
    return out;
  }
  fs::path dir_;
};

// Guards: a collection whose write had failed refused every later write of the process. And: a mark that
// could not be read was taken for a missing one, and the collection destroyed and made anew without a word.
// Covers: E8, R94
TEST_F(FailingDisk, AFailureAtAnyCallIsReportedAndTheNextRunOfTheSameProcessHeals) {
  Plan plan = Small();
  plan.files["a"][0].title = "edited";
  plan.files["b"].clear();
  plan.files["c"] = {MakeDoc("c#1", "new")};
  std::uint64_t struck = 0;
  int number = 0;
  for (const bool sticky : {false, true}) {
    for (std::uint64_t call = 1;; ++call) {
      World world;
      Make(world, number++);
      ASSERT_EQ(world.run(Small()), "");
      world.disk.FailAt(world.disk.calls() + call,
                        sticky ? cocozvec::DiskFault::kNoSpace : cocozvec::DiskFault::kIoError, sticky);
      coco::TargetCounts written;
      const std::string failure = world.run(plan, &written);
      const bool reached = world.disk.faults_struck() > 0;
      world.disk.ClearFault();
      const auto said = "call " + std::to_string(call) + (sticky ? ", sticky: " : ": ") + failure;
      if (failure.empty()) {  // the fault cost nothing: neither an error nor more writes than the changes
        EXPECT_EQ(written.upserted, 2u) << said;
        EXPECT_EQ(written.deleted, 1u) << said;
      }
      EXPECT_EQ(world.stored().count("a#2"), 1u) << said;  // it did not change, so it never goes
      EXPECT_EQ(world.run(plan), "") << said;
      EXPECT_EQ(world.stored(), Declared(plan)) << said;
      const coco::UpdateResult quiet = world.app->update_blocking({}, plan);
      EXPECT_EQ(quiet.stats.target_total().upserted + quiet.stats.target_total().deleted, 0u) << said;
      if (!failure.empty()) {
        ++struck;
        const char* const code = sticky ? "resource exhausted: " : "I/O error: ";
        EXPECT_THAT(failure, AllOf(HasSubstr(code), HasSubstr("collection 'docs' in /data/docs: "))) << said;
      }
      if (!reached) break;
    }
  }
  EXPECT_GT(struck, 10u);
}

// Guards: after an optimize that had failed, one write of the same process failed as well.
// Covers: S28
TEST_F(FailingDisk, AFailedOptimizeCostsNoWrite) {
  Plan plan = Small();
  std::uint64_t failed = 0;
  for (std::uint64_t call = 1;; ++call) {
    World world;
    Make(world, static_cast<int>(call));
    ASSERT_EQ(world.run(Small()), "");
    const auto handle = world.connection().open_existing("docs");
    world.disk.FailAt(world.disk.calls() + call, cocozvec::DiskFault::kIoError);
    failed += handle->Optimize().ok() ? 0u : 1u;
    const bool reached = world.disk.faults_struck() > 0;
    world.disk.ClearFault();
    plan.files["a"][0].title = "after " + std::to_string(call);
    EXPECT_EQ(world.run(plan), "") << call;
    EXPECT_EQ(world.stored(), Declared(plan)) << call;
    if (!reached) break;
  }
  EXPECT_GT(failed, 5u);
}

// Covers: R12, R13, R15
TEST_F(FailingDisk, CloseReportsAFailedLastSyncAndClosesAll) {
  cocozvec::SimDisk disk;
  zc::ManagedConnection connection =
      zc::connect("/data", {.durability = ::zvec::Durability::kRelaxed, .file_system = &disk});
  const auto schema = zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}});
  std::vector<std::shared_ptr<::zvec::Collection>> handles;
  for (const char* name : {"one", "two"}) {
    handles.push_back(connection.open_or_create(name, schema.core()->database_schema(name)));
    ASSERT_TRUE(handles.back()
                    ->Upsert(std::vector<::zvec::Doc>{
                        ::zvec::Doc("1", {{"title", "t"}, {"embedding", std::vector<float>(4)}})})
                    .ok());
  }
  disk.FailAt(disk.calls() + 1, cocozvec::DiskFault::kIoError);
  EXPECT_THROW(connection.close(), ::zvec::StatusError);
  EXPECT_EQ(disk.faults_struck(), 1u);
  for (const auto& handle : handles) EXPECT_EQ(handle->Scan({}).status().code(), ::zvec::StatusCode::kClosed);
  connection.close();
  EXPECT_EQ(connection.open_existing("two")->Stats().doc_count, 1u);
}

// Covers: R12, R15
TEST_F(S24, AConnectionWhoseScopeEndedRefusesEveryUse) {
  RunWell(Small());
  const auto connection = Connection().impl();
  Stop();
  try {
    connection->OpenExisting("docs");
    ADD_FAILURE() << "no error";
  } catch (const ::zvec::StatusError& e) {
    EXPECT_EQ(e.status().code(), ::zvec::StatusCode::kClosed);
  }
}

}  // namespace
