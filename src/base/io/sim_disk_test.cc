#include "base/io/sim_disk.h"

#include <gtest/gtest.h>

#include <set>

namespace cocozvec {
namespace {

std::span<const std::byte> Bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

constexpr PowerCutKind kAllKinds[] = {PowerCutKind::kLoseUnsynced, PowerCutKind::kKeepEverything,
                                      PowerCutKind::kTearLastWrite, PowerCutKind::kRandom};

std::string Read(FileSystem& fs, PathView path) {
  Result<std::string> content = ReadFile(fs, path, 1 << 24);
  return content.ok() ? *content : content.status().ToString();
}

std::set<std::string> Names(FileSystem& fs) {
  std::set<std::string> names;
  for (const DirEntry& entry : fs.List("/").value()) names.insert(entry.name);
  return names;
}

std::unique_ptr<File> OpenAt(FileSystem& fs, PathView path) {
  return fs.Open(path, OpenMode::kCreate).value();
}

class SimDiskTest : public testing::Test {
 protected:
  void Write(PathView path, std::string_view content, std::uint64_t offset = 0) {
    ASSERT_TRUE(OpenAt(disk_, path)->WriteAt(offset, Bytes(content)).ok());
  }
  /// Content and name durable.
  void WriteDurably(PathView path, std::string_view content) {
    ASSERT_TRUE(WriteFileAtomically(disk_, path, content).ok());
  }
  std::set<std::string> OutcomesOf(PathView path, PowerCutKind kind, std::uint64_t seeds) const {
    std::set<std::string> outcomes;
    for (std::uint64_t seed = 0; seed < seeds; ++seed)
      outcomes.insert(Read(*disk_.PowerCut(kind, seed), path));
    return outcomes;
  }

  SimDisk disk_;
};

TEST_F(SimDiskTest, SyncedDataSurvivesEveryCut) {
  WriteDurably("f", "kept");
  for (PowerCutKind kind : kAllKinds) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) EXPECT_EQ(Read(*disk_.PowerCut(kind, seed), "f"), "kept");
  }
}

TEST_F(SimDiskTest, UnsyncedDataIsLostOrKeptAsAsked) {
  WriteDurably("f", "old");
  Write("f", "newer");
  EXPECT_EQ(Read(disk_, "f"), "newer");
  EXPECT_EQ(Read(*disk_.PowerCut(PowerCutKind::kLoseUnsynced), "f"), "old");
  EXPECT_EQ(Read(*disk_.PowerCut(PowerCutKind::kKeepEverything), "f"), "newer");
}

TEST_F(SimDiskTest, SyncedFileWithoutSyncedNameIsLost) {
  auto file = OpenAt(disk_, "f");
  ASSERT_TRUE(file->WriteAt(0, Bytes("content")).ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(Names(*disk_.PowerCut(PowerCutKind::kLoseUnsynced)), std::set<std::string>{});
  ASSERT_TRUE(disk_.SyncDirectory("/").ok());
  EXPECT_EQ(Read(*disk_.PowerCut(PowerCutKind::kLoseUnsynced), "f"), "content");
}

TEST_F(SimDiskTest, SyncedNameWithoutSyncedDataIsAnEmptyFile) {
  Write("f", "content");
  ASSERT_TRUE(disk_.SyncDirectory("/").ok());
  EXPECT_EQ(Read(*disk_.PowerCut(PowerCutKind::kLoseUnsynced), "f"), "");
}

TEST_F(SimDiskTest, RenameWithoutDirectorySyncMayBeUndone) {
  WriteDurably("f", "old");
  WriteDurably("g", "new");
  ASSERT_TRUE(disk_.Rename("g", "f").ok());
  EXPECT_EQ(OutcomesOf("f", PowerCutKind::kRandom, 30), (std::set<std::string>{"old", "new"}));
  EXPECT_EQ(Names(*disk_.PowerCut(PowerCutKind::kLoseUnsynced)), (std::set<std::string>{"f", "g"}));
  ASSERT_TRUE(disk_.SyncDirectory("/").ok());
  EXPECT_EQ(OutcomesOf("f", PowerCutKind::kRandom, 30), std::set<std::string>{"new"});
}

// Guards: the classic hole, a rename that reaches the disk before the data of the file that it names.
TEST_F(SimDiskTest, RenameOfAnUnsyncedFileMayLeaveItEmptyOrZero) {
  WriteDurably("f", "old");
  Write("g", "new");
  ASSERT_TRUE(disk_.Rename("g", "f").ok());
  EXPECT_EQ(OutcomesOf("f", PowerCutKind::kRandom, 60),
            (std::set<std::string>{"old", "new", "", std::string(3, '\0')}));
}

TEST_F(SimDiskTest, EachNameChangeSurvivesOnItsOwn) {
  Write("a", "");
  Write("b", "");
  std::set<std::set<std::string>> outcomes;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    outcomes.insert(Names(*disk_.PowerCut(PowerCutKind::kRandom, seed)));
  }
  EXPECT_EQ(outcomes, (std::set<std::set<std::string>>{{}, {"a"}, {"b"}, {"a", "b"}}));
}

