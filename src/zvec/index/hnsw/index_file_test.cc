#include "zvec/index/hnsw/index_file.h"

#include <gtest/gtest.h>

#include "base/coding.h"
#include "base/io/sim_disk.h"
#include "zvec/index/hnsw/builder.h"
#include "zvec/index/hnsw/searcher.h"
#include "zvec/index/hnsw/testing/vectors.h"
#include "zvec/storage/file_header.h"

namespace zvec::hnsw {
namespace {

using testing::Rows;
using testing::Vectors;

constexpr GraphPlace kPlace{77, 5, 2};
constexpr std::size_t kDim = 12;

class IndexFile : public ::testing::Test {
 protected:
  void SetUp() override {
    builder_ = std::make_unique<GraphBuilder>(Encoder::Train(MetricType::kL2, kDim, data_.Sample()),
                                              BuildParams{4, 20}, data_.count);
    builder_->Link(Rows(data_.count), data_.count, data_.Source(), nullptr);
    builder_->Finish(nullptr);
    entry_ = WriteGraph(disk_, "index-9", 9, kPlace, builder_->Current().view).value();
    bytes_ = cocozvec::ReadFile(disk_, "index-9", 1 << 24).value();
  }
  Result<std::shared_ptr<const Graph>> Open(bool map = true, const GraphPlace& place = kPlace) {
    return OpenGraph(disk_, "index-9", entry_, place, MetricType::kL2, kDim, map);
  }
  void Replace(const std::string& bytes) {
    ASSERT_TRUE(disk_.RemoveFile("index-9").ok());
    auto file = disk_.Open("index-9", cocozvec::OpenMode::kCreateNew).value();
    ASSERT_TRUE(file->WriteAt(0, std::as_bytes(std::span(bytes))).ok());
  }
  /// The candidates of every row's own vector; the first error.
  static Result<std::vector<std::vector<std::uint32_t>>> SearchAll(const Vectors& data,
                                                                   const GraphView& graph) {
    std::vector<std::vector<std::uint32_t>> all;
    std::vector<std::uint8_t> code(graph.encoder->query_bytes());
    for (std::uint32_t r = 0; r < data.count; ++r) {
      graph.encoder->EncodeQuery(data[r], code.data());
      ZVEC_RETURN_IF_ERROR(FindNearest(graph, code.data(), 10, BreadthFor(data.count, 0), Scratch::Local(),
                                       &all.emplace_back()));
    }
    return all;
  }

