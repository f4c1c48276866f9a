#include "zvec/query/filter_cache.h"

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "zvec/query/chunk_rows.h"
#include "zvec/query/search.h"
#include "zvec/query/testing/fake_segment.h"

namespace zvec {
namespace {

using testing::FakeSegment;

CollectionSchema Schema() {
  CollectionSchema schema;
  schema.name = "docs";
  schema.fields = {{"n", DataType::kInt32, false, 0, {}},
                   {"v", DataType::kVectorFp32, false, 2, IndexParams::Flat(MetricType::kL2)}};
  return schema;
}

std::vector<Doc> Docs(std::uint32_t count) {
  std::vector<Doc> docs;
  for (std::uint32_t i = 0; i < count; ++i)
    docs.push_back(Doc("d" + std::to_string(i), {{"n", static_cast<std::int32_t>(i)},
                                                 {"v", std::vector<float>{static_cast<float>(i), 0}}}));
  return docs;
}

constexpr std::uint32_t kRows = FilterCache::kLeastRows + 2 * kChunkRows + 100;

class FilterCacheTest : public ::testing::Test {
 protected:
  FilterCacheTest() : segment_(schema_, Docs(kRows)) { segment_.identity = std::make_shared<int>(); }

  std::shared_ptr<const Filter> Get(std::string_view text) { return cache_.Get(text, schema_).value(); }
  /// The ten documents nearest to 0, as numbers; `kept` says whether the filter's answer was there.
  std::vector<std::uint32_t> Ask(const SegmentView& segment, std::string_view filter, bool* kept) {
    const SegmentView* segments[] = {&segment};
    VectorQuery query{.field = "v", .vector = std::vector<float>{0, 0}};
    QueryStats stats;
    std::vector<std::uint32_t> rows;
    for (const RowHit& hit : SearchVectors(segments, schema_, query, *Get(filter), &stats).value())
      rows.push_back(hit.row);
    *kept = stats.kept_filters == 1;
    return rows;
  }

  const CollectionSchema schema_ = Schema();
  FakeSegment segment_;
  FilterCache cache_;
};

std::vector<std::uint32_t> Numbers(std::uint32_t first, std::uint32_t last) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t n = first; n <= last; ++n) out.push_back(n);
  return out;
}

