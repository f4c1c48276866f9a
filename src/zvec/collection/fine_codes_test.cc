// Walks over codes of 4 bits whose queries have 7: what wide fields without a quantizer get.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <set>

#include "base/sanitizer.h"
#include "zvec/collection/graphs.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/index/hnsw/index_file.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/manifest.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::kSanitized;
using hnsw::CodeKind;
using Vector = std::vector<float>;

constexpr std::uint32_t kDim = kLeastFineDim;
constexpr int kDocs = kSanitized ? 800 : 1'500;
constexpr int kRefusedDocs = 1'500;  // fewer in a cluster are all scored
constexpr int kQueries = 100;

class FineCodes : public ::testing::TestWithParam<MetricType> {
 protected:
  FineCodes() {
    options_.index_min_rows = 100;
    options_.file_system = &disk_;
    options_.maintenance = Maintenance::kManual;
    for (int c = 0; c < 20; ++c) centres_.push_back(Around(Vector(kDim), 1));
  }
  Vector Around(const Vector& centre, float length) {
    Vector v = centre;
    for (float& x : v) x += length * normal_(random_);
    return v;
  }
  /// Lengths differ, for the inner product.
  Vector Draw(int cluster) {
    Vector v = Around(centres_[static_cast<std::size_t>(cluster) % 20], 0.7f);
    for (float& x : v) x *= 1 + 0.01f * static_cast<float>(cluster % 20);
    return v;
  }
  void Make(const std::vector<std::pair<const char*, QuantizeType>>& fields, std::uint32_t dim = kDim) {
    CollectionSchema schema;
    schema.name = "fine";
    schema.fields = {{"part", DataType::kInt64, false, 0, {}}};
    for (const auto& [name, type] : fields) {
      IndexParams index = IndexParams::Hnsw(GetParam(), type);
      if (type == QuantizeType::kRabitq) index.type = IndexType::kHnswRabitq;
      schema.fields.push_back({name, DataType::kVectorFp32, false, dim, index});
    }
    collection_ = Collection::Create(path_, schema, options_).value();
  }
  /// Each field has the same vector.
  void Insert(int first, int last, const std::function<Vector(int)>& vector) {
    std::vector<Doc> docs;
    for (int n = first; n < last; ++n) {
      const Vector v = vector(n);
      Doc doc("d" + std::to_string(n), {{"part", std::int64_t{n} * 7'919 % 100}});
      for (const FieldSchema& field : collection_->schema().fields)
        if (field.name != "part") doc.Set(field.name, v);
      docs.push_back(std::move(doc));
    }
    ASSERT_TRUE(collection_->Upsert(docs).ok());
  }
  void Insert(int first, int last) {
    Insert(first, last, [&](int n) { return Draw(n); });
  }

  void ForEachGraph(const std::function<void(const FieldSchema&, const hnsw::GraphView&)>& see) {
    std::uint64_t generation = 0;
    for (const auto& entry : options_.file_system->List(path_).value())
      if (const auto name = ParseName(entry.name); name && name->kind == NameKind::kManifest)
        generation = std::max(generation, name->number);
    const Manifest manifest = ReadManifest(*options_.file_system, path_, generation).value();
    for (const SegmentEntry& segment : manifest.segments) {
      for (const IndexEntry& entry : segment.indexes) {
        if (entry.refused()) continue;
        const FieldSchema& field = manifest.schema.fields[entry.field];
        const auto graph = hnsw::OpenGraph(
            *options_.file_system, path_ + "/" + IndexName(entry.number), entry,
            {manifest.collection, segment.file.number, static_cast<std::uint32_t>(entry.field)},
            field.metric(), field.dimension, /*map=*/false, /*resident=*/false);
        ASSERT_TRUE(graph.ok()) << graph.status().ToString();
        see(field, (*graph)->Current().view);
      }
    }
  }
  /// Of every graph file: the field and the kind of its codes.
  std::multimap<std::string, CodeKind> Kinds() {
    std::multimap<std::string, CodeKind> kinds;
    ForEachGraph([&](const FieldSchema& field, const hnsw::GraphView& graph) {
      kinds.emplace(field.name, graph.encoder->kind());
    });
    return kinds;
  }

  /// Of the ten best of each query. Adds up what was scored exactly.
  double Recall(const std::string& field, const std::vector<Vector>& queries, const std::string& filter = "",
                std::uint64_t* scored = nullptr, std::uint32_t ef = 0) {
    std::size_t found = 0;
    for (const Vector& vector : queries) {
      VectorQuery query{.field = field, .vector = vector, .topk = 10, .filter = filter};
      query.ef = ef;
      const HitList hits = collection_->Query(query).value();
      EXPECT_EQ(hits.hits.size(), 10u) << filter;
      strategies_.insert(hits.stats.strategy);
      if (scored != nullptr) *scored += hits.stats.distances;
      query.exact = true;
      std::map<std::string, float> scores;
      for (const Hit& hit : collection_->Query(query).value().hits) scores[hit.doc.id] = hit.score;
      for (const Hit& hit : hits.hits) {
        if (!scores.contains(hit.doc.id)) continue;
        EXPECT_EQ(hit.score, scores[hit.doc.id]);  // of the stored vectors
        ++found;
      }
    }
    return static_cast<double>(found) / (10.0 * static_cast<double>(queries.size()));
  }
  std::vector<Vector> Queries() {
    std::vector<Vector> queries;
    for (int q = 0; q < kQueries; ++q) queries.push_back(Draw(q));
    return queries;
  }

  cocozvec::SimDisk disk_;
  CollectionOptions options_;
  std::string path_ = "c";
  std::shared_ptr<Collection> collection_;
  std::mt19937 random_{11};
  std::normal_distribution<float> normal_;
  std::vector<Vector> centres_;
  std::set<std::string> strategies_;
};

constexpr std::pair<const char*, QuantizeType> kNone{"none", QuantizeType::kUndefined},
    kSeven{"seven", QuantizeType::kRabitq};

TEST_P(FineCodes, OnlyAWideFieldWithoutAQuantizerGetsThem) {
  Make({kNone,
        kSeven,
        {"int8", QuantizeType::kInt8},
        {"int4", QuantizeType::kInt4},
        {"fp16", QuantizeType::kFp16}});
  Insert(0, 400);
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(Kinds(), (std::multimap<std::string, CodeKind>{{"none", CodeKind::kBits4Fine},
                                                           {"seven", CodeKind::kBits7},
                                                           {"int8", CodeKind::kBits8},
                                                           {"int4", CodeKind::kBits4},
                                                           {"fp16", CodeKind::kHalves}}));
  path_ = "narrower";
  Make({kNone}, kDim - 1);
  Insert(0, 400, [&](int n) {
    Vector v = Draw(n);
    v.pop_back();
    return v;
  });
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(Kinds(), (std::multimap<std::string, CodeKind>{{"none", CodeKind::kBits7}}));
}

TEST_P(FineCodes, RecallIsThatOf7BitsFreshAndAfterChurnAMergeAndReopening) {
  Make({kNone, kSeven});
  Insert(0, kDocs);
  const std::vector<Vector> queries = Queries();
  const auto compare = [&](std::size_t graphs) {
    EXPECT_EQ(Kinds().count("none"), graphs);
    for (const auto& [name, kind] : Kinds())
      EXPECT_EQ(kind, name == "none" ? CodeKind::kBits4Fine : CodeKind::kBits7);
    const double seven = Recall("seven", queries);
    EXPECT_GE(seven, 0.95);
    // Balls of equals: what is farther differs by less than in any real set, and fewer are scored.
    EXPECT_GE(Recall("none", queries), seven - 0.01);
    EXPECT_GE(Recall("none", queries, "", nullptr, 100), Recall("seven", queries, "", nullptr, 100) - 0.005);
  };
  ASSERT_TRUE(collection_->Optimize().ok());
  compare(1);
  std::vector<std::string> gone;
  for (int n = 0; n < kDocs; n += 13) gone.push_back("d" + std::to_string(n));
  ASSERT_EQ(collection_->Delete(gone)->applied, gone.size());
  compare(1);
  Insert(kDocs, kDocs + 150);  // is linked into the graph that is there
  ASSERT_TRUE(collection_->Optimize().ok());
  ASSERT_TRUE(collection_->Close().ok());
  collection_ = Collection::Open(path_, options_).value();
  compare(1);
}

TEST_P(FineCodes, EveryFilterGetsItsHits) {
  Make({kNone, kSeven});
  Insert(0, kDocs);
  ASSERT_TRUE(collection_->Optimize().ok());
  const std::vector<Vector> queries = Queries();
  for (const char* filter : {"part < 2", "part < 10", "part < 30", "part < 50", "part < 90"})
    EXPECT_GE(Recall("none", queries, filter), Recall("seven", queries, filter) - 0.01) << filter;
}

TEST_P(FineCodes, AQueryFarFromEveryRowIsSearchedMoreBroadly) {
  Make({kNone, kSeven});
  Insert(0, kDocs);
  ASSERT_TRUE(collection_->Optimize().ok());
  std::vector<Vector> far;
  for (int q = 0; q < kQueries; ++q) far.push_back(Around(centres_[static_cast<std::size_t>(q) % 20], 2.5f));
  std::uint64_t near_scored = 0, far_scored = 0;
  (void)Recall("none", Queries(), "", &near_scored);
  EXPECT_GE(Recall("none", far, "", &far_scored), Recall("seven", far) - 0.01);
  EXPECT_EQ(strategies_, std::set<std::string>{"graph"});
  if (GetParam() == MetricType::kL2) {
    EXPECT_GE(far_scored, 2 * near_scored);
  }
}

// From 961 dimensions on a walk measures a code in two parts, and a query's second part begins elsewhere.
TEST_P(FineCodes, InTwoPartsTheyFindAsMuch) {
  constexpr std::uint32_t kWide = 961;
  constexpr int kFewDocs = kSanitized ? 400 : 800;
  for (Vector& centre : centres_) centre = Around(Vector(kWide), 1);
  Make({kNone, kSeven}, kWide);
  Insert(0, kFewDocs);
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(Kinds(), (std::multimap<std::string, CodeKind>{{"none", CodeKind::kBits4Fine},
                                                           {"seven", CodeKind::kBits7}}));
  ForEachGraph([&](const FieldSchema& field, const hnsw::GraphView& graph) {
    if (field.name == "none") {
      EXPECT_EQ(graph.code_bytes(), 512u);
    }
  });
  const std::vector<Vector> queries = Queries();
  for (const char* filter : {"", "part < 60"})
    for (const std::uint32_t ef : {0u, 60u})
      EXPECT_GE(Recall("none", queries, filter, nullptr, ef),
                Recall("seven", queries, filter, nullptr, ef) - 0.01)
          << filter << ", ef " << ef;
}

class TightRows : public FineCodes {};
class FarRows : public FineCodes {};

// Rows that the range of 4 bits would make one code.
TEST_P(FarRows, WhereTheyFindLessTheGraphKeeps7Bits) {
  Make({kNone});
  const Vector far(kDim, 16);
  Vector rows;
  Insert(0, kRefusedDocs, [&](int n) {
    const Vector v = n % 20 == 7 ? Around(far, 0.7f) : Draw(n);
    rows.insert(rows.end(), v.begin(), v.end());
    return v;
  });
  // Rows asked at random do not tell: only those that the built graph is asked for.
  const auto fine = hnsw::Encoder::Train(MetricType::kL2, kDim, rows, {}, CodeKind::kBits4Fine);
  EXPECT_GE(hnsw::Fitness(fine, rows), hnsw::kLeastFitness);
  ASSERT_TRUE(collection_->Optimize().ok());
  for (const auto& [name, kind] : Kinds()) EXPECT_EQ(kind, CodeKind::kBits7);
  std::vector<Vector> queries;
  for (int q = 0; q < kQueries; ++q) queries.push_back(Around(far, 0.7f));
  EXPECT_GE(Recall("none", queries), 0.9);
}

// Guards: 4 bits found 0.96 where 7 found all, and were kept as good enough. Rows are nearer to each other
// than a level of 4 bits is wide.
TEST_P(TightRows, KeepTheCodesThatFindMore) {
  Make({kNone, kSeven});
  const auto tight = [&](int n) { return Around(centres_[static_cast<std::size_t>(n) % 20], 0.2f); };
  Insert(0, kRefusedDocs, tight);
  ASSERT_TRUE(collection_->Optimize().ok());
  for (const auto& [name, kind] : Kinds()) EXPECT_EQ(kind, CodeKind::kBits7);
  std::vector<Vector> queries;
  for (int q = 0; q < kQueries; ++q) queries.push_back(tight(q));
  EXPECT_EQ(Recall("none", queries), Recall("seven", queries));
}

TEST_P(FineCodes, TheGraphDoesNotDependOnTheNumberOfThreads) {
  std::string bytes[2];
  hnsw::Encoder encoders[2];
  for (const std::uint32_t threads : {1u, 2u}) {
    cocozvec::SimDisk disk;
    options_.file_system = &disk;
    random_.seed(5);
    normal_.reset();
    Make({kNone});
    Insert(0, 500);
    ASSERT_TRUE(collection_->Optimize({.concurrency = threads}).ok());
    ForEachGraph([&](const FieldSchema&, const hnsw::GraphView& graph) {
      encoders[threads - 1] = *graph.encoder;
      std::string& out = bytes[threads - 1];
      out.append(reinterpret_cast<const char*>(graph.codes), graph.nodes * graph.code_bytes());
      out.append(reinterpret_cast<const char*>(graph.slot_codes), graph.slots * graph.code_bytes());
      out.append(reinterpret_cast<const char*>(graph.links), std::size_t{graph.nodes} * graph.row_links * 4);
    });
    collection_.reset();
  }
  EXPECT_EQ(encoders[0].kind(), CodeKind::kBits4Fine);
  EXPECT_EQ(encoders[0], encoders[1]);
  EXPECT_GT(bytes[0].size(), std::size_t{500} * (kDim / 2 + 128));
  EXPECT_EQ(bytes[0], bytes[1]);
}

INSTANTIATE_TEST_SUITE_P(Metrics, FineCodes,
                         ::testing::Values(MetricType::kL2, MetricType::kIp, MetricType::kCosine));

// Under the inner product 7 bits, which have to take in the differing lengths, find less here.
INSTANTIATE_TEST_SUITE_P(Metrics, TightRows, ::testing::Values(MetricType::kL2, MetricType::kCosine));

// Under the others no row lies far outside of a range.
INSTANTIATE_TEST_SUITE_P(Metrics, FarRows, ::testing::Values(MetricType::kL2));

}  // namespace
}  // namespace zvec::inline v0::testing_docs
