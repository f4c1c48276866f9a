// Files that are written no faster than a rate, counted, and given up when cancelled.
#include "zvec/collection/paced_files.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <string>

#include "base/io/sim_disk.h"

namespace zvec::inline v0 {
namespace {

TEST(PacedFilesTest, BytesTakeTheTimeThatTheRateGivesThem) {
  using std::chrono::nanoseconds;
  using std::chrono::seconds;
  EXPECT_EQ(PacedFiles::Delay(1'000'000, 0, {}), nanoseconds(0));
  EXPECT_EQ(PacedFiles::Delay(3'000, 1'000, seconds(1)), seconds(2));
  EXPECT_EQ(PacedFiles::Delay(3'000, 1'000, seconds(9)), nanoseconds(0));
  EXPECT_GT(PacedFiles::Delay(UINT64_MAX, 1, {}), seconds(1'000'000'000));
}

TEST(PacedFilesTest, WritesAreCountedAndEndWhenCancelled) {
  cocozvec::SimDisk disk;
  cocozvec::Cancel cancel;
  std::atomic<std::uint64_t> written = 0;
  PacedFiles files(disk, 1, &cancel, &written);
  auto file = files.Open("f", cocozvec::OpenMode::kCreateNew).value();
  const std::string text(100, 'x');
  ASSERT_TRUE(file->WriteAt(0, std::as_bytes(std::span(text))).ok());
  EXPECT_EQ(written, 100u);
  cancel.Raise();  // else the next one would wait for a minute and a half
  EXPECT_EQ(file->WriteAt(100, std::as_bytes(std::span(text))).code(), cocozvec::StatusCode::kCancelled);
  EXPECT_EQ(disk.Stat("f").value().size, 100u);
}

}  // namespace
}  // namespace zvec::inline v0
