// What maintenance may take: the rows of a segment within the memory budget, the log within its limit,
// deleted rows within the room that writers wait for.
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <numeric>
#include <random>
#include <thread>

#include "zvec/collection/testing/merge_fixture.h"
#include "zvec/index/hnsw/builder.h"

namespace zvec::inline v0::testing_docs {
namespace {

class MergeLimitsTest : public MergeTest {};

// Guards: it waited for the end of all the linking.
TEST_F(MergeLimitsTest, NoWriterWaitsForRoomThatAnOptimizeNoLongerMakes) {
  options_.maintenance = Maintenance::kBackground;
  Create();
  fs_.refuse = [](const std::string& path) {
    return path.find("index-") == std::string::npos ? Status() : Status::IoError(path + ": not now");
  };
  std::vector<Doc> docs;
  for (int i = 0; i < 20; ++i) docs.push_back(Note("n" + std::to_string(i), std::string(500, 'n'), i));
  ASSERT_TRUE(collection_->Upsert(docs).ok());
  WaitForMaintenance();  // which could not link it
  ASSERT_FALSE(collection_->Stats().maintenance_error.ok());
  std::thread writer;
  std::promise<void> promise;
  auto written = promise.get_future();
  bool waited = false;
  fs_.refuse = [&](const std::string& path) {
    if (path.find("index-") == std::string::npos || writer.joinable()) return Status();
    writer = std::thread([&] {
      for (int i = 0; i < 15; ++i)
        EXPECT_TRUE(collection_->Delete(std::vector{"n" + std::to_string(i)}).ok());
      promise.set_value();
    });
    waited = written.wait_for(std::chrono::seconds(20)) != std::future_status::ready;
    return Status();
  };
  EXPECT_TRUE(collection_->Optimize().ok());
  ASSERT_TRUE(writer.joinable());
  writer.join();
  EXPECT_FALSE(waited);
  EXPECT_TRUE(collection_->Close().ok());
}

// Guards: deleted rows of segments that were still to be linked had no limit.
TEST_F(MergeLimitsTest, AWriterWaitsForTheGraphWithoutWhichItsDeletedRowsStay) {
  options_.maintenance = Maintenance::kBackground;
  Create();
  std::thread writer;
  std::promise<void> promise;
  auto written = promise.get_future();
  bool waited = false;
  fs_.refuse = [&](const std::string& path) {
    if (path.find("index-") == std::string::npos || writer.joinable()) return Status();
    writer = std::thread([&] {
      for (int i = 0; i < 15; ++i)
        EXPECT_TRUE(collection_->Delete(std::vector{"n" + std::to_string(i)}).ok());
      promise.set_value();
    });
    waited = written.wait_for(std::chrono::seconds(1)) == std::future_status::timeout;
    return Status();
  };
  std::vector<Doc> docs;
  for (int i = 0; i < 20; ++i) docs.push_back(Note("n" + std::to_string(i), std::string(500, 'n'), i));
  ASSERT_TRUE(collection_->Upsert(docs).ok());
  WaitForMaintenance();
  ASSERT_TRUE(writer.joinable());
  writer.join();
  EXPECT_TRUE(waited);
  EXPECT_TRUE(collection_->Close().ok());
}

TEST_F(MergeLimitsTest, ASegmentOfLargerLimitsIsWrittenAnewWithinTodaysOnes) {
  options_.maintenance = Maintenance::kManual;
  options_.seal_bytes = 4 << 20;
  Create();
  std::vector<Doc> docs;
  for (int i = 0; i < 2'000; ++i) {
    docs.push_back(Note("n" + std::to_string(i), "t", i));
    model_["n" + std::to_string(i)] = "t";
  }
  ASSERT_TRUE(collection_->Upsert(docs).ok());
  ASSERT_TRUE(collection_->Optimize().ok());
  ASSERT_EQ(collection_->Stats().sealed_segments, 1u);
  options_.maintenance_memory_bytes = 1;
  options_.maintenance = Maintenance::kInline;
  options_.seal_bytes = 2'000;
  Reopen();
  for (int i = 0; i < 400; i += 40) {
    std::vector<std::string> ids;
    for (int k = i; k < i + 40; ++k) {
      ids.push_back("n" + std::to_string(k));
      model_.erase(ids.back());
    }
    ASSERT_TRUE(collection_->Delete(ids).ok());
  }
  EXPECT_EQ(collection_->Stats().deleted_count, 0u);
  EXPECT_EQ(collection_->Stats().sealed_segments, 4u);  // 1,600 rows, 512 at most
  ExpectAll();
}

TEST_F(MergeLimitsTest, TheMemoryBudgetLimitsSegments) {
  options_.maintenance = Maintenance::kManual;
  options_.seal_bytes = 1 << 20;
  options_.maintenance_memory_bytes = 1;  // the least there is: one batch of rows
  Create();
  std::vector<Doc> docs;
  for (int i = 0; i < 2'000; ++i) {
    docs.push_back(Note("n" + std::to_string(i), "t", i));
    model_["n" + std::to_string(i)] = "t";
  }
  for (std::size_t i = 0; i < docs.size(); i += 100)
    ASSERT_TRUE(collection_->Upsert(std::span(docs).subspan(i, 100)).ok());
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(collection_->Stats().sealed_segments, 4u);
  EXPECT_EQ(collection_->Stats().index_completeness["v"], 1);
  ExpectAll();
  options_.maintenance_memory_bytes = 1 << 20;
  Reopen();
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(collection_->Stats().sealed_segments, 1u);
  ExpectAll();
}

TEST_F(MergeLimitsTest, TheLogStaysWithinItsLimit) {
  options_.seal_bytes = 1 << 20;
  options_.log_bytes = 3'000;
  Create();
  const auto log_bytes = [&] {
    std::uint64_t most = 0;
    for (const auto& entry : disk_.List("c").value())
      if (entry.name.starts_with("log-")) most = std::max(most, disk_.Stat("c/" + entry.name).value().size);
    return most;
  };
  for (int i = 0; i < 60; ++i) {
    Upsert("n" + std::to_string(i % 7), std::string(static_cast<std::size_t>(200 + i), 'x'));
    EXPECT_LE(log_bytes(), 3'000u);
  }
  Upsert("large", std::string(5'000, 'x'));  // one call
  ExpectAll();
}

TEST(MergeMemory, AGraphTakesWhatTheBudgetReckonsWithOrLess) {
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  constexpr std::uint32_t kRows = 3'000;
  for (const auto& [dim, kind] : {std::pair{24u, hnsw::CodeKind::kBits7},
                                  {130u, hnsw::CodeKind::kBits4},
                                  {70u, hnsw::CodeKind::kHalves}}) {
    std::vector<float> vectors(std::size_t{kRows} * dim);
    for (float& x : vectors) x = normal(random);
    const auto encoder =
        hnsw::Encoder::Train(MetricType::kL2, dim, std::span(vectors).first(500 * dim), {}, kind);
    hnsw::GraphBuilder graph(encoder, {.m = 8, .ef_construction = 20}, kRows);
    std::vector<std::uint32_t> rows(kRows);
    std::iota(rows.begin(), rows.end(), 0u);
    const auto row = [&, dim = dim](std::uint32_t r, float*) { return &vectors[std::size_t{r} * dim]; };
    ASSERT_TRUE(graph.Link(rows, kRows, row, nullptr));
    const std::uint64_t reckoned = kRows * hnsw::BuildBytesPerRow(MetricType::kL2, dim, kind, 8);
    EXPECT_LE(graph.bytes(), reckoned);
    EXPECT_GE(graph.bytes() * 10, reckoned * 7);
  }
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
