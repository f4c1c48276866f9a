// Graphs in collections: that queries use them, that their answers are those of a scan, and that a collection
// without them is right too.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>

#include "cocozvec/base/log.h"
#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr std::size_t kDim = 16;
constexpr int kDocs = 3'000;

CollectionSchema Schema(MetricType metric = MetricType::kL2, DataType type = DataType::kVectorFp32) {
  CollectionSchema schema;
  schema.name = "graphs";
  schema.fields = {{"n", DataType::kInt64, false, 0, {}},
                   {"cluster", DataType::kInt64, false, 0, {}},
                   {"v", type, true, kDim, IndexParams::Hnsw(metric)}};
  return schema;
}

/// Vectors around 20 centres.
class Vectors {
 public:
  Vectors() : centres_(20 * kDim) {
    for (float& c : centres_) c = normal_(random_);
  }
  std::vector<float> Draw(int cluster) {
    std::vector<float> v(kDim);
    for (std::size_t i = 0; i < kDim; ++i)
      v[i] = centres_[static_cast<std::size_t>(cluster) * kDim + i] + 0.6f * normal_(random_);
    return v;
  }

 private:
  std::mt19937 random_{7};
  std::normal_distribution<float> normal_;
  std::vector<float> centres_;
};

class IndexTest : public ::testing::Test {
 protected:
  IndexTest() {
    options_.index_min_rows = 100;
    options_.maintenance = Maintenance::kInline;
    options_.file_system = &disk_;
  }
  void Create(const CollectionSchema& schema) {
    collection_ = Collection::Create("c", schema, options_).value();
  }
  void Reopen() {
    ASSERT_TRUE(collection_->Close().ok());
    collection_.reset();
    collection_ = Collection::Open("c", options_).value();
  }
  void Insert(int first, int last) {
    std::vector<Doc> docs;
    for (int n = first; n < last; ++n)
      docs.push_back(
          Doc("d" + std::to_string(n),
              {{"n", std::int64_t{n}}, {"cluster", std::int64_t{n % 20}}, {"v", vectors_.Draw(n % 20)}}));
    ASSERT_TRUE(collection_->Upsert(docs).ok());
  }
  VectorQuery Ask(std::uint32_t topk = 10, std::string filter = {}) {
    VectorQuery query;
    query.field = "v";
    query.vector = vectors_.Draw(asked_++ % 20);
    query.topk = topk;
    query.filter = std::move(filter);
    query.output_fields.emplace();
    return query;
  }
  static std::set<std::string> Ids(const HitList& hits) {
    std::set<std::string> ids;
    for (const Hit& hit : hits.hits) ids.insert(hit.doc.id);
    return ids;
  }
  /// Share of the exact answers that are found, over 40 queries; each must have as many hits as the exact
  /// one, with the same scores where the document is the same.
  double Recall(std::uint32_t topk = 10, const std::string& filter = {}, std::string* strategy = nullptr) {
    std::size_t hits = 0, wanted = 0;
    for (int i = 0; i < 40; ++i) {
      VectorQuery query = Ask(topk, filter);
      const HitList found = collection_->Query(query).value();
      query.exact = true;
      const HitList exact = collection_->Query(query).value();
      EXPECT_EQ(found.hits.size(), exact.hits.size());
      std::map<std::string, float> scores;
      for (const Hit& hit : exact.hits) scores[hit.doc.id] = hit.score;
      for (const Hit& hit : found.hits) {
        if (!scores.contains(hit.doc.id)) continue;
        ++hits;
        EXPECT_EQ(hit.score, scores[hit.doc.id]);
      }
      wanted += exact.hits.size();
      if (strategy != nullptr) *strategy = found.stats.strategy;
    }
    return wanted == 0 ? 1 : static_cast<double>(hits) / static_cast<double>(wanted);
  }

  cocozvec::SimDisk disk_;
  CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
  Vectors vectors_;
  int asked_ = 0;
};

class IndexOf : public IndexTest, public ::testing::WithParamInterface<std::pair<MetricType, DataType>> {
 protected:
  static std::vector<std::int8_t> Bytes(const std::vector<float>& v) {
    std::vector<std::int8_t> bytes;
    for (const float x : v) bytes.push_back(static_cast<std::int8_t>(std::clamp(x * 30, -127.f, 127.f)));
    return bytes;
  }
};

