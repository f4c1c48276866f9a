// Recall against the exact answer under every metric and code while rows come and go: at once, and after
// Optimize has taken the graph over again and again, beside a collection that was filled afresh.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>
#include <set>
#include <tuple>

#include "base/sanitizer.h"
#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr std::uint32_t kRows = cocozvec::kSanitized ? 1'200 : 2'500, kDim = 32;
constexpr int kRounds = 4, kQueries = 80;
/// Of the rows, in each round: few enough that the old graph is taken over.
constexpr double kShare = 0.15;

class ChurnTest : public ::testing::TestWithParam<std::tuple<MetricType, QuantizeType>> {
 protected:
  ChurnTest() : centres_(30 * kDim) {
    for (float& x : centres_) x = normal_(random_);
  }
  std::shared_ptr<Collection> Make(const char* name) {
    const auto [metric, quantize] = GetParam();
    CollectionSchema schema;
    schema.name = name;
    IndexParams params = IndexParams::Hnsw(metric);
    params.quantize = quantize;
    schema.fields = {{"v", DataType::kVectorFp32, false, kDim, params}};
    CollectionOptions options;
    options.file_system = &disk_;
    options.durability = Durability::kRelaxed;
    options.index_min_rows = 100;
    options.maintenance = Maintenance::kManual;
    return Collection::Create(name, schema, options).value();
  }
  std::vector<float> Draw() {
    std::vector<float> v(kDim);
    const std::size_t centre = random_() % 30;
    for (std::size_t i = 0; i < kDim; ++i) v[i] = centres_[centre * kDim + i] + 0.6f * normal_(random_);
    return v;
  }
  void Put(Collection& collection, const std::vector<std::uint32_t>& ids) {
    std::vector<Doc> docs;
    for (const std::uint32_t id : ids) docs.push_back(Doc(std::to_string(id), {{"v", rows_[id]}}));
    ASSERT_TRUE(collection.Upsert(docs).ok());
  }
  double Recall(Collection& collection) {
    std::size_t found = 0, wanted = 0;
    for (const std::vector<float>& vector : queries_) {
      VectorQuery query;
      query.field = "v";
      query.vector = vector;
      query.topk = 10;
      // Where four bits stand for an element, more candidates make up for it.
      query.ef = std::get<1>(GetParam()) == QuantizeType::kInt4 ? 80 : 32;
      query.output_fields.emplace();
      const HitList fast = collection.Query(query).value();
      EXPECT_NE(fast.stats.strategy.find("graph"), std::string::npos) << fast.stats.strategy;
      query.exact = true;
      std::set<std::string> ids;
      for (const Hit& hit : collection.Query(query).value().hits) ids.insert(hit.doc.id);
      for (const Hit& hit : fast.hits) found += ids.contains(hit.doc.id);
      wanted += ids.size();
    }
    return static_cast<double>(found) / static_cast<double>(wanted);
  }

  cocozvec::SimDisk disk_;
  std::mt19937 random_{11};
  std::normal_distribution<float> normal_;
  std::vector<float> centres_;
  std::vector<std::vector<float>> rows_, queries_;
};

// Guards: each Optimize after deletes lost recall for good.
TEST_P(ChurnTest, RecallIsThatOfAFreshBuildHoweverOftenRowsComeAndGo) {
  std::vector<std::uint32_t> ids(kRows);
  std::iota(ids.begin(), ids.end(), 0u);
  for (std::uint32_t i = 0; i < kRows; ++i) rows_.push_back(Draw());
  for (int i = 0; i < kQueries; ++i) queries_.push_back(Draw());
  const auto churned = Make("churned");
  Put(*churned, ids);
  ASSERT_TRUE(churned->Optimize().ok());
  for (int round = 0; round < kRounds; ++round) {
    std::shuffle(ids.begin(), ids.end(), random_);
    const std::vector<std::uint32_t> some(ids.begin(), ids.begin() + static_cast<int>(kShare * kRows));
    std::vector<std::string> gone;
    for (const std::uint32_t id : some) gone.push_back(std::to_string(id));
    ASSERT_TRUE(churned->Delete(gone).ok());
    EXPECT_GE(Recall(*churned), 0.95) << "deleted, round " << round;
    for (const std::uint32_t id : some) rows_[id] = Draw();
    Put(*churned, some);
    EXPECT_GE(Recall(*churned), 0.95) << "inserted again, round " << round;
    ASSERT_TRUE(churned->Optimize().ok());
  }
  std::sort(ids.begin(), ids.end());
  const auto fresh = Make("fresh");
  Put(*fresh, ids);
  ASSERT_TRUE(fresh->Optimize().ok());
  EXPECT_GE(Recall(*churned), Recall(*fresh) - 0.005);
}

INSTANTIATE_TEST_SUITE_P(Codes, ChurnTest,
                         ::testing::Combine(::testing::Values(MetricType::kL2, MetricType::kIp,
                                                              MetricType::kCosine),
                                            ::testing::Values(QuantizeType::kUndefined, QuantizeType::kFp16,
                                                              QuantizeType::kInt8, QuantizeType::kInt4)));

}  // namespace
}  // namespace zvec::inline v0::testing_docs