TEST_F(SimDiskTest, RenamedFileHasExactlyOneOfItsNames) {
  WriteDurably("a", "x");
  ASSERT_TRUE(disk_.CreateDirectory("d").ok());
  ASSERT_TRUE(disk_.SyncDirectory("/").ok());
  ASSERT_TRUE(disk_.Rename("a", "b").ok());
  ASSERT_TRUE(disk_.Rename("b", "d/c").ok());
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    auto after = disk_.PowerCut(PowerCutKind::kRandom, seed);
    int count = 0;
    for (const char* name : {"a", "b", "d/c"}) {
      if (!after->Stat(name).ok()) continue;
      seen.insert(name);
      ++count;
    }
    EXPECT_EQ(count, 1) << seed;
  }
  EXPECT_EQ(seen, (std::set<std::string>{"a", "b", "d/c"}));
}

TEST_F(SimDiskTest, RemovalWithoutDirectorySyncMayBeUndone) {
  WriteDurably("f", "x");
  ASSERT_TRUE(disk_.RemoveFile("f").ok());
  EXPECT_EQ(OutcomesOf("f", PowerCutKind::kRandom, 30).size(), 2u);
  EXPECT_EQ(Read(*disk_.PowerCut(PowerCutKind::kLoseUnsynced), "f"), "x");
}

TEST_F(SimDiskTest, LastWriteIsTornAtAnyByteAndOthersAreWhole) {
  WriteDurably("f", "....");
  Write("g", "whole");
  Write("f", "abcd");
  EXPECT_EQ(OutcomesOf("f", PowerCutKind::kTearLastWrite, 80),
            (std::set<std::string>{"....", "a...", "ab..", "abc."}));
  EXPECT_EQ(OutcomesOf("g", PowerCutKind::kTearLastWrite, 20), std::set<std::string>{"whole"});
}

TEST_F(SimDiskTest, RandomCutKeepsSectorsWholeAndInAnyCombination) {
  WriteDurably("f", std::string(1024, 'a'));
  Write("f", std::string(1024, 'b'));
  const auto sectors = [](char first, char second) {
    return std::string(512, first) + std::string(512, second);
  };
  EXPECT_EQ(
      OutcomesOf("f", PowerCutKind::kRandom, 100),
      (std::set<std::string>{sectors('a', 'a'), sectors('a', 'b'), sectors('b', 'a'), sectors('b', 'b')}));
}

TEST_F(SimDiskTest, SectorMayBeThatOfAnEarlierWriteButNeverAMixture) {
  WriteDurably("f", "0000");
  Write("f", "11");
  Write("f", "22", 2);
  EXPECT_EQ(OutcomesOf("f", PowerCutKind::kRandom, 200), (std::set<std::string>{"0000", "1100", "1122"}));
}

TEST_F(SimDiskTest, AppendMayLeaveAnyOfItsSizesAndHoles) {
  WriteDurably("f", "");
  Write("f", std::string(600, 'x'));
  std::set<std::size_t> sizes;
  bool hole = false;
  for (const std::string& content : OutcomesOf("f", PowerCutKind::kRandom, 100)) {
    sizes.insert(content.size());
    hole |= content.starts_with('\0') && content.ends_with('x');
  }
  EXPECT_EQ(sizes, (std::set<std::size_t>{0, 600}));
  EXPECT_TRUE(hole);
}

