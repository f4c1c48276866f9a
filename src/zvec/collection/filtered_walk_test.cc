// Filters so broad, and rows so wide, that walking the graph is the cheapest way (hnsw::ChooseWay).
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr std::size_t kDim = 1'024;
constexpr std::size_t kLatent = 5;
constexpr int kDocs = 2'600, kQueries = 20;
constexpr std::uint32_t kTopk = 10;

/// Points of few dimensions seen in many; `n` follows the first of them, `chance` nothing.
class FilteredWalk : public ::testing::Test {
 protected:
  FilteredWalk() {
    options_.index_min_rows = 100;
    options_.file_system = &disk_;
    options_.maintenance = Maintenance::kManual;
    CollectionSchema schema;
    schema.name = "wide";
    IndexParams index = IndexParams::Hnsw(MetricType::kL2);
    index.m = 8;
    index.ef_construction = 40;
    schema.fields = {{"n", DataType::kInt64, false, 0, {}},
                     {"chance", DataType::kInt64, false, 0, {}},
                     {"v", DataType::kVectorFp32, false, kDim, index}};
    collection_ = Collection::Create("c", schema, options_).value();
    std::uniform_real_distribution<float> anywhere(-1, 1);
    for (float& x : axes_) x = anywhere(random_);
    std::vector<Doc> docs;
    for (int n = 0; n < kDocs; ++n)
      docs.push_back(Doc("d" + std::to_string(n), {{"n", std::int64_t{n}},
                                                   {"chance", static_cast<std::int64_t>(random_() % 100)},
                                                   {"v", Draw(static_cast<float>(n) / kDocs)}}));
    EXPECT_TRUE(collection_->Upsert(docs).ok());
    EXPECT_TRUE(collection_->Optimize().ok());
  }
  /// `first`: 0 .. 1, where it lies along `n`.
  std::vector<float> Draw(float first) {
    std::uniform_real_distribution<float> anywhere(-1, 1);
    std::vector<float> v(kDim);
    for (std::size_t a = 0; a < kLatent; ++a) {
      const float x = a == 0 ? 6 * first - 3 : anywhere(random_);
      for (std::size_t i = 0; i < kDim; ++i) v[i] += x * axes_[a * kDim + i];
    }
    return v;
  }
  /// Asks between `from` and `to` along `n`: full answers, nearly the exact ones. The strategies that occur.
  std::set<std::string> Ask(const std::string& filter, float from, float to) {
    std::set<std::string> strategies;
    std::size_t found = 0;
    std::uniform_real_distribution<float> where(from, to);
    for (int q = 0; q < kQueries; ++q) {
      VectorQuery query{.field = "v", .vector = Draw(where(random_)), .topk = kTopk, .filter = filter};
      query.ef = 20;
      const HitList hits = collection_->Query(query).value();
      query.exact = true;
      const HitList exact = collection_->Query(query).value();
      EXPECT_EQ(hits.hits.size(), kTopk);
      EXPECT_EQ(exact.hits.size(), kTopk);
      EXPECT_EQ(hits.stats.matches, exact.stats.matches);
      std::map<std::string, float> scores;
      for (const Hit& hit : exact.hits) scores[hit.doc.id] = hit.score;
      for (const Hit& hit : hits.hits) {
        if (!scores.contains(hit.doc.id)) continue;
        EXPECT_EQ(hit.score, scores[hit.doc.id]);
        ++found;
      }
      strategies.insert(hits.stats.strategy);
    }
    EXPECT_GE(static_cast<double>(found) / (kQueries * kTopk), 0.9) << filter;
    return strategies;
  }

  cocozvec::SimDisk disk_;
  CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
  std::mt19937 random_{5};
  std::vector<float> axes_ = std::vector<float>(kLatent * kDim);
};

TEST_F(FilteredWalk, BothWalksGiveFullAnswersAndAnOpposingFilterIsAskedByCodes) {
  using Strategies = std::set<std::string>;
  EXPECT_EQ(Ask("chance < 90", 0, 1), Strategies{"graph of matches"});
  EXPECT_EQ(Ask("chance < 24", 0, 1), Strategies{"graph through misses"});
  // What passes lies at the other end: a walk finds hardly any of it near the question.
  const std::string opposed = "n < " + std::to_string(kDocs * 24 / 100);
  EXPECT_EQ(Ask(opposed, 0.9f, 1), Strategies{"scan of codes"});
  EXPECT_EQ(Ask(opposed, 0, 0.1f), Strategies{"graph through misses"});
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
