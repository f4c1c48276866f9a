// Whatever state its rows are in (mutable, sealed, mixed, with deletions, compacted, reopened, mapped or
// not), a collection answers filters and searches as a plain look at every document does.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "zvec/collection.h"
#include "zvec/query/testing/random_filter.h"

namespace zvec {
namespace {

using testing::Evaluate;
using testing::Expression;
using testing::Generator;
using testing::Maker;

constexpr std::uint32_t kDim = 5;

FieldSchema VectorField(std::string name, DataType type, MetricType metric) {
  FieldSchema field;
  field.name = std::move(name);
  field.type = type;
  field.nullable = true;
  field.dimension = IsSparseVector(type) ? 0 : kDim;
  field.index = IndexParams::Flat(metric);
  return field;
}

CollectionSchema Schema() {
  CollectionSchema schema = testing::RandomSchema();
  schema.fields.push_back(VectorField("l2", DataType::kVectorFp32, MetricType::kL2));
  schema.fields.push_back(VectorField("cosine", DataType::kVectorFp16, MetricType::kCosine));
  schema.fields.push_back(VectorField("bytes", DataType::kVectorInt8, MetricType::kIp));
  schema.fields.push_back(VectorField("sparse", DataType::kSparseVectorFp32, MetricType::kIp));
  return schema;
}

// Small integers: every sum is exact in every precision.
std::vector<int> Numbers(Generator& g) {
  std::vector<int> numbers(kDim);
  for (int& n : numbers) n = static_cast<int>(g.Below(7)) - 3;
  return numbers;
}

template <class T>
std::vector<T> As(const std::vector<int>& numbers) {
  return {numbers.begin(), numbers.end()};
}

SparseVector Sparse(const std::vector<int>& numbers) {
  SparseVector vector;
  for (std::uint32_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] == 0) continue;
    vector.indices.push_back(i * 1'000);
    vector.values.push_back(static_cast<float>(numbers[i]));
  }
  return vector;
}

struct Model {
  Doc doc;
  std::vector<int> vector;  // empty: null, in every vector field
};

Model MakeDocument(Generator& g, std::size_t number) {
  Model m{g.Row(number), {}};
  if (g.OneIn(7)) return m;
  m.vector = Numbers(g);
  m.doc.Set("l2", As<float>(m.vector))
      .Set("cosine", As<float>(m.vector))
      .Set("bytes", As<std::int8_t>(m.vector));
  m.doc.Set("sparse", Sparse(m.vector));
  return m;
}

float Score(const std::string& field, const std::vector<int>& a, const std::vector<int>& b) {
  double l2 = 0, ip = 0, aa = 0, bb = 0;
  for (std::size_t i = 0; i < kDim; ++i) {
    l2 += (a[i] - b[i]) * (a[i] - b[i]), ip += a[i] * b[i], aa += a[i] * a[i], bb += b[i] * b[i];
  }
  if (field == "l2") return static_cast<float>(l2);
  if (field != "cosine") return static_cast<float>(ip);
  return aa == 0 || bb == 0
             ? 1.0f
             : static_cast<float>(std::clamp(1 - ip / (std::sqrt(aa) * std::sqrt(bb)), 0.0, 2.0));
}

class QueryStates : public ::testing::TestWithParam<bool> {
 protected:
  QueryStates() : g_(GetParam() ? 31u : 32u) {
    path_ = ::testing::TempDir() + "query_states." + std::to_string(::getpid());
    options_.durability = Durability::kRelaxed;
    options_.enable_mmap = GetParam();
    options_.seal_bytes = 200'000;
    collection_ = Collection::Create(path_, Schema(), options_).value();
  }
  ~QueryStates() override {
    collection_.reset();
    EXPECT_TRUE(Collection::Destroy(path_).ok());
  }

  void Write(std::size_t count, std::size_t ids) {
    std::vector<Doc> docs;
    for (std::size_t i = 0; i < count; ++i) {
      Model m = MakeDocument(g_, g_.Below(ids));
      docs.push_back(m.doc);
      model_[m.doc.id] = std::move(m);
    }
    ASSERT_EQ(collection_->Upsert(docs).value().applied, count);
  }

  void Delete(std::size_t ids) {
    std::vector<std::string> gone;
    for (std::size_t i = 0; i < ids / 20; ++i) gone.push_back("r" + std::to_string(g_.Below(ids)));
    collection_->Delete(gone).value();
    for (const std::string& id : gone) model_.erase(id);
  }

