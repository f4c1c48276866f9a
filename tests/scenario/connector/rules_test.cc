// Scenarios 13 to 22: locks, handles, who manages, nulls, ids, embedders, sparse input, other people's
// directories.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>

#include "connectors/zvec/sync_fixture.h"
#include "other_process.h"

using namespace cocoindex::connectors::zvec::testing_only;
using coco::Annotated, coco::VectorSchema;
using testing::AllOf;
using testing::HasSubstr;

namespace {

using S13 = SyncTest;
using S14 = SyncTest;
using S15 = SyncTest;
using S16 = SyncTest;
using S17 = SyncTest;
using S18 = SyncTest;
using S20 = SyncTest;
using S21 = SyncTest;
using S22 = SyncTest;

::zvec::CollectionSchema DocSchema() {
  return zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}).core()->database_schema("docs");
}

/// What one update says went wrong, wherever it says so.
template <class... A>
std::string FailureOf(coco::App& app, const A&... args) {
  try {
    const coco::UpdateResult result = app.update_blocking({}, args...);
    return result.failures.empty() ? "no failure" : result.failures[0].message;
  } catch (const std::exception& e) {
    return e.what();
  }
}

// Covers: S13, R95
TEST_F(S13, ACollectionThatAnotherProcessHasOpenFailsTheChangedRunAndLosesNothing) {
  RunWell(Small());
  Restart();
  OtherProcess other(Path());
  ASSERT_EQ(other.answer(), "open");
  Plan changed = Small();
  changed.files["b"][0].title = "changed";
  const coco::UpdateResult result = Run(changed);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_THAT(result.failures[0].message, AllOf(HasSubstr(Path().string()), HasSubstr("already open"),
                                                HasSubstr(std::to_string(other.pid()))));
  other.finish();
  const coco::TargetCounts counts = RunWell(changed);
  EXPECT_EQ(counts.upserted, 1u);
  EXPECT_EQ(counts.unchanged, 2u);
  EXPECT_EQ(Stored(), Declared(changed));
}

// Covers: S13, R5, R60
TEST_F(S13, AReaderOfTheSameConnectionSearchesBesideTheWriter) {
  RunWell(Small());
  const auto hits = Connection().open_existing("docs")->Query(
      {.field = "embedding", .vector = std::vector<float>{1, 1, 2, 3}});
  ASSERT_TRUE(hits.ok()) << hits.status().ToString();
  EXPECT_EQ(hits->hits.size(), 3u);
}

// Covers: S14, R10, R12, R13
TEST_F(S14, CloseMeansClosed) {
  RunWell(Small());
  const auto kept = Connection().open_existing("docs");
  Connection().close();
  {
    OtherProcess other(Path());
    EXPECT_EQ(other.answer(), "open");
    EXPECT_EQ(kept->Scan({}).status().code(), ::zvec::StatusCode::kClosed);
  }
  Connection().close();
  EXPECT_NE(Connection().open_existing("docs"), kept);
  EXPECT_EQ(Stored(), Declared(Small()));
}

// Guards: a handle that its user had closed was handed out for ever.
// Covers: S14, R12
TEST_F(S14, AHandleThatItsUserClosedIsOpenedAgain) {
  Plan plan = Small();
  RunWell(plan);
  ASSERT_TRUE(Connection().open_existing("docs")->Close().ok());
  plan.files["b"][0].title = "after";
  EXPECT_EQ(RunWell(plan).upserted, 1u);
  ASSERT_TRUE(Connection().open_existing("docs")->Close().ok());
  EXPECT_EQ(Stored(), Declared(plan));
}

