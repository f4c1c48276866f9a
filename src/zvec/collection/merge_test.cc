// Merges beside the writers: what comes in the middle of one, and what failures leave. What they may take:
// merge_limits_test.cc; segments that cannot be read: set_aside_test.cc.
#include <gtest/gtest.h>

#include <map>
#include <thread>

#include "cocozvec/base/log.h"
#include "zvec/collection/collection_impl.h"
#include "zvec/collection/store.h"
#include "zvec/collection/testing/merge_fixture.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::PowerCutKind;

TEST_F(MergeTest, FourSegmentsBecomeOneBesideTheWriter) {
  Create();
  for (const char* name : {"a", "b", "c"}) SealOne(name);
  EXPECT_EQ(collection_->Stats().sealed_segments, 3u);
  SealOne("d");
  EXPECT_EQ(collection_->Stats().sealed_segments, 1u);
  EXPECT_EQ(collection_->Stats().index_completeness["v"], 1);
  EXPECT_EQ(collection_->Stats().unlinked_rows, 0u);
  ExpectAll();
  EXPECT_TRUE(Unnamed(disk_).empty()) << *Unnamed(disk_).begin();
  Reopen();
  ExpectAll();
}

TEST_F(MergeTest, ManyTimesAsMuchStaysInFewSegmentsAndDeletedRowsGo) {
  Create();
  for (int round = 0; round < 120; ++round) {
    SealOne(std::string(1, static_cast<char>('a' + round % 20)));
    if (round % 3 == 0) Upsert("x" + std::to_string(round % 7), "x");
    if (round % 5 == 0) Delete(std::string(1, static_cast<char>('a' + round % 20)) + "3");
    EXPECT_LE(collection_->Stats().sealed_segments, kMostSmallSegments);
  }
  EXPECT_LE(collection_->Stats().deleted_count, collection_->Stats().doc_count / 3);
  ExpectAll();
  Reopen();
  ExpectAll();
}

/// What a writer does in the middle of a merge, at each file that the merge opens.
class MergeIntrusion : public MergeTest, public ::testing::WithParamInterface<int> {
 protected:
  void Intrude(int what) {
    switch (what) {
      case 0:
        return Delete("b2");
      case 1:
        return Upsert("b2", "newer");
      case 2: {
        ASSERT_TRUE(collection_->Update(std::vector{Doc("c1", {{"size", std::int64_t{9}}})}).ok());
        return Upsert("c4", "newer");
      }
      case 3:
        Delete("a1");
        return Upsert("a1", "gone and back");
      case 4:  // the rows of one source, all of them
        for (int i = 0; i < 5; ++i) Delete("b" + std::to_string(i));
        return;
      case 5:  // and of all
        ASSERT_TRUE(collection_->DeleteByFilter("size >= 0").ok());
        return model_.clear();
      case 6:  // the log with the deletion ends here, and a source has nothing alive at the seal
        for (int i = 0; i < 5; ++i) Delete("b" + std::to_string(i));
        SealOne("e");
        return Delete("e0");
      case 7:
        Delete("d3");
        SealOne("e");
        Upsert("d4", "newer");
        return SealOne("f");
      default:
        ASSERT_TRUE(collection_->Flush().ok());
    }
  }
  static constexpr int kMoments = 4;  // the new segment, its opening, its graph, the graph's opening
};

TEST_P(MergeIntrusion, IsKept) {
  for (int moment = 0; moment < kMoments; ++moment) {
    SCOPED_TRACE("moment " + std::to_string(moment));
    if (collection_) {
      fs_.refuse = nullptr;
      ASSERT_TRUE(collection_->Close().ok());
      collection_.reset();
      ASSERT_TRUE(Collection::Destroy("c", options_).ok());
      model_.clear();
    }
    Create();
    for (const char* name : {"a", "b", "c"}) SealOne(name);
    Delete("a0");
    struck_ = 0;
    During(moment, [&] { Intrude(GetParam()); });
    SealOne("d");
    ASSERT_EQ(struck_, 1);
    // What was written inside came after the rows of "d".
    ExpectAll();
    EXPECT_LE(collection_->Stats().sealed_segments, 3u);
    ExpectAll();
    EXPECT_TRUE(Unnamed(disk_).empty()) << *Unnamed(disk_).begin();
    Reopen();
    ExpectAll();
    ASSERT_TRUE(collection_->Optimize().ok());
    EXPECT_EQ(collection_->Stats().deleted_count, 0u);
    ExpectAll();
  }
}

