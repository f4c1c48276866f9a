// Readers beside a writer: what Refresh shows and when, which files stay for them, how they wait.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <functional>
#include <thread>

#include "base/fault.h"
#include "zvec/collection/testing/hooked_fs.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/publication.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::DiskChange;
using cocozvec::DiskFault;
using cocozvec::DiskOperation;
using cocozvec::OpenMode;
using cocozvec::PowerCutKind;
using cocozvec::SimDisk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAreArray;
using Handle = std::shared_ptr<Collection>;

class Follow : public ::testing::Test {
 protected:
  CollectionOptions Options(bool read_only, std::uint64_t seal_bytes = 64 << 20) {
    CollectionOptions options;
    options.file_system = &hooked_;
    options.read_only = read_only;
    options.seal_bytes = seal_bytes;
    options.index_min_rows = 1;
    options.maintenance = Maintenance::kInline;
    return options;
  }
  Handle Create() { return Collection::Create("c", NoteSchema(), Options(false)).value(); }
  Handle Writer(std::uint64_t seal_bytes = 64 << 20) {
    return Collection::Open("c", Options(false, seal_bytes)).value();
  }
  Handle Reader() { return Collection::Open("c", Options(true)).value(); }
  void Put(Collection& writer, const std::string& id) {
    const auto result = writer.Upsert(std::vector{Note(id, id)});
    ASSERT_TRUE(result.ok()) << result.status().ToString();
  }
  /// The names in the directory of the collection.
  std::vector<std::string> Names() {
    std::vector<std::string> names;
    for (const auto& entry : disk_.List("c").value()) names.push_back(entry.name);
    return names;
  }
  SimDisk disk_;
  HookedFileSystem hooked_{disk_};
};

TEST_F(Follow, RefreshShowsEveryWriteThatWasAcknowledged) {
  const Handle writer = Create();
  Put(*writer, "a");
  const Handle reader = Reader();
  EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
  Put(*writer, "b");
  EXPECT_THAT(AllIds(*reader), ElementsAre("a"));  // until it is asked to
  EXPECT_EQ(reader->Refresh().value(), true);
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b"));
  EXPECT_EQ(reader->Refresh().value(), false);
  ASSERT_TRUE(writer->Apply(std::vector{Note("c", "c")}, std::vector<std::string>{"a"}).ok());
  EXPECT_EQ(reader->Refresh().value(), true);
  EXPECT_THAT(AllIds(*reader), ElementsAre("b", "c"));
}

TEST_F(Follow, AReaderFollowsOverSealsMergesAndNewWriters) {
  Handle writer = Create();
  writer.reset();
  const Handle reader = Reader();
  std::vector<std::string> ids;
  for (int life = 0; life < 3; ++life) {
    writer = Writer(/*seal_bytes=*/300);
    for (int i = 0; i < 6; ++i) {
      ids.push_back("d" + std::to_string(life) + std::to_string(i));
      Put(*writer, ids.back());
      EXPECT_EQ(reader->Refresh().value(), true);
      ASSERT_THAT(AllIds(*reader), UnorderedElementsAreArray(ids));
    }
    ASSERT_TRUE(writer->Delete(std::vector{ids.front()}).ok());
    ids.erase(ids.begin());
    ASSERT_TRUE(writer->Optimize().ok());
    EXPECT_EQ(reader->Refresh().value(), true);
    EXPECT_THAT(AllIds(*reader), UnorderedElementsAreArray(ids));
    EXPECT_EQ(reader->Stats().generation, writer->Stats().generation);
    EXPECT_EQ(reader->Stats().sealed_segments, writer->Stats().sealed_segments);
    ASSERT_TRUE(writer->Close().ok());
    EXPECT_TRUE(reader->Refresh().ok());
    EXPECT_THAT(AllIds(*reader), UnorderedElementsAreArray(ids));
  }
}

