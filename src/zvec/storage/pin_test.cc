// What keeps files that readers need, and what tells readers how far is committed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "base/io/sim_disk.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/lock.h"
#include "zvec/storage/pin.h"
#include "zvec/storage/publication.h"

namespace zvec::inline v0 {
namespace {

using cocozvec::DiskFault;
using cocozvec::OpenMode;
using cocozvec::SimDisk;
using ::testing::HasSubstr;

class Pins : public ::testing::Test {
 protected:
  Pins() {
    EXPECT_TRUE(disk_.CreateDirectory("c").ok());
    EXPECT_TRUE(disk_.Open("c/MANIFEST-1", OpenMode::kCreate).ok());
  }
  SimDisk disk_;
};

TEST_F(Pins, APinnedManifestIsNotRetiredBeforeTheLastPinIsGone) {
  auto one = GenerationPin::Take(disk_, "c/MANIFEST-1").value();
  auto two = GenerationPin::Take(disk_, "c/MANIFEST-1").value();
  EXPECT_FALSE(RetireManifest(disk_, "c/MANIFEST-1").value());
  one.reset();
  EXPECT_FALSE(RetireManifest(disk_, "c/MANIFEST-1").value());
  two.reset();
  EXPECT_TRUE(RetireManifest(disk_, "c/MANIFEST-1").value());
  EXPECT_TRUE(disk_.Stat("c/MANIFEST-1").status().IsNotFound());
  EXPECT_TRUE(RetireManifest(disk_, "c/MANIFEST-1").value());  // by somebody else meanwhile
}

TEST_F(Pins, AManifestThatIsBeingRemovedCannotBePinned) {
  auto remover = disk_.Open("c/MANIFEST-1", OpenMode::kReadWrite).value();
  ASSERT_TRUE(remover->TryLock(true).ok());
  EXPECT_TRUE(GenerationPin::Take(disk_, "c/MANIFEST-1").status().IsNotFound());
  ASSERT_TRUE(disk_.RemoveFile("c/MANIFEST-1").ok());
  remover.reset();
  EXPECT_TRUE(GenerationPin::Take(disk_, "c/MANIFEST-1").status().IsNotFound());
}

TEST_F(Pins, APinWritesNothing) {
  const std::uint64_t before = disk_.changes();
  GenerationPin::Take(disk_, "c/MANIFEST-1").value().reset();
  EXPECT_EQ(disk_.changes(), before);
}

TEST(PinsOnDisk, APinnedManifestWithTwoNamesStays) {
  std::string directory = "/tmp/zvec-pin-XXXXXX";
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  auto& fs = cocozvec::PosixFileSystem();
  const std::string path = directory + "/MANIFEST-1";
  ASSERT_TRUE(fs.Open(path, OpenMode::kCreateNew).ok());
  ASSERT_TRUE(fs.Link(path, directory + "/copy").ok());  // as cp -al makes it
  auto pin = GenerationPin::Take(fs, path).value();
  EXPECT_FALSE(RetireManifest(fs, path).value());
  EXPECT_TRUE(fs.Stat(path).ok());
  pin.reset();
  EXPECT_TRUE(RetireManifest(fs, path).value());
  EXPECT_TRUE(fs.Stat(path).status().IsNotFound());
  EXPECT_TRUE(cocozvec::RemoveTree(fs, directory).ok());
}

class Publications : public Pins {
 protected:
  Result<std::optional<Publication>> Read() {
    return ReadPublication(*disk_.Open("c/LOCK", OpenMode::kRead).value());
  }
  const Publication first_{7, 3, 2, 64, 1}, second_{7, 3, 2, 500, 2};
};

TEST_F(Publications, CountWhileTheirWriterLivesAndExcludeOtherWriters) {
  auto writer = DirectoryLock::Acquire(disk_, "c", true).value();
  EXPECT_EQ(Read().value(), std::nullopt);  // it has said nothing yet
  ASSERT_TRUE(writer->Publish(first_).ok());
  EXPECT_EQ(Read().value(), first_);
  ASSERT_TRUE(writer->Publish(second_).ok());
  EXPECT_EQ(Read().value(), second_);
  EXPECT_EQ(disk_.Open("c/LOCK", OpenMode::kReadWrite).value()->TryLock(true).code(), StatusCode::kBusy);
  writer.reset();
  EXPECT_EQ(Read().value(), std::nullopt);
  writer = DirectoryLock::Acquire(disk_, "c", true).value();
  EXPECT_EQ(Read().value(), std::nullopt);  // what the last writer said does not speak for this one
}

TEST_F(Publications, OneThatCannotBeWrittenIsTakenBack) {
  auto writer = DirectoryLock::Acquire(disk_, "c", true).value();
  ASSERT_TRUE(writer->Publish(first_).ok());
  disk_.FailAt(disk_.calls() + 1, DiskFault::kIoError);
  ASSERT_TRUE(writer->Publish(second_).ok());
  EXPECT_EQ(disk_.faults_struck(), 1u);
  EXPECT_EQ(Read().value(), std::nullopt);
  ASSERT_TRUE(writer->Publish(second_).ok());
  EXPECT_EQ(Read().value(), second_);
}

TEST_F(Publications, WhenNothingCanBeToldTheWriterHearsOfIt) {
  auto writer = DirectoryLock::Acquire(disk_, "c", true).value();
  ASSERT_TRUE(writer->Publish(first_).ok());
  disk_.FailAt(disk_.calls() + 1, DiskFault::kIoError, /*sticky=*/true);
  EXPECT_FALSE(writer->Publish(second_).ok());
  disk_.ClearFault();
}

TEST_F(Publications, EveryByteIsGuarded) {
  auto writer = DirectoryLock::Acquire(disk_, "c", true).value();
  ASSERT_TRUE(writer->Publish(first_).ok());
  auto file = disk_.Open("c/LOCK", OpenMode::kReadWrite).value();
  for (std::uint64_t at = kPublicationOffset; at < kPublicationOffset + kPublicationBytes; ++at) {
    std::byte byte{};
    ASSERT_TRUE(file->ReadAt(at, std::span(&byte, 1)).ok());
    const std::byte flipped = byte ^ std::byte{16};
    ASSERT_TRUE(file->WriteAt(at, std::span(&flipped, 1)).ok());
    const auto read = ReadPublication(*file, /*patience_ms=*/0);
    EXPECT_EQ(read.status().code(), StatusCode::kDataLoss) << at;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("c/LOCK")) << at;
    ASSERT_TRUE(file->WriteAt(at, std::span(&byte, 1)).ok());
  }
  EXPECT_EQ(Read().value(), first_);
}

/// Passes on to `under`; the first `torn` reads find a write half way.
class TornFile final : public cocozvec::File {
 public:
  TornFile(std::unique_ptr<File> under, int torn) : under_(std::move(under)), torn_(torn) {}
  const std::string& path() const noexcept override { return under_->path(); }
  Result<std::uint64_t> Size() const override { return under_->Size(); }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    auto got = under_->ReadAt(offset, out);
    if (torn_ > 0) --torn_, out[40] ^= std::byte{1};
    return got;
  }
  Status WriteAt(std::uint64_t, std::span<const std::byte>) override {
    return Status::Unimplemented("write");
  }
  Status Truncate(std::uint64_t) override { return Status::Unimplemented("truncate"); }
  Status Sync() override { return Status::Unimplemented("sync"); }
  Result<std::unique_ptr<cocozvec::Mapping>> Map(std::uint64_t size) const override {
    return under_->Map(size);
  }
  Status TryLock(bool exclusive) override { return under_->TryLock(exclusive); }
  Status Unlock() override { return under_->Unlock(); }
  Result<cocozvec::HeldLock> OtherLock() const override { return under_->OtherLock(); }

 private:
  const std::unique_ptr<File> under_;
  mutable int torn_;
};

TEST_F(Publications, AWriterThatDoesNotRunInTheMiddleOfAWriteIsWaitedFor) {
  auto writer = DirectoryLock::Acquire(disk_, "c", true).value();
  ASSERT_TRUE(writer->Publish(first_).ok());
  const TornFile file(disk_.Open("c/LOCK", OpenMode::kRead).value(), /*torn=*/300);
  EXPECT_EQ(ReadPublication(file).value(), first_);
}

}  // namespace
}  // namespace zvec::inline v0