  const Vectors data_ = Vectors::Clustered(400, kDim, 1);
  std::unique_ptr<GraphBuilder> builder_;
  cocozvec::SimDisk disk_;
  IndexEntry entry_;
  std::string bytes_;
};

TEST_F(IndexFile, AnswersAsTheGraphInMemoryDid) {
  const auto expected = SearchAll(data_, builder_->Current().view).value();
  for (const bool map : {true, false}) {
    const auto graph = Open(map);
    ASSERT_TRUE(graph.ok()) << graph.status().ToString();
    EXPECT_EQ(SearchAll(data_, (*graph)->Current().view).value(), expected);
    EXPECT_TRUE((*graph)->Current().view.guard->complete());
  }
}

TEST_F(IndexFile, OneThatGrowsIsWrittenWithAllItsLinks) {
  GraphBuilder growing(Encoder::Train(MetricType::kL2, kDim, data_.Sample()), BuildParams{4, 20},
                       data_.count);
  growing.Link(Rows(data_.count), data_.count, data_.Source(), nullptr);
  const auto expected = SearchAll(data_, growing.Current().view).value();
  const IndexEntry entry = WriteGrowing(disk_, "index-10", 10, kPlace, growing.Current().view).value();
  const GraphNote note = ReadGraphNote(disk_, "index-10", 10).value();
  EXPECT_EQ(note.entry, entry);
  EXPECT_EQ(note.place.collection, kPlace.collection);
  EXPECT_EQ(note.place.segment, kPlace.segment);
  EXPECT_EQ(note.place.field, kPlace.field);
  const auto graph =
      OpenGraph(disk_, "index-10", entry, note.place, MetricType::kL2, kDim, true, false).value();
  EXPECT_EQ(SearchAll(data_, graph->Current().view).value(), expected);
  EXPECT_EQ(ReadGraphNote(disk_, "index-9", 10).status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(ReadGraphNote(disk_, "index-11", 11).status().IsNotFound());
}

TEST_F(IndexFile, AfterManySearchesItIsWalkedInMemoryWithTheSameAnswers) {
  const auto expected = SearchAll(data_, builder_->Current().view).value();
  for (const bool resident : {true, false}) {
    const auto graph =
        OpenGraph(disk_, "index-9", entry_, kPlace, MetricType::kL2, kDim, true, resident).value();
    const std::uint8_t* mapped = graph->Current().view.codes;
    for (std::uint32_t i = 0; i < kSearchesBeforeCopy; ++i) (void)graph->Current();
    EXPECT_EQ(graph->Current().view.codes != mapped, resident);
    EXPECT_EQ(SearchAll(data_, graph->Current().view).value(), expected);
  }
}

TEST_F(IndexFile, TheSameGraphIsTheSameFile) {
  ASSERT_TRUE(WriteGraph(disk_, "other", 9, kPlace, builder_->Current().view).ok());
  EXPECT_EQ(cocozvec::ReadFile(disk_, "other", 1 << 24).value(), bytes_);
}

// Guards: four bytes that a reader of version 1 takes for damage.
TEST_F(IndexFile, VersionOneIsWrittenWhereItsReaderUnderstandsTheFile) {
  const auto shape = [](const std::string& bytes) {  // version, bytes of the first section
    const auto header =
        DecodeFileHeader(kIndexMagic, bytes.substr(0, kFileHeaderBytes), 9, "index-9", 2).value();
    cocozvec::Reader table(std::string_view(bytes).substr(header.b + 8));
    return std::pair(header.version, table.Read<std::uint64_t>());
  };
  constexpr std::uint64_t kAbout = 32 + 21 + 4 * kDim;
  EXPECT_EQ(shape(bytes_), std::pair(1u, kAbout));
  EXPECT_EQ(Open().value()->Current().view.breadth, 1u);

  GraphView broad = builder_->Current().view;
  broad.breadth = 4;
  ASSERT_TRUE(disk_.RemoveFile("index-9").ok());
  entry_ = WriteGraph(disk_, "index-9", 9, kPlace, broad).value();
  EXPECT_EQ(shape(cocozvec::ReadFile(disk_, "index-9", 1 << 24).value()), std::pair(2u, kAbout + 4));
  EXPECT_EQ(Open().value()->Current().view.breadth, 4u);
}

TEST_F(IndexFile, AnotherPlaceOrManifestIsDataLoss) {
  EXPECT_EQ(Open(true, {78, 5, 2}).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Open(true, {77, 6, 2}).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(Open(true, {77, 5, 1}).status().code(), StatusCode::kDataLoss);
  ++entry_.header_checksum;
  EXPECT_EQ(Open().status().code(), StatusCode::kDataLoss);
}

// Every byte: an error when it is opened or searched, or an answer as if nothing had happened (padding).
TEST_F(IndexFile, ADamagedByteIsDataLossOrChangesNothing) {
  const auto expected = SearchAll(data_, builder_->Current().view).value();
  std::size_t noticed = 0;
  for (std::size_t at = 0; at < bytes_.size(); at += at < 200 ? 1 : 61) {
    std::string damaged = bytes_;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x41);
    Replace(damaged);
    const auto graph = Open();
    if (!graph.ok()) {
      EXPECT_EQ(graph.status().code(), StatusCode::kDataLoss) << at;
      ++noticed;
      continue;
    }
    const auto found = SearchAll(data_, (*graph)->Current().view);
    if (!found.ok()) {
      EXPECT_EQ(found.status().code(), StatusCode::kDataLoss) << at;
      ++noticed;
    } else {
      EXPECT_EQ(*found, expected) << at;
    }
  }
  EXPECT_GT(noticed, 200u);
}

TEST_F(IndexFile, AShorterOrLongerFileIsDataLoss) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{63}, std::size_t{4'096}, bytes_.size() - 1}) {
    Replace(bytes_.substr(0, size));
    EXPECT_EQ(Open().status().code(), StatusCode::kDataLoss) << size;
  }
  Replace(bytes_ + "x");
  EXPECT_EQ(Open().status().code(), StatusCode::kDataLoss);
}

// After a walk met damage, the thread's next search is right again.
TEST_F(IndexFile, ADamagedGraphDoesNotSpoilOtherSearches) {
  const auto expected = SearchAll(data_, builder_->Current().view).value();
  std::string damaged = bytes_;
  damaged[kFileHeaderBytes + 64 * 3 + 100] ^= 1;  // a code
  Replace(damaged);
  const auto graph = Open();
  ASSERT_TRUE(graph.ok());
  EXPECT_EQ(SearchAll(data_, (*graph)->Current().view).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(SearchAll(data_, builder_->Current().view).value(), expected);
}

}  // namespace
}  // namespace zvec::hnsw