TEST_F(Follow, WhatIsUnchangedIsNotOpenedAgain) {
  const Handle writer = Create();
  Put(*writer, "a");
  ASSERT_TRUE(writer->Optimize().ok());  // one segment with its graph
  const Handle reader = Reader();
  std::vector<std::string> opened;
  hooked_.before = [&](const std::string& call, const std::string& path) {
    if (call == "open") opened.push_back(path);
  };
  Put(*writer, "b");
  opened.clear();
  EXPECT_EQ(reader->Refresh().value(), true);
  EXPECT_THAT(opened, ::testing::IsEmpty());  // the same generation: the new end of a log that is open
  hooked_.before = nullptr;

  const Handle none = Reader();
  auto sealing = [&] {  // a second segment; the first one stays
    ASSERT_TRUE(writer->Close().ok());
    const Handle again = Writer(/*seal_bytes=*/1);
    Put(*again, "c");
  };
  sealing();
  hooked_.before = [&](const std::string& call, const std::string& path) {
    if (call == "open") opened.push_back(path);
  };
  EXPECT_EQ(reader->Refresh().value(), true);
  hooked_.before = nullptr;
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b", "c"));
  EXPECT_THAT(opened, Not(Contains("c/segment-2")));
  EXPECT_THAT(opened, Contains(HasSubstr("c/segment-")));
}

