#include "zvec/storage/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io/sim_disk.h"

namespace zvec::inline v0 {
namespace {

using cocozvec::OpenMode;
using cocozvec::PowerCutKind;
using cocozvec::SimDisk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::uint64_t kNumber = 3, kCollection = 77;

class LogTest : public ::testing::Test {
 protected:
  std::unique_ptr<LogWriter> Create(SimDisk& disk) {
    return LogWriter::Create(disk, "log", {.collection = kCollection, .number = kNumber, .a = 10, .b = 1})
        .value();
  }
  static Status Append(LogWriter& log, std::string_view payload) {
    std::string record(kRecordHeaderBytes, '\0');
    record += payload;
    return log.Append(record, /*sync_follows=*/true);
  }
  Result<LogContent> Read(SimDisk& disk) {
    payloads_.clear();
    auto file = disk.Open("log", OpenMode::kRead).value();
    return ReadLog(*file, kNumber, kCollection, [this](std::string_view payload) {
      payloads_.emplace_back(payload);
      return Status();
    });
  }
  void Overwrite(std::uint64_t at, std::string_view bytes) {
    ASSERT_TRUE(disk_.Open("log", OpenMode::kReadWrite).value()->WriteAt(at, AsBytes(bytes)).ok());
  }
  void Cut(std::uint64_t size) {
    ASSERT_TRUE(disk_.Open("log", OpenMode::kReadWrite).value()->Truncate(size).ok());
  }

