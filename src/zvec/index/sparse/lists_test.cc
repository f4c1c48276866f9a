// Inverted lists alone: equal to plain sums for every row, and damaged files.
#include "zvec/index/sparse/lists.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "base/io/sim_disk.h"
#include "zvec/index/sparse/list_builder.h"
#include "zvec/query/testing/fake_segment.h"

namespace zvec::sparse {
namespace {

constexpr hnsw::GraphPlace kPlace{7, 3, 0};

CollectionSchema Schema(DataType type = DataType::kSparseVectorFp32) {
  CollectionSchema schema;
  schema.name = "lists";
  schema.fields = {{"s", type, true, 0, IndexParams::Hnsw(MetricType::kIp)}};
  return schema;
}

SparseVector Draw(std::mt19937& random, std::uint32_t terms, std::uint32_t one_in, bool negative) {
  SparseVector s;
  for (std::uint32_t i = 0; i < terms; ++i) {
    if (random() % (1 + i * one_in / terms) != 0) continue;  // frequent ones first
    s.indices.push_back(i * 3);
    const float x = std::normal_distribution<float>()(random);
    s.values.push_back(negative ? x : std::fabs(x));
  }
  return s;
}

/// Keeps the k largest.
class Largest final : public Hits {
 public:
  explicit Largest(std::size_t k) : k_(k) {}
  float Least() const noexcept override {
    return hits.size() < k_ ? -std::numeric_limits<float>::infinity() : -hits.back().first;
  }
  void Offer(std::uint32_t row, float score) override {
    hits.insert(std::upper_bound(hits.begin(), hits.end(), std::pair(-score, row)), {-score, row});
    if (hits.size() > k_) hits.pop_back();
  }
  std::vector<std::pair<float, std::uint32_t>> hits;  ///< negative scores, the largest first

 private:
  const std::size_t k_;
};

class ListsTest : public ::testing::Test {
 protected:
  void Build(const std::vector<SparseVector>& rows, DataType type = DataType::kSparseVectorFp32) {
    std::vector<Doc> docs;
    for (std::size_t r = 0; r < rows.size(); ++r) {
      docs.emplace_back("d" + std::to_string(r));
      if (r % 13 != 5) docs.back().Set("s", rows[r]);
    }
    rows_ = rows;
    const testing::FakeSegment segment(Schema(type), docs);
    const Lists lists = BuildLists(segment, 0).value().value();
    entry_ = WriteLists(disk_, "index-9", 9, kPlace, lists).value();
  }
  std::shared_ptr<const hnsw::Graph> Open(bool map = true) {
    return OpenLists(disk_, "index-9", entry_, kPlace, map).value();
  }
  void ExpectExact(const SparseVector& query, std::size_t k, const std::vector<std::uint64_t>& mask,
                   SearchCounts* counts = nullptr) {
    Largest expected(k), found(k);
    for (std::uint32_t r = 0; r < rows_.size(); ++r) {
      if (r % 13 == 5 || !((mask[r / 64] >> (r % 64)) & 1)) continue;
      double sum = 0;
      for (std::size_t i = 0, q = 0; i < rows_[r].indices.size(); ++i) {
        while (q < query.indices.size() && query.indices[q] < rows_[r].indices[i]) ++q;
        if (q < query.indices.size() && query.indices[q] == rows_[r].indices[i])
          sum += static_cast<double>(rows_[r].values[i]) * query.values[q];
      }
      if (static_cast<float>(sum) >= expected.Least()) expected.Offer(r, static_cast<float>(sum));
    }
    SearchCounts unwanted;
    const auto graph = Open();
    std::vector<std::uint64_t> present = mask;
    ASSERT_TRUE(graph->lists()->MaskPresent(present).ok());
    ASSERT_TRUE(graph->lists()
                    ->Find(query.indices, query.values, present.data(), found, counts ? counts : &unwanted)
                    .ok());
    EXPECT_EQ(found.hits, expected.hits);
  }
  std::vector<std::uint64_t> All() const { return std::vector<std::uint64_t>(rows_.size() / 64 + 1, ~0ull); }