TEST_F(Follow, QueriesAndIteratorsKeepTheirState) {
  const Handle writer = Create();
  Put(*writer, "a");
  Put(*writer, "b");
  ASSERT_TRUE(writer->Optimize().ok());
  const Handle reader = Reader();
  auto iterator = reader->Iterate().value();
  const auto before = reader->QueryRows({.field = "v", .vector = std::vector<float>{1, 1, 1}}).value();
  ASSERT_TRUE(writer->Delete(std::vector<std::string>{"a"}).ok());
  ASSERT_TRUE(writer->Optimize().ok());
  Put(*writer, "c");
  EXPECT_EQ(reader->Refresh().value(), true);
  std::vector<std::string> seen;
  for (Doc doc; iterator->Next(&doc).value();) seen.push_back(doc.id);
  EXPECT_THAT(seen, ElementsAre("a", "b"));
  EXPECT_EQ(reader->IdsOfRows(before.rows, before.layout).status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(Follow, FilesOfAPinnedGenerationStayAndGoAtTheFirstOccasionAfterIt) {
  const Handle writer = Create();
  Put(*writer, "a");
  ASSERT_TRUE(writer->Optimize().ok());
  Handle reader = Reader();
  const std::vector<std::string> pinned = Names();
  for (const char* id : {"b", "c", "d"}) {
    Put(*writer, id);
    ASSERT_TRUE(writer->Optimize().ok());
  }
  for (const std::string& name : pinned)
    if (name.starts_with("segment-") || name.starts_with("index-")) {
      EXPECT_THAT(Names(), Contains(name));
    }
  EXPECT_THAT(AllIds(*Reader()), ElementsAre("a", "b", "c", "d"));
  // An iterator keeps them as the handle does.
  auto iterator = reader->Iterate().value();
  ASSERT_TRUE(reader->Refresh().ok());
  ASSERT_TRUE(writer->Optimize().ok());
  for (const std::string& name : pinned)
    if (name.starts_with("segment-")) {
      EXPECT_THAT(Names(), Contains(name));
    }
  iterator.reset();
  ASSERT_TRUE(writer->Optimize().ok());
  for (const std::string& name : pinned)
    if (name.starts_with("segment-")) {
      EXPECT_THAT(Names(), Not(Contains(name)));
    }
}

TEST_F(Follow, LeftoversOfAPinGoWhenTheWriterClosesOrOpens) {
  Handle writer = Create();
  Put(*writer, "a");
  ASSERT_TRUE(writer->Optimize().ok());
  const auto advance = [&] {
    for (const char* id : {"b", "c", "d"}) {
      Put(*writer, id);
      ASSERT_TRUE(writer->Optimize().ok());
    }
  };
  const auto manifests = [&] {
    const auto names = Names();
    return std::count_if(names.begin(), names.end(),
                         [](const auto& n) { return n.starts_with("MANIFEST-"); });
  };
  Handle reader = Reader();
  advance();
  EXPECT_EQ(manifests(), 3);
  reader.reset();
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_EQ(manifests(), 2);

  writer = Writer();
  reader = Reader();
  advance();
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_EQ(manifests(), 3);
  reader.reset();
  writer = Writer();
  EXPECT_EQ(manifests(), 2);
}

TEST_F(Follow, AWriteThatIsNotSyncedIsNotShownAndWhatWasShownSurvivesAPowerCut) {
  const Handle writer = Create();
  const Handle reader = Reader();
  std::size_t shown = 0, looks = 0;
  bool inside = false;
  disk_.OnChange([&](const DiskChange& change) {
    if (inside) return;
    inside = true;
    const auto moved = reader->Refresh();
    EXPECT_TRUE(moved.ok()) << change.path << ": " << moved.status().ToString();
    shown = AllIds(*reader).size();
    const auto cut = disk_.PowerCut(PowerCutKind::kLoseUnsynced);
    CollectionOptions options = Options(true);
    options.file_system = cut.get();
    const auto found = Collection::Open("c", options);
    ASSERT_TRUE(found.ok()) << found.status().ToString();
    EXPECT_GE(AllIds(**found).size(), shown)
        << "after " << change.path << " a power cut takes back what was read";
    ++looks;
    inside = false;
  });
  for (int i = 0; i < 10; ++i) {
    Put(*writer, "d" + std::to_string(i));
    if (i % 4 == 3) {
      ASSERT_TRUE(writer->Optimize().ok());
    }
  }
  disk_.OnChange(nullptr);
  EXPECT_GT(looks, 30u);
  EXPECT_EQ(reader->Refresh().value(), false);  // the last thing that changes is the publication
  EXPECT_EQ(shown, 10u);
}

#if defined(ZVEC_TEST_HOOKS)
TEST_F(Follow, AReaderThatIgnoresThePublicationShowsWhatAPowerCutTakesBack) {
  const Handle writer = Create();
  const Handle reader = Reader();
  std::size_t most = 0;
  disk_.OnChange([&](const DiskChange& change) {
    if (change.operation != DiskOperation::kWrite || !change.path.starts_with("c/log-")) return;
    ASSERT_TRUE(reader->Refresh().ok());
    most = std::max(most, AllIds(*reader).size());
  });
  Put(*writer, "a");
  EXPECT_EQ(most, 0u);
  cocozvec::PlantFault("ignore_publication", true);
  Put(*writer, "b");
  cocozvec::PlantFault("ignore_publication", false);
  EXPECT_EQ(most, 2u);  // before its sync
  disk_.OnChange(nullptr);
}
#endif

TEST_F(Follow, AWriteWhoseSyncFailedIsNeverShown) {
  const Handle writer = Create();
  Put(*writer, "a");
  const Handle reader = Reader();
  hooked_.before = nullptr;
  disk_.FailAt(disk_.calls() + 2, DiskFault::kIoError);  // write, sync
  ASSERT_FALSE(writer->Upsert(std::vector{Note("b", "b")}).ok());
  EXPECT_EQ(disk_.faults_struck(), 1u);
  EXPECT_EQ(reader->Refresh().value(), false);
  EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
}

// Guards: it read on in the middle of a record, and said kDataLoss for ever.
TEST_F(Follow, AReaderByTheFilesAloneGoesOnAfterARefusedWriteThatALongerOneReplaced) {
  Handle writer = Create();
  Put(*writer, "a");
  const auto no_lock = [](const std::string& path) {
    return path.ends_with("/LOCK") ? Status::PermissionDenied(path) : Status();
  };
  hooked_.refuse = no_lock;
  const Handle reader = Reader();
  disk_.OnChange([&](const DiskChange& change) {
    if (change.operation != DiskOperation::kWrite || !change.path.starts_with("c/log-")) return;
    disk_.OnChange(nullptr);
    EXPECT_EQ(reader->Refresh().value(), true);
    disk_.FailAt(disk_.calls() + 1, DiskFault::kIoError);  // the sync
  });
  ASSERT_FALSE(writer->Upsert(std::vector{Note("b", "b")}).ok());
  EXPECT_EQ(disk_.faults_struck(), 1u);
  ASSERT_THAT(AllIds(*reader), ElementsAre("a", "b"));  // what docs/readers.md allows
  hooked_.refuse = nullptr;
  writer.reset();
  writer = Writer();
  ASSERT_TRUE(writer->Upsert(std::vector{Note("c", std::string(500, 'c'))}).ok());
  hooked_.refuse = no_lock;
  EXPECT_EQ(reader->Refresh().status().code(), StatusCode::kDataLoss);
  EXPECT_EQ(reader->Refresh().value(), true);
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "c"));
}