  SimDisk disk_;
  std::vector<std::string> payloads_;
};

TEST_F(LogTest, RecordsComeBackInOrder) {
  auto log = Create(disk_);
  for (const char* payload : {"one", "", "three"}) ASSERT_TRUE(Append(*log, payload).ok());
  ASSERT_TRUE(log->Sync(false).ok());
  const LogContent content = Read(disk_).value();
  EXPECT_THAT(payloads_, ElementsAre("one", "", "three"));
  EXPECT_EQ(content.position.sequence, 13u);
  EXPECT_EQ(content.position.end, content.file_size);
  EXPECT_FALSE(content.position.closed);
}

TEST_F(LogTest, AnOrderlyEndIsMarkedOnceAndOnlyAfterRecords) {
  auto log = Create(disk_);
  ASSERT_TRUE(log->Close().ok());
  EXPECT_EQ(disk_.Stat("log").value().size, kFileHeaderBytes);
  ASSERT_TRUE(Append(*log, "one").ok());
  ASSERT_TRUE(log->Close().ok());
  const LogContent content = Read(disk_).value();
  EXPECT_TRUE(content.position.closed);
  log = LogWriter::Continue(disk_.Open("log", OpenMode::kReadWrite).value(), content).value();
  ASSERT_TRUE(log->Close().ok());
  EXPECT_EQ(disk_.Stat("log").value().size, content.file_size);
}

TEST_F(LogTest, AShortLastRecordIsForgivenAndCutOff) {
  auto log = Create(disk_);
  ASSERT_TRUE(Append(*log, "one").ok());
  ASSERT_TRUE(log->Sync(false).ok());
  const std::uint64_t whole = log->position().end;
  ASSERT_TRUE(Append(*log, std::string(900, 't')).ok());
  const std::uint64_t end = log->position().end;
  for (std::uint64_t size = end - 1; size > whole; size -= 13) {
    Cut(size);
    const LogContent content = Read(disk_).value();
    EXPECT_THAT(payloads_, ElementsAre("one"));
    EXPECT_EQ(content.position.end, whole);
  }
  const LogContent content = Read(disk_).value();
  EXPECT_GT(content.file_size, content.position.end);
  auto again = LogWriter::Continue(disk_.Open("log", OpenMode::kReadWrite).value(), content).value();
  ASSERT_TRUE(Append(*again, "two").ok());
  ASSERT_TRUE(again->Sync(false).ok());
  Read(disk_).value();
  EXPECT_THAT(payloads_, ElementsAre("one", "two"));
}

TEST_F(LogTest, AHoleInTheLastRecordIsForgiven) {
  auto log = Create(disk_);
  ASSERT_TRUE(Append(*log, "one").ok());
  ASSERT_TRUE(log->Sync(false).ok());
  ASSERT_TRUE(Append(*log, std::string(2000, 't')).ok());
  Overwrite(1024, std::string(512, '\0'));
  EXPECT_TRUE(Read(disk_).ok());
  EXPECT_THAT(payloads_, ElementsAre("one"));
}

TEST_F(LogTest, ADamagedRecordIsNoTornOne) {
  auto log = Create(disk_);
  for (const char* payload : {"one", "two", "three"}) {
    ASSERT_TRUE(Append(*log, payload).ok());
    ASSERT_TRUE(log->Sync(false).ok());
  }
  const std::string bytes = cocozvec::ReadFile(disk_, "log", 1 << 20).value();
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    Overwrite(at, std::string(1, static_cast<char>(~bytes[at])));
    const auto content = Read(disk_);
    EXPECT_EQ(content.status().code(), StatusCode::kDataLoss) << at;
    EXPECT_THAT(std::string(content.status().message()), HasSubstr("log: at byte "));
    Overwrite(at, bytes.substr(at, 1));
  }
}

TEST_F(LogTest, AHoleInARecordThatWasSyncedIsDamage) {
  auto log = Create(disk_);
  ASSERT_TRUE(Append(*log, std::string(2000, 't')).ok());
  ASSERT_TRUE(log->Sync(false).ok());
  ASSERT_TRUE(Append(*log, "two").ok());
  Overwrite(1024, std::string(512, '\0'));
  const auto content = Read(disk_);
  EXPECT_EQ(content.status().code(), StatusCode::kDataLoss);
  EXPECT_THAT(std::string(content.status().message()), HasSubstr("later records follow"));
}

TEST_F(LogTest, AHoleAmongRecordsThatWereNeverSyncedEndsTheLog) {
  auto log = Create(disk_);
  ASSERT_TRUE(Append(*log, "one").ok());
  ASSERT_TRUE(Append(*log, std::string(2000, 't')).ok());
  ASSERT_TRUE(Append(*log, "three").ok());
  Overwrite(1024, std::string(512, '\0'));
  EXPECT_TRUE(Read(disk_).ok());
  EXPECT_THAT(payloads_, ElementsAre("one"));
}

TEST_F(LogTest, ARecordOfAnotherPlaceOrCollectionDoesNotPass) {
  auto log = Create(disk_);
  ASSERT_TRUE(Append(*log, "one").ok());
  ASSERT_TRUE(Append(*log, "two").ok());
  ASSERT_TRUE(log->Sync(false).ok());
  const std::string bytes = cocozvec::ReadFile(disk_, "log", 1 << 20).value();
  const std::size_t record = kRecordHeaderBytes + 3;
  Overwrite(kFileHeaderBytes, bytes.substr(kFileHeaderBytes + record, record));
  EXPECT_EQ(Read(disk_).status().code(), StatusCode::kDataLoss);
  auto file = disk_.Open("log", OpenMode::kRead).value();
  EXPECT_EQ(
      ReadLog(*file, kNumber, kCollection + 1, [](std::string_view) { return Status(); }).status().code(),
      StatusCode::kDataLoss);
  EXPECT_EQ(
      ReadLog(*file, kNumber + 1, kCollection, [](std::string_view) { return Status(); }).status().code(),
      StatusCode::kDataLoss);
}

TEST_F(LogTest, WhatASyncFailedToSaveIsWrittenAnewAtTheNextStart) {
  auto log = Create(disk_);
  ASSERT_TRUE(disk_.SyncDirectory("/").ok());
  ASSERT_TRUE(Append(*log, "one").ok());
  disk_.FailAt(disk_.calls() + 1, cocozvec::DiskFault::kIoError);
  ASSERT_FALSE(log->Sync(/*keep_unsynced=*/true).ok());
  EXPECT_EQ(Append(*log, "two").code(), StatusCode::kFailedPrecondition);
  const LogContent content = Read(disk_).value();
  EXPECT_THAT(payloads_, ElementsAre("one"));
  ASSERT_TRUE(LogWriter::Continue(disk_.Open("log", OpenMode::kReadWrite).value(), content).ok());
  const auto later = disk_.PowerCut(PowerCutKind::kLoseUnsynced);
  ASSERT_TRUE(Read(*later).ok());
  EXPECT_THAT(payloads_, ElementsAre("one"));
}

TEST_F(LogTest, AnUnacknowledgedRecordIsTakenBackWhenItsSyncFails) {
  auto log = Create(disk_);
  ASSERT_TRUE(Append(*log, "one").ok());
  disk_.FailAt(disk_.calls() + 1, cocozvec::DiskFault::kIoError);
  ASSERT_FALSE(log->Sync(/*keep_unsynced=*/false).ok());
  ASSERT_TRUE(Read(disk_).ok());
  EXPECT_THAT(payloads_, IsEmpty());
}

// Guards: a record of a group stayed in the log although a later one broke it and no call of the group was
// acknowledged.
TEST_F(LogTest, ARecordBeforeTheOneThatBrokeTheLogIsTakenBackToo) {
  auto log = Create(disk_);
  ASSERT_TRUE(Append(*log, "one").ok());
  disk_.FailAt(disk_.calls() + 1, cocozvec::DiskFault::kIoError);
  ASSERT_EQ(Append(*log, "two").code(), StatusCode::kIoError);
  EXPECT_EQ(log->Sync(/*keep_unsynced=*/false).code(), StatusCode::kFailedPrecondition);
  ASSERT_TRUE(Read(disk_).ok());
  EXPECT_THAT(payloads_, IsEmpty());
}

TEST_F(LogTest, AFullDiskTakesTheRecordBackAndTheLogGoesOn) {
  auto log = Create(disk_);
  disk_.FailAt(disk_.calls() + 1, cocozvec::DiskFault::kNoSpace);
  EXPECT_EQ(Append(*log, "one").code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE(log->broken().ok());
  ASSERT_TRUE(Append(*log, "two").ok());
  ASSERT_TRUE(log->Sync(false).ok());
  ASSERT_TRUE(Read(disk_).ok());
  EXPECT_THAT(payloads_, ElementsAre("two"));
}

}  // namespace
}  // namespace zvec::inline v0
