// A record whose bytes are whole, and whose row cannot be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/log.h"
#include "zvec/storage/row.h"
#include "zvec/upkeep.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::OpenMode;
using ::testing::HasSubstr;

/// Of a row without its text, which may not be null.
std::string Record() {
  const CollectionSchema schema = NoteSchema();
  const RowCells row{"bad", std::vector<std::string_view>(schema.fields.size())};
  std::string bytes;
  EncodeRow(RowLayout(schema), row, bytes);
  BatchBuilder batch(kRecordHeaderBytes);
  batch.Put(bytes);
  return std::move(batch).Finish();
}

/// Where it stands.
std::uint64_t Append(cocozvec::SimDisk& disk, const std::string& path, std::string record) {
  const std::string bytes = cocozvec::ReadFile(disk, path, 1 << 20).value();
  std::uint64_t collection = 0, number = 0;
  std::memcpy(&collection, bytes.data() + 16, sizeof(collection));
  std::memcpy(&number, bytes.data() + 24, sizeof(number));
  auto file = disk.Open(path, OpenMode::kReadWrite).value();
  const auto content = ReadLog(*file, number, collection, [](std::string_view) { return Status(); }).value();
  auto log = LogWriter::Continue(std::move(file), content).value();
  const std::uint64_t at = log->position().end;
  EXPECT_TRUE(log->Append(record, /*sync_follows=*/true).ok());
  EXPECT_TRUE(log->Close().ok());
  return at;
}

// Guards: the cells of records were not looked at; Verify named the directory only, and Repair nothing.
TEST(HostileRecord, IsFoundInItsPlaceAndTheRestIsSaved) {
  cocozvec::SimDisk disk;
  CollectionOptions options;
  options.file_system = &disk;
  options.maintenance = Maintenance::kManual;
  auto collection = Collection::Create("c", NoteSchema(), options).value();
  ASSERT_TRUE(collection->Upsert(std::vector{Note("good", "text")}).ok());
  ASSERT_TRUE(collection->Close().ok());
  std::string path;
  for (const auto& entry : disk.List("c").value())
    if (entry.name.starts_with("log-")) path = cocozvec::JoinPath("c", entry.name);
  const std::uint64_t at = Append(disk, path, Record());

  EXPECT_EQ(Collection::Open("c", options).status().code(), StatusCode::kDataLoss);
  const VerifyReport found = Verify("c", options).value();
  ASSERT_EQ(found.findings.size(), 1u);
  EXPECT_EQ(found.findings[0].file, path);
  EXPECT_EQ(found.findings[0].offset, at);
  EXPECT_THAT(found.findings[0].what, HasSubstr("field text is null and must not be"));
  const RepairReport report = Repair("c", "r", options).value();
  EXPECT_EQ(report.before.findings.size(), 1u);
  EXPECT_FALSE(report.complete());
  EXPECT_EQ(report.recovered, 1u);
  EXPECT_TRUE(Verify("r", options).value().clean());
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
