// Making, opening and removing collections: who is refused, what is said, and what is left on the disk.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/checksum.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/manifest.h"

namespace zvec::inline v0 {
namespace {

using cocozvec::FileSystem;
using cocozvec::JoinPath;
using cocozvec::OpenMode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_docs::AllIds;
using testing_docs::Note;
using testing_docs::NoteSchema;
using testing_docs::Place;
using testing_docs::SimPlace;
using testing_docs::TempPlace;

class LifecycleTest : public ::testing::TestWithParam<bool> {
 protected:
  LifecycleTest() {
    if (GetParam())
      place_ = std::make_unique<TempPlace>();
    else
      place_ = std::make_unique<SimPlace>();
    options_ = place_->options();
    path_ = place_->path("c");
  }
  FileSystem& fs() { return place_->fs(); }
  std::shared_ptr<Collection> Create() { return Collection::Create(path_, NoteSchema(), options_).value(); }
  void WriteFile(const std::string& path, std::string_view text) {
    auto file = fs().Open(path, OpenMode::kCreate).value();
    ASSERT_TRUE(file->Truncate(0).ok());
    ASSERT_TRUE(file->WriteAt(0, AsBytes(text)).ok());
  }
  std::vector<std::string> Names(const std::string& directory) {
    std::vector<std::string> names;
    for (const auto& entry : fs().List(directory.empty() ? "/" : directory).value())
      names.push_back(entry.name);
    return names;
  }