// Covers: S15, R24, R96
TEST_F(S15, AUserManagedCollectionMustExistAndStaysWithItsRowsWhenUndeclared) {
  Plan plan = Small();
  plan.managed_by = coco::ManagedBy::user;
  const coco::UpdateResult result = Run(plan);
  ASSERT_FALSE(result.failures.empty());
  EXPECT_THAT(result.failures[0].message, HasSubstr(Path().string()));
  EXPECT_EQ(Names(), std::set<std::string>{});
  Connection().open_or_create("docs", DocSchema());
  EXPECT_EQ(RunWell(plan).upserted, 3u);
  EXPECT_EQ(Stored(), Declared(plan));
  RunWell({.collection = false});
  EXPECT_EQ(Stored(), Declared(plan));
}

// Covers: S16, R24
TEST_F(S16, SystemThenUserThenUndeclaredKeepsTheDirectory) {
  Plan plan = Small();
  RunWell(plan);
  plan.managed_by = coco::ManagedBy::user;
  EXPECT_EQ(RunWell(plan).upserted, 0u);
  RunWell({.collection = false});
  EXPECT_EQ(Stored(), Declared(plan));
}

// Covers: S16, R24
TEST_F(S16, UserThenSystemThenUndeclaredDestroysIt) {
  Plan plan = Small();
  plan.managed_by = coco::ManagedBy::user;
  Connection().open_or_create("docs", DocSchema());
  RunWell(plan);
  plan.managed_by = coco::ManagedBy::system;
  EXPECT_EQ(RunWell(plan).upserted, 0u);
  RunWell({.collection = false});
  EXPECT_EQ(Names(), std::set<std::string>{});
}

// Covers: S16, R97
TEST_F(S16, UserThenSystemWithAnotherSchemaIsReportedByTheFirstChangedRow) {
  Plan plan = Small();
  plan.managed_by = coco::ManagedBy::user;
  Connection().open_or_create("docs", DocSchema());
  RunWell(plan);
  plan.managed_by = coco::ManagedBy::system;
  plan.title_indexed = false;
  RunWell(plan);
  plan.files["b"][0].title = "changed";
  const coco::UpdateResult result = Run(plan);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_THAT(result.failures[0].message, HasSubstr("another schema"));
  EXPECT_EQ(Connection().open_existing("docs")->schema(), DocSchema());
}

// ---- 17: nulls

struct Nullable {
  std::string id;
  std::optional<std::string> text;
  std::optional<int> number;
  std::optional<std::vector<std::int64_t>> list;
  std::optional<std::map<std::string, int>> json;
  std::optional<Annotated<std::vector<float>, VectorSchema{2}>> extra;
  std::array<float, 2> v;
};
void nullable_main(coco::Ctx& ctx, bool set) {
  auto target = zc::mount_collection_target(
      ctx, DB, "docs", zc::CollectionSchema<Nullable>::from_class({.primary_key = {"id"}}));
  Nullable row{.id = "1", .text = {}, .number = {}, .list = {}, .json = {}, .extra = {}, .v = {1, 2}};
  if (set) {
    row.text = "here";
    row.number = 7;
    row.list = std::vector<std::int64_t>{1, 2};
    row.json = std::map<std::string, int>{{"a", 1}};
    row.extra = std::vector<float>{3, 4};
  }
  target.declare_row(ctx, row);
}