TEST_P(IndexOf, AnOptimizedCollectionIsAskedThroughItsGraph) {
  const auto [metric, type] = GetParam();
  Create(Schema(metric, type));
  std::vector<Doc> docs;
  for (int n = 0; n < kDocs; ++n) {
    const std::vector<float> v = vectors_.Draw(n % 20);
    Doc doc("d" + std::to_string(n), {{"n", std::int64_t{n}}, {"cluster", std::int64_t{n % 20}}});
    type == DataType::kVectorInt8 ? doc.Set("v", Bytes(v)) : doc.Set("v", v);
    docs.push_back(std::move(doc));
  }
  ASSERT_TRUE(collection_->Upsert(docs).ok());
  ASSERT_TRUE(collection_->Optimize().ok());
  for (const bool map : {true, false}) {
    options_.enable_mmap = map;
    Reopen();
    std::size_t hits = 0;
    for (int i = 0; i < 40; ++i) {
      VectorQuery query = Ask();
      if (type == DataType::kVectorInt8) query.vector = Bytes(vectors_.Draw(i % 20));
      const HitList found = collection_->Query(query).value();
      EXPECT_EQ(found.stats.strategy, "graph");
      EXPECT_LT(found.stats.distances, 100u);
      query.exact = true;
      const auto exact = Ids(collection_->Query(query).value());
      for (const std::string& id : Ids(found)) hits += exact.contains(id);
    }
    EXPECT_GE(hits, 380u);
  }
}

INSTANTIATE_TEST_SUITE_P(Fields, IndexOf,
                         ::testing::Values(std::pair{MetricType::kL2, DataType::kVectorFp32},
                                           std::pair{MetricType::kIp, DataType::kVectorFp32},
                                           std::pair{MetricType::kCosine, DataType::kVectorFp32},
                                           std::pair{MetricType::kL2, DataType::kVectorFp16},
                                           std::pair{MetricType::kCosine, DataType::kVectorFp16},
                                           std::pair{MetricType::kL2, DataType::kVectorInt8},
                                           std::pair{MetricType::kIp, DataType::kVectorInt8}));

TEST_F(IndexTest, AFilterGetsAsManyHitsAsThereAreHoweverFewMatch) {
  Create(Schema());
  Insert(0, kDocs);
  ASSERT_TRUE(collection_->Optimize().ok());
  for (const char* filter : {"n < 3", "n < 30", "n < 300", "n < 1500", "n < 2900", "cluster = 3",
                             "cluster < 10", "cluster = 3 and n < 1000", "n < 0"})
    EXPECT_GT(Recall(10, filter), 0.95) << filter;
  for (const std::uint32_t topk : {1u, 100u, 1'000u, 5'000u, kMaxTopk}) EXPECT_GT(Recall(topk), 0.95) << topk;
  std::string strategy;
  (void)Recall(10, "n < 2900", &strategy);
  EXPECT_EQ(strategy, "scan of matches");
  (void)Recall(10, "n < 3", &strategy);
  EXPECT_EQ(strategy, "scan of matches");
}

TEST_F(IndexTest, DeletedDocumentsRouteButAreNoAnswers) {
  Create(Schema());
  Insert(0, kDocs);
  ASSERT_TRUE(collection_->Optimize().ok());
  for (const char* filter : {"n < 300", "cluster = 7", "cluster < 10", "n < 2995"}) {
    ASSERT_TRUE(collection_->DeleteByFilter(filter).ok());
    EXPECT_GT(Recall(), 0.95) << filter;
    EXPECT_GT(Recall(10, "n >= 1000"), 0.95) << filter;
  }
  ASSERT_TRUE(collection_->DeleteByFilter("n >= 0").ok());
  EXPECT_TRUE(collection_->Query(Ask()).value().hits.empty());
}

