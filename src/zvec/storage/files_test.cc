// The small files: headers, names, manifest, deletions, lock, mark.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io/sim_disk.h"
#include "zvec/storage/deletes.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/lock.h"
#include "zvec/storage/manifest.h"
#include "zvec/storage/mark.h"

namespace zvec::inline v0 {
namespace {

using cocozvec::OpenMode;
using cocozvec::SimDisk;
using ::testing::HasSubstr;

TEST(FileHeader, ComesBackAndGuardsEveryByte) {
  FileHeader header{.collection = 5, .number = 9, .a = 1, .b = 2, .c = 3};
  const std::string bytes = EncodeFileHeader(kLogMagic, header);
  ASSERT_EQ(bytes.size(), kFileHeaderBytes);
  const FileHeader read = DecodeFileHeader(kLogMagic, bytes, 9, "file").value();
  EXPECT_EQ(read.collection, 5u);
  EXPECT_EQ(read.c, 3u);
  EXPECT_EQ(read.checksum, header.checksum);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 4);
    EXPECT_EQ(DecodeFileHeader(kLogMagic, damaged, 9, "file").status().code(), StatusCode::kDataLoss) << at;
    EXPECT_FALSE(DecodeFileHeader(kLogMagic, bytes.substr(0, at), 9, "file").ok());
  }
  EXPECT_FALSE(DecodeFileHeader(kLogMagic, bytes, 8, "file").ok());
  EXPECT_FALSE(DecodeFileHeader(kSegmentMagic, bytes, 9, "file").ok());
}

TEST(FileNames, OnlyOursAreParsed) {
  for (const std::string& name : {ManifestName(7), LogName(1), SegmentName(UINT64_MAX), DeletesName(12)}) {
    EXPECT_TRUE(ParseName(name)) << name;
    EXPECT_EQ(ParseName(name + ".tmp")->kind, NameKind::kTemporary);
  }
  EXPECT_EQ(ParseName(SegmentName(UINT64_MAX))->number, UINT64_MAX);
  for (const char* name : {"", "log-", "log-0", "log-01", "log-1x", "log--1", "log-99999999999999999999",
                           "LOCKED", "segment-1.bak", "a.tmp", ".tmp", "LOCK.tmp.tmp", "../log-1"})
    EXPECT_FALSE(ParseName(name)) << name;
}

TEST(FileNames, SiblingsAreRecognised) {
  EXPECT_TRUE(IsSiblingName(NewSiblingName("c", 0)));
  EXPECT_TRUE(IsSiblingName(OldSiblingName(std::string(255, 'c'), UINT64_MAX)));
  EXPECT_TRUE(IsSiblingNameOf(NewSiblingName("c", 5), "c"));
  EXPECT_TRUE(IsSiblingNameOf(NewSiblingName(std::string(255, 'c'), 5), std::string(255, 'c')));
  EXPECT_FALSE(IsSiblingNameOf(NewSiblingName("c", 5), "cc"));
  EXPECT_FALSE(IsSiblingNameOf(NewSiblingName("cc", 5), "c"));
  EXPECT_LE(OldSiblingName(std::string(255, 'c'), 1).size(), 255u);
  for (const char* name : {"c", ".c.zvec-new-", ".c.zvec-new-0123456789abcdeg", "c.zvec-new-0123456789abcdef",
                           ".c.zvec-odd-0123456789abcdef"})
    EXPECT_FALSE(IsSiblingName(name)) << name;
}

Manifest Example() {
  Manifest manifest;
  manifest.collection = 1234;
  manifest.generation = 3;
  manifest.next_number = 99;
  manifest.log_number = 8;
  manifest.log_checksum = 7;
  manifest.schema.name = "example";
  IndexParams fts = IndexParams::Fts("jieba", {"lowercase", "stemmer"}, "{\"a\": 1}");
  IndexParams invert = IndexParams::Invert();
  invert.range_optimization = true;
  IndexParams hnsw = IndexParams::Hnsw(MetricType::kCosine, QuantizeType::kInt8);
  hnsw.m = 24;
  hnsw.ef_construction = 200;
  manifest.schema.fields = {{"text", DataType::kString, true, 0, fts},
                            {"n", DataType::kInt64, false, 0, invert},
                            {"v", DataType::kVectorFp32, true, 768, hnsw},
                            {"plain", DataType::kArrayBool, false, 0, {}}};
  manifest.segments = {{{1, 1000, 10, 42}, 5, 43}, {{2, 2000, 20, 44}, 0, 0}};
  return manifest;
}

TEST(ManifestTest, ComesBack) {
  const Manifest manifest = Example();
  EXPECT_EQ(DecodeManifest(EncodeManifest(manifest), 3, "m").value(), manifest);
}

TEST(ManifestTest, EveryByteAndEveryLengthIsGuarded) {
  const std::string bytes = EncodeManifest(Example());
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_EQ(DecodeManifest(damaged, 3, "m").status().code(), StatusCode::kDataLoss) << at;
    EXPECT_EQ(DecodeManifest(bytes.substr(0, at), 3, "m").status().code(), StatusCode::kDataLoss) << at;
  }
  EXPECT_EQ(DecodeManifest(bytes + "x", 3, "m").status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(DecodeManifest(bytes, 4, "m").status().code(), StatusCode::kDataLoss);
}