  std::unique_ptr<Place> place_;
  CollectionOptions options_;
  std::string path_;
};

TEST_P(LifecycleTest, CreateMakesParentsAndLeavesNothingBeside) {
  path_ = place_->path("some/where/c");
  auto collection = Create();
  EXPECT_EQ(collection->path(), path_);
  EXPECT_THAT(Names(place_->path("some/where")), ElementsAre("c"));
  EXPECT_THAT(Names(path_), ElementsAre("LOCK", "MANIFEST-1", "log-1"));
}

TEST_P(LifecycleTest, CreateRefusesWhatIsThere) {
  ASSERT_TRUE(fs().CreateDirectory(path_).ok());
  WriteFile(JoinPath(path_, "notes.txt"), "mine");
  const auto refused = Collection::Create(path_, NoteSchema(), options_);
  EXPECT_EQ(refused.status().code(), StatusCode::kAlreadyExists);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr(path_));
  EXPECT_THAT(Names(path_), ElementsAre("notes.txt"));
}

// A power cut may leave that of a relaxed Create, and nobody can tell it from another one.
TEST_P(LifecycleTest, AnEmptyDirectoryIsNoCollectionAndMakesRoom) {
  ASSERT_TRUE(fs().CreateDirectory(path_).ok());
  EXPECT_EQ(Collection::Open(path_, options_).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(Collection::Destroy(path_, options_).code(), StatusCode::kNotFound);
  EXPECT_THAT(Names(path_), IsEmpty());
  EXPECT_TRUE(Create()->Close().ok());
}

TEST_P(LifecycleTest, CreateRefusesABadSchemaAndReadOnly) {
  CollectionSchema schema = NoteSchema();
  schema.fields[0].name = "no blanks";
  EXPECT_EQ(Collection::Create(path_, schema, options_).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Collection::Create("", NoteSchema(), options_).status().code(), StatusCode::kInvalidArgument);
  options_.read_only = true;
  EXPECT_EQ(Collection::Create(path_, NoteSchema(), options_).status().code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(fs().Stat(path_).ok());
}

TEST_P(LifecycleTest, OpenSaysWhyThereIsNoCollection) {
  EXPECT_EQ(Collection::Open(path_, options_).status().code(), StatusCode::kNotFound);
  WriteFile(place_->path("file"), "text");
  const auto file = Collection::Open(place_->path("file"), options_);
  EXPECT_EQ(file.status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr("file"));
  ASSERT_TRUE(fs().CreateDirectory(path_).ok());
  WriteFile(JoinPath(path_, "data.mdb"), "another program's");
  EXPECT_EQ(Collection::Open(path_, options_).status().code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Names(path_), ElementsAre("data.mdb"));
  WriteFile(JoinPath(path_, "LOCK"), "");  // as LevelDB has it, beside MANIFEST-000001
  WriteFile(JoinPath(path_, "MANIFEST-000001"), "");
  EXPECT_EQ(Collection::Open(path_, options_).status().code(), StatusCode::kInvalidArgument);
  EXPECT_FALSE(Collection::Exists(path_, options_));
}

TEST_P(LifecycleTest, ASecondWriterIsToldWhoTheFirstIs) {
  auto first = Create();
  for (int i = 0; i < 2; ++i) {
    const auto second = Collection::Open(path_, options_);
    EXPECT_EQ(second.status().code(), StatusCode::kBusy);
    const std::string message(second.status().message());
    EXPECT_THAT(message, HasSubstr(path_));
    EXPECT_THAT(message, HasSubstr("process " + std::to_string(getpid())));
    EXPECT_THAT(message, HasSubstr("opened it 20"));
    EXPECT_EQ(Collection::Destroy(path_, options_).code(), StatusCode::kBusy);
    ASSERT_TRUE(first->Close().ok());
    first = Collection::Open(path_, options_).value();
  }
}

TEST_P(LifecycleTest, DestroyRemovesTheCollectionAndNothingElse) {
  EXPECT_EQ(Collection::Destroy(path_, options_).code(), StatusCode::kNotFound);
  ASSERT_TRUE(Create()->Upsert(std::vector{Note("a", "1")}).ok());
  WriteFile(place_->path("neighbour"), "stays");
  EXPECT_TRUE(Collection::Exists(path_, options_));
  ASSERT_TRUE(Collection::Destroy(path_, options_).ok());
  EXPECT_FALSE(Collection::Exists(path_, options_));
  EXPECT_THAT(Names(place_->root()), ElementsAre("neighbour"));
}

TEST_P(LifecycleTest, DestroyTouchesNothingThatIsNotOurs) {
  ASSERT_TRUE(fs().CreateDirectory(path_).ok());
  WriteFile(JoinPath(path_, "LOCK"), "another database's lock");
  EXPECT_EQ(Collection::Destroy(path_, options_).code(), StatusCode::kInvalidArgument);
  EXPECT_THAT(Names(path_), ElementsAre("LOCK"));
  path_ = place_->path("d");
  ASSERT_TRUE(Create()->Close().ok());
  WriteFile(JoinPath(path_, "notes.txt"), "mine");
  const Status refused = Collection::Destroy(path_, options_);
  EXPECT_EQ(refused.code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("notes.txt"));
  EXPECT_TRUE(Collection::Open(path_, options_).ok());
  EXPECT_THAT(Names(path_), ElementsAre("LOCK", "MANIFEST-1", "log-1", "notes.txt"));
}

TEST_P(LifecycleTest, ADamagedCollectionMayBeDestroyed) {
  ASSERT_TRUE(Create()->Close().ok());
  WriteFile(JoinPath(path_, "LOCK"), "overwritten");
  WriteFile(JoinPath(path_, "log-1"), "");
  EXPECT_EQ(Collection::Open(path_, options_).status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(Collection::Destroy(path_, options_).ok());
  EXPECT_THAT(Names(place_->root()), IsEmpty());
}

TEST_P(LifecycleTest, ATrailingSlashIsTheSameCollection) {
  path_ += "/";
  ASSERT_TRUE(Create()->Upsert(std::vector{Note("a", "1")}).ok());
  path_.pop_back();
  EXPECT_THAT(AllIds(*Collection::Open(path_, options_).value()), ElementsAre("a"));
  EXPECT_TRUE(Collection::Destroy(path_ + "/", options_).ok());
  EXPECT_THAT(Names(place_->root()), IsEmpty());
}

TEST_P(LifecycleTest, LeftoversGoUnlessTheyAreInUseOrNotOurs) {
  const std::string abandoned = place_->path(NewSiblingName("c", 1)),
                    in_use = place_->path(NewSiblingName("c", 2));
  const std::string empty = place_->path(OldSiblingName("c", 3)),
                    foreign = place_->path(OldSiblingName("c", 4));
  path_ = abandoned;
  ASSERT_TRUE(Create()->Close().ok());
  path_ = in_use;
  const auto live = Create();
  ASSERT_TRUE(fs().CreateDirectory(empty).ok());
  ASSERT_TRUE(fs().CreateDirectory(foreign).ok());
  WriteFile(JoinPath(foreign, "photo.jpg"), "dear");
  ASSERT_TRUE(fs().CreateDirectory(place_->path(".c.zvec-new-short")).ok());
  ASSERT_TRUE(Collection::RemoveLeftovers(place_->root().empty() ? "/" : place_->root(), options_).ok());
  EXPECT_FALSE(fs().Stat(abandoned).ok());
  EXPECT_FALSE(fs().Stat(empty).ok());
  EXPECT_TRUE(fs().Stat(in_use).ok());
  EXPECT_TRUE(fs().Stat(JoinPath(foreign, "photo.jpg")).ok());
  EXPECT_TRUE(fs().Stat(place_->path(".c.zvec-new-short")).ok());
}

TEST_P(LifecycleTest, CreateTidiesUpAfterKilledAttemptsAtItsName) {
  const std::string mine = place_->path(NewSiblingName("c", 1)), other = place_->path(NewSiblingName("d", 2));
  for (const std::string& leftover : {mine, other}) {
    path_ = leftover;
    ASSERT_TRUE(Create()->Close().ok());
  }
  path_ = place_->path("c");
  const auto collection = Create();
  EXPECT_FALSE(fs().Stat(mine).ok());
  EXPECT_TRUE(fs().Stat(other).ok());
}

TEST_P(LifecycleTest, FilesOfOthersInTheDirectoryStay) {
  ASSERT_TRUE(Create()->Close().ok());
  WriteFile(JoinPath(path_, "notes.txt"), "mine");
  WriteFile(JoinPath(path_, "segment-99"), "an unfinished one");
  WriteFile(JoinPath(path_, "MANIFEST-2.tmp"), "an unfinished one");
  ASSERT_TRUE(Collection::Open(path_, options_).ok());
  EXPECT_THAT(Names(path_), ElementsAre("LOCK", "MANIFEST-1", "log-1", "notes.txt"));
}

TEST_P(LifecycleTest, ANewerFormatIsRefusedWithBothNumbers) {
  ASSERT_TRUE(Create()->Close().ok());
  const std::string manifest = JoinPath(path_, "MANIFEST-1");
  std::string bytes = cocozvec::ReadFile(fs(), manifest, 1 << 20).value();
  FileHeader header = DecodeFileHeader(kManifestMagic, bytes, 1, manifest).value();
  header.version = kFormatVersion + 6;
  bytes.replace(0, kFileHeaderBytes, EncodeFileHeader(kManifestMagic, header));
  WriteFile(manifest, bytes);
  const auto newer = Collection::Open(path_, options_);
  EXPECT_EQ(newer.status().code(), StatusCode::kUnimplemented);
  EXPECT_THAT(std::string(newer.status().message()),
              HasSubstr("version " + std::to_string(kFormatVersion + 6)));
  EXPECT_THAT(std::string(newer.status().message()), HasSubstr("up to " + std::to_string(kManifestVersion)));
}

TEST_P(LifecycleTest, AMissingNewestManifestIsNoticed) {
  options_.seal_bytes = 300;
  options_.maintenance = Maintenance::kManual;  // a manifest that only adds a graph may go: nothing is lost
  auto collection = Create();
  ASSERT_TRUE(collection->Upsert(std::vector{Note("a", std::string(400, 'x'))}).ok());
  ASSERT_EQ(collection->Stats().sealed_segments, 1u);
  ASSERT_TRUE(collection->Upsert(std::vector{Note("b", "2")}).ok());
  ASSERT_TRUE(collection->Close().ok());
  std::string newest;
  for (const std::string& name : Names(path_))
    if (name.starts_with("MANIFEST-")) newest = name;
  ASSERT_TRUE(fs().RemoveFile(JoinPath(path_, newest)).ok());
  EXPECT_EQ(Collection::Open(path_, options_).status().code(), StatusCode::kDataLoss);
}

TEST_P(LifecycleTest, AMissingLockFileIsMadeAgain) {
  ASSERT_TRUE(Create()->Close().ok());
  ASSERT_TRUE(fs().RemoveFile(JoinPath(path_, "LOCK")).ok());
  EXPECT_TRUE(Collection::Open(path_, options_).ok());
}

TEST_P(LifecycleTest, ACopiedDirectoryOpensUnderItsNewName) {
  ASSERT_TRUE(Create()->Upsert(std::vector{Note("a", "1")}).ok());
  ASSERT_TRUE(fs().Rename(path_, place_->path("moved")).ok());
  EXPECT_THAT(AllIds(*Collection::Open(place_->path("moved"), options_).value()), ElementsAre("a"));
}

INSTANTIATE_TEST_SUITE_P(Disks, LifecycleTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Posix" : "Sim"; });

}  // namespace
}  // namespace zvec::inline v0