TEST_F(IndexTest, UpdatedAndLaterDocumentsAreFoundAtOnceAndAfterOptimize) {
  Create(Schema());
  Insert(0, kDocs);
  ASSERT_TRUE(collection_->Optimize().ok());
  Insert(100, 250);
  Insert(kDocs, kDocs + 500);
  EXPECT_GT(Recall(), 0.95);
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(collection_->Stats().sealed_segments, 1u);
  std::string strategy;
  EXPECT_GT(Recall(10, {}, &strategy), 0.95);
  EXPECT_EQ(strategy, "graph");
  // T3: every live document is found by its own vector.
  std::vector<std::string> ids;
  for (int n = 0; n < kDocs + 500; ++n) ids.push_back("d" + std::to_string(n));
  for (const Doc& doc : collection_->Fetch(ids).value()) {
    VectorQuery query = Ask(1);
    query.vector = *doc.Get<std::vector<float>>("v");
    EXPECT_EQ(collection_->Query(query).value().hits.at(0).score, 0) << doc.id;
  }
}

TEST_F(IndexTest, SealedSegmentsHaveGraphsWithoutOptimize) {
  options_.seal_bytes = 100'000;
  Create(Schema());
  for (int n = 0; n < kDocs; n += 100) Insert(n, n + 100);
  EXPECT_GT(collection_->Stats().sealed_segments, 1u);
  EXPECT_GT(Recall(), 0.95);
  Reopen();
  EXPECT_GT(Recall(), 0.95);
  EXPECT_GT(collection_->Stats().index_completeness.at("v"), 0.5);
}

// A collection of a version that knew no graphs.
TEST_F(IndexTest, ACollectionWithoutGraphsIsScannedUntilOptimizeBuildsThem) {
  options_.index_min_rows = 1'000'000;
  Create(Schema());
  Insert(0, kDocs);
  ASSERT_TRUE(collection_->Optimize().ok());
  options_.index_min_rows = 100;
  Reopen();
  EXPECT_EQ(collection_->Stats().index_completeness.at("v"), 0);
  std::string strategy;
  EXPECT_EQ(Recall(10, {}, &strategy), 1);
  EXPECT_EQ(strategy, "scan");
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(collection_->Stats().index_completeness.at("v"), 1);
  EXPECT_EQ(collection_->Stats().sealed_segments, 1u);
  EXPECT_GT(Recall(10, {}, &strategy), 0.95);
  EXPECT_EQ(strategy, "graph");
}