TEST_F(SimDiskTest, TruncationWithoutSyncMayBeUndone) {
  WriteDurably("f", "long");
  ASSERT_TRUE(OpenAt(disk_, "f")->Truncate(1).ok());
  EXPECT_EQ(OutcomesOf("f", PowerCutKind::kRandom, 60).size(), 3u);  // "long", "l", and the size alone
  EXPECT_EQ(Read(*disk_.PowerCut(PowerCutKind::kLoseUnsynced), "f"), "long");
}

TEST_F(SimDiskTest, SameSeedGivesTheSameDisk) {
  Write("f", std::string(5000, 'x'));
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    EXPECT_EQ(Read(*disk_.PowerCut(PowerCutKind::kRandom, seed), "f"),
              Read(*disk_.PowerCut(PowerCutKind::kRandom, seed), "f"));
  }
}

TEST_F(SimDiskTest, CutDropsLocksAndTheOldDiskGoesOn) {
  WriteDurably("lock", "");
  auto holder = OpenAt(disk_, "lock");
  ASSERT_TRUE(holder->TryLock(true).ok());
  auto after = disk_.PowerCut(PowerCutKind::kKeepEverything);
  EXPECT_TRUE(OpenAt(*after, "lock")->TryLock(true).ok());
  EXPECT_EQ(OpenAt(disk_, "lock")->TryLock(true).code(), StatusCode::kBusy);
  EXPECT_NE(after->Stat("lock")->device, disk_.Stat("lock")->device);
}

TEST_F(SimDiskTest, NthCallFailsOnceAndTheWriteIsHalfThere) {
  auto file = OpenAt(disk_, "f");
  disk_.FailAt(disk_.calls() + 2, DiskFault::kIoError);
  ASSERT_TRUE(file->WriteAt(0, Bytes("ab")).ok());
  const Status failed = file->WriteAt(2, Bytes("cdef"));
  EXPECT_EQ(failed.ToString(), "I/O error: write f: Input/output error");
  ASSERT_TRUE(file->WriteAt(6, Bytes("g")).ok());
  EXPECT_EQ(disk_.faults_struck(), 1u);
  EXPECT_EQ(Read(disk_, "f"), std::string("abcd\0\0g", 7));
}