TEST_F(Follow, WhereNothingCanBePublishedReadersGoByTheFiles) {
  const Handle writer = Create();
  const Handle reader = Reader();
  // Write and sync of the log succeed, the publication fails.
  disk_.FailAt(disk_.calls() + 3, DiskFault::kIoError);
  Put(*writer, "a");
  EXPECT_EQ(disk_.faults_struck(), 1u);
  EXPECT_EQ(reader->Refresh().value(), true);
  EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
  Put(*writer, "b");
  EXPECT_EQ(reader->Refresh().value(), true);
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b"));
}

TEST_F(Follow, ATornEndOfTheLogIsNotThereYet) {
  Handle writer = Create();
  Put(*writer, "a");
  const Handle reader = Reader();
  writer.reset();
  const std::uint64_t end = disk_.Stat("c/log-1").value().size;
  auto log = disk_.Open("c/log-1", OpenMode::kReadWrite).value();
  ASSERT_TRUE(log->WriteAt(end, std::as_bytes(std::span("REZ", 3))).ok());
  EXPECT_TRUE(reader->Refresh().ok());
  EXPECT_EQ(reader->WaitForChange(0).value(), false);  // it looked at that
  EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
  writer = Writer();
  Put(*writer, "b");
  EXPECT_EQ(reader->Refresh().value(), true);
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b"));
}

TEST_F(Follow, DamageNamesFileAndOffsetAndLeavesTheOldState) {
  const Handle writer = Create();
  Put(*writer, "a");
  const Handle reader = Reader();
  const std::uint64_t end = disk_.Stat("c/log-1").value().size;
  Put(*writer, "b");
  auto log = disk_.Open("c/log-1", OpenMode::kReadWrite).value();
  std::byte byte{};
  ASSERT_TRUE(log->ReadAt(end + 60, std::span(&byte, 1)).ok());
  const std::byte flipped = byte ^ std::byte{1};
  ASSERT_TRUE(log->WriteAt(end + 60, std::span(&flipped, 1)).ok());
  for (int i = 0; i < 2; ++i) {
    const Status status = reader->Refresh().status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    EXPECT_THAT(status.ToString(), HasSubstr("c/log-1"));
    EXPECT_THAT(status.ToString(), HasSubstr(std::to_string(end)));
    EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
  }
  ASSERT_TRUE(log->WriteAt(end + 60, std::span(&byte, 1)).ok());
  EXPECT_EQ(reader->Refresh().value(), true);
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b"));
}

TEST_F(Follow, AnErrorWhileANewGenerationIsOpenedLeavesTheOldState) {
  int failed = 0;
  for (std::uint64_t call = 1;; ++call) {
    SimDisk disk;
    CollectionOptions options = Options(false), read_only = Options(true);
    options.file_system = read_only.file_system = &disk;
    const Handle writer = Collection::Create("c", NoteSchema(), options).value();
    Put(*writer, "a");
    const Handle reader = Collection::Open("c", read_only).value();
    Put(*writer, "b");
    ASSERT_TRUE(writer->Optimize().ok());
    Put(*writer, "c");
    disk.FailAt(disk.calls() + call, DiskFault::kIoError, /*sticky=*/true);
    const auto moved = reader->Refresh();
    const bool struck = disk.faults_struck() != 0;
    disk.ClearFault();
    if (!moved.ok()) {
      ++failed;
      ASSERT_TRUE(struck) << moved.status().ToString();
      EXPECT_THAT(AllIds(*reader), ElementsAre("a")) << "call " << call;
      EXPECT_EQ(reader->Refresh().value(), true);
    }
    EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b", "c")) << "call " << call;
    if (!struck) break;
  }
  EXPECT_GT(failed, 10);
}

