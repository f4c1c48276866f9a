// Scenarios 1 to 12: runs, quiet runs, changes of schema, encoder, place and key.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <optional>

#include "connectors/zvec/sync_fixture.h"
#include "other_process.h"

using namespace cocoindex::connectors::zvec::testing_only;
using coco::Annotated, coco::VectorSchema;
using testing::AllOf;
using testing::HasSubstr;

namespace {

std::vector<std::string> NamesIn(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(directory)) names.push_back(entry.path().filename());
  return names;
}

/// The sockets of this process, and the processes that it has started.
std::vector<std::string> SocketsAndChildren() {
  std::vector<std::string> all;
  for (const auto& fd : fs::directory_iterator("/proc/self/fd")) {
    std::error_code gone;
    const std::string target = fs::read_symlink(fd, gone).string();
    if (target.starts_with("socket:")) all.push_back(target);
  }
  for (const auto& task : fs::directory_iterator("/proc/self/task")) {
    std::ifstream children(task.path() / "children");
    for (std::string child; children >> child;) all.push_back(child);
  }
  return all;
}

using S01 = SyncTest;
using S02 = SyncTest;
using S03 = SyncTest;
using S05 = SyncTest;
using S07 = SyncTest;
using S08 = SyncTest;
using S09 = SyncTest;
using S10 = SyncTest;
using S11 = SyncTest;
using S12 = SyncTest;

// Covers: S1, R2, R7, R8, R16, R18, R21, R22
TEST_F(S01, AFirstRunIntoNothingMakesBaseParentsAndDocumentsAndNothingElse) {
  Stop();
  data_ = dir_ / "x" / "y";
  Start();
  EXPECT_EQ(RunWell(Small()).upserted, 3u);
  EXPECT_EQ(Stored(), Declared(Small()));
  EXPECT_EQ(NamesIn(dir_ / "x"), std::vector<std::string>{"y"});
  EXPECT_EQ(NamesIn(data_), std::vector<std::string>{"docs"});
  EXPECT_EQ(zc::count_documents(*app_, DB, "docs"), 3u);
}

// Covers: R1
TEST_F(S01, ARunOpensNoSocketAndStartsNoProcess) {
  const auto before = SocketsAndChildren();
  RunWell(Small());
  EXPECT_EQ(Opens(), 1u);  // and the collection is open still
  EXPECT_EQ(SocketsAndChildren(), before);
}

// Covers: S2, R10, R16
TEST_F(S02, AQuietRunSucceedsWhileAnotherProcessHoldsTheCollectionAndOpensNothing) {
  RunWell(Small());
  Restart();
  OtherProcess other(Path());
  ASSERT_EQ(other.answer(), "open");
  const coco::TargetCounts counts = RunWell(Small());
  EXPECT_EQ(counts.upserted + counts.deleted, 0u);
  EXPECT_EQ(counts.unchanged, 3u);
  EXPECT_EQ(Opens(), 0u);
  EXPECT_EQ(Connection().impl()->optimizes(), 0u);
}

// Covers: S3
TEST_F(S03, MoreRowsThanThePublishedDatabaseTakesInOneCallAreAllThere) {
  Plan plan;
  for (int i = 0; i < 2500; ++i) plan.files["big"].push_back(MakeDoc("row " + std::to_string(i), "t"));
  EXPECT_EQ(RunWell(plan).upserted, 2500u);
  EXPECT_EQ(Stored(), Declared(plan));
  EXPECT_EQ(RunWell(plan).upserted, 0u);
  plan.files["big"].resize(100);
  EXPECT_EQ(RunWell(plan).deleted, 2400u);
  EXPECT_EQ(Stored(), Declared(plan));
}

// Guards: a row was lost where a batch is cut into calls of bounded size.
// Covers: S3
TEST_F(S03, ABatchOfFiftyMebibytesIsCutAndLosesNothing) {
  Plan plan;
  for (int i = 0; i < 50; ++i) {
    plan.files["big"].push_back(
        MakeDoc(std::to_string(i), std::string(1 << 20, static_cast<char>('a' + i % 26))));
  }
  EXPECT_EQ(RunWell(plan).upserted, 50u);
  EXPECT_TRUE(Stored() == Declared(plan));
}