TEST_P(MergeIntrusion, IsKeptDuringOptimize) {
  options_.maintenance = Maintenance::kManual;
  for (int moment = 0; moment < kMoments; ++moment) {
    SCOPED_TRACE("moment " + std::to_string(moment));
    if (collection_) {
      fs_.refuse = nullptr;
      ASSERT_TRUE(collection_->Close().ok());
      collection_.reset();
      ASSERT_TRUE(Collection::Destroy("c", options_).ok());
      model_.clear();
    }
    Create();
    for (const char* name : {"a", "b", "c", "d"}) SealOne(name);
    Upsert("tail", "x");
    Delete("a0");
    struck_ = 0;
    During(moment, [&] { Intrude(GetParam()); });
    ASSERT_TRUE(collection_->Optimize().ok());
    ASSERT_EQ(struck_, 1);
    ExpectAll();
    Reopen();
    ExpectAll();
    ASSERT_TRUE(collection_->Optimize().ok());
    EXPECT_EQ(collection_->Stats().deleted_count, 0u);
    EXPECT_LE(collection_->Stats().sealed_segments, 1u);
    ExpectAll();
  }
}

// Guards: what a writer gave rise to during Optimize was put off, and nobody did it.
TEST_P(MergeIntrusion, DuringOptimizeLeavesNothingToBeLinked) {
  for (int moment = 0; moment < kMoments; ++moment) {
    SCOPED_TRACE("moment " + std::to_string(moment));
    if (collection_) {
      fs_.refuse = nullptr;
      ASSERT_TRUE(collection_->Close().ok());
      collection_.reset();
      ASSERT_TRUE(Collection::Destroy("c", options_).ok());
      model_.clear();
    }
    Create();
    for (const char* name : {"a", "b", "c"}) SealOne(name);
    Delete("a0");
    struck_ = 0;
    During(moment, [&] { Intrude(GetParam()); });
    ASSERT_TRUE(collection_->Optimize().ok());
    ASSERT_EQ(struck_, 1);
    const bool leaves_rows = GetParam() >= 1 && GetParam() <= 3;  // in the mutable segment
    EXPECT_EQ(collection_->Stats().unlinked_rows, !leaves_rows ? 0u : GetParam() == 2 ? 2u : 1u);
    ExpectAll();
    EXPECT_TRUE(Unnamed(disk_).empty()) << *Unnamed(disk_).begin();
  }
}

INSTANTIATE_TEST_SUITE_P(Of, MergeIntrusion, ::testing::Range(0, 9));

TEST_F(MergeTest, IteratorsAndRowNumbersOfBeforeMeanWhatTheyMeant) {
  Create();
  for (const char* name : {"a", "b", "c"}) SealOne(name);
  const auto before = Contents(*collection_);
  auto iterator = collection_->Iterate().value();
  Doc doc;
  ASSERT_TRUE(iterator->Next(&doc).value());
  VectorQuery query;
  query.field = "v";
  query.vector = std::vector<float>{500, 2, 1};
  query.topk = 3;
  const auto rows = collection_->QueryRows(query).value();
  ASSERT_TRUE(collection_->IdsOfRows(rows.rows, rows.layout).ok());
  During(0, [&] {
    EXPECT_TRUE(collection_->IdsOfRows(rows.rows, rows.layout).status().code() ==
                StatusCode::kFailedPrecondition);
  });  // the seal of "d"
  SealOne("d");
  ASSERT_EQ(struck_, 1);
  ASSERT_EQ(collection_->Stats().sealed_segments, 1u);
  std::map<std::string, std::string> seen;
  do seen[doc.id] = *doc.Get<std::string>("text");
  while (iterator->Next(&doc).value());
  EXPECT_EQ(seen, before);
  const auto again = collection_->QueryRows(query).value();
  EXPECT_NE(again.layout, rows.layout);
  EXPECT_EQ(collection_->IdsOfRows(again.rows, again.layout).value().size(), 3u);
}

TEST_F(MergeTest, ARowNumberFromDuringAMergeIsNoneAfterIt) {
  Create();
  for (const char* name : {"a", "b", "c"}) SealOne(name);
  VectorQuery query;
  query.field = "v";
  query.vector = std::vector<float>{500, 2, 1};
  RowHitList during;
  During(2, [&] { during = collection_->QueryRows(query).value(); });
  SealOne("d");
  ASSERT_EQ(struck_, 1);
  EXPECT_EQ(collection_->IdsOfRows(during.rows, during.layout).status().code(),
            StatusCode::kFailedPrecondition);
}