TEST_F(FilterCacheTest, AFilterAskedAgainReadsNoColumnOfItAndAnswersTheSame) {
  bool kept = true;
  const auto first = Ask(segment_, "n >= 5000", &kept);
  EXPECT_FALSE(kept);
  EXPECT_EQ(first, Numbers(5'000, 5'009));
  const std::uint64_t before = segment_.reads();
  EXPECT_EQ(Ask(segment_, "n >= 5000", &kept), first);
  EXPECT_TRUE(kept);
  // What is left to read: the vectors of the chunks with matches.
  EXPECT_EQ(segment_.reads() - before, segment_.chunk_count() - 5'000 / kChunkRows);
}

TEST_F(FilterCacheTest, WhatWasDeletedSinceIsNotFound) {
  bool kept = false;
  (void)Ask(segment_, "n >= 5000", &kept);
  segment_.Kill(5'000);
  segment_.Kill(5'007);
  auto wanted = Numbers(5'001, 5'011);
  std::erase(wanted, 5'007u);
  EXPECT_EQ(Ask(segment_, "n >= 5000", &kept), wanted);
  EXPECT_TRUE(kept);
}

TEST_F(FilterCacheTest, OneTextIsParsedOnceAndABadOneIsAnErrorEachTime) {
  EXPECT_EQ(Get("n = 1").get(), Get("n = 1").get());
  EXPECT_NE(Get("n = 1").get(), Get("n = 2").get());
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(cache_.Get("n = 'x'", schema_).status().code(), StatusCode::kInvalidArgument);
}

TEST_F(FilterCacheTest, AnEmptyFilterPassesEveryRowAndKeepsNothing) {
  EXPECT_TRUE(Get("")->matches_all());
  EXPECT_TRUE(Get("  ")->matches_all());
  bool kept = true;
  EXPECT_EQ(Ask(segment_, "", &kept), Numbers(0, 9));
  EXPECT_EQ(Ask(segment_, "", &kept), Numbers(0, 9));
  EXPECT_FALSE(kept);
}

// The tail of a mutable segment: only whole chunks are fixed, the answer grows with them, and a view of an
// earlier moment may use the longer one.
TEST_F(FilterCacheTest, AnAnswerGrowsWithItsSegment) {
  bool kept = true;
  FakeSegment young(schema_, Docs(kRows - kChunkRows));
  young.identity = segment_.identity;
  young.fixed = (kRows - kChunkRows) / kChunkRows * kChunkRows;
  segment_.fixed = kRows / kChunkRows * kChunkRows;
  EXPECT_EQ(Ask(young, "n > 10", &kept), Numbers(11, 20));
  EXPECT_FALSE(kept);
  const std::uint64_t before = segment_.reads();
  bool made = true;
  const auto grown = Get("n > 10")->Mask(segment_, true, &made).value();
  EXPECT_FALSE(made);
  EXPECT_EQ(grown->rows, segment_.fixed);
  EXPECT_EQ(grown->count, segment_.fixed - 11);
  EXPECT_EQ(segment_.reads() - before, 1u) << "the chunk that became whole";
  EXPECT_EQ(Ask(young, "n > 10", &kept), Numbers(11, 20));
  EXPECT_TRUE(kept);
  const auto rows = Ask(young, "n > " + std::to_string(young.row_count() - 3), &kept);
  EXPECT_EQ(rows, Numbers(young.row_count() - 2, young.row_count() - 1));
}

TEST_F(FilterCacheTest, SegmentsAreToldApartAndThoseThatAreGoneAreForgotten) {
  bool kept = true;
  (void)Ask(segment_, "n < 100", &kept);
  const std::size_t one = cache_.bytes();
  for (int i = 0; i < 20; ++i) {
    FakeSegment other(schema_, Docs(kRows + static_cast<std::uint32_t>(i)));
    other.identity = std::make_shared<int>();
    EXPECT_EQ(Ask(other, "n < 100", &kept), Numbers(0, 9));
    EXPECT_FALSE(kept);
  }
  EXPECT_LT(cache_.bytes(), 3 * one);
  EXPECT_EQ(Ask(segment_, "n < 100", &kept), Numbers(0, 9));
  EXPECT_TRUE(kept);
}

TEST_F(FilterCacheTest, ASmallOrUnknownSegmentIsAskedEachTime) {
  bool kept = false;
  FakeSegment small(schema_, Docs(FilterCache::kLeastRows - 1)), unknown(schema_, Docs(kRows));
  small.identity = std::make_shared<int>();
  for (const SegmentView* segment : {&small, &unknown}) {
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(Ask(*segment, "n < 100", &kept), Numbers(0, 9));
      EXPECT_FALSE(kept);
    }
  }
}

TEST_F(FilterCacheTest, TheBytesAreBoundedAndWhatWasAskedForLastStays) {
  FilterCache small(20'000);
  bool kept = false;
  for (int i = 0; i < 200; ++i) {
    const auto filter = small.Get("n > " + std::to_string(i), schema_).value();
    (void)filter->Mask(segment_, true, &kept).value();
    EXPECT_LE(small.bytes(), 20'000u);
    const auto first = small.Get("n > 0", schema_).value();
    (void)first->Mask(segment_, true, &kept).value();
    EXPECT_EQ(kept, i != 0 || filter == first);
  }
  // A filter longer than the cache is answered, and not kept.
  std::string list = "n IN (0";
  for (int i = 1; i < 3'000; ++i) list += "," + std::to_string(i);
  const std::size_t before = small.bytes();
  const auto filter = small.Get(list + ")", schema_).value();
  EXPECT_EQ(filter->Mask(segment_, true, &kept).value()->count, 3'000u);
  EXPECT_EQ(small.bytes(), before);
}

TEST_F(FilterCacheTest, AnAnswerThatFailsIsNotKeptAndFailsTheQuery) {
  segment_.broken_chunk = 1;
  const SegmentView* segments[] = {&segment_};
  VectorQuery query{.field = "v", .vector = std::vector<float>{0, 0}};
  QueryStats stats;
  const auto filter = Get("n < 100");
  EXPECT_EQ(SearchVectors(segments, schema_, query, *filter, &stats).status().code(), StatusCode::kDataLoss);
  segment_.broken_chunk = UINT32_MAX;
  bool kept = true;
  EXPECT_EQ(filter->Mask(segment_, true, &kept).value()->count, 100u);
  EXPECT_FALSE(kept);
}

TEST_F(FilterCacheTest, DamageUnderDeletedRowsOnlyHidesNothing) {
  for (std::uint32_t row = kChunkRows; row < 2 * kChunkRows; ++row) segment_.Kill(row);
  segment_.broken_chunk = 1;
  bool kept = true;
  EXPECT_EQ(Ask(segment_, "n > 10 and n < 5000", &kept), Numbers(11, 20));
  EXPECT_FALSE(kept);
}

// Under tsan too: look-ups, answers and evictions beside each other.
TEST_F(FilterCacheTest, ThreadsShareAnswers) {
  FilterCache small(40'000);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      bool kept = false;
      for (std::uint32_t i = 0; i < 300; ++i) {
        const std::uint32_t n = (i * 7 + static_cast<std::uint32_t>(t)) % 60;
        const auto filter = small.Get("n < " + std::to_string(n), schema_).value();
        const auto mask = filter->Mask(segment_, true, &kept).value();
        if (mask->count != n || mask->rows != kRows) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

}  // namespace
}  // namespace zvec