// Covers: S5, R94
TEST_F(S05, WhatWasDeletedBeforeTheKillIsDeletedAgainWithoutAnError) {
  Plan plan = Small();
  RunWell(plan);
  // As after a kill between the delete and its commit: the document is gone, the engine does not know it.
  const std::vector<std::string> gone{"b#1"};
  ASSERT_TRUE(Connection().open_existing("docs")->Delete(gone).ok());
  plan.files["b"].clear();
  EXPECT_EQ(RunWell(plan).deleted, 1u);
  EXPECT_EQ(Stored(), Declared(plan));
  EXPECT_EQ(RunWell(plan).deleted, 0u);
}

std::string OutputOf(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return "cannot run " + command;
  for (int c; (c = fgetc(pipe)) != EOF;) out.push_back(static_cast<char>(c));
  pclose(pipe);
  return out;
}

// Covers: S7
TEST_F(S07, AFieldAddedToTheRecordProcessesAllFilesAgainAndEmbedsNothingTwice) {
  const std::string base = " " + (dir_ / "editions").string();
  EXPECT_EQ(OutputOf(EDITION_1 + base),
            "failures 0 executed 10 embedded 10 upserted 10 deleted 0 with_length 0\n");
  EXPECT_EQ(OutputOf(EDITION_1 + base),
            "failures 0 executed 0 embedded 0 upserted 0 deleted 0 with_length 0\n");
  EXPECT_EQ(OutputOf(EDITION_2 + base),
            "failures 0 executed 10 embedded 0 upserted 10 deleted 0 with_length 10\n");
  EXPECT_EQ(OutputOf(EDITION_2 + base),
            "failures 0 executed 0 embedded 0 upserted 0 deleted 0 with_length 10\n");
}

// ---- 8: harmless edits

using Sparse = std::map<std::uint32_t, float>;
struct Plain {
  std::string id;
  std::string title;
  Annotated<Sparse, zc::ZvecVectorDef{.sparse = true}> words;
  std::array<float, 2> v;
};
struct Reordered {
  std::array<float, 2> v;
  Annotated<Sparse, zc::ZvecVectorDef{.sparse = true}> words;
  std::string title;
  std::string id;
};
struct Renamed {
  std::string id;
  std::string title;
  Annotated<Sparse, zc::ZvecVectorDef{.sparse = true}> words;
  std::array<float, 2> v;
};
struct OtherMetric {
  std::string id;
  std::string title;
  Annotated<Sparse, zc::ZvecVectorDef{.metric = zc::Metric::l2, .sparse = true}> words;
  std::array<float, 2> v;
};

template <class Row>
void declare_one(coco::Ctx& ctx) {
  auto target = zc::mount_collection_target(ctx, DB, "docs",
                                            zc::CollectionSchema<Row>::from_class({.primary_key = {"id"}}));
  Row row;
  row.id = "1";
  row.title = "one";
  row.words = Sparse{{3, 0.5f}};
  row.v = {1, 2};
  target.declare_row(ctx, row);
}
void edited_main(coco::Ctx& ctx, int edit) {
  if (edit == 1) return declare_one<Reordered>(ctx);
  if (edit == 2) return declare_one<Renamed>(ctx);
  if (edit == 3) return declare_one<OtherMetric>(ctx);
  declare_one<Plain>(ctx);
}

