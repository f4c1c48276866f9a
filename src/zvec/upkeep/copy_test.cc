// Snapshots and backups on a simulated disk: power cuts while names are shared, writers that come and go
// while the log is read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/upkeep.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::JoinPath;
using cocozvec::OpenMode;
using cocozvec::PowerCutKind;
using cocozvec::SimDisk;
using ::testing::ElementsAre;

CollectionOptions On(cocozvec::FileSystem& fs) {
  CollectionOptions options;
  options.file_system = &fs;
  options.seal_bytes = 400;
  options.index_min_rows = 1;
  options.maintenance = Maintenance::kInline;
  return options;
}

std::vector<std::string> IdsIn(SimDisk& disk, const std::string& path) {
  auto options = On(disk);
  options.read_only = true;
  const auto collection = Collection::Open(path, options);
  EXPECT_TRUE(collection.ok()) << collection.status().ToString();
  return collection.ok() ? AllIds(**collection) : std::vector<std::string>();
}

TEST(Snapshot, IsWholeOrAbsentAfterAPowerCutAnywhereAndItsOriginalIsAsItWas) {
  SimDisk disk;
  std::vector<std::string> ids;
  {
    const auto collection = Collection::Create("c", NoteSchema(), On(disk)).value();
    for (char id = 'a'; id < 'i'; ++id) {
      ids.emplace_back(1, id);
      ASSERT_TRUE(collection->Upsert(std::vector{Note(ids.back(), std::string(100, id))}).ok());
    }
    ASSERT_GE(collection->Stats().sealed_segments, 1u);
  }
  const auto trial = disk.PowerCut(PowerCutKind::kKeepEverything);
  ASSERT_GT(Snapshot("c", "s", {On(*trial)}).value().linked_bytes, 0u);
  const std::uint64_t changes = trial->changes();
  std::size_t whole = 0;
  for (std::uint64_t at = 1; at <= changes; ++at) {
    const auto cut = disk.PowerCut(PowerCutKind::kKeepEverything);
    cut->StopAfter(at);
    const bool done = Snapshot("c", "s", {On(*cut)}).ok();
    for (const PowerCutKind kind :
         {PowerCutKind::kLoseUnsynced, PowerCutKind::kKeepEverything, PowerCutKind::kRandom}) {
      const auto after = cut->PowerCut(kind, at);
      const bool there = after->Stat("s").ok();
      EXPECT_TRUE(there || !done) << "a snapshot that was acknowledged is gone, change " << at;
      if (there) {
        ++whole;
        EXPECT_EQ(IdsIn(*after, "s"), ids) << at;
        EXPECT_TRUE(Verify("s", On(*after)).value().clean()) << at;
      }
      // Half a snapshot beside it does not keep the original from being written.
      const auto collection = Collection::Open("c", On(*after));
      ASSERT_TRUE(collection.ok()) << at << ": " << collection.status().ToString();
      EXPECT_EQ(AllIds(**collection), ids) << at;
      ASSERT_TRUE((*collection)->Delete(std::vector<std::string>{"a"}).ok());
      EXPECT_TRUE((*collection)->Optimize().ok()) << at;
      if (there) {
        EXPECT_EQ(IdsIn(*after, "s"), ids) << at;
      }
    }
  }
  EXPECT_GT(whole, 0u);
}

// Guards: a writer that cut a torn end off while the log was read, and was gone again, was taken for damage.
TEST(Backup, BesideAWriterThatCutsATornEndOffAndCloses) {
  SimDisk before;
  {
    const auto writer = Collection::Create("c", NoteSchema(), On(before)).value();
    ASSERT_TRUE(writer->Upsert(std::vector{Note("a", "a")}).ok());
  }
  auto torn = before.Open("c/log-1", OpenMode::kReadWrite).value();
  const std::uint64_t whole = torn->Size().value();
  ASSERT_TRUE(torn->Truncate(whole + 20'000).ok());  // a record whose sectors were never written
  for (const bool writes : {false, true}) {
    const auto disk = before.ProcessKill();
    HookedFileSystem hooked(*disk);
    int came = 0;
    hooked.unreadable = [&](const std::string& path, std::uint64_t offset, std::uint64_t) {
      if (path != "c/log-1" || offset < whole || came != 0) return Status();
      ++came;
      const auto writer = Collection::Open("c", On(*disk)).value();
      if (writes) {
        EXPECT_TRUE(writer->Upsert(std::vector{Note("b", "b")}).ok());
      }
      return Status();
    };
    const auto report = Backup("c", "b", {On(hooked)});
    EXPECT_EQ(came, 1);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_EQ(IdsIn(*disk, "b"), IdsIn(*disk, "c"));
  }
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
