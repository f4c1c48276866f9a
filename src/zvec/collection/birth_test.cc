// A relaxed Create syncs nothing: whole after a kill; after a power cut there, or as if it had never been.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io/recorder.h"
#include "base/io/sim_disk.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/collection/testing/workload.h"
#include "zvec/storage/birth.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/lock.h"

namespace zvec::inline v0 {
namespace {

using cocozvec::DiskOperation;
using cocozvec::JoinPath;
using cocozvec::OpenMode;
using cocozvec::PowerCutKind;
using cocozvec::SimDisk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_docs::AllIds;
using testing_docs::LookAt;
using testing_docs::Note;
using testing_docs::NoteSchema;

constexpr const char* kPath = "parent/c";

CollectionOptions Relaxed(cocozvec::FileSystem& disk) {
  CollectionOptions options;
  options.file_system = &disk;
  options.durability = Durability::kRelaxed;
  return options;
}

std::vector<std::string> Names(SimDisk& disk, const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& entry : disk.List(directory).value()) names.push_back(entry.name);
  return names;
}

class BirthTest : public ::testing::Test {
 protected:
  BirthTest() { EXPECT_TRUE(cocozvec::CreateDirectories(disk_, "parent").ok()); }
  std::shared_ptr<Collection> Create() {
    return Collection::Create(kPath, NoteSchema(), Relaxed(disk_)).value();
  }
  /// As a killed process leaves it, with one document.
  void LeaveNewborn() {
    auto collection = Create();
    ASSERT_TRUE(collection->Insert(std::vector{Note("a", "1")}).ok());
    const auto killed = disk_.ProcessKill();
    for (const std::string& name : Names(*killed, kPath))
      newborn_[name] = cocozvec::ReadFile(*killed, JoinPath(kPath, name), 1 << 20).value();
  }
  /// Another disk that holds those files.
  std::unique_ptr<SimDisk> Disk() const {
    auto disk = std::make_unique<SimDisk>();
    EXPECT_TRUE(cocozvec::CreateDirectories(*disk, kPath).ok());
    for (const auto& [name, bytes] : newborn_) Put(*disk, name, bytes);
    return disk;
  }
  static void Put(SimDisk& disk, const std::string& name, std::string_view bytes) {
    auto file = disk.Open(JoinPath(kPath, name), OpenMode::kCreate).value();
    EXPECT_TRUE(file->Truncate(0).ok());
    EXPECT_TRUE(file->WriteAt(0, AsBytes(bytes)).ok());
  }
  static void ExpectNeverCreated(SimDisk& disk, const std::string& what) {
    EXPECT_EQ(Collection::Open(kPath, Relaxed(disk)).status().code(), StatusCode::kNotFound) << what;
    EXPECT_FALSE(Collection::Exists(kPath, Relaxed(disk))) << what;
    const auto made = Collection::Create(kPath, NoteSchema(), Relaxed(disk));
    EXPECT_TRUE(made.ok()) << what << ": " << made.status().ToString();
    EXPECT_THAT(Names(disk, "parent"), ElementsAre("c")) << what;
  }

