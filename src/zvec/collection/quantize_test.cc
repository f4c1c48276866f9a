// Codes of every kind: what a walk measures may be coarse, what is found is not.
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "zvec/collection/graphs.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/index/hnsw/index_file.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/manifest.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr std::size_t kDim = 64;
constexpr int kDocs = 1'500;
constexpr std::size_t kQueries = 80;

class QuantizeTest : public ::testing::TestWithParam<MetricType> {
 protected:
  QuantizeTest() {
    options_.index_min_rows = 100;
    options_.file_system = &disk_;
    centres_.resize(20 * kDim);
    for (float& c : centres_) c = normal_(random_);
  }
  std::vector<float> Draw(int cluster) {
    std::vector<float> v(kDim);
    // Lengths differ, for the inner product.
    const float length = 1 + 0.05f * static_cast<float>(cluster);
    for (std::size_t i = 0; i < kDim; ++i)
      v[i] = length * (centres_[static_cast<std::size_t>(cluster) * kDim + i] + 0.7f * normal_(random_));
    return v;
  }
  void Insert(int first, int last) {
    std::vector<Doc> docs;
    for (int n = first; n < last; ++n) {
      const std::vector<float> v = Draw(n % 20);
      Doc doc("d" + std::to_string(n));
      for (const FieldSchema& field : collection_->schema().fields) doc.Set(field.name, v);
      docs.push_back(std::move(doc));
    }
    ASSERT_TRUE(collection_->Upsert(docs).ok());
  }
  double Recall(const std::string& field) {
    std::size_t hits = 0, graph = 0;
    for (const std::vector<float>& vector : queries_) {
      VectorQuery query{.field = field, .vector = vector, .topk = 10, .ef = 100};
      const HitList found = collection_->Query(query).value();
      graph += found.stats.strategy == "graph";
      query.exact = true;
      const HitList exact = collection_->Query(query).value();
      std::map<std::string, float> scores;
      for (const Hit& hit : exact.hits) scores[hit.doc.id] = hit.score;
      for (const Hit& hit : found.hits) {
        if (!scores.contains(hit.doc.id)) continue;
        EXPECT_EQ(hit.score, scores[hit.doc.id]) << field;  // of the stored vectors
        ++hits;
      }
    }
    // After deletes some find too few on the way, and look at more.
    EXPECT_GE(graph, kQueries * 3 / 4) << field;
    return static_cast<double>(hits) / (10.0 * kQueries);
  }
  void ExpectAsGoodAsNone() {
    const double none = Recall("none");
    EXPECT_GE(none, 0.97);
    for (const char* field : {"fp16", "int8", "int4"}) EXPECT_GE(Recall(field), none - 0.005) << field;
  }

  cocozvec::SimDisk disk_;
  CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
  std::mt19937 random_{7};
  std::normal_distribution<float> normal_;
  std::vector<float> centres_;
  std::vector<std::vector<float>> queries_;
};

TEST_P(QuantizeTest, RecallIsThatOf7BitsFreshAndAfterChurnAndReopening) {
  CollectionSchema schema;
  schema.name = "quantized";
  for (const auto& [name, type] :
       {std::pair("none", QuantizeType::kUndefined), std::pair("fp16", QuantizeType::kFp16),
        std::pair("int8", QuantizeType::kInt8), std::pair("int4", QuantizeType::kInt4)})
    schema.fields.push_back({name, DataType::kVectorFp32, false, kDim, IndexParams::Hnsw(GetParam(), type)});
  collection_ = Collection::Create("c", schema, options_).value();
  Insert(0, kDocs);
  for (std::size_t q = 0; q < kQueries; ++q) queries_.push_back(Draw(static_cast<int>(q % 20)));
  ASSERT_TRUE(collection_->Optimize().ok());
  ExpectAsGoodAsNone();
  std::vector<std::string> gone;
  for (int n = 0; n < kDocs; n += 13) gone.push_back("d" + std::to_string(n));
  ASSERT_EQ(collection_->Delete(gone)->applied, gone.size());
  ExpectAsGoodAsNone();
  Insert(kDocs, kDocs + 100);
  ASSERT_TRUE(collection_->Optimize().ok());
  ASSERT_TRUE(collection_->Close().ok());
  collection_ = Collection::Open("c", options_).value();
  ExpectAsGoodAsNone();
}