// Guards: an open looked twenty times, as if a newer manifest could make the file readable: a bad sector may
// take seconds each time.
TEST_F(Follow, ALockThatTheDiskDoesNotReadIsReportedAtTheFirstLook) {
  Put(*Create(), "a");
  int reads = 0;
  hooked_.unreadable = [&](const std::string& path, std::uint64_t, std::uint64_t) {
    if (path != "c/LOCK") return Status();
    ++reads;
    return Status::IoError("read " + path + ": a bad sector");
  };
  EXPECT_EQ(Collection::Open("c", Options(true)).status().code(), StatusCode::kIoError);
  EXPECT_EQ(reads, 1);
}

TEST_F(Follow, ADestroyedCollectionCanBeReadOnAndIsReported) {
  Handle writer = Create();
  Put(*writer, "a");
  ASSERT_TRUE(writer->Optimize().ok());
  const Handle reader = Reader();
  writer.reset();
  ASSERT_TRUE(Collection::Destroy("c", Options(false)).ok());
  EXPECT_TRUE(reader->Refresh().status().IsNotFound());
  EXPECT_TRUE(reader->WaitForChange(10).status().IsNotFound());
  EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
  writer = Create();  // the numbers of its files are those of the first one
  EXPECT_EQ(reader->Refresh().status().code(), StatusCode::kFailedPrecondition);
  EXPECT_THAT(AllIds(*reader), ElementsAre("a"));
  writer.reset();
  EXPECT_EQ(reader->Refresh().status().code(), StatusCode::kFailedPrecondition);
}

TEST_F(Follow, ARelaxedNewbornIsFollowedWhileItSettles) {
  CollectionOptions relaxed = Options(false);
  relaxed.durability = Durability::kRelaxed;
  const Handle writer = Collection::Create("c", NoteSchema(), relaxed).value();
  const Handle reader = Reader();
  Put(*writer, "a");
  EXPECT_EQ(reader->Refresh().value(), true);
  ASSERT_TRUE(writer->Flush().ok());
  Put(*writer, "b");
  EXPECT_EQ(reader->Refresh().value(), true);
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b"));
  ASSERT_TRUE(writer->Close().ok());
  EXPECT_TRUE(reader->Refresh().ok());
  EXPECT_THAT(AllIds(*reader), ElementsAre("a", "b"));
}

TEST_F(Follow, AHandleThatWritesIsAlwaysNew) {
  const Handle writer = Create();
  EXPECT_EQ(writer->Refresh().value(), false);
  EXPECT_EQ(writer->WaitForChange(0).status().code(), StatusCode::kFailedPrecondition);
  const Handle reader = Reader();
  ASSERT_TRUE(reader->Close().ok());
  EXPECT_EQ(reader->Refresh().status().code(), StatusCode::kClosed);
  EXPECT_EQ(reader->WaitForChange(0).status().code(), StatusCode::kClosed);
}

