// Maintenance: graphs that grow behind the writers, what failures leave, and that it never changes an answer.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <set>
#include <thread>

#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/file_header.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr std::size_t kDim = 16;

class MaintenanceTest : public ::testing::Test {
 protected:
  MaintenanceTest() : centres_(20 * kDim) {
    options_.index_min_rows = 100;
    options_.file_system = &fs_;
    options_.maintenance = Maintenance::kInline;
    for (float& c : centres_) c = normal_(random_);
  }
  void Create() {
    CollectionSchema schema;
    schema.name = "graphs";
    schema.fields = {{"n", DataType::kInt64, false, 0, {}},
                     {"v", DataType::kVectorFp32, true, kDim, IndexParams::Hnsw(MetricType::kL2)}};
    collection_ = Collection::Create("c", schema, options_).value();
  }
  void Reopen() {
    ASSERT_TRUE(collection_->Close().ok());
    collection_.reset();
    collection_ = Collection::Open("c", options_).value();
  }
  std::vector<float> Draw(int n, float far = 0) {
    std::vector<float> v(kDim);
    for (std::size_t i = 0; i < kDim; ++i)
      v[i] = centres_[static_cast<std::size_t>(n % 20) * kDim + i] + 0.6f * normal_(random_) + far;
    return v;
  }
  Status Insert(int first, int last, int batch = 100, float far = 0) {
    for (int begin = first; begin < last; begin += batch) {
      std::vector<Doc> docs;
      for (int n = begin; n < std::min(last, begin + batch); ++n)
        docs.push_back(Doc("d" + std::to_string(n), {{"n", std::int64_t{n}}, {"v", Draw(n, far)}}));
      const auto result = collection_->Upsert(docs);
      if (!result.ok()) return result.status();
    }
    return {};
  }
  VectorQuery Ask(int n, float far = 0) {
    VectorQuery query;
    query.field = "v";
    query.vector = Draw(n, far);
    query.topk = 10;
    query.output_fields.emplace();
    return query;
  }
  double Recall(float far = 0, QueryStats* stats = nullptr) {
    std::size_t hits = 0, wanted = 0;
    for (int i = 0; i < 40; ++i) {
      VectorQuery query = Ask(i, far);
      const HitList found = collection_->Query(query).value();
      query.exact = true;
      std::set<std::string> ids;
      for (const Hit& hit : collection_->Query(query).value().hits) ids.insert(hit.doc.id);
      for (const Hit& hit : found.hits) hits += ids.contains(hit.doc.id);
      wanted += ids.size();
      if (stats != nullptr) *stats = found.stats;
    }
    return static_cast<double>(hits) / static_cast<double>(wanted);
  }
  std::size_t Files(std::string_view kind) {
    std::size_t count = 0;
    for (const auto& entry : disk_.List("c").value()) count += entry.name.starts_with(kind);
    return count;
  }
  void WaitForMaintenance() {
    while (collection_->Stats().maintaining) std::this_thread::yield();
  }
  /// Bytes of the newest graph file, but for its header and the checksums at its end, which depend
  /// on the collection too.
  std::string GraphBytes() {
    std::string name;
    for (const auto& entry : disk_.List("c").value())
      if (entry.name.starts_with("index-")) name = "c/" + entry.name;
    const std::string bytes = cocozvec::ReadFile(disk_, name, 1 << 30).value();
    return bytes.substr(kFileHeaderBytes, bytes.size() - kFileHeaderBytes - 512);
  }

  cocozvec::SimDisk disk_;
  HookedFileSystem fs_{disk_};
  CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
  std::mt19937 random_{7};
  std::normal_distribution<float> normal_;
  std::vector<float> centres_;
};

TEST_F(MaintenanceTest, NewRowsAreLinkedBeforeTheyAreSealedAndTheNewestIsFoundAtOnce) {
  Create();
  for (int n = 0; n < 5'000; n += 250) {
    ASSERT_TRUE(Insert(n, n + 250).ok());
    VectorQuery query = Ask(0);
    const std::string newest = "d" + std::to_string(n + 249);
    query.vector = *collection_->Fetch(std::vector{newest}).value().at(0).Get<std::vector<float>>("v");
    EXPECT_EQ(collection_->Query(query).value().hits.at(0).doc.id, newest);
    EXPECT_LT(collection_->Stats().unlinked_rows, 512u);
  }
  EXPECT_EQ(collection_->Stats().sealed_segments, 0u);
  QueryStats stats;
  EXPECT_GT(Recall(0, &stats), 0.95);
  EXPECT_EQ(stats.strategy, "graph + scan");
  EXPECT_LT(stats.distances, 700u);
}