// Guards: under checksums that are right, a counter that would give a new file the name of an old one.
TEST(ManifestTest, NumbersOfFilesAreDistinctAndBelowTheNextOne) {
  const auto code = [](const Manifest& manifest) {
    return DecodeManifest(EncodeManifest(manifest), 3, "m").status().code();
  };
  Manifest manifest = Example();
  manifest.next_number = manifest.log_number;
  EXPECT_EQ(code(manifest), StatusCode::kDataLoss);
  manifest = Example();
  manifest.log_number = manifest.segments[0].file.number;
  EXPECT_EQ(code(manifest), StatusCode::kDataLoss);
}

TEST(ManifestTest, SchemaBytesThatDoNotFollowTheFormatAreRefused) {
  std::string bytes;
  EncodeSchema(Example().schema, bytes);
  CollectionSchema schema;
  ASSERT_TRUE(DecodeSchema(bytes, &schema));
  EXPECT_EQ(schema, Example().schema);
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(DecodeSchema(bytes.substr(0, length), &schema));
  EXPECT_FALSE(DecodeSchema("\x01x\xff\xff\xff\xff\x0f", &schema));  // more fields than bytes
}

TEST(ManifestTest, InstallLeavesNoDoubtBeforeTheRename) {
  bool uncertain = true;
  for (std::uint64_t call = 1;; ++call) {
    SimDisk disk;
    ASSERT_TRUE(disk.CreateDirectory("c").ok());
    const std::uint64_t before = disk.calls();
    disk.FailAt(before + call, cocozvec::DiskFault::kIoError);
    const Status status = InstallManifest(disk, "c", Example(), &uncertain);
    if (disk.faults_struck() == 0) break;
    disk.ClearFault();
    EXPECT_FALSE(status.ok());
    if (!uncertain) {
      EXPECT_TRUE(ReadManifest(disk, "c", 3).status().IsNotFound()) << call;
    }
  }
}

TEST(Deletes, ComeBack) {
  SimDisk disk;
  Bitmap dead;
  for (std::uint32_t row : {0u, 1u, 500u, 70'000u, 99'999u}) EXPECT_TRUE(dead.Add(row));
  EXPECT_FALSE(dead.Add(500));
  const std::uint64_t checksum = WriteDeletes(disk, "d", 4, 5, 6, dead).value();
  const Bitmap read = ReadDeletes(disk, "d", 4, 5, 6, 100'000, checksum).value();
  EXPECT_EQ(read.Count(), 5u);
  EXPECT_TRUE(read.Contains(99'999));
  EXPECT_FALSE(read.Contains(2));
  // Of another segment, another writing, or with a row that the segment does not have.
  EXPECT_EQ(ReadDeletes(disk, "d", 4, 5, 7, 100'000, checksum).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(ReadDeletes(disk, "d", 4, 5, 6, 100'000, checksum + 1).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(ReadDeletes(disk, "d", 4, 5, 6, 99'999, checksum).status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(ReadDeletes(disk, "d", 4, 5, 6, 0, checksum).status().code(), StatusCode::kDataLoss);
  EXPECT_TRUE(ReadDeletes(disk, "e", 4, 5, 6, 100'000, checksum).status().IsNotFound());
}

TEST(BitmapTest, CopiesAreTheirOwnAndRangesAreCleared) {
  Bitmap rows;
  for (std::uint32_t row = 1024; row < 2048; row += 3) rows.Add(row);
  Bitmap copy = rows;
  copy.Add(5);
  EXPECT_FALSE(rows.Contains(5));
  std::uint64_t live[16];
  std::fill(std::begin(live), std::end(live), ~std::uint64_t{0});
  copy.ClearIn(1024, 1024, live);
  for (std::uint32_t r = 0; r < 1024; ++r)
    ASSERT_EQ((live[r / 64] >> (r % 64)) & 1, r % 3 == 0 ? 0u : 1u) << r;
}

TEST(DirectoryLock, SecondHolderIsRefusedUntilTheFirstLetsGo) {
  SimDisk disk;
  ASSERT_TRUE(disk.CreateDirectory("c").ok());
  EXPECT_TRUE(DirectoryLock::Acquire(disk, "c", false).status().IsNotFound());
  auto first = DirectoryLock::Acquire(disk, "c", true).value();
  first->WriteHolder();
  const auto second = DirectoryLock::Acquire(disk, "c", false);
  EXPECT_EQ(second.status().code(), StatusCode::kBusy);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr("process "));
  EXPECT_TRUE(IsLockFile(disk, "c/LOCK").value());
  first.reset();
  EXPECT_TRUE(DirectoryLock::Acquire(disk, "c", false).ok());
}

TEST(Mark, EveryByteIsGuarded) {
  SimDisk disk;
  ASSERT_TRUE(disk.CreateDirectory("c").ok());
  EXPECT_TRUE(ReadMarkFile(disk, "c").status().IsNotFound());
  ASSERT_TRUE(WriteMark(disk, "c", std::string("a\0mark", 6)).ok());
  EXPECT_EQ(ReadMarkFile(disk, "c").value(), std::string("a\0mark", 6));
  ASSERT_TRUE(WriteMark(disk, "c", "").ok());
  EXPECT_EQ(ReadMarkFile(disk, "c").value(), "");
  auto file = disk.Open("c/MARK", OpenMode::kReadWrite).value();
  ASSERT_TRUE(file->WriteAt(64, AsBytes("x")).ok());
  EXPECT_EQ(ReadMarkFile(disk, "c").status().code(), StatusCode::kDataLoss);
  ASSERT_TRUE(file->WriteAt(8000, AsBytes("x")).ok());
  EXPECT_EQ(ReadMarkFile(disk, "c").status().code(), StatusCode::kDataLoss);
}

}  // namespace
}  // namespace zvec::inline v0