TEST_F(IndexTest, NullVectorsAreNotFoundAndDoNotCount) {
  Create(Schema());
  Insert(0, 1'000);
  std::vector<Doc> docs;
  for (int n = 1'000; n < 2'000; ++n)
    docs.push_back(Doc("d" + std::to_string(n), {{"n", std::int64_t{n}}, {"cluster", std::int64_t{0}}}));
  ASSERT_TRUE(collection_->Upsert(docs).ok());
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_GT(Recall(), 0.95);
  EXPECT_GT(Recall(10, "n > 900"), 0.95);
  EXPECT_EQ(collection_->Query(Ask(2'000)).value().hits.size(), 1'000u);
}

TEST_F(IndexTest, ARadiusCutsOffWhatIsFarther) {
  for (const MetricType metric : {MetricType::kL2, MetricType::kIp}) {
    if (collection_) {
      ASSERT_TRUE(collection_->Close().ok());
      ASSERT_TRUE(Collection::Destroy("c", options_).ok());
    }
    Create(Schema(metric));
    Insert(0, kDocs);
    ASSERT_TRUE(collection_->Optimize().ok());
    VectorQuery query = Ask(50);
    query.ef = 200;
    const HitList all = collection_->Query(query).value();
    query.radius = all.hits[20].score;
    const HitList some = collection_->Query(query).value();
    EXPECT_EQ(some.hits.size(), 21u);
    EXPECT_EQ(some.hits.back().score, *query.radius);
  }
}

TEST_F(IndexTest, RowNumbersNameTheHitsOfTheQueryInEverySegment) {
  Create(Schema());
  Insert(0, kDocs);
  ASSERT_TRUE(collection_->Optimize().ok());
  Insert(kDocs, kDocs + 50);  // in the mutable segment
  const std::vector<std::string> gone = {"d7", "d3010"};
  ASSERT_EQ(collection_->Delete(gone)->applied, 2u);
  const VectorQuery query = Ask(50);
  const HitList hits = collection_->Query(query).value();
  const RowHitList rows = collection_->QueryRows(query).value();
  const auto ids = collection_->IdsOfRows(rows.rows, rows.layout).value();
  ASSERT_EQ(rows.rows.size(), hits.hits.size());
  for (std::size_t i = 0; i < ids.size(); ++i) {
    EXPECT_EQ(ids[i], hits.hits[i].doc.id);
    EXPECT_EQ(rows.scores[i], hits.hits[i].score);
  }
  const std::vector<std::uint64_t> some = {0, 7, kDocs + 10, kDocs + 49, kDocs + 50, ~std::uint64_t{0}};
  const auto named = collection_->IdsOfRows(some, rows.layout).value();
  EXPECT_EQ(named, (std::vector<std::optional<std::string>>{"d0", std::nullopt, std::nullopt, "d3049",
                                                            std::nullopt, std::nullopt}));
}

TEST_F(IndexTest, RowNumbersFromBeforeARewriteAreRefused) {
  Create(Schema());
  Insert(0, kDocs);
  const RowHitList rows = collection_->QueryRows(Ask()).value();
  const auto ids = collection_->IdsOfRows(rows.rows, rows.layout).value();
  ASSERT_EQ(collection_->Delete(std::vector<std::string>{"d0"})->applied, 1u);
  Insert(kDocs, kDocs + 10);
  EXPECT_EQ(collection_->IdsOfRows(rows.rows, rows.layout).value().size(), ids.size());
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(collection_->IdsOfRows(rows.rows, rows.layout).status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(IndexTest, NumbersOutOfRangeAreRefused) {
  Create(Schema());
  VectorQuery query = Ask();
  query.ef = kMaxEf + 1;
  EXPECT_EQ(collection_->Query(query).status().code(), StatusCode::kInvalidArgument);
  query.ef = kMaxEf;
  EXPECT_TRUE(collection_->Query(query).ok());
  query.radius = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(collection_->Query(query).status().code(), StatusCode::kInvalidArgument);
}

// Zero has no direction: every document is at distance 1.
TEST_F(IndexTest, AZeroVectorIsAskedByAScan) {
  Create(Schema(MetricType::kCosine));
  Insert(0, kDocs);
  ASSERT_TRUE(collection_->Optimize().ok());
  VectorQuery query = Ask();
  query.vector = std::vector<float>(kDim, 0);
  const HitList found = collection_->Query(query).value();
  EXPECT_EQ(found.hits.size(), 10u);
  EXPECT_EQ(found.hits[9].score, 1);
  EXPECT_EQ(found.stats.strategy, "scan");
}

class DamagedGraph : public IndexTest {
 protected:
  DamagedGraph() {
    cocozvec::SetLogCallback([this](cocozvec::LogLevel, std::string_view message) { log_ += message; });
    Create(Schema());
    Insert(0, kDocs);
    EXPECT_TRUE(collection_->Optimize().ok());
    name_ = GraphFile();
  }
  ~DamagedGraph() override { cocozvec::SetLogCallback({}); }

  std::string GraphFile() {
    std::string name;
    for (const auto& entry : disk_.List("c").value())
      if (entry.name.starts_with("index-")) name = "c/" + entry.name;
    return name;
  }
  void Damage(std::uint64_t at) {
    ASSERT_TRUE(collection_->Close().ok());
    const std::byte wrong[64] = {std::byte{0x5a}};
    ASSERT_TRUE(disk_.Open(name_, cocozvec::OpenMode::kReadWrite).value()->WriteAt(at, wrong).ok());
    collection_.reset();
    collection_ = Collection::Open("c", options_).value();
  }
  void ExpectReplaced() {
    EXPECT_NE(log_.find(name_), std::string::npos) << log_;
    EXPECT_EQ(collection_->Stats().index_completeness.at("v"), 1);
    EXPECT_NE(GraphFile(), name_);
    log_.clear();
    Reopen();
    std::string strategy;
    EXPECT_GT(Recall(10, {}, &strategy), 0.95);
    EXPECT_EQ(strategy, "graph");
    EXPECT_EQ(log_, "");
  }

  std::string name_, log_;
};

TEST_F(DamagedGraph, QueriesThatMeetDamageScanAndOptimizeReplacesIt) {
  Damage(20'000);
  EXPECT_GT(Recall(), 0.95);
  EXPECT_EQ(Recall(10, "n < 2900"), 1);
  EXPECT_NE(log_.find(name_), std::string::npos) << log_;
  ASSERT_TRUE(collection_->Optimize().ok());
  ExpectReplaced();
}

TEST_F(DamagedGraph, ItIsReplacedWhenItsSegmentIsRewritten) {
  Damage(250'000);  // links: codes are made anew
  ASSERT_TRUE(collection_->DeleteByFilter("n = 7").ok());
  ASSERT_TRUE(collection_->Optimize().ok());
  ExpectReplaced();
}

TEST_F(DamagedGraph, OneWithoutAHeaderLeavesTheCollectionUsable) {
  Damage(8);
  std::string strategy;
  EXPECT_EQ(Recall(10, {}, &strategy), 1);
  EXPECT_EQ(strategy, "scan");
  EXPECT_EQ(collection_->Stats().index_completeness.at("v"), 0);
  Insert(kDocs, kDocs + 10);
  ASSERT_TRUE(collection_->Optimize().ok());
  ExpectReplaced();
}

TEST_F(DamagedGraph, OneThatIsMissingIsBuiltAnew) {
  ASSERT_TRUE(collection_->Close().ok());
  ASSERT_TRUE(disk_.RemoveFile(name_).ok());
  collection_.reset();
  collection_ = Collection::Open("c", options_).value();
  EXPECT_EQ(Recall(), 1);
  ASSERT_TRUE(collection_->Optimize().ok());
  ExpectReplaced();
}

/// A sector of the graph's file that the disk cannot read: the documents are whole, so nothing is lost but
/// time. 0: the header.
class UnreadableGraph : public DamagedGraph,
                        public ::testing::WithParamInterface<std::pair<std::uint64_t, bool>> {
 protected:
  UnreadableGraph() {
    hooked_.unreadable = [this](const std::string& path, std::uint64_t offset, std::uint64_t size) {
      const std::uint64_t at = GetParam().first;
      return path == name_ && offset <= at && at < offset + size
                 ? Status::IoError(path + ": Input/output error at " + std::to_string(at))
                 : Status();
    };
    EXPECT_TRUE(collection_->Close().ok());
    collection_.reset();
    options_.file_system = &hooked_;
    options_.enable_mmap = GetParam().second;
    collection_ = Collection::Open("c", options_).value();
  }
  ~UnreadableGraph() override { collection_.reset(); }

  HookedFileSystem hooked_{disk_};
};

TEST_P(UnreadableGraph, QueriesScanAndOptimizeReplacesIt) {
  EXPECT_GT(Recall(), 0.95);
  EXPECT_EQ(Recall(10, "n < 2900"), 1);
  EXPECT_NE(log_.find(name_ + ": Input/output error"), std::string::npos) << log_;
  ASSERT_TRUE(collection_->Optimize().ok());
  ExpectReplaced();
}

TEST_P(UnreadableGraph, ItIsReplacedWhenItsSegmentIsRewritten) {
  ASSERT_TRUE(collection_->DeleteByFilter("n = 7").ok());
  ASSERT_TRUE(collection_->Optimize().ok());
  if (GetParam() == std::pair(std::uint64_t{20'000}, true)) log_ += name_;  // codes are made anew: not read
  ExpectReplaced();
}

INSTANTIATE_TEST_SUITE_P(Places, UnreadableGraph,
                         ::testing::Values(std::pair(std::uint64_t{0}, true),
                                           std::pair(std::uint64_t{20'000}, true),
                                           std::pair(std::uint64_t{250'000}, true),
                                           std::pair(std::uint64_t{20'000}, false)));

TEST_F(IndexTest, DocumentsWithoutAGraphAreCountedAsUnlinked) {
  options_.maintenance = Maintenance::kManual;
  Create(Schema());
  Insert(0, kDocs);
  VectorQuery query = Ask();
  EXPECT_EQ(collection_->Query(query)->stats.unlinked, static_cast<std::uint64_t>(kDocs));
  query.filter = "n < 300";
  EXPECT_EQ(collection_->Query(query)->stats.unlinked, 300u);
  query.exact = true;
  EXPECT_EQ(collection_->Query(query)->stats.unlinked, 0u);
  ASSERT_TRUE(collection_->Optimize().ok());
  Insert(kDocs, kDocs + 50);
  EXPECT_EQ(collection_->Query(Ask())->stats.unlinked, 50u);
}

TEST_F(IndexTest, ABacklogIsNotScoredWhereAPartOfItsRowsTellsThatTheyAreFar) {
  options_.maintenance = Maintenance::kManual;
  CollectionSchema schema = Schema();
  schema.fields[2].dimension = 64;
  Create(schema);
  const auto insert = [&](int first, int last, float far) {
    std::vector<Doc> docs;
    for (std::int64_t n = first; n < last; ++n) {
      std::vector<float> v(64, far);
      for (std::size_t i = 0; i < v.size(); ++i) v[i] += static_cast<float>((n * 31 + n % 7 * 5 * i) % 101);
      docs.push_back(Doc("d" + std::to_string(n), {{"n", n}, {"cluster", n}, {"v", v}}));
    }
    ASSERT_TRUE(collection_->Upsert(docs).ok());
  };
  insert(0, 1'000, 0);
  ASSERT_TRUE(collection_->Optimize().ok());
  VectorQuery query = Ask();
  query.vector = std::vector<float>(64, 40);
  const std::uint64_t before = collection_->Query(query)->stats.distances;
  insert(1'000, 1'500, 5'000);
  const QueryStats stats = collection_->Query(query)->stats;
  EXPECT_EQ(stats.strategy, "graph + scan");
  EXPECT_EQ(stats.unlinked, 500u);
  EXPECT_EQ(stats.matches, 1'500u);
  EXPECT_EQ(stats.distances, before);  // scores: of the backlog there is none
  EXPECT_LT(stats.distances, 500u);
}

// Noise without structure: a graph would not find enough.
TEST_F(IndexTest, ARefusedGraphIsNotTriedAgain) {
  CollectionSchema schema = Schema(MetricType::kIp);
  schema.fields[2].dimension = 256;
  options_.maintenance = Maintenance::kManual;  // one that grew with the rows is just good enough
  Create(schema);
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<Doc> docs;
  for (std::int64_t n = 0; n < 5'000; ++n) {
    std::vector<float> v(256);
    for (float& x : v) x = normal(random);
    docs.push_back(Doc("d" + std::to_string(n), {{"n", n}, {"cluster", n}, {"v", v}}));
  }
  ASSERT_TRUE(collection_->Upsert(docs).ok());
  int refusals = 0;
  cocozvec::SetLogCallback([&](cocozvec::LogLevel, std::string_view message) {
    refusals += message.find("no graph for segment") != std::string_view::npos;
  });
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(collection_->Optimize().ok());
    EXPECT_EQ(collection_->Stats().index_completeness.at("v"), 1);
    Reopen();
  }
  cocozvec::SetLogCallback({});
  EXPECT_EQ(refusals, 1);
  VectorQuery query = Ask();
  query.vector = *docs[0].Get<std::vector<float>>("v");
  const QueryStats stats = collection_->Query(query)->stats;
  EXPECT_EQ(stats.strategy, "scan");
  EXPECT_EQ(stats.refused, 1u);
}

TEST_F(IndexTest, ASegmentWithoutVectorsWasNotRefused) {
  Create(Schema());
  std::vector<Doc> docs;
  for (std::int64_t n = 0; n < 200; ++n)
    docs.push_back(Doc("d" + std::to_string(n), {{"n", n}, {"cluster", n}}));
  ASSERT_TRUE(collection_->Upsert(docs).ok());
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(collection_->Stats().index_completeness.at("v"), 1);
  const HitList found = collection_->Query(Ask()).value();
  EXPECT_TRUE(found.hits.empty());
  EXPECT_EQ(found.stats.refused, 0u);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
