// Scenarios of connector.md 7 that need a program of their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>

#include "connectors/zvec/sync_fixture.h"

using namespace cocoindex::connectors::zvec::testing_only;
using coco::Annotated, coco::VectorSchema;
using testing::HasSubstr;

namespace {

using Scenario = SyncTest;

// ---- 7: a schema change re-embeds nothing it need not

std::atomic<int> g_embedded = 0;
std::vector<float> embed(coco::Ctx&, const std::string& text) {
  ++g_embedded;
  return {static_cast<float>(text.size()), 1, 2, 3};
}
void embed_file(coco::Ctx& ctx, const std::string& text, const zc::CollectionTarget<Doc>& target) {
  target.declare_row(ctx, {.id = text,
                           .title = text,
                           .embedding = ctx.call(coco::fn<&embed>({.memo = true, .version = 1}), text)});
}
void embed_main(coco::Ctx& ctx, const std::vector<std::string>& texts, bool indexed) {
  auto schema = zc::CollectionSchema<Doc>::from_class(
      {.primary_key = {"id"}, .column_overrides = {{"title", zc::ZvecType{zc::DataType::STRING, indexed}}}});
  auto target = zc::mount_collection_target(ctx, DB, "docs", std::move(schema));
  for (const std::string& text : texts) {
    ctx.mount(coco::subpath("file", text), coco::fn<&embed_file>({.memo = true, .version = 1}), text, target);
  }
}

TEST_F(Scenario, SchemaChangeProcessesAllFilesAndEmbedsNothingTwice) {
  const std::vector<std::string> texts{"one", "two", "three", "four"};
  coco::App app(*env_, "embed", coco::fn<&embed_main>(), texts, true);
  g_embedded = 0;
  EXPECT_EQ(app.update_blocking().stats.executed, 4u);
  EXPECT_EQ(g_embedded, 4);
  EXPECT_EQ(app.update_blocking().stats.executed, 0u);
  const coco::UpdateResult changed = app.update_blocking({}, texts, false);
  EXPECT_EQ(changed.stats.executed, 4u);
  EXPECT_EQ(Documents(changed).upserted, 4u);
  EXPECT_EQ(g_embedded, 4);
  EXPECT_EQ(Stored().size(), 4u);
}

// ---- 9: only the encoder of one column changes

struct Priced {
  std::string id;
  int price;
  std::array<float, 2> v;
};
void priced_main(coco::Ctx& ctx, int threshold) {
  auto schema = zc::CollectionSchema<Priced>::from_class(
      {.primary_key = {"id"}, .column_overrides = {{"price", zc::encoder([threshold](const int& p) {
                                                      return p < threshold ? p : p + 1;
                                                    })}}});
  auto target = zc::mount_collection_target(ctx, DB, "docs", std::move(schema));
  for (int i = 0; i < 10; ++i) target.declare_row(ctx, {.id = std::to_string(i), .price = i, .v = {1, 2}});
}

TEST_F(Scenario, EncoderChangeWritesTheRowsItAffects) {
  coco::App app(*env_, "priced", coco::fn<&priced_main>(), 100);
  EXPECT_EQ(Documents(app.update_blocking()).upserted, 10u);
  const coco::UpdateResult changed = app.update_blocking({}, 7);
  EXPECT_EQ(Documents(changed).upserted, 3u);
  EXPECT_EQ(Documents(changed).deleted, 0u);
}

// ---- 16: change of manager

TEST_F(Scenario, SystemThenUserThenUndeclaredKeepsTheDirectory) {
  Plan plan = Small();
  RunWell(plan);
  plan.managed_by = coco::ManagedBy::user;
  EXPECT_EQ(RunWell(plan).upserted, 0u);
  RunWell({.collection = false});
  EXPECT_EQ(Stored(), Declared(plan));
}

TEST_F(Scenario, UserThenSystemThenUndeclaredDestroysIt) {
  Plan plan = Small();
  plan.managed_by = coco::ManagedBy::user;
  Connection().open_or_create(
      "docs", zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}).core()->database_schema("docs"));
  RunWell(plan);
  plan.managed_by = coco::ManagedBy::system;
  EXPECT_EQ(RunWell(plan).upserted, 0u);
  RunWell({.collection = false});
  EXPECT_EQ(Names(), std::set<std::string>{});
}

TEST_F(Scenario, UserThenSystemWithAnotherSchemaIsReportedByTheFirstChangedRow) {
  Plan plan = Small();
  plan.managed_by = coco::ManagedBy::user;
  const auto theirs =
      zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}).core()->database_schema("docs");
  Connection().open_or_create("docs", theirs);
  RunWell(plan);
  plan.managed_by = coco::ManagedBy::system;
  plan.title_indexed = false;
  RunWell(plan);
  plan.files["b"][0].title = "changed";
  const coco::UpdateResult result = Run(plan);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_THAT(result.failures[0].message, HasSubstr("another schema"));
  EXPECT_EQ(Connection().open_existing("docs")->schema(), theirs);
}