  void Reopen() {
    ASSERT_TRUE(collection_->Close().ok());
    collection_ = Collection::Open(path_, options_).value();
  }

  void CheckFilter(const Expression& e) {
    std::vector<std::string> expected, found;
    for (const auto& [id, m] : model_) {
      if (Evaluate(e, m.doc) == true) expected.push_back(id);
    }
    ScanQuery scan;
    scan.filter = e.text;
    for (const Hit& hit : collection_->Scan(scan).value().hits) found.push_back(hit.doc.id);
    std::sort(found.begin(), found.end());
    ASSERT_EQ(found, expected) << e.text;
  }

  void CheckSearch(const std::string& field, const Expression& e, std::uint32_t topk) {
    const std::vector<int> numbers = Numbers(g_);
    VectorQuery query;
    query.field = field;
    query.filter = e.text;
    query.topk = topk;
    query.output_fields.emplace();
    if (field == "bytes") query.vector = As<std::int8_t>(numbers);
    if (field == "sparse") query.vector = Sparse(numbers);
    if (field == "l2" || field == "cosine") query.vector = As<float>(numbers);
    std::map<std::string, float> scores;
    std::vector<float> best, found;
    for (const auto& [id, m] : model_) {
      if (m.vector.empty() || Evaluate(e, m.doc) != true) continue;
      scores[id] = Score(field, numbers, m.vector);
      best.push_back(scores[id]);
    }
    std::sort(best.begin(), best.end());
    if (field == "bytes" || field == "sparse") std::reverse(best.begin(), best.end());
    best.resize(std::min<std::size_t>(best.size(), topk));
    for (const Hit& hit : collection_->Query(query).value().hits) {
      ASSERT_TRUE(scores.contains(hit.doc.id)) << hit.doc.id << " " << e.text;
      ASSERT_EQ(hit.score, scores[hit.doc.id]) << field;
      found.push_back(hit.score);
    }
    ASSERT_EQ(found, best) << field << " " << e.text;
  }

  void Check() {
    ASSERT_EQ(collection_->Stats().doc_count, model_.size());
    for (int i = 0; i < 12; ++i) {
      const Expression e = Maker(g_).Make(3);
      ASSERT_NO_FATAL_FAILURE(CheckFilter(e));
      for (const char* field : {"l2", "cosine", "bytes", "sparse"}) {
        ASSERT_NO_FATAL_FAILURE(CheckSearch(field, e, i % 2 ? 10 : kMaxTopk));
      }
    }
  }

  Generator g_;
  std::string path_;
  CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
  std::map<std::string, Model> model_;
};

TEST_P(QueryStates, AnswersAreThoseOfAPlainLook) {
  constexpr std::size_t kIds = 3'000;
  std::uint32_t most_segments = 0;
  ASSERT_NO_FATAL_FAILURE(Check()) << "empty";
  for (int round = 0; round < 4; ++round) {
    ASSERT_NO_FATAL_FAILURE(Write(round == 0 ? 300 : 1'500, kIds));
    ASSERT_NO_FATAL_FAILURE(Check()) << "written, round " << round;
    Delete(kIds);
    ASSERT_NO_FATAL_FAILURE(Check()) << "deleted, round " << round;
    most_segments = std::max(most_segments, collection_->Stats().sealed_segments);
    ASSERT_NO_FATAL_FAILURE(Reopen());
    ASSERT_NO_FATAL_FAILURE(Check()) << "reopened, round " << round;
    if (round == 2) {
      ASSERT_TRUE(collection_->Optimize().ok());
      ASSERT_NO_FATAL_FAILURE(Check()) << "optimized";
    }
  }
  EXPECT_GT(most_segments, 1u) << "the test must see more than one sealed segment";
}

TEST_P(QueryStates, DeleteByFilterDeletesWhatTheFilterFinds) {
  ASSERT_NO_FATAL_FAILURE(Write(1'500, 2'000));
  for (int i = 0; i < 10; ++i) {
    const Expression e = Maker(g_).Make(2);
    const std::size_t before = model_.size();
    std::erase_if(model_, [&](const auto& entry) { return Evaluate(e, entry.second.doc) == true; });
    ASSERT_EQ(collection_->DeleteByFilter(e.text).value(), before - model_.size()) << e.text;
    ASSERT_NO_FATAL_FAILURE(Write(200, 2'000));
    ASSERT_NO_FATAL_FAILURE(Check());
  }
}

INSTANTIATE_TEST_SUITE_P(Files, QueryStates, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Mapped" : "Read"; });

}  // namespace
}  // namespace zvec