TEST_F(Follow, WaitingEndsWithTheWriteOrWithTheTime) {
  const Handle writer = Create();
  const Handle reader = Reader();
  EXPECT_EQ(reader->WaitForChange(0).value(), false);
  EXPECT_EQ(reader->WaitForChange(5).value(), false);
  std::thread other([&] { Put(*writer, "a"); });
  EXPECT_EQ(reader->WaitForChange(60'000).value(), true);
  other.join();
  EXPECT_EQ(reader->Refresh().value(), true);
  EXPECT_EQ(reader->WaitForChange(0).value(), false);
}

// On real files: locks of the kernel, inotify, processes.

int Wait(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

class FollowOnDisk : public ::testing::Test {
 protected:
  CollectionOptions ReadOnly() {
    CollectionOptions options = place_.options();
    options.read_only = true;
    return options;
  }
  std::size_t Manifests() {
    std::size_t manifests = 0;
    for (const auto& [name, size] : place_.FileSizes()) manifests += name.starts_with("MANIFEST-");
    return manifests;
  }
  void Advance(Collection& writer) {
    for (const char* id : {"b", "c", "d"}) {
      ASSERT_TRUE(writer.Upsert(std::vector{Note(id, id)}).ok());
      ASSERT_TRUE(writer.Optimize().ok());
    }
  }
  TempPlace place_{/*in_memory=*/true};
  const std::string path_ = place_.path("c");
};

TEST_F(FollowOnDisk, AReaderThatIsKilledLeavesNothing) {
  Handle writer = Collection::Create(path_, NoteSchema(), place_.options()).value();
  int ready[2];
  ASSERT_EQ(pipe(ready), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    const auto reader = Collection::Open(path_, ReadOnly());
    const char said = reader.ok() ? 'y' : 'n';
    (void)!write(ready[1], &said, 1);
    pause();
    _exit(0);
  }
  char said = '?';
  ASSERT_EQ(read(ready[0], &said, 1), 1);
  ASSERT_EQ(said, 'y');
  Advance(*writer);
  EXPECT_EQ(Manifests(), 3u);
  kill(pid, SIGKILL);
  EXPECT_EQ(Wait(pid), -SIGKILL);
  ASSERT_TRUE(writer->Optimize().ok());
  EXPECT_EQ(Manifests(), 2u);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(FollowOnDisk, AForkedChildKeepsNoPinOfItsParentAndLosesNoneOfItsOwn) {
  Handle writer = Collection::Create(path_, NoteSchema(), place_.options()).value();
  Handle reader = Collection::Open(path_, ReadOnly()).value();
  ASSERT_TRUE(writer->Upsert(std::vector{Note("a", "a")}).ok());
  int ready[2], looked[2];
  ASSERT_EQ(pipe(ready), 0);
  ASSERT_EQ(pipe(looked), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    close(ready[0]);
    close(looked[1]);
    char byte = 'r';
    const bool refused = reader->Refresh().status().code() == StatusCode::kFailedPrecondition;
    (void)!read(looked[0], &byte, 1);  // until the generation is another one than the parent's reader has
    const auto mine = Collection::Open(path_, ReadOnly());
    (void)!write(ready[1], &byte, 1);
    (void)!read(looked[0], &byte, 1);  // until the parent has looked
    _exit(refused && mine.ok() && AllIds(**mine).size() == 1 ? 0 : 1);
  }
  close(ready[1]);
  close(looked[0]);
  ASSERT_TRUE(writer->Optimize().ok());
  ASSERT_EQ(write(looked[1], "o", 1), 1);
  char byte = 0;
  ASSERT_EQ(read(ready[0], &byte, 1), 1);
  Advance(*writer);
  EXPECT_EQ(Manifests(), 4u);  // two, the parent's and the child's
  reader.reset();
  ASSERT_TRUE(writer->Optimize().ok());
  EXPECT_EQ(Manifests(), 3u);  // the child has none of the parent's, and its own
  close(looked[1]);
  close(ready[0]);
  EXPECT_EQ(Wait(pid), 0);
  ASSERT_TRUE(writer->Optimize().ok());
  EXPECT_EQ(Manifests(), 2u);
}

TEST_F(FollowOnDisk, AReaderFollowsAWriterInAnotherProcessAndItsDeath) {
  Collection::Create(path_, NoteSchema(), place_.options()).value().reset();
  Handle reader = Collection::Open(path_, ReadOnly()).value();
  for (int life = 0; life < 3; ++life) {
    const std::string id = "life" + std::to_string(life);
    const pid_t pid = fork();
    if (pid == 0) {
      const auto writer = Collection::Open(path_, place_.options());
      if (writer.ok()) (void)(*writer)->Upsert(std::vector{Note(id, id)});
      kill(getpid(), SIGKILL);
    }
    const std::size_t want = static_cast<std::size_t>(life) + 1;
    while (AllIds(*reader).size() < want) {
      ASSERT_EQ(reader->WaitForChange(60'000).value(), true);
      const auto moved = reader->Refresh();
      ASSERT_TRUE(moved.ok()) << moved.status().ToString();
    }
    EXPECT_EQ(Wait(pid), -SIGKILL);
    EXPECT_TRUE(reader->Refresh().ok());
    EXPECT_EQ(AllIds(*reader).size(), want);
  }
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
