// Kept answers of filters (query/filter_cache.h) through everything that changes rows.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "zvec/collection/testing/test_docs.h"
#include "zvec/query/filter_cache.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr int kDocs = 6'000;
static_assert(kDocs > static_cast<int>(FilterCache::kLeastRows));

/// `n` and the only element of `v` are the same number.
class KeptFilters : public ::testing::Test {
 protected:
  KeptFilters() {
    CollectionOptions options;
    options.file_system = &disk_;
    options.maintenance = Maintenance::kManual;
    options.index_min_rows = 100;
    CollectionSchema schema;
    schema.name = "kept";
    schema.fields = {{"n", DataType::kInt64, false, 0, {}},
                     {"v", DataType::kVectorFp32, false, 1, IndexParams::Hnsw(MetricType::kL2)}};
    collection_ = Collection::Create("c", schema, options).value();
    std::vector<Doc> docs;
    for (int n = 0; n < kDocs; ++n) docs.push_back(Document(n, n));
    EXPECT_TRUE(collection_->Upsert(docs).ok());
    numbers_.resize(kDocs);
    for (int n = 0; n < kDocs; ++n) numbers_[static_cast<std::size_t>(n)] = n;
  }

  static Doc Document(int id, int n) {
    return Doc("d" + std::to_string(id),
               {{"n", std::int64_t{n}}, {"v", std::vector<float>{static_cast<float>(n)}}});
  }
  void Put(int id, int n) {
    const Doc doc = Document(id, n);
    EXPECT_TRUE(collection_->Upsert({&doc, 1}).ok());
    numbers_[static_cast<std::size_t>(id)] = n;
  }
  void Erase(int id) {
    const std::string name = "d" + std::to_string(id);
    EXPECT_TRUE(collection_->Delete({&name, 1}).ok());
    numbers_[static_cast<std::size_t>(id)] = -1;
  }

  /// Expects the five smallest numbers above `least`; returns of how many segments the answer was kept.
  std::uint64_t Ask(int least) {
    VectorQuery query{.field = "v", .vector = std::vector<float>{static_cast<float>(least)}, .topk = 5};
    query.filter = "n > " + std::to_string(least);
    query.exact = true;
    std::vector<int> wanted;
    for (const int n : numbers_)
      if (n > least) wanted.push_back(n);
    std::sort(wanted.begin(), wanted.end());
    wanted.resize(std::min<std::size_t>(5, wanted.size()));
    const HitList found = collection_->Query(query).value();
    std::vector<int> got;
    for (const Hit& hit : found.hits)
      got.push_back(static_cast<int>(std::get<std::int64_t>(*hit.doc.Find("n"))));
    EXPECT_EQ(got, wanted);
    EXPECT_EQ(found.stats.matches, static_cast<std::uint64_t>(std::count_if(
                                       numbers_.begin(), numbers_.end(), [&](int n) { return n > least; })));
    query.exact = false;
    EXPECT_EQ(collection_->Query(query).value().stats.matches, found.stats.matches);
    return found.stats.kept_filters;
  }

  cocozvec::SimDisk disk_;
  std::shared_ptr<Collection> collection_;
  std::vector<int> numbers_;  ///< by id; -1: deleted
};

TEST_F(KeptFilters, AnswersFollowEveryChange) {
  EXPECT_EQ(Ask(100), 0u);
  EXPECT_EQ(Ask(100), 1u);
  std::mt19937 random(3);
  const auto any = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
  for (int step = 0; step < 200; ++step) {
    const int id = any(kDocs);
    any(3) == 0 ? Erase(id) : Put(id, any(200));
    if (step % 10 == 0) {
      EXPECT_EQ(Ask(100), 1u) << step;
    }
    if (step == 60 || step == 130) {
      ASSERT_TRUE(collection_->Optimize().ok());
      EXPECT_EQ(Ask(100), 0u) << "new segments";
    }
  }
  // Whole chunks of the mutable segment come to be while the filter is asked: its first answer, then longer
  // ones.
  std::uint64_t in_memory = 0;
  int extended = 0;
  for (int more = 0; more < 60; ++more) {
    std::vector<Doc> docs;
    for (int i = 0; i < 150; ++i) {
      const auto id = static_cast<int>(numbers_.size());
      numbers_.push_back(id);
      docs.push_back(Document(id, id));
    }
    ASSERT_TRUE(collection_->Upsert(docs).ok());
    in_memory += 150;
    const std::uint64_t known = Ask(100);
    const std::uint64_t kept = Ask(100);
    // Before the first one the few rows of the steps above are in memory too: less than a chunk.
    if (in_memory >= FilterCache::kLeastRows) {
      EXPECT_EQ(kept, 2u) << in_memory;
    } else if (in_memory + kChunkRows < FilterCache::kLeastRows) {
      EXPECT_EQ(kept, 1u) << in_memory;
    }
    extended += known < kept;
  }
  EXPECT_GE(extended, 4);  // at 4,096 rows, and at each chunk that was filled since
}

TEST_F(KeptFilters, BatchesAndScansUseThemToo) {
  ASSERT_TRUE(collection_->Optimize().ok());
  const std::vector<float> vectors = {1, 5'000};
  BatchQuery batch{
      .field = "v", .vectors = std::span<const float>(vectors), .topk = 3, .filter = "n >= 4000"};
  const BatchHitList first = collection_->QueryBatch(batch).value();
  EXPECT_EQ(first.stats.kept_filters, 0u);
  EXPECT_EQ(first.ids[0], "d4000");
  const BatchHitList second = collection_->QueryBatch(batch).value();
  EXPECT_EQ(second.stats.kept_filters, 1u);
  EXPECT_EQ(second.ids, first.ids);
  EXPECT_EQ(second.scores, first.scores);
  ScanQuery scan{.limit = 2, .filter = "n >= 4000"};
  HitList rows = collection_->Scan(scan).value();
  EXPECT_EQ(rows.stats.kept_filters, 1u);
  ASSERT_EQ(rows.hits.size(), 2u);
  EXPECT_EQ(rows.hits[1].doc.id, "d4001");
  scan.filter = "n >= 3000";  // new: a scan makes none
  for (int i = 0; i < 2; ++i) EXPECT_EQ(collection_->Scan(scan).value().stats.kept_filters, 0u);
  EXPECT_EQ(collection_->DeleteByFilter("n >= 4000").value(), 2'000u);
  EXPECT_EQ(collection_->QueryBatch(batch).value().rows.size(), 0u);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