// Covers: S8, R9, R19, R33, R62
TEST_F(S08, ReorderingRenamingMemoryMappingAndTheMetricOfASparseFieldRebuildNothing) {
  std::optional<coco::App> app;
  app.emplace(*env_, "edited", coco::fn<&edited_main>(), 0);
  EXPECT_EQ(Documents(app->update_blocking()).upserted, 1u);
  Connection().close();
  const std::uint64_t opens = Opens();
  for (const int edit : {1, 2, 3}) {
    const coco::TargetCounts counts = Documents(app->update_blocking({}, edit));
    EXPECT_EQ(counts.upserted + counts.deleted, 0u) << edit;
    EXPECT_EQ(counts.unchanged, 1u) << edit;
  }
  EXPECT_EQ(Opens(), opens);
  app.reset();
  app_.reset();
  env_->stop();
  env_.emplace(coco::Settings{.db_path = dir_ / "state"}, [this](coco::EnvironmentBuilder& b) {
    b.provide(DB, zc::connect(dir_ / "data", {.enable_mmap = false}));
  });
  app.emplace(*env_, "edited", coco::fn<&edited_main>(), 0);
  EXPECT_EQ(Documents(app->update_blocking()).unchanged, 1u);
  EXPECT_EQ(Opens(), 0u);
  EXPECT_FALSE(Connection().open_existing("docs")->options().enable_mmap);
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

// Covers: S9
TEST_F(S09, AnEncoderThatChangesThreeOfTenRowsCausesThreeUpsertsAndNoReplacement) {
  coco::App app(*env_, "priced", coco::fn<&priced_main>(), 100);
  EXPECT_EQ(Documents(app.update_blocking()).upserted, 10u);
  const coco::UpdateResult changed = app.update_blocking({}, 7);
  EXPECT_EQ(Documents(changed).upserted, 3u);
  EXPECT_EQ(Documents(changed).deleted, 0u);
}

// Covers: S10, R19
TEST_F(S10, AMovedBaseDirectoryIsTheSameResource) {
  RunWell(Small());
  Stop();
  fs::rename(dir_ / "data", dir_ / "elsewhere");
  data_ = dir_ / "elsewhere";
  Start();
  EXPECT_EQ(RunWell(Small()).upserted, 0u);
  EXPECT_EQ(Opens(), 0u);
  EXPECT_EQ(Stored(), Declared(Small()));
}

// ---- 11: the key is renamed

inline constexpr coco::ContextKey<zc::ManagedConnection> NEW_DB{"new_db"};

void keyed_main(coco::Ctx& ctx, bool renamed) {
  auto target = zc::mount_collection_target(ctx, renamed ? NEW_DB : DB, "docs",
                                            zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}));
  target.declare_row(ctx, MakeDoc("1", "one"));
}

// Covers: S11, R19, R93
TEST_F(S11, ARenamedKeyIsAnotherResourceAndTheOldOneIsCleanedUpOnceItsKeyIsThere) {
  app_.reset();
  const auto run = [&](bool old_key, bool renamed) {
    coco::Environment env({.db_path = dir_ / "state2"}, [&](coco::EnvironmentBuilder& b) {
      if (old_key) b.provide(DB, zc::connect(dir_ / "data"));
      b.provide(NEW_DB, zc::connect(dir_ / "new"));
    });
    coco::App app(env, "keyed", coco::fn<&keyed_main>(), renamed);
    const coco::UpdateResult result = app.update_blocking();
    env.stop();
    return result.failures;
  };
  EXPECT_TRUE(run(true, false).empty());
  const auto failures = run(false, true);
  ASSERT_EQ(failures.size(), 1u);
  EXPECT_THAT(failures[0].message, AllOf(HasSubstr("main_db"), HasSubstr("'docs'")));
  EXPECT_TRUE(fs::exists(dir_ / "new" / "docs"));
  EXPECT_TRUE(fs::exists(dir_ / "data" / "docs"));
  EXPECT_EQ(run(false, true).size(), 1u);  // as often as it runs
  EXPECT_TRUE(run(true, true).empty());
  EXPECT_FALSE(fs::exists(dir_ / "data" / "docs"));
  EXPECT_TRUE(fs::exists(dir_ / "new" / "docs"));
}

// Covers: S12, R27, R87, R101
TEST_F(S12, OneBadRowFailsItsOwnComponentAndOnlyItsRowsAreWrittenAfterTheFix) {
  Plan plan;
  for (const char* file : {"a", "b", "bad"}) {
    for (int i = 0; i < 5; ++i)
      plan.files[file].push_back(MakeDoc(file + std::string("#") + std::to_string(i), "t"));
  }
  Plan good = plan;
  good.files.erase("bad");
  plan.files["bad"][3].embedding.resize(3);
  const coco::UpdateResult result = Run(plan);
  ASSERT_EQ(result.failures.size(), 1u);
  EXPECT_THAT(result.failures[0].message,
              AllOf(HasSubstr("'docs'"), HasSubstr("bad#3"), HasSubstr("'embedding'"),
                    HasSubstr("3 elements"), HasSubstr("says 4")));
  EXPECT_THROW(std::rethrow_exception(result.failures[0].cause), coco::RowError);
  EXPECT_EQ(Stored(), Declared(good));
  plan.files["bad"][3].embedding.resize(4);
  EXPECT_EQ(RunWell(plan).upserted, 5u);
  EXPECT_EQ(Stored(), Declared(plan));
}

}  // namespace