// Covers: S17, R39, R92
TEST_F(S17, NullsAreAbsentAndFoundByIsNullAndComeAndGo) {
  coco::App app(*env_, "nullable", coco::fn<&nullable_main>(), false);
  const std::vector<std::string> ids{"1"};
  const auto fetch = [&] { return Connection().open_existing("docs")->Fetch(ids).value().at(0); };
  const auto near = [&] {
    return Connection().open_existing("docs")->Query({.field = "extra", .vector = std::vector<float>{3, 4}});
  };
  for (int round = 0; round < 2; ++round) {
    app.update_blocking({}, false);
    ::zvec::Doc doc = fetch();
    EXPECT_EQ(doc.Find("text"), nullptr);
    EXPECT_EQ(doc.Find("number"), nullptr);
    EXPECT_EQ(doc.Find("list"), nullptr);
    EXPECT_EQ(doc.Find("json"), nullptr);
    EXPECT_EQ(doc.Find("extra"), nullptr);
    EXPECT_TRUE(near().value().hits.empty());  // not found through a vector that it has not
    const auto nulls =
        Connection()
            .open_existing("docs")
            ->Scan({.filter = "text is null and number is null and list is null and json is null"})
            .value();
    EXPECT_EQ(nulls.hits.size(), 1u);
    EXPECT_EQ(Documents(app.update_blocking({}, true)).upserted, 1u);
    doc = fetch();
    EXPECT_EQ(*doc.Get<std::string>("text"), "here");
    EXPECT_EQ(*doc.Get<std::int64_t>("number"), 7);
    EXPECT_EQ(*doc.Get<std::vector<std::int64_t>>("list"), (std::vector<std::int64_t>{1, 2}));
    EXPECT_EQ(*doc.Get<std::string>("json"), R"({"a": 1})");
    EXPECT_EQ(*doc.Get<std::vector<float>>("extra"), (std::vector<float>{3, 4}));
    EXPECT_EQ(near().value().hits.size(), 1u);
  }
}

// ---- 18: identity of ids

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

// Covers: S18, R28
TEST_F(S18, NumbersBecomeTheirText) {
  coco::App app(*env_, "numbered", coco::fn<&numbered_main>());
  app.update_blocking();
  const std::vector<std::string> ids{"42", "-1"};
  EXPECT_EQ(Connection().open_existing("docs")->Fetch(ids).value().size(), 2u);
}

template <class Key>
struct Keyed {
  Key id;
  std::array<float, 1> v;
};
template <class Key>
void keyed_main(coco::Ctx& ctx, const Key& key) {
  auto target = zc::mount_collection_target(
      ctx, DB, "docs", zc::CollectionSchema<Keyed<Key>>::from_class({.primary_key = {"id"}}));
  target.declare_row(ctx, {.id = key, .v = {1}});
}