  cocozvec::SimDisk disk_;
  std::vector<SparseVector> rows_;
  IndexEntry entry_;
  std::mt19937 random_{3};
};

TEST_F(ListsTest, FindTheSameRowsWithTheSameScoresAsPlainSums) {
  for (const bool negative : {false, true}) {
    std::vector<SparseVector> rows;
    for (int r = 0; r < 700; ++r) rows.push_back(Draw(random_, 120, 40, negative));
    rows[3] = {};
    Build(rows);
    for (int q = 0; q < 40; ++q) {
      const SparseVector query = Draw(random_, 150, 30, negative || q % 2 == 0);
      for (const std::size_t k : {1u, 10u, 300u, 2'000u}) ExpectExact(query, k, All());
      std::vector<std::uint64_t> mask = All();
      for (auto& word : mask) word &= random_() & (std::uint64_t{random_()} << 32 | random_());
      ExpectExact(query, 10, mask);
    }
    ExpectExact({}, 10, All());
    ExpectExact({{1'000'000}, {1}}, 10, All());
    disk_ = {};
  }
}

TEST_F(ListsTest, ValuesThatCancelOrDifferByManyOrdersStillAgree) {
  std::vector<SparseVector> rows;
  for (int r = 0; r < 300; ++r) {
    SparseVector s;
    for (std::uint32_t t = 0; t < 40; ++t) {
      s.indices.push_back(t * 100'000'007u % 4'000'000'000u / 40 * 40 + t);
      s.values.push_back((random_() % 2 ? 1.f : -1.f) *
                         std::pow(10.f, static_cast<float>(random_() % 60) - 30));
    }
    std::sort(s.indices.begin(), s.indices.end());
    rows.push_back(std::move(s));
  }
  Build(rows);
  for (int q = 0; q < 30; ++q) ExpectExact(rows[random_() % 300], 10, All());
}

// Guards: an index that reads everything all the same.
TEST_F(ListsTest, BlocksThatCannotMatterAreNotScored) {
  std::vector<SparseVector> rows;
  for (int r = 0; r < 6'400; ++r) {
    SparseVector s = Draw(random_, 60, 20, false);
    if (r / 640 == 7)
      for (float& v : s.values) v *= 20;
    rows.push_back(std::move(s));
  }
  Build(rows);
  SearchCounts counts;
  ExpectExact(Draw(random_, 60, 20, false), 10, All(), &counts);
  EXPECT_LE(counts.blocks, 15u);  // of 100
}

TEST_F(ListsTest, HalvesAreWidenedOnce) {
  std::vector<SparseVector> rows;
  for (int r = 0; r < 200; ++r) {
    rows.push_back(Draw(random_, 50, 10, true));
    for (float& v : rows.back().values) v = FromHalf(ToHalf(v));
  }
  Build(rows, DataType::kSparseVectorFp16);
  for (int q = 0; q < 10; ++q) ExpectExact(rows[random_() % 200], 10, All());
}

TEST_F(ListsTest, NoRowsWithTermsGiveZeros) {
  Build(std::vector<SparseVector>(130));
  ExpectExact({{1}, {1}}, 10, All());
}

// Every byte of the file, damaged: an error or the right answer.
TEST_F(ListsTest, DamageIsAnErrorAndNeverAnotherAnswer) {
  std::vector<SparseVector> rows;
  for (int r = 0; r < 130; ++r) rows.push_back(Draw(random_, 20, 6, false));
  Build(rows);
  const auto file = disk_.Open("index-9", cocozvec::OpenMode::kReadWrite).value();
  const SparseVector query = Draw(random_, 20, 4, false);
  Largest sound(5);
  SearchCounts counts;
  ASSERT_TRUE(Open()->lists()->Find(query.indices, query.values, All().data(), sound, &counts).ok());
  std::size_t errors = 0;
  for (std::uint64_t at = 0; at < entry_.size_bytes; ++at) {
    std::byte byte{};
    ASSERT_TRUE(file->ReadAt(at, {&byte, 1}).ok());
    const std::byte damaged = byte ^ std::byte{0x10};
    ASSERT_TRUE(file->WriteAt(at, {&damaged, 1}).ok());
    const auto graph = OpenLists(disk_, "index-9", entry_, kPlace, at % 2 == 0);
    Largest found(5);
    Status status = graph.status();
    if (graph.ok())
      status = (*graph)->lists()->Find(query.indices, query.values, All().data(), found, &counts);
    if (status.ok()) {
      EXPECT_EQ(found.hits, sound.hits) << "byte " << at;
      EXPECT_TRUE(graph.ok());
    } else {
      ++errors;
      EXPECT_EQ(status.code(), StatusCode::kDataLoss) << "byte " << at << ": " << status.ToString();
    }
    ASSERT_TRUE(file->WriteAt(at, {&byte, 1}).ok());
  }
  EXPECT_GT(errors, entry_.size_bytes / 3);
}

}  // namespace
}  // namespace zvec::sparse
