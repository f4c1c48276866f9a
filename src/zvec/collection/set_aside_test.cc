// A segment that is damaged, or that the disk cannot read, holds no other up: maintenance and Optimize do
// what they can with the rest, and say what they left out.
#include <gmock/gmock.h>

#include "zvec/collection/collection_impl.h"
#include "zvec/collection/store.h"
#include "zvec/collection/testing/merge_fixture.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/segment_format.h"

namespace zvec::inline v0::testing_docs {
namespace {

using ::testing::HasSubstr;

class SetAsideTest : public MergeTest {
 protected:
  ~SetAsideTest() override {
    collection_.reset();
    fs_.unreadable = nullptr;
  }
  std::string FirstSegment() {
    std::string first;
    for (const auto& entry : disk_.List("c").value())
      if (entry.name.starts_with("segment-") && first.empty()) first = "c/" + entry.name;
    return first;
  }
  std::size_t Files(const std::string& prefix) {
    std::size_t count = 0;
    for (const auto& entry : disk_.List("c").value()) count += entry.name.starts_with(prefix);
    return count;
  }
  /// Six segments without graphs. From the next opening on the vectors of the first one are in a bad sector,
  /// while `bad_` is set.
  void MakeSix() {
    options_.maintenance = Maintenance::kManual;
    Create();
    for (const char* name : {"a", "b", "c", "d", "e", "f"}) SealOne(name);
    ASSERT_EQ(collection_->Stats().sealed_segments, 6u);
    ASSERT_TRUE(collection_->Close().ok());
    collection_.reset();
    path_ = FirstSegment();
    const std::string bytes = cocozvec::ReadFile(disk_, path_, 1 << 20).value();
    const std::uint64_t number = ParseName(cocozvec::BaseName(path_))->number;
    const auto header = DecodeFileHeader(kSegmentMagic, bytes, number, path_).value();
    for (const Section& section :
         DecodeSections(std::string_view(bytes).substr(header.b), NoteSchema(), header.a, header.b, path_)
             .value())
      if (section.kind == SectionKind::kFixed && section.field == 2) vectors_ = section.offset;
    fs_.unreadable = [this](const std::string& path, std::uint64_t offset, std::uint64_t size) {
      return bad_ && path == path_ && offset <= vectors_ && offset + size > vectors_
                 ? Status::IoError(path + ": a bad sector")
                 : Status();
    };
  }
  void Open(Maintenance maintenance) {
    options_.maintenance = maintenance;
    collection_ = Collection::Open("c", options_).value();
  }