// Covers: S18, R28
TEST_F(S18, UuidsAndDatesBecomeTheTextThatPythonGives) {
  const auto id_of = [this](const auto& key) -> std::string {
    coco::App app(*env_, "keyed", [key](coco::Ctx& ctx) { keyed_main(ctx, key); });
    EXPECT_TRUE(app.update_blocking().failures.empty());
    auto it = Connection().open_existing("docs")->Iterate().value();
    ::zvec::Doc doc;
    EXPECT_TRUE(it->Next(&doc).value());
    app.drop_blocking();
    return doc.id;
  };
  coco::Uuid uuid;
  for (std::size_t i = 0; i < 16; ++i) uuid.bytes[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(id_of(uuid), "00010203-0405-0607-0809-0a0b0c0d0e0f");
  using namespace std::chrono;
  const local_seconds time = local_days(2020y / January / 2d) + 3h + 4min + 5s;
  EXPECT_EQ(id_of(time), "2020-01-02 03:04:05");
  EXPECT_EQ(id_of(true), "True");
}

// Covers: S18, R28, R29, R85
TEST_F(S18, PathsAndTextOfAnyLanguageAreIdsAsTheyAre) {
  const Plan plan{.files = {{"a",
                             {MakeDoc("docs/a b.md", "x"), MakeDoc("中文#7", "y"), MakeDoc("42", "z"),
                              MakeDoc(std::string(1024, 'a'), "longest")}}}};
  EXPECT_EQ(RunWell(plan).upserted, 4u);
  EXPECT_EQ(Stored(), Declared(plan));
}

// Covers: S18, R84, R85
TEST_F(S18, WhatIsNoIdentityIsARowErrorThatNamesTheReason) {
  const std::pair<std::string, const char*> bad[] = {{"", "empty"},
                                                     {"a\nb", "newline"},
                                                     {std::string(1025, 'a'), "1024"},
                                                     {"\xff", "UTF-8"},
                                                     {"a\tb", "tab"},
                                                     {"a\x7f", "control"},
                                                     {"a\xc2\x85", "control"},
                                                     {"a\xe2\x80\xa8", "line separator"},
                                                     {"a\xe2\x80\xa9", "paragraph separator"},
                                                     {std::string("a\0b", 3), "null"}};
  for (const auto& [id, reason] : bad) {
    const coco::UpdateResult result = Run({.files = {{"a", {MakeDoc(id, "x")}}}});
    ASSERT_EQ(result.failures.size(), 1u) << reason;
    EXPECT_THAT(result.failures[0].message, AllOf(HasSubstr(reason), HasSubstr("'docs'"), HasSubstr("'id'")));
    EXPECT_THROW(std::rethrow_exception(result.failures[0].cause), coco::RowError);
  }
  EXPECT_TRUE(Stored().empty());
}

// ---- 20: an embedder of another size

struct Embedder {
  std::uint32_t size = 0;
  VectorSchema vector_schema() const { return {.size = size}; }
};
inline constexpr coco::ContextKey<Embedder> EMBEDDER{"embedder"};
struct Sized {
  std::string id;
  Annotated<std::vector<float>, &EMBEDDER> embedding;
};
void sized_main(coco::Ctx& ctx) {
  auto target = zc::mount_collection_target(
      ctx, DB, "docs", zc::CollectionSchema<Sized>::from_class(ctx, {.primary_key = {"id"}}));
  for (int i = 0; i < 4; ++i) {
    target.declare_row(ctx,
                       {.id = std::to_string(i),
                        .embedding = std::vector<float>(ctx.use(EMBEDDER).size, static_cast<float>(i + 1))});
  }
}

// Covers: S20, R35
TEST_F(S20, AnEmbedderOfAnotherSizeReplacesTheCollectionAndItsVectors) {
  Stop();
  for (const std::uint32_t size : {384u, 384u, 768u}) {
    coco::Environment env({.db_path = dir_ / "state"}, [&](coco::EnvironmentBuilder& b) {
      b.provide(DB, zc::connect(dir_ / "data"));
      b.provide(EMBEDDER, {.size = size});
    });
    coco::App app(env, "sized", coco::fn<&sized_main>());
    const coco::UpdateResult result = app.update_blocking();
    ASSERT_TRUE(result.failures.empty());
    const auto docs = env.context().get(DB).open_existing("docs");
    EXPECT_EQ(docs->Stats().doc_count, 4u);
    for (const std::uint32_t asked : {384u, 768u}) {
      const auto hits = docs->Query({.field = "embedding", .vector = std::vector<float>(asked, 1.f)});
      EXPECT_EQ(hits.ok(), asked == size);
      if (hits.ok()) {
        EXPECT_EQ(hits->hits.size(), 4u);
      }
    }
    env.stop();
  }
}

// ---- 21: sparse input

using Pairs = std::vector<std::pair<std::int64_t, double>>;
template <class Map>
struct SparseRow {
  std::string id;
  Annotated<Map, zc::ZvecVectorDef{.sparse = true}> words;
};
template <class Map>
void sparse_main(coco::Ctx& ctx, const Map& words) {
  auto target = zc::mount_collection_target(
      ctx, DB, "docs", zc::CollectionSchema<SparseRow<Map>>::from_class({.primary_key = {"id"}}));
  target.declare_row(ctx, {.id = "1", .words = words});
}
void sparse_any(coco::Ctx& ctx, int kind, const Pairs& words) {
  if (kind == 0) return sparse_main(ctx, words);
  if (kind == 1) return sparse_main(ctx, std::map<std::int64_t, double>(words.begin(), words.end()));
  sparse_main(ctx, std::unordered_map<std::int64_t, double>(words.begin(), words.end()));
}

// Covers: S21, R61
TEST_F(S21, TheSameEntriesFromAnyContainerAreTheSameRow) {
  const Pairs words{{9, 0}, {2, -1.5}, {4'000'000'000, 0.25}};
  coco::App app(*env_, "sparse", coco::fn<&sparse_any>(), 0, words);
  EXPECT_EQ(Documents(app.update_blocking()).upserted, 1u);
  for (const int kind : {1, 2}) EXPECT_EQ(Documents(app.update_blocking({}, kind, words)).unchanged, 1u);
  const std::vector<std::string> ids{"1"};
  const auto fetch = [&] {
    return *Connection().open_existing("docs")->Fetch(ids).value().at(0).Get<::zvec::SparseVector>("words");
  };
  EXPECT_EQ(fetch(), (::zvec::SparseVector{{2, 9, 4'000'000'000}, {-1.5f, 0, 0.25f}}));
  EXPECT_EQ(Documents(app.update_blocking({}, 1, Pairs{})).upserted, 1u);
  EXPECT_EQ(fetch(), ::zvec::SparseVector{});
}

// Covers: S21, R86
TEST_F(S21, WhatIsNoSparseVectorIsARowError) {
  coco::App app(*env_, "sparse", coco::fn<&sparse_any>(), 0, Pairs{});
  Pairs many(16'385);
  for (std::size_t i = 0; i < many.size(); ++i) many[i] = {static_cast<std::int64_t>(i), 1.0};
  const std::pair<Pairs, const char*> bad[] = {{{{-1, 1}}, "-1"},
                                               {{{1LL << 32, 1}}, "4294967296"},
                                               {{{7, 1}, {7, 2}}, "given twice"},
                                               {{{7, std::nan("")}}, "NaN"},
                                               {{{7, std::numeric_limits<double>::infinity()}}, "infinity"},
                                               {many, "16385"}};
  for (const auto& [words, reason] : bad) {
    EXPECT_THAT(FailureOf(app, 0, words),
                AllOf(HasSubstr(reason), HasSubstr("'docs'"), HasSubstr("'words'"), HasSubstr("\"1\"")));
  }
  many.pop_back();
  EXPECT_EQ(FailureOf(app, 0, many), "no failure");
}

// ---- 22: somebody else's directory

std::map<std::string, std::string> BytesBelow(const fs::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file() || entry.path().filename() == "LOCK") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files[entry.path()] = std::string(std::istreambuf_iterator<char>(in), {});
  }
  return files;
}

// Covers: S22, R97
TEST_F(S22, SomebodyElsesCollectionIsLeftAsItIsAndTheDifferenceIsShown) {
  ::zvec::CollectionSchema foreign = DocSchema();
  foreign.fields[1].dimension = 2;
  foreign.fields[0].name = "other";
  Connection().open_or_create("docs", foreign);
  Connection().close();
  const auto before = BytesBelow(Path());
  const std::string message = FailureOf(*app_, Small());
  EXPECT_THAT(message, AllOf(HasSubstr("another schema"), HasSubstr("other"), HasSubstr("title"),
                             HasSubstr("2"), HasSubstr("4"), HasSubstr(Path().string())));
  Connection().close();
  EXPECT_TRUE(BytesBelow(Path()) == before);
}

// Covers: S22
TEST_F(S22, AnEqualSchemaIsAdoptedWithAWarningAndUnknownDocumentsStay) {
  const auto handle = Connection().open_or_create("docs", DocSchema());
  ASSERT_TRUE(handle
                  ->Upsert(std::vector<::zvec::Doc>{
                      ::zvec::Doc("old", {{"title", "t"}, {"embedding", std::vector<float>(4)}})})
                  .ok());
  EXPECT_EQ(RunWell(Small()).upserted, 3u);
  EXPECT_THAT(log_, HasSubstr("adopted with 1 documents"));
  EXPECT_EQ(Stored().size(), 4u);
}

}  // namespace
