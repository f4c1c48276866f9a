// QueryBatch: what single queries answer, in one call.
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <thread>

#include "zvec/collection/testing/test_docs.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr std::size_t kDim = 8, kQueries = 40;

class QueryBatchTest : public ::testing::Test {
 protected:
  QueryBatchTest() {
    options_.index_min_rows = 100;
    options_.file_system = &disk_;
    CollectionSchema schema;
    schema.name = "batches";
    schema.fields = {{"n", DataType::kInt64, false, 0, {}},
                     {"v", DataType::kVectorFp32, true, kDim, IndexParams::Hnsw(MetricType::kL2)},
                     {"h", DataType::kVectorFp16, false, kDim, IndexParams::Hnsw(MetricType::kCosine)},
                     {"b", DataType::kVectorInt8, false, kDim, IndexParams::Flat(MetricType::kL2)},
                     {"s", DataType::kSparseVectorFp32, false, 0, IndexParams::Hnsw(MetricType::kIp)}};
    collection_ = Collection::Create("c", schema, options_).value();
    Insert(0, 1'200);
    EXPECT_TRUE(collection_->Optimize().ok());
    Insert(1'200, 1'300);  // in the mutable segment
    const std::vector<std::string> gone = {"d7", "d100", "d1250"};
    EXPECT_EQ(collection_->Delete(gone)->applied, 3u);
    queries_ = Draw(kQueries);
  }

  std::vector<float> Draw(std::size_t count) {
    std::vector<float> v(count * kDim);
    for (float& x : v) x = normal_(random_);
    return v;
  }
  SparseVector DrawSparse() {
    SparseVector s;
    for (std::uint32_t i = 0; i < 50; ++i) {
      if (random_() % 8 != 0) continue;
      s.indices.push_back(i);
      s.values.push_back(normal_(random_));
    }
    return s;
  }
  static std::vector<std::int8_t> Bytes(const std::vector<float>& v) {
    std::vector<std::int8_t> bytes;
    for (const float x : v) bytes.push_back(static_cast<std::int8_t>(std::clamp(x * 30, -127.f, 127.f)));
    return bytes;
  }
  static std::vector<Half> Halves(const std::vector<float>& v) {
    std::vector<Half> halves;
    for (const float x : v) halves.push_back(ToHalf(x));
    return halves;
  }
  void Insert(int first, int last) {
    std::vector<Doc> docs;
    for (int n = first; n < last; ++n) {
      Doc doc("d" + std::to_string(n),
              {{"n", std::int64_t{n}}, {"h", Draw(1)}, {"b", Bytes(Draw(1))}, {"s", DrawSparse()}});
      if (n % 11 != 0) doc.Set("v", Draw(1));
      docs.push_back(std::move(doc));
    }
    ASSERT_TRUE(collection_->Upsert(docs).ok());
  }
  BatchQuery Ask() const {
    BatchQuery batch;
    batch.field = "v";
    batch.vectors = std::span<const float>(queries_);
    return batch;
  }
  /// Asks one by one and expects the same rows, ids, scores and counts.
  template <class VectorOf>
  void ExpectAsSingle(const BatchQuery& batch, std::size_t count, VectorOf vector_of) {
    const BatchHitList all = collection_->QueryBatch(batch).value();
    ASSERT_EQ(all.begin.size(), count + 1);
    ASSERT_EQ(all.rows.size(), all.begin.back());
    ASSERT_EQ(all.scores.size(), all.begin.back());
    ASSERT_EQ(all.ids.size(), batch.ids ? all.begin.back() : 0);
    QueryStats sum;
    for (std::size_t q = 0; q < count; ++q) {
      VectorQuery query;
      query.field = batch.field, query.vector = vector_of(q), query.topk = batch.topk, query.ef = batch.ef;
      query.radius = batch.radius, query.exact = batch.exact, query.filter = batch.filter;
      const HitList hits = collection_->Query(query).value();
      const RowHitList rows = collection_->QueryRows(query).value();
      ASSERT_EQ(all.begin[q + 1] - all.begin[q], hits.hits.size()) << "query " << q;
      for (std::size_t i = 0; i < hits.hits.size(); ++i) {
        const std::size_t at = all.begin[q] + i;
        EXPECT_EQ(all.rows[at], rows.rows[i]) << "query " << q;
        EXPECT_EQ(all.scores[at], hits.hits[i].score) << "query " << q;
        if (batch.ids) {
          EXPECT_EQ(all.ids[at], hits.hits[i].doc.id) << "query " << q;
        }
      }
      sum.distances += hits.stats.distances;
      sum.matches += hits.stats.matches;
      sum.documents += hits.stats.documents;
    }
    EXPECT_EQ(all.stats.distances, sum.distances);
    EXPECT_EQ(all.stats.matches, sum.matches);
    EXPECT_EQ(all.stats.documents, sum.documents);
  }
  void ExpectAsSingle(const BatchQuery& batch) {
    ExpectAsSingle(batch, kQueries, [&](std::size_t q) {
      return std::vector<float>(queries_.begin() + static_cast<std::ptrdiff_t>(q * kDim),
                                queries_.begin() + static_cast<std::ptrdiff_t>((q + 1) * kDim));
    });
  }

  cocozvec::SimDisk disk_;
  CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
  std::mt19937 random_{5};
  std::normal_distribution<float> normal_;
  std::vector<float> queries_;
};

TEST_F(QueryBatchTest, AnswersWhatSingleQueriesAnswerOnAnyNumberOfThreads) {
  for (const std::uint32_t threads : {1u, 2u, 5u, 0u}) {
    BatchQuery batch = Ask();
    batch.threads = threads;
    ExpectAsSingle(batch);
  }
}

TEST_F(QueryBatchTest, FiltersRadiiAndExactScansAreThoseOfSingleQueries) {
  for (const char* filter : {"n < 5", "n < 130", "n >= 600", "n < 0"}) {
    BatchQuery batch = Ask();
    batch.filter = filter;
    ExpectAsSingle(batch);
  }
  BatchQuery batch = Ask();
  batch.topk = 50, batch.radius = 6.0f, batch.ids = false;
  ExpectAsSingle(batch);
  batch.radius.reset(), batch.exact = true, batch.topk = 3;
  ExpectAsSingle(batch);
}

TEST_F(QueryBatchTest, EveryKindOfVectorCanBeAsked) {
  BatchQuery batch = Ask();
  const std::vector<Half> halves = Halves(queries_);
  batch.field = "h";
  ExpectAsSingle(batch);  // floats for a field of halves
  batch.vectors = std::span<const Half>(halves);
  ExpectAsSingle(batch, kQueries, [&](std::size_t q) {
    return std::vector<Half>(&halves[q * kDim], &halves[q * kDim] + kDim);
  });
  const std::vector<std::int8_t> bytes = Bytes(queries_);
  batch.field = "b", batch.vectors = std::span<const std::int8_t>(bytes);
  ExpectAsSingle(batch, kQueries, [&](std::size_t q) {
    return std::vector<std::int8_t>(&bytes[q * kDim], &bytes[q * kDim] + kDim);
  });
  std::vector<SparseVector> sparse;
  for (int q = 0; q < 9; ++q) sparse.push_back(DrawSparse());
  batch.field = "s", batch.vectors = std::span<const SparseVector>(sparse);
  ExpectAsSingle(batch, sparse.size(), [&](std::size_t q) { return sparse[q]; });
}

TEST_F(QueryBatchTest, NoQueriesHaveNoAnswers) {
  BatchQuery batch = Ask();
  batch.vectors = std::span<const float>();
  const BatchHitList none = collection_->QueryBatch(batch).value();
  EXPECT_EQ(none.begin, std::vector<std::uint64_t>{0});
  EXPECT_TRUE(none.rows.empty());
}

// One bad query fails the batch, and the message says which: the first, on any number of threads.
TEST_F(QueryBatchTest, TheFirstQueryThatCannotBeAskedIsNamed) {
  queries_[17 * kDim + 3] = std::numeric_limits<float>::quiet_NaN();
  queries_[31 * kDim] = std::numeric_limits<float>::infinity();
  for (const std::uint32_t threads : {1u, 2u, 7u}) {
    BatchQuery batch = Ask();
    batch.threads = threads;
    const Status status = collection_->QueryBatch(batch).status();
    EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
    EXPECT_NE(status.message().find("query 17 of 40"), std::string_view::npos) << status.ToString();
  }
}

TEST_F(QueryBatchTest, ShapesThatDoNotFitAreRefusedWithBothValues) {
  BatchQuery batch = Ask();
  batch.vectors = std::span<const float>(queries_).first(kDim * 3 + 1);
  Status status = collection_->QueryBatch(batch).status();
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_NE(status.message().find("25 elements"), std::string_view::npos) << status.ToString();
  EXPECT_NE(status.message().find("dimension 8"), std::string_view::npos) << status.ToString();
  batch = Ask();
  batch.topk = 0;
  EXPECT_EQ(collection_->QueryBatch(batch).status().code(), StatusCode::kInvalidArgument);
  batch = Ask();
  batch.topk = kMaxTopk;
  std::vector<float> many(1'001 * kDim);
  batch.vectors = std::span<const float>(many);
  EXPECT_NE(collection_->QueryBatch(batch).status().message().find("1001 queries"), std::string_view::npos);
  batch = Ask();
  batch.field = "nowhere";
  EXPECT_TRUE(collection_->QueryBatch(batch).status().IsNotFound());
  batch = Ask();
  batch.field = "n";
  EXPECT_EQ(collection_->QueryBatch(batch).status().code(), StatusCode::kInvalidArgument);
  batch = Ask();
  batch.vectors = {};
  EXPECT_EQ(collection_->QueryBatch(batch).status().code(), StatusCode::kInvalidArgument);
  batch = Ask();
  batch.field = "s";
  EXPECT_EQ(collection_->QueryBatch(batch).status().code(), StatusCode::kInvalidArgument);
  batch = Ask();
  batch.filter = "n <";
  EXPECT_EQ(collection_->QueryBatch(batch).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(QueryBatchTest, AClosedCollectionAnswersClosed) {
  ASSERT_TRUE(collection_->QueryBatch(Ask()).ok());
  ASSERT_TRUE(collection_->Close().ok());
  EXPECT_EQ(collection_->QueryBatch(Ask()).status().code(), StatusCode::kClosed);
}

TEST_F(QueryBatchTest, BatchesRunBesideEachOtherAndAWriter) {
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t) {
    readers.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const BatchHitList all = collection_->QueryBatch(Ask()).value();
        EXPECT_EQ(all.ids.size(), kQueries * 10);
      }
    });
  }
  Insert(1'300, 1'400);
  for (std::thread& reader : readers) reader.join();
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