  SimDisk disk_;
  std::map<std::string, std::string> newborn_;
};

TEST_F(BirthTest, ARelaxedCreateSyncsNothingAndTheFirstFlushEverything) {
  cocozvec::Recorder recorder(disk_);
  auto collection = Collection::Create(kPath, NoteSchema(), Relaxed(recorder)).value();
  ASSERT_TRUE(collection->Insert(std::vector{Note("a", "1")}).ok());
  for (const auto& event : recorder.Take()) {
    EXPECT_NE(event.operation, DiskOperation::kSync) << event.path;
    EXPECT_NE(event.operation, DiskOperation::kSyncDirectory) << event.path;
  }
  EXPECT_THAT(Names(disk_, kPath), ElementsAre("LOCK", "MANIFEST-1.tmp", "log-1.tmp"));
  EXPECT_GT(collection->Stats().disk_bytes, 0u);
  EXPECT_TRUE(Collection::Exists(kPath, Relaxed(disk_)));
  ASSERT_TRUE(collection->Flush().ok());
  EXPECT_EQ(disk_.unsynced_names(), 0u);
  EXPECT_THAT(Names(disk_, kPath), ElementsAre("LOCK", "MANIFEST-1", "log-1"));
  EXPECT_EQ(LookAt(*disk_.PowerCut(PowerCutKind::kLoseUnsynced), Relaxed(disk_)).state.docs.size(), 1u);
}

TEST_F(BirthTest, EveryFirstDurableActSettles) {
  const std::function<Status(Collection&)> acts[] = {
      [](Collection& c) { return c.Flush(); }, [](Collection& c) { return c.Close(); },
      [](Collection& c) { return c.SetMark("mark"); }, [](Collection& c) { return c.Optimize(); },
      [](Collection& c) { return c.Insert(std::vector{Note("big", std::string(5000, 'x'))}).status(); }};
  for (std::size_t i = 0; i < std::size(acts); ++i) {
    SimDisk disk;
    CollectionOptions options = Relaxed(disk);
    options.seal_bytes = 2000;
    auto collection = Collection::Create(kPath, NoteSchema(), options).value();
    ASSERT_TRUE(collection->Insert(std::vector{Note("a", "1")}).ok());
    ASSERT_TRUE(acts[i](*collection).ok()) << i;
    const auto seen = LookAt(*disk.PowerCut(PowerCutKind::kLoseUnsynced), Relaxed(disk));
    EXPECT_EQ(seen.problem, "") << i;
    EXPECT_TRUE(seen.state.docs.contains("a")) << i;
  }
}

TEST_F(BirthTest, AKillLosesNothingAndTheNextWriterSettles) {
  LeaveNewborn();
  const auto disk = Disk();
  CollectionOptions read_only = Relaxed(*disk);
  read_only.read_only = true;
  EXPECT_THAT(AllIds(*Collection::Open(kPath, read_only).value()), ElementsAre("a"));
  EXPECT_THAT(Names(*disk, kPath), ElementsAre("LOCK", "MANIFEST-1.tmp", "log-1.tmp"));
  const auto writer = Collection::Open(kPath, Relaxed(*disk)).value();
  EXPECT_THAT(Names(*disk, kPath), ElementsAre("LOCK", "MANIFEST-1", "log-1"));
  const auto cut = disk->PowerCut(PowerCutKind::kLoseUnsynced);
  EXPECT_THAT(AllIds(*Collection::Open(kPath, Relaxed(*cut)).value()), ElementsAre("a"));
}

// Guards: what a power cut leaves of a Create must be neither a collection that cannot be opened nor in the
// way.
TEST_F(BirthTest, WithoutAPartItWasNeverCreated) {
  LeaveNewborn();
  for (unsigned kept = 0; kept < 7; ++kept) {  // every subset of the three names but all
    const auto disk = Disk();
    unsigned bit = 1;
    for (const auto& [name, bytes] : newborn_) {
      if ((kept & bit) == 0) {
        EXPECT_TRUE(disk->RemoveFile(JoinPath(kPath, name)).ok());
      }
      bit *= 2;
    }
    if (kept != 6)  // without LOCK nothing is missing
      ExpectNeverCreated(*disk, "kept " + std::to_string(kept));
  }
}

TEST_F(BirthTest, WithAHoleItWasNeverCreated) {
  LeaveNewborn();
  for (const std::string& name : {UnsettledManifestName(), UnsettledLogName()}) {
    const std::string& whole = newborn_.at(name);
    const std::size_t matters = name == UnsettledLogName() ? kFileHeaderBytes : whole.size();
    for (std::size_t size = 0; size < matters; ++size) {
      const auto disk = Disk();
      Put(*disk, name, whole.substr(0, size));
      ExpectNeverCreated(*disk, name + " cut off at " + std::to_string(size));
    }
    const auto disk = Disk();
    Put(*disk, name, std::string(whole.size(), '\0'));
    ExpectNeverCreated(*disk, name + " as zeros");
  }
}

// Guards: a flipped bit is no power cut. The next Create would wipe the documents out.
TEST_F(BirthTest, DamageIsNotTakenForAnUnfinishedCreate) {
  LeaveNewborn();
  for (const std::string& name : {UnsettledManifestName(), UnsettledLogName()}) {
    const std::size_t matters = name == UnsettledLogName() ? kFileHeaderBytes : newborn_.at(name).size();
    for (std::size_t at = 0; at < matters; ++at) {
      std::string bytes = newborn_.at(name);
      bytes[at] = static_cast<char>(bytes[at] ^ 0x10);
      const auto disk = Disk();
      Put(*disk, name, bytes);
      EXPECT_EQ(Collection::Open(kPath, Relaxed(*disk)).status().code(), StatusCode::kDataLoss)
          << name << " " << at;
      EXPECT_EQ(Collection::Create(kPath, NoteSchema(), Relaxed(*disk)).status().code(),
                StatusCode::kAlreadyExists);
    }
  }
}

TEST_F(BirthTest, ASettledLogWithoutAManifestIsDamage) {
  LeaveNewborn();
  const auto disk = Disk();
  ASSERT_TRUE(disk->Rename(JoinPath(kPath, UnsettledLogName()), JoinPath(kPath, "log-1")).ok());
  EXPECT_THAT(AllIds(*Collection::Open(kPath, Relaxed(*disk)).value()), ElementsAre("a"));
  ASSERT_TRUE(disk->RemoveFile(JoinPath(kPath, "MANIFEST-1")).ok());
  EXPECT_EQ(Collection::Open(kPath, Relaxed(*disk)).status().code(), StatusCode::kDataLoss);
}

TEST_F(BirthTest, DestroyRemovesWhatIsUnfinishedAndNothingForeign) {
  LeaveNewborn();
  const auto disk = Disk();
  Put(*disk, UnsettledManifestName(), "");
  EXPECT_TRUE(Collection::Destroy(kPath, Relaxed(*disk)).ok());
  EXPECT_THAT(Names(*disk, "parent"), IsEmpty());
  const auto other = Disk();
  Put(*other, UnsettledManifestName(), "");
  Put(*other, "notes.txt", "mine");
  EXPECT_FALSE(Collection::Create(kPath, NoteSchema(), Relaxed(*other)).ok());
  EXPECT_FALSE(Collection::Destroy(kPath, Relaxed(*other)).ok());
  EXPECT_EQ(Names(*other, kPath).size(), 4u);
}

TEST_F(BirthTest, AnUnfinishedOneInUseIsLeftAlone) {
  LeaveNewborn();
  const auto disk = Disk();
  Put(*disk, UnsettledManifestName(), "");
  const auto lock = DirectoryLock::Acquire(*disk, kPath, /*create=*/true).value();
  EXPECT_EQ(Collection::Create(kPath, NoteSchema(), Relaxed(*disk)).status().code(), StatusCode::kBusy);
  EXPECT_EQ(Names(*disk, kPath).size(), 3u);
}

/// Creates, writes, flushes, closes: every call that can fail fails once. What was acknowledged as durable
/// is, and what was acknowledged at all survives a kill.
TEST_F(BirthTest, AFaultAtEveryCallLosesNothingThatWasAcknowledged) {
  for (const auto fault : {cocozvec::DiskFault::kIoError, cocozvec::DiskFault::kNoSpace}) {
    for (std::uint64_t call = 1;; ++call) {
      SimDisk disk;
      ASSERT_TRUE(cocozvec::CreateDirectories(disk, "parent").ok());
      const std::uint64_t before = disk.calls();
      disk.FailAt(before + call, fault);
      bool created = false, written = false, durable = false;
      if (auto made = Collection::Create(kPath, NoteSchema(), Relaxed(disk)); made.ok()) {
        created = true;
        written = (*made)->Insert(std::vector{Note("a", "1")}).ok();
        durable = (*made)->Flush().ok();
        if (!durable) {
          EXPECT_FALSE((*made)->Insert(std::vector{Note("b", "1")}).ok()) << call;
        }
        (void)(*made)->Close();
      }
      const bool struck = disk.faults_struck() != 0;
      disk.ClearFault();
      const auto killed = LookAt(*disk.PowerCut(PowerCutKind::kKeepEverything), Relaxed(disk));
      EXPECT_EQ(killed.problem, "") << call;
      EXPECT_TRUE(!created || killed.state.exists) << call;
      EXPECT_TRUE(!written || killed.state.docs.contains("a")) << call;
      const auto cut = LookAt(*disk.PowerCut(PowerCutKind::kLoseUnsynced), Relaxed(disk));
      EXPECT_EQ(cut.problem, "") << call;
      EXPECT_TRUE(!durable || cut.state.exists) << call;
      EXPECT_TRUE(!durable || !written || cut.state.docs.contains("a")) << call;
      if (!struck) break;
    }
  }
}

}  // namespace
}  // namespace zvec::inline v0