TEST_F(MergeTest, AFullDiskIsToldAndTriedAgainAfterMoreAndMoreSeals) {
  std::vector<std::string> told;
  cocozvec::SetLogCallback([&](cocozvec::LogLevel, std::string_view message) { told.emplace_back(message); });
  Create();
  for (const char* name : {"a", "b", "c"}) SealOne(name);
  int tried = 0;
  fs_.refuse = [&](const std::string& path) {
    if (!collection_ || collection_->Stats().merge.segments == 0) return Status();
    ++tried;
    return Status(StatusCode::kResourceExhausted, "no room for " + path);
  };
  SealOne("d");
  EXPECT_EQ(tried, 1);
  EXPECT_EQ(collection_->Stats().maintenance_error.code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Contents(*collection_), model_);
  EXPECT_TRUE(Unnamed(disk_).empty());
  for (int i = 0; i < 10; ++i) Upsert("x", std::to_string(i));
  EXPECT_EQ(tried, 1);  // no busy loop
  for (int i = 0; i < 14; ++i) SealOne(std::string(1, static_cast<char>('e' + i)));
  EXPECT_EQ(tried, 4);  // after 1, 2, 4 and 8 seals
  cocozvec::SetLogCallback({});
  ASSERT_EQ(told.size(), 4u);
  EXPECT_NE(told[0].find("again after the next seal: "), std::string::npos) << told[0];
  EXPECT_NE(told[2].find("again after 4 seals: "), std::string::npos) << told[2];
  EXPECT_NE(told[3].find("again after 8 seals: "), std::string::npos) << told[3];
  fs_.refuse = nullptr;
  SealOne("y");
  EXPECT_TRUE(collection_->Stats().maintenance_error.ok());
  EXPECT_LE(collection_->Stats().sealed_segments, kMostSmallSegments);
  ExpectAll();
}

TEST_F(MergeTest, EveryFailingCallLeavesAllDocumentsAndNoFile) {
  Create();
  for (const char* name : {"a", "b", "c"}) SealOne(name);
  Delete("a0");
  ASSERT_TRUE(collection_->Close().ok());
  collection_.reset();
  int failures = 0;
  for (std::uint64_t call = 1;; ++call) {
    const auto disk = disk_.PowerCut(PowerCutKind::kKeepEverything);
    HookedFileSystem fs(*disk);
    options_.file_system = &fs;
    options_.maintenance = Maintenance::kManual;
    collection_ = Collection::Open("c", options_).value();
    const auto model = Contents(*collection_);
    disk->FailAt(disk->calls() + call, cocozvec::DiskFault::kIoError);
    const Status status = collection_->Optimize();
    const bool struck = disk->faults_struck() != 0;
    disk->ClearFault();
    EXPECT_EQ(Contents(*collection_), model) << call;
    collection_.reset();
    collection_ = Collection::Open("c", options_).value();
    EXPECT_TRUE(Unnamed(*disk).empty()) << call << ": " << *Unnamed(*disk).begin();
    EXPECT_EQ(Contents(*collection_), model) << call;
    collection_.reset();
    if (!struck) break;
    failures += !status.ok();
    ASSERT_LT(call, 1'000u);
  }
  EXPECT_GT(failures, 20);
}

TEST_F(MergeTest, ClosingEndsAMergeAtOnceAndLeavesNothingOfIt) {
  options_.maintenance = Maintenance::kBackground;
  options_.maintenance_bytes_per_second = 1;  // the second write would come after hours
  Create();
  for (const char* name : {"a", "b", "c", "d"}) SealOne(name);
  while (collection_->Stats().merge.bytes_written == 0) std::this_thread::yield();
  EXPECT_EQ(collection_->Stats().merge.segments, 4u);
  EXPECT_EQ(collection_->Stats().merge.rows, 40u);  // copied, and linked
  EXPECT_TRUE(collection_->Close().ok());
  EXPECT_TRUE(Unnamed(disk_).empty());
  options_.maintenance = Maintenance::kManual;
  collection_.reset();
  collection_ = Collection::Open("c", options_).value();
  EXPECT_EQ(collection_->Stats().sealed_segments, 4u);
  ExpectAll();
  ASSERT_TRUE(collection_->Optimize().ok());  // which nobody slows down
  EXPECT_EQ(collection_->Stats().sealed_segments, 1u);
  ExpectAll();
}

// Guards: what a writer deleted in the course of a merge was a reason for the next one, for ever.
TEST_F(MergeTest, OptimizeEndsAlthoughSomethingDiesInEachOfItsMerges) {
  options_.maintenance = Maintenance::kManual;
  Create();
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) SealOne(name);
  int merges = 0;
  bool inside = false;
  fs_.refuse = [&](const std::string& path) {
    if (inside || path.find("segment-") == std::string::npos || collection_->Stats().merge.segments == 0 ||
        model_.empty())
      return Status();
    inside = true;
    ++merges;
    Delete(model_.begin()->first);
    inside = false;
    return Status();
  };
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_LE(merges, 2);  // the one merge opens its segment twice
  EXPECT_EQ(collection_->Stats().sealed_segments, 1u);
  ExpectAll();
}

