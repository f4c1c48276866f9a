// What a collection keeps in memory: bytes that live, counted by their owners, not by what the allocator has
// put aside; and of a mapped graph that was copied, nothing.
#include <gtest/gtest.h>
#include <malloc.h>

#include <fstream>
#include <random>
#include <string>

#include "base/array.h"
#include "base/sanitizer.h"
#include "zvec/collection/testing/allocation_limit.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/index/hnsw/index_file.h"

namespace zvec::inline v0::testing_docs {
namespace {

constexpr std::uint32_t kRows = cocozvec::kSanitized ? 3'000 : 12'000, kDim = 128, kLinks = 2 * 16;
constexpr std::uint64_t kCodesAndLinks = std::uint64_t{kRows} * (kDim + 4 * kLinks);

std::uint64_t BytesInUse() {
  const auto heap = ::mallinfo2();
  return cocozvec::MappedArrayBytes() + heap.uordblks + heap.hblkhd;
}

/// Of the mappings of files whose names hold `part`.
std::uint64_t ResidentBytes(const std::string& part) {
  std::ifstream smaps("/proc/self/smaps");
  std::uint64_t sum = 0;
  bool counts = false;
  for (std::string line; std::getline(smaps, line);) {
    const std::string first = line.substr(0, line.find(' '));
    if (!first.ends_with(':')) counts = line.find(part) != std::string::npos;
    if (counts && first == "Rss:") sum += std::stoull(line.substr(4)) << 10;
  }
  return sum;
}

class MemoryTest : public ::testing::TestWithParam<Maintenance> {
 protected:
  void Fill() {
    CollectionSchema schema;
    schema.name = "c";
    schema.fields = {{"v", DataType::kVectorFp32, false, kDim, IndexParams::Hnsw(MetricType::kL2)}};
    CollectionOptions options;
    options.durability = Durability::kRelaxed;
    options.maintenance = GetParam();
    collection_ = Collection::Create(place_.path("c"), schema, options).value();
    std::vector<float> centres(40 * kDim);
    for (float& x : centres) x = normal_(random_);
    for (std::uint32_t row = 0; row < kRows;) {
      std::vector<Doc> docs;
      for (; row < kRows && docs.size() < 500; ++row) {
        std::vector<float> v(kDim);
        for (std::size_t i = 0; i < kDim; ++i) v[i] = centres[row % 40 * kDim + i] + 0.5f * normal_(random_);
        docs.push_back(Doc(std::to_string(row), {{"v", v}}));
      }
      ASSERT_TRUE(collection_->Insert(docs).ok());
    }
  }
  void Ask(int times, bool exact = false) {
    VectorQuery query;
    query.field = "v";
    query.exact = exact;
    query.output_fields.emplace();
    for (int i = 0; i < times; ++i) {
      query.vector = std::vector<float>(kDim, static_cast<float>(i % 7));
      ASSERT_TRUE(collection_->Query(query).ok());
    }
  }

  TempPlace place_;
  std::shared_ptr<Collection> collection_;
  std::mt19937 random_{3};
  std::normal_distribution<float> normal_;
};

// Guards: 180 MiB where 73 were needed: the mapped graph stayed in memory beside its copy, and what the
// mutable segment had held stayed with the allocator.
TEST_P(MemoryTest, BesidesTheVectorsAnOptimizedCollectionHoldsCodesAndLinks) {
  const std::uint64_t before = BytesInUse();
  Fill();
  ASSERT_TRUE(collection_->Optimize().ok());
  Ask(hnsw::kSearchesBeforeCopy + 20);
  constexpr std::uint64_t kFixed = 600 << 10;  // scratch of this thread, the handle, the manifest
  if (!cocozvec::kSanitized) {                 // they have an allocator of their own
    EXPECT_LT(BytesInUse() - before, kCodesAndLinks * 6 / 5 + kFixed);
  }
  EXPECT_GE(cocozvec::MappedArrayBytes(), kCodesAndLinks);
  EXPECT_LT(ResidentBytes("/c/index-"), kCodesAndLinks / 8);  // the upper levels are walked where they lie
  collection_.reset();
  EXPECT_LT(cocozvec::MappedArrayBytes(), 1u << 20);
}

// Guards: to put several segments in order counted as a search of their graphs; after some they are copied.
TEST_P(MemoryTest, ExactQueriesOverSeveralSegmentsDoNotCopyGraphs) {
  Fill();
  ASSERT_TRUE(collection_->Optimize().ok());
  ASSERT_TRUE(collection_->Insert(std::vector{Doc("one more", {{"v", std::vector<float>(kDim)}})}).ok());
  Ask(1, /*exact=*/true);
  const std::uint64_t before = cocozvec::MappedArrayBytes();
  Ask(hnsw::kSearchesBeforeCopy + 20, /*exact=*/true);
  EXPECT_LT(cocozvec::MappedArrayBytes(), before + kCodesAndLinks / 2);
}

// What the allocator has given out in large pieces it keeps when it is freed: 14 MiB of 100,000 rows.
TEST_P(MemoryTest, SealingAndLinkingTakeNothingLargeFromTheAllocator) {
  Fill();
  const LargeAllocations large(cocozvec::kLeastMappedBytes);
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(large.count(), 0);
}

// Guards: 5 of 34 MiB beside the vectors had been freed long ago.
TEST_P(MemoryTest, WhatWasFreedGoesBackToTheSystemWithOptimize) {
  if (cocozvec::kSanitized) GTEST_SKIP() << "they have an allocator of their own";
  Fill();
  constexpr std::size_t kPieces = 20'000, kPiece = 1'000, kEvery = 50;
  std::vector<std::string> pieces;
  for (std::size_t i = 0; i < kPieces; ++i) pieces.emplace_back(kPiece, 'x');
  for (std::size_t i = 0; i < kPieces; ++i)
    if (i % kEvery != 0) std::string().swap(pieces[i]);
  const std::uint64_t before = ResidentBytes("[heap]");
  ASSERT_TRUE(collection_->Optimize().ok());
  EXPECT_LT(ResidentBytes("[heap]") + kPieces * kPiece * 3 / 4, before);
}

INSTANTIATE_TEST_SUITE_P(Modes, MemoryTest, ::testing::Values(Maintenance::kInline, Maintenance::kManual),
                         [](const auto& info) {
                           return info.param == Maintenance::kInline ? "Inline" : "Manual";
                         });

}  // namespace
}  // namespace zvec::inline v0::testing_docs