// ---- 17: nulls

struct Nullable {
  std::string id;
  std::optional<std::string> text;
  std::optional<int> number;
  std::optional<Annotated<std::vector<float>, VectorSchema{2}>> extra;
  std::array<float, 2> v;
};
void nullable_main(coco::Ctx& ctx, bool set) {
  auto target = zc::mount_collection_target(
      ctx, DB, "docs", zc::CollectionSchema<Nullable>::from_class({.primary_key = {"id"}}));
  Nullable row{.id = "1", .text = {}, .number = {}, .extra = {}, .v = {1, 2}};
  if (set) {
    row.text = "here";
    row.number = 7;
    row.extra = std::vector<float>{3, 4};
  }
  target.declare_row(ctx, row);
}

TEST_F(Scenario, NullsAreAbsentAndComeAndGo) {
  coco::App app(*env_, "nullable", coco::fn<&nullable_main>(), false);
  const std::vector<std::string> ids{"1"};
  const auto fetch = [&] { return Connection().open_existing("docs")->Fetch(ids).value().at(0); };
  for (int round = 0; round < 2; ++round) {
    app.update_blocking({}, false);
    ::zvec::Doc doc = fetch();
    EXPECT_EQ(doc.Find("text"), nullptr);
    EXPECT_EQ(doc.Find("number"), nullptr);
    EXPECT_EQ(doc.Find("extra"), nullptr);
    const auto nulls =
        Connection().open_existing("docs")->Scan({.filter = "text is null and number is null"}).value();
    EXPECT_EQ(nulls.hits.size(), 1u);
    EXPECT_EQ(Documents(app.update_blocking({}, true)).upserted, 1u);
    doc = fetch();
    EXPECT_EQ(*doc.Get<std::string>("text"), "here");
    EXPECT_EQ(*doc.Get<std::int64_t>("number"), 7);
    EXPECT_EQ(*doc.Get<std::vector<float>>("extra"), (std::vector<float>{3, 4}));
  }
}

// ---- 18: identity of ids; a row error for what is none

struct Numbered {
  std::int64_t id;
  std::array<float, 1> v;
};
void numbered_main(coco::Ctx& ctx) {
  auto target = zc::mount_collection_target(
      ctx, DB, "docs", zc::CollectionSchema<Numbered>::from_class({.primary_key = {"id"}}));
  target.declare_row(ctx, {.id = 42, .v = {1}});
  target.declare_row(ctx, {.id = -1, .v = {1}});
}

TEST_F(Scenario, IntegerKeysBecomeText) {
  coco::App app(*env_, "numbered", coco::fn<&numbered_main>());
  app.update_blocking();
  const std::vector<std::string> ids{"42", "-1"};
  EXPECT_EQ(Connection().open_existing("docs")->Fetch(ids).value().size(), 2u);
}

TEST_F(Scenario, PathsAndForeignTextAreIds) {
  const Plan plan{
      .files = {{"a", {MakeDoc("docs/a b.md", "x"), MakeDoc("中文#7", "y"), MakeDoc("42", "z")}}}};
  EXPECT_EQ(RunWell(plan).upserted, 3u);
  EXPECT_EQ(Stored(), Declared(plan));
}

// ---- 23: a row changes its owner; scheduling decides which component comes first

TEST_F(Scenario, RowThatChangesItsOwnerIsThere) {
  const std::string x = "X";
  for (int i = 0; i < 40; ++i) {
    Plan plan;
    plan.files["a"] = {MakeDoc("a", "a")};
    plan.files["b"] = {MakeDoc("b", "b")};
    plan.files[i % 2 == 0 ? "a" : "b"].push_back(MakeDoc(x, "of turn " + std::to_string(i)));
    RunWell(plan);
    ASSERT_EQ(Stored(), Declared(plan)) << i;
  }
}

// ---- 28: optimize is no commit, and rare

TEST_F(Scenario, ManySmallComponentsOptimizeAtMostTwice) {
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

TEST_F(Scenario, LargeBatchIsOptimizedOnce) {
  Plan plan;
  for (int i = 0; i < 12'000; ++i) plan.files["big"].push_back(MakeDoc(std::to_string(i), "t"));
  EXPECT_EQ(RunWell(plan).upserted, 12'000u);
  const auto connection = Connection().impl();
  Stop();
  EXPECT_EQ(connection->optimizes(), 1u);
}

// ---- what killed runs leave

TEST_F(Scenario, LeftoversOfKilledCreatesAndDestroysAreRemovedOnConnect) {
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

// ---- two apps of one environment share a connection

TEST_F(Scenario, TwoAppsKeepTwoCollections) {
  RunWell(Small());
  coco::App other(*env_, "numbered", coco::fn<&numbered_main>());
  // One collection declared by two apps with two schemas: the second is refused, and nothing is lost.
  EXPECT_ANY_THROW({
    if (!other.update_blocking().failures.empty()) throw std::runtime_error("refused");
  });
  EXPECT_EQ(Stored(), Declared(Small()));
}

}  // namespace