TEST_F(MaintenanceTest, ASealKeepsTheGrowingGraphAndTheFileComesAfterwards) {
  options_.maintenance = Maintenance::kManual;
  options_.seal_bytes = 200'000;
  Create();
  ASSERT_TRUE(Insert(0, 3'000).ok());
  EXPECT_GT(collection_->Stats().sealed_segments, 0u);
  EXPECT_EQ(Files("index-"), 0u);  // sealing built nothing
  options_.maintenance = Maintenance::kInline;
  Reopen();
  EXPECT_GT(collection_->Stats().unlinked_rows, 1'500u);
  ASSERT_TRUE(Insert(3'000, 3'001).ok());  // whoever writes next builds what is lacking
  EXPECT_EQ(Files("index-"), collection_->Stats().sealed_segments);
  EXPECT_LT(collection_->Stats().unlinked_rows, 1'500u);
  EXPECT_GT(Recall(), 0.95);
}

TEST_F(MaintenanceTest, TheBytesOfAGraphDependOnTheRowsAlone) {
  options_.seal_bytes = 900'000;
  std::string first;
  for (const auto& [batch, threads, deleted] : {std::tuple{100, 1, 0}, {37, 2, 0}, {3'000, 3, 0}}) {
    random_.seed(7);
    normal_.reset();
    if (collection_) {
      ASSERT_TRUE(collection_->Close().ok());
      ASSERT_TRUE(Collection::Destroy("c", options_).ok());
    }
    options_.maintenance_threads = static_cast<std::uint32_t>(threads);
    Create();
    ASSERT_TRUE(Insert(0, 6'000, batch).ok());
    EXPECT_EQ(collection_->Stats().sealed_segments, 0u);
    std::vector<Doc> docs;
    for (int n = 6'000; n < 9'000; ++n)
      docs.push_back(Doc("d" + std::to_string(n), {{"n", std::int64_t{n}}, {"v", Draw(n)}}));
    ASSERT_TRUE(collection_->Upsert(docs).ok());  // seals
    ASSERT_EQ(collection_->Stats().sealed_segments, 1u);
    if (first.empty()) first = GraphBytes();
    EXPECT_TRUE(GraphBytes() == first) << batch;
  }
  EXPECT_GT(first.size(), 9'000 * 192u);
}

// Rows that come later may be unlike those that the codes were fitted to.
TEST_F(MaintenanceTest, RowsFarFromTheFirstOnesAreFoundToo) {
  Create();
  ASSERT_TRUE(Insert(0, 1'500).ok());
  for (int n = 1'500; n < 8'000; n += 500) {
    ASSERT_TRUE(Insert(n, n + 500, 500, 300).ok());
    EXPECT_GT(Recall(300), 0.9) << n;
    EXPECT_GT(Recall(), 0.9) << n;
  }
}

TEST_F(MaintenanceTest, DeletedRowsOfTheMutableSegmentAreLeftOutOfTheGraphThatIsTakenOver) {
  options_.seal_bytes = 400'000;
  Create();
  ASSERT_TRUE(Insert(0, 2'000).ok());
  ASSERT_TRUE(collection_->DeleteByFilter("n < 300").ok());
  ASSERT_TRUE(Insert(1'000, 1'200).ok());
  EXPECT_GT(Recall(), 0.95);
  ASSERT_TRUE(Insert(2'000, 6'000).ok());
  EXPECT_GT(collection_->Stats().sealed_segments, 0u);
  EXPECT_EQ(collection_->Stats().maintenance_error.code(), StatusCode::kOk);
  EXPECT_EQ(Files("index-"), collection_->Stats().sealed_segments);
  EXPECT_GT(Recall(), 0.95);
  Reopen();
  EXPECT_EQ(collection_->Stats().doc_count, 5'700u);
  EXPECT_GT(Recall(), 0.95);
}

TEST_F(MaintenanceTest, AFailureIsToldAndTriedAgainAfterTheNextSeal) {
  options_.seal_bytes = 200'000;
  Create();
  fs_.refuse = [](const std::string& path) {
    return path.find("index-") != std::string::npos ? Status::IoError("no room for " + path) : Status();
  };
  ASSERT_TRUE(Insert(0, 3'000).ok());
  const CollectionStats stats = collection_->Stats();
  EXPECT_GT(stats.sealed_segments, 0u);
  EXPECT_EQ(stats.maintenance_error.code(), StatusCode::kIoError);
  EXPECT_EQ(Files("index-"), 0u);
  EXPECT_GT(Recall(), 0.95);
  fs_.refuse = nullptr;
  ASSERT_TRUE(Insert(3'000, 6'000).ok());  // seals again
  EXPECT_TRUE(collection_->Stats().maintenance_error.ok());
  EXPECT_EQ(Files("index-"), collection_->Stats().sealed_segments);
  EXPECT_GT(Recall(), 0.95);
  Reopen();
  EXPECT_EQ(collection_->Stats().doc_count, 6'000u);
}

// Guards: rows of a call that got an error, shown with the graph that was growing meanwhile.
TEST_F(MaintenanceTest, ARefusedWriteIsNotShownWithTheGraphThatGrewBesideIt) {
  options_.maintenance = Maintenance::kBackground;
  options_.index_min_rows = 1'500;  // so few that nobody looks for readers, by calls of the disk
  Create();
  ASSERT_TRUE(Insert(0, 1'900, 1'900).ok());
  disk_.FailAt(disk_.calls() + 2, cocozvec::DiskFault::kIoError);  // the sync behind the write
  EXPECT_FALSE(Insert(7, 8).ok());
  EXPECT_EQ(disk_.faults_struck(), 1u);
  WaitForMaintenance();
  EXPECT_EQ(collection_->Stats().doc_count, 1'900u);
  EXPECT_EQ(AllIds(*collection_).size(), 1'900u);
  collection_.reset();
  disk_.ClearFault();
  collection_ = Collection::Open("c", options_).value();
  EXPECT_EQ(AllIds(*collection_).size(), 1'900u);
}

// Guards: the first write after an opening waited until a large old segment had its graph (without the fix:
// for ever, here).
TEST_F(MaintenanceTest, ASegmentThatWasThereBeforeHoldsNoWriterUp) {
  options_.maintenance = Maintenance::kManual;
  options_.seal_bytes = 100'000;
  Create();
  ASSERT_TRUE(Insert(0, 3'000).ok());
  ASSERT_GT(collection_->Stats().unlinked_rows, 2'000u);
  options_.maintenance = Maintenance::kBackground;
  options_.max_unlinked_rows = 1'000;
  std::atomic<bool> held = true;
  fs_.refuse = [&](const std::string& path) {
    while (held && path.find("index-") != std::string::npos) std::this_thread::yield();
    return Status();
  };
  Reopen();
  ASSERT_TRUE(collection_->Delete(std::vector<std::string>{"d1"}).ok());
  EXPECT_GT(collection_->Stats().unlinked_rows, 2'000u);
  held = false;
  EXPECT_TRUE(collection_->Close().ok());
}

// The same where it has much waste, which only a merge removes, which wants its graph.
TEST_F(MaintenanceTest, NorDoesOneThatIsMostlyDeleted) {
  options_.maintenance = Maintenance::kManual;
  options_.seal_bytes = 100'000;
  Create();
  ASSERT_TRUE(Insert(0, 6'000).ok());
  std::vector<std::string> gone;
  for (int i = 0; i < 4'000; ++i) gone.push_back("d" + std::to_string(i));
  ASSERT_TRUE(collection_->Delete(gone).ok());
  options_.maintenance = Maintenance::kBackground;
  std::atomic<bool> held = true;
  fs_.refuse = [&](const std::string& path) {
    while (held && path.find("index-") != std::string::npos) std::this_thread::yield();
    return Status();
  };
  Reopen();
  ASSERT_TRUE(collection_->Delete(std::vector<std::string>{"d4001"}).ok());
  held = false;
  EXPECT_TRUE(collection_->Close().ok());
}

TEST_F(MaintenanceTest, WritersWaitWhileTooManyRowsAreUnlinked) {
  options_.maintenance = Maintenance::kBackground;
  options_.max_unlinked_rows = 1'500;
  options_.seal_bytes = 1 << 20;
  Create();
  std::uint64_t most = 0;
  for (int n = 0; n < 12'000; n += 500) {
    ASSERT_TRUE(Insert(n, n + 500, 500).ok());
    most = std::max(most, collection_->Stats().unlinked_rows);
  }
  EXPECT_LE(most, 2'000u);
  WaitForMaintenance();
  EXPECT_LT(collection_->Stats().unlinked_rows, 512u);
  EXPECT_TRUE(collection_->Stats().maintenance_error.ok());
  EXPECT_GT(Recall(), 0.95);
}

// Guards: deleting by a filter went on where every other write waited.
TEST_F(MaintenanceTest, SoDoesDeletingByAFilter) {
  options_.maintenance = Maintenance::kBackground;
  options_.max_unlinked_rows = 1'000;
  options_.seal_bytes = 100'000;
  std::atomic<bool> linking = false, asking = false, deleted = false, too_early = false;
  fs_.refuse = [&](const std::string& path) {  // holds the linker up, at most for so many looks
    if (path.find("index-") == std::string::npos || linking.exchange(true)) return Status();
    while (!asking) std::this_thread::yield();
    for (int look = 0; look < 20'000 && !deleted; ++look) std::this_thread::yield();
    too_early = deleted.load();
    return Status();
  };
  Create();
  ASSERT_TRUE(Insert(0, 3'000, 3'000).ok());
  while (!linking) std::this_thread::yield();
  ASSERT_TRUE(Insert(3'000, 5'000, 2'000).ok());
  ASSERT_GT(collection_->Stats().unlinked_rows, 1'000u);
  asking = true;
  EXPECT_EQ(collection_->DeleteByFilter("n < 10").value(), 10u);
  deleted = true;
  WaitForMaintenance();
  EXPECT_FALSE(too_early);
}

TEST_F(MaintenanceTest, WritersDoNotWaitForWorkThatFails) {
  options_.maintenance = Maintenance::kBackground;
  options_.max_unlinked_rows = 100;
  options_.seal_bytes = 200'000;
  fs_.refuse = [](const std::string& path) {
    return path.find("index-") != std::string::npos ? Status::IoError("no room") : Status();
  };
  Create();
  ASSERT_TRUE(Insert(0, 5'000, 500).ok());
  WaitForMaintenance();
  EXPECT_FALSE(collection_->Stats().maintenance_error.ok());
}

TEST_F(MaintenanceTest, ClosingEndsABuildAtOnceAndOpeningGoesOn) {
  options_.maintenance = Maintenance::kBackground;
  options_.seal_bytes = 400'000;
  Create();
  for (int n = 0; n < 12'000; n += 2'000) {
    ASSERT_TRUE(Insert(n, n + 2'000, 2'000).ok());
    Reopen();
  }
  WaitForMaintenance();
  const CollectionStats stats = collection_->Stats();
  EXPECT_EQ(stats.doc_count, 12'000u);
  EXPECT_EQ(Files("index-"), stats.sealed_segments);
  EXPECT_LT(stats.unlinked_rows, 512u);
  collection_.reset();
}

TEST_F(MaintenanceTest, ReadersAndWritersGoOnBesideIt) {
  options_.maintenance = Maintenance::kBackground;
  options_.seal_bytes = 300'000;
  Create();
  ASSERT_TRUE(Insert(0, 500, 500).ok());
  std::vector<VectorQuery> queries;
  for (int i = 0; i < 20; ++i) queries.push_back(Ask(i));
  std::atomic<bool> stop = false;
  std::vector<std::thread> readers;
  for (int t = 0; t < 2; ++t)
    readers.emplace_back([&, t] {
      for (std::size_t i = static_cast<std::size_t>(t); !stop; ++i)
        EXPECT_EQ(collection_->Query(queries[i % queries.size()]).value().hits.size(), 10u);
    });
  for (int n = 500; n < 8'000; n += 500) {
    ASSERT_TRUE(Insert(n, n + 500, 250).ok());
    ASSERT_TRUE(
        collection_->DeleteByFilter("n >= " + std::to_string(n) + " and n < " + std::to_string(n + 20)).ok());
    if (n == 4'000) {
      ASSERT_TRUE(collection_->Optimize().ok());
    }
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  WaitForMaintenance();
  EXPECT_EQ(collection_->Stats().doc_count, 8'000u - 15 * 20);
  EXPECT_GT(Recall(), 0.95);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