TEST_F(SimDiskTest, FullDiskStillReadsAndRemoves) {
  WriteDurably("f", "x");
  disk_.FailAt(1, DiskFault::kNoSpace, true);
  EXPECT_EQ(disk_.Open("g", OpenMode::kCreate).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(disk_.CreateDirectory("d").code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(OpenAt(disk_, "f")->WriteAt(0, Bytes("yy")).code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(Read(disk_, "f"), "y");
  EXPECT_TRUE(disk_.RemoveFile("f").ok());
  disk_.ClearFault();
  EXPECT_TRUE(disk_.CreateDirectory("d").ok());
}

// Guards: a program that tries a failed fsync again and takes the second answer for the truth.
TEST_F(SimDiskTest, SyncAfterAFailedSyncSavesOnlyWhatIsWrittenAgain) {
  WriteDurably("f", std::string(1024, '0'));
  auto file = OpenAt(disk_, "f");
  ASSERT_TRUE(file->WriteAt(0, Bytes(std::string(1024, '1'))).ok());
  disk_.FailAt(disk_.calls() + 1, DiskFault::kIoError);
  EXPECT_FALSE(file->Sync().ok());
  ASSERT_TRUE(file->WriteAt(600, Bytes("2")).ok());
  EXPECT_TRUE(file->Sync().ok());
  std::string expected = std::string(512, '0') + std::string(512, '1');
  expected[600] = '2';
  EXPECT_EQ(Read(*disk_.PowerCut(PowerCutKind::kLoseUnsynced), "f"), expected);
  EXPECT_EQ(Read(disk_, "f")[0], '1');
}

TEST_F(SimDiskTest, NothingChangesAfterTheStop) {
  WriteDurably("f", "x");
  disk_.StopAfter(disk_.changes() + 1);
  auto file = OpenAt(disk_, "f");
  EXPECT_TRUE(file->WriteAt(0, Bytes("y")).ok());
  EXPECT_TRUE(disk_.stopped());
  EXPECT_EQ(file->Sync().message(), "sync f: the power is off");
  EXPECT_FALSE(file->WriteAt(0, Bytes("z")).ok());
  EXPECT_FALSE(disk_.RemoveFile("f").ok());
  EXPECT_EQ(Read(*disk_.PowerCut(PowerCutKind::kKeepEverything), "f"), "y");
}

TEST_F(SimDiskTest, HookSeesEveryChangeAndMayCutThePower) {
  std::vector<std::string> seen;
  disk_.OnChange([&](const DiskChange& change) {
    seen.push_back(std::to_string(change.number) + " " + change.path);
    (void)disk_.PowerCut(PowerCutKind::kRandom, change.number);
  });
  WriteDurably("f", "x");
  EXPECT_EQ(seen, (std::vector<std::string>{"1 f.tmp", "2 f.tmp", "3 f.tmp", "4 f.tmp to f", "5 ."}));
}

TEST_F(SimDiskTest, EachNameChangeMayBeMadeOrLostAlone) {
  WriteDurably("a", "a");
  ASSERT_TRUE(disk_.Rename("a", "b").ok());
  ASSERT_TRUE(disk_.Open("c", OpenMode::kCreateNew).ok());
  ASSERT_EQ(disk_.unsynced_names(), 2u);
  const auto names = [&](PowerCutKind kind, std::uint64_t seed) {
    std::string all;
    for (const DirEntry& entry : disk_.PowerCut(kind, seed)->List(".").value()) all += entry.name;
    return all;
  };
  EXPECT_EQ(names(PowerCutKind::kOneName, 0), "b");
  EXPECT_EQ(names(PowerCutKind::kOneName, 1), "ac");
  EXPECT_EQ(names(PowerCutKind::kAllButOneName, 0), "ac");
  EXPECT_EQ(names(PowerCutKind::kAllButOneName, 1), "b");
  ASSERT_TRUE(disk_.SyncDirectory(".").ok());
  EXPECT_EQ(disk_.unsynced_names(), 0u);
}

TEST_F(SimDiskTest, AKilledProcessLeavesWhatItDidNotSyncUnsynced) {
  WriteDurably("f", "old");
  auto file = OpenAt(disk_, "f");
  ASSERT_TRUE(file->TryLock(true).ok());
  ASSERT_TRUE(file->WriteAt(0, Bytes("new")).ok());
  ASSERT_TRUE(disk_.Rename("f", "g").ok());
  const auto killed = disk_.ProcessKill();
  EXPECT_EQ(Read(*killed, "g"), "new");
  EXPECT_TRUE(OpenAt(*killed, "g")->TryLock(true).ok());
  EXPECT_EQ(Read(*killed->PowerCut(PowerCutKind::kLoseUnsynced), "f"), "old");
  ASSERT_TRUE(OpenAt(*killed, "g")->Sync().ok());
  ASSERT_TRUE(killed->SyncDirectory(".").ok());
  EXPECT_EQ(Read(*killed->PowerCut(PowerCutKind::kLoseUnsynced), "g"), "new");
  EXPECT_EQ(Read(*disk_.PowerCut(PowerCutKind::kLoseUnsynced), "f"), "old");
}

TEST_F(SimDiskTest, AtomicWriteIsOldOrNewAfterACutAtAnyChange) {
  WriteDurably("f", "old");
  std::set<std::string> outcomes;
  disk_.OnChange([&](const DiskChange&) {
    for (PowerCutKind kind : kAllKinds) {
      for (std::uint64_t seed = 0; seed < 20; ++seed) outcomes.insert(Read(*disk_.PowerCut(kind, seed), "f"));
    }
  });
  WriteDurably("f", "new");
  EXPECT_EQ(outcomes, (std::set<std::string>{"old", "new"}));
}

}  // namespace
}  // namespace cocozvec