  std::string path_;
  std::uint64_t vectors_ = 0;
  std::atomic<bool> bad_ = true;
};

// Guards: only a damaged segment was set aside; of one in a bad sector the linking stopped, for ever.
TEST_F(SetAsideTest, ASegmentWhoseVectorsTheDiskCannotReadHoldsTheGraphsOfNoOtherUp) {
  MakeSix();
  Open(Maintenance::kInline);
  ASSERT_NE(vectors_, 0u);
  Upsert("x", "wakes it");
  EXPECT_EQ(collection_->Stats().unlinked_rows, 5u + 1);  // of the first segment, and x
  const Status status = collection_->Stats().maintenance_error;
  EXPECT_EQ(status.code(), StatusCode::kIoError);
  EXPECT_THAT(status.ToString(), HasSubstr(path_));
  SealOne("g");  // and it is still told when other work comes off
  EXPECT_EQ(collection_->Stats().maintenance_error.code(), StatusCode::kIoError);
  EXPECT_LE(collection_->Stats().unlinked_rows, 5u);
  bad_ = false;
  EXPECT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(collection_->Stats().sealed_segments, 1u);
  ExpectAll();
}

// Guards: an error that had passed was told until Optimize, in place of the one that had not.
TEST_F(SetAsideTest, AnErrorThatPassesDoesNotHideTheSegmentThatIsLeftOut) {
  MakeSix();
  Open(Maintenance::kInline);
  Upsert("x", "wakes it");
  fs_.refuse = [](const std::string& path) {
    return path.find("index-") == std::string::npos ? Status() : Status::IoError(path + ": not now");
  };
  SealOne("g");
  EXPECT_THAT(collection_->Stats().maintenance_error.ToString(), HasSubstr("not now"));
  fs_.refuse = nullptr;
  SealOne("h");
  EXPECT_THAT(collection_->Stats().maintenance_error.ToString(), HasSubstr(path_));
  bad_ = false;
  EXPECT_TRUE(collection_->Optimize().ok());
  EXPECT_TRUE(collection_->Stats().maintenance_error.ok());
}

// An index file that cannot be written says nothing against the segment.
TEST_F(SetAsideTest, ASegmentWhoseGraphCannotBeWrittenIsTriedAgainAfterTheNextSeal) {
  MakeSix();
  bad_ = false;
  Open(Maintenance::kInline);
  fs_.refuse = [](const std::string& path) {
    return path.find("index-") == std::string::npos ? Status() : Status::IoError(path + ": not now");
  };
  Upsert("x", "wakes it");
  EXPECT_EQ(collection_->Stats().maintenance_error.code(), StatusCode::kIoError);
  EXPECT_EQ(Files("index-"), 0u);
  fs_.refuse = nullptr;
  SealOne("g");
  ExpectAll();
  EXPECT_EQ(collection_->Stats().unlinked_rows, 0u);
}

// Guards: a writer waited for graphs that nobody makes before the next seal.
TEST_F(SetAsideTest, NoWriterWaitsForGraphsThatArePutOff) {
  Create();
  fs_.refuse = [](const std::string& path) {
    return path.find("index-") == std::string::npos ? Status() : Status::IoError(path + ": not now");
  };
  std::vector<Doc> docs;
  std::vector<std::string> most;
  for (int i = 0; i < 20; ++i) docs.push_back(Note("n" + std::to_string(i), std::string(500, 'n'), i));
  for (int i = 0; i < 15; ++i) most.push_back("n" + std::to_string(i));
  ASSERT_TRUE(collection_->Upsert(docs).ok());
  ASSERT_EQ(collection_->Stats().maintenance_error.code(), StatusCode::kIoError);
  ASSERT_TRUE(collection_->Delete(most).ok());
  EXPECT_FALSE(static_cast<CollectionImpl&>(*collection_).store().WasteLacksGraphs());
}

// Guards: Optimize ended at the first segment that it could not read, and did nothing for the others.
TEST_F(SetAsideTest, OptimizeMergesAndLinksTheRestOfASegmentThatTheDiskCannotRead) {
  MakeSix();
  Open(Maintenance::kManual);
  for (int round = 0; round < 2; ++round) {
    const Status status = collection_->Optimize();
    EXPECT_EQ(status.code(), StatusCode::kIoError);
    EXPECT_THAT(status.ToString(), HasSubstr(path_));
    EXPECT_EQ(collection_->Stats().maintenance_error.code(), StatusCode::kIoError);
    EXPECT_EQ(collection_->Stats().sealed_segments, 2u);
    EXPECT_EQ(collection_->Stats().unlinked_rows, 5u);
    EXPECT_EQ(Files("index-"), 1u);
  }
  bad_ = false;
  EXPECT_TRUE(collection_->Optimize().ok());
  EXPECT_EQ(collection_->Stats().sealed_segments, 1u);
  EXPECT_EQ(collection_->Stats().unlinked_rows, 0u);
  ExpectAll();
}

TEST_F(SetAsideTest, ASegmentThatTheDiskCannotReadHoldsNoOtherUp) {
  options_.maintenance = Maintenance::kManual;
  Create();
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) SealOne(name);
  ASSERT_TRUE(collection_->Close().ok());
  collection_.reset();
  const std::string first = FirstSegment();
  bool bad = false;
  fs_.unreadable = [&](const std::string& path, std::uint64_t, std::uint64_t size) {
    // The block of the texts: writers have to look ids up.
    return bad && path == first && size > 2'000 ? Status::IoError(path + ": cannot be read") : Status();
  };
  options_.maintenance = Maintenance::kInline;
  options_.index_min_rows = 1'000;  // so that the merge is the first to read
  collection_ = Collection::Open("c", options_).value();
  bad = true;
  SealOne("g");
  EXPECT_EQ(collection_->Stats().maintenance_error.code(), StatusCode::kIoError);
  for (const char* name : {"h", "i"}) SealOne(name);
  EXPECT_LE(collection_->Stats().sealed_segments, 5u);
  bad = false;
  EXPECT_EQ(collection_->Stats().maintenance_error.code(),
            StatusCode::kIoError);  // as long as it is left out
  EXPECT_TRUE(collection_->Optimize().ok());
  ExpectAll();
  collection_.reset();
}

TEST_F(SetAsideTest, ADamagedSegmentHoldsNoOtherUp) {
  options_.maintenance = Maintenance::kManual;
  Create();
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) SealOne(name);
  ASSERT_TRUE(collection_->Close().ok());
  collection_.reset();
  bool damaged = false;
  for (const auto& entry : disk_.List("c").value()) {
    if (!entry.name.starts_with("segment-") || damaged) continue;
    const std::string bytes = cocozvec::ReadFile(disk_, "c/" + entry.name, 1 << 20).value();
    const std::size_t at = bytes.find(std::string(50, 'c'));
    if (at == std::string::npos) continue;
    auto file = disk_.Open("c/" + entry.name, cocozvec::OpenMode::kReadWrite).value();
    damaged = file->WriteAt(at, std::as_bytes(std::span("#", 1))).ok();
  }
  ASSERT_TRUE(damaged);
  options_.maintenance = Maintenance::kInline;
  collection_ = Collection::Open("c", options_).value();
  SealOne("g");
  EXPECT_EQ(collection_->Stats().maintenance_error.code(), StatusCode::kDataLoss);
  for (const char* name : {"h", "i"}) SealOne(name);
  EXPECT_LE(collection_->Stats().sealed_segments, 5u);  // the damaged one, and the others merged
  EXPECT_EQ(collection_->Stats().doc_count, 45u);
  EXPECT_EQ(collection_->Optimize().code(), StatusCode::kDataLoss);
  EXPECT_EQ(collection_->Stats().sealed_segments, 2u);
  EXPECT_EQ(collection_->Stats().unlinked_rows, 0u);  // its vectors are whole
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