// docs/search.md, "Codes": the bytes of a row.
TEST_P(QuantizeTest, FilesHaveTheBytesOfTheirCodes) {
  CollectionSchema schema;
  schema.name = "bytes";
  const auto bytes = [&](QuantizeType type) {
    schema.fields = {{"v", DataType::kVectorFp32, false, 128, IndexParams::Hnsw(GetParam(), type)}};
    collection_ = Collection::Create("b" + std::to_string(static_cast<int>(type)), schema, options_).value();
    std::vector<Doc> docs;
    for (int n = 0; n < 400; ++n) {
      std::vector<float> v(128);
      for (float& x : v) x = normal_(random_);
      // All of one length: no further elements under the inner product.
      float length = 0;
      for (const float x : v) length += x * x;
      for (float& x : v) x /= std::sqrt(length);
      docs.push_back(Doc("d" + std::to_string(n), {{"v", v}}));
    }
    EXPECT_TRUE(collection_->Upsert(docs).ok());
    EXPECT_TRUE(collection_->Optimize().ok());
    std::uint64_t size = 0;
    for (const auto& entry : disk_.List(collection_->path()).value())
      if (entry.name.starts_with("index-"))
        size = disk_.Stat(collection_->path() + "/" + entry.name).value().size;
    EXPECT_NE(size, 0u);
    return static_cast<double>(size) / 400;
  };
  const double none = bytes(QuantizeType::kUndefined);
  EXPECT_NEAR(none, 128 + 128, 40);  // code and links; levels above, header, means
  EXPECT_NEAR(bytes(QuantizeType::kInt8) - none, 0, 6);
  EXPECT_NEAR(bytes(QuantizeType::kFp16) - none, 128, 20);
  EXPECT_NEAR(bytes(QuantizeType::kInt4) - none, -64, 12);
}

class NarrowCodes : public QuantizeTest {};

TEST_P(NarrowCodes, FourBitsThatCannotTellTheRowsApartBecomeSeven) {
  CollectionSchema schema;
  schema.name = "narrow";
  const IndexParams index = IndexParams::Hnsw(GetParam(), QuantizeType::kInt4);
  schema.fields = {{"narrow", DataType::kVectorFp32, false, 2, index},
                   {"wide", DataType::kVectorFp32, false, kDim, index}};
  collection_ = Collection::Create("c", schema, options_).value();
  std::vector<Doc> docs;
  for (int n = 0; n < kDocs; ++n) {
    // On a circle, so that directions differ as distances do.
    const float angle = 6.2831853f * static_cast<float>(n) / kDocs;
    docs.push_back(
        Doc("d" + std::to_string(n),
            {{"narrow", std::vector<float>{std::cos(angle), std::sin(angle)}}, {"wide", Draw(n % 20)}}));
  }
  ASSERT_TRUE(collection_->Upsert(docs).ok());
  ASSERT_TRUE(collection_->Optimize().ok());
  ASSERT_TRUE(collection_->Close().ok());
  std::uint64_t generation = 0;
  for (const auto& entry : disk_.List("c").value())
    if (const auto name = ParseName(entry.name); name && name->kind == NameKind::kManifest)
      generation = std::max(generation, name->number);
  const Manifest manifest = ReadManifest(disk_, "c", generation).value();
  const SegmentEntry& segment = manifest.segments.at(0);
  ASSERT_EQ(segment.indexes.size(), 2u);
  for (const IndexEntry& entry : segment.indexes) {
    ASSERT_FALSE(entry.refused());
    const FieldSchema& field = manifest.schema.fields[entry.field];
    const auto graph =
        hnsw::OpenGraph(disk_, "c/" + IndexName(entry.number), entry,
                        {manifest.collection, segment.file.number, static_cast<std::uint32_t>(entry.field)},
                        field.metric(), field.dimension, /*map=*/false, /*resident=*/false);
    ASSERT_TRUE(graph.ok()) << graph.status().ToString();
    EXPECT_EQ((*graph)->Current().view.encoder->kind(),
              field.name == "wide" ? hnsw::CodeKind::kBits4 : hnsw::CodeKind::kBits7);
  }
}

// Not under the inner product, for which codes have elements more.
INSTANTIATE_TEST_SUITE_P(Metrics, NarrowCodes, ::testing::Values(MetricType::kL2, MetricType::kCosine));
INSTANTIATE_TEST_SUITE_P(Metrics, QuantizeTest,
                         ::testing::Values(MetricType::kL2, MetricType::kIp, MetricType::kCosine));

TEST(CodeKindOf, MapsEveryQuantizer) {
  FieldSchema field{"v", DataType::kVectorFp32, false, 8, IndexParams::Hnsw(MetricType::kL2)};
  using hnsw::CodeKind;
  for (const auto& [type, kind] :
       {std::pair(QuantizeType::kUndefined, CodeKind::kBits7),
        std::pair(QuantizeType::kFp16, CodeKind::kHalves), std::pair(QuantizeType::kInt8, CodeKind::kBits8),
        std::pair(QuantizeType::kInt4, CodeKind::kBits4), std::pair(QuantizeType::kRabitq, CodeKind::kBits7),
        std::pair(QuantizeType::kUniformUint7, CodeKind::kBits7),
        std::pair(QuantizeType::kUniformUint8, CodeKind::kBits8),
        std::pair(QuantizeType::kUniformUint4, CodeKind::kBits4)}) {
    field.index->quantize = type;
    EXPECT_EQ(CodeKindOf(field), kind) << QuantizeTypeName(type);
  }
  field.index.reset();
  EXPECT_EQ(CodeKindOf(field), CodeKind::kBits7);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