// Guards: Optimize failed when nothing in the segment that it was linking was alive any more.
TEST_F(MergeTest, OptimizePassesOverASegmentThatIsDeletedWhileItIsLinked) {
  options_.maintenance = Maintenance::kManual;
  Create();
  SealOne("a");
  int linked = 0;
  fs_.refuse = [&](const std::string& path) {
    if (path.find("index-") == std::string::npos || linked++ != 0) return Status();
    for (int i = 0; i < 5; ++i) Delete("a" + std::to_string(i));
    SealOne("b");  // drops it
    return Status();
  };
  const Status status = collection_->Optimize();
  EXPECT_TRUE(status.ok()) << status.ToString();
  EXPECT_GT(linked, 0);
  ExpectAll();
  EXPECT_TRUE(Unnamed(disk_).empty()) << *Unnamed(disk_).begin();
}

TEST_F(MergeTest, WhetherToMergeIsWorkedOutOnceForEachStateOfTheSegments) {
  Create();
  for (const char* name : {"a", "b", "c"}) SealOne(name);
  const auto runs = [&] { return static_cast<CollectionImpl&>(*collection_).store().policy_runs(); };
  Upsert("x", "0");
  const std::uint64_t before = runs();
  for (int i = 0; i < 10; ++i) Upsert("x", std::to_string(i));
  EXPECT_EQ(runs(), before);
  Delete("a0");  // a fifth: written anew
  EXPECT_GT(runs(), before);
  EXPECT_LE(runs(), before + 3);
  EXPECT_EQ(collection_->Stats().deleted_count, 10u);  // of "x"
  ExpectAll();
}

// Guards: a writer's commit freed the state whose graphs Optimize was looking at.
TEST_F(MergeTest, AWriteWhileOptimizeLooksAtGraphsHarmsNothing) {
  options_.maintenance = Maintenance::kManual;
  Create();
  for (const char* name : {"a", "b"}) SealOne(name);
  ASSERT_TRUE(collection_->Optimize().ok());
  bool armed = false;
  int writes = 0;
  fs_.unreadable = [&](const std::string& path, std::uint64_t, std::uint64_t) {
    if (!armed || path.find("index-") == std::string::npos) return Status();
    armed = false;
    ++writes;
    Delete("a1");
    Upsert("b2", "newer");
    return Status();
  };
  Reopen();
  armed = true;
  ASSERT_TRUE(collection_->Optimize().ok());
  armed = false;
  EXPECT_EQ(writes, 1);
  ExpectAll();
  collection_.reset();
  fs_.unreadable = nullptr;
}

TEST_F(MergeTest, OptimizeGoesOnWhenAMergeIsUnderWayAndOneAfterTheOther) {
  options_.maintenance = Maintenance::kBackground;
  Create();
  for (int round = 0; round < 8; ++round) {
    for (const char* name : {"a", "b", "c", "d", "e"}) SealOne(name);
    std::thread other([&] { EXPECT_TRUE(collection_->Optimize().ok()); });
    EXPECT_TRUE(collection_->Optimize().ok());
    other.join();
    EXPECT_EQ(collection_->Stats().sealed_segments, 1u);
    EXPECT_EQ(collection_->Stats().deleted_count, 0u);
  }
  WaitForMaintenance();
  ExpectAll();
}

// Guards: the old row of a document left out, and the log with its new one not synced.
TEST_F(MergeTest, RelaxedAMergeMakesNothingDurableWithoutWhatItRestsOn) {
  options_.durability = Durability::kRelaxed;
  Create();
  for (const char* name : {"a", "b", "c"}) SealOne(name);
  for (const char* id : {"a0", "a1", "b0", "c3"}) Upsert(id, "newer");  // in a log that nobody syncs
  ASSERT_TRUE(collection_->Optimize().ok());
  ExpectAll();
  for (const char* name : {"d", "e"}) SealOne(name);
  fs_.refuse = nullptr;
  std::vector<std::map<std::string, std::string>> history;
  int cuts = 0;
  disk_.OnChange([&](const cocozvec::DiskChange&) {
    const auto later = disk_.PowerCut(PowerCutKind::kLoseUnsynced);
    CollectionOptions options = options_;
    options.file_system = later.get();
    options.maintenance = Maintenance::kManual;
    const auto opened = Collection::Open("c", options);
    ASSERT_TRUE(opened.ok()) << opened.status().ToString();
    EXPECT_TRUE(std::find(history.begin(), history.end(), Contents(**opened)) != history.end());
    ++cuts;
  });
  history.push_back(model_);
  for (int i = 0; i < 20; ++i) {
    // Each call replaces rows of sealed segments; a fifth is dead again and again.
    const std::string id = std::string(1, "abcde"[i % 5]) + std::to_string(i / 5);
    auto next = model_;
    next[id] = "short";
    history.push_back(next);
    Upsert(id, "short");
  }
  disk_.OnChange(nullptr);
  EXPECT_GT(cuts, 20);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
