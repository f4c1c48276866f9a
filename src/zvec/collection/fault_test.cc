// A full or broken disk: every call that can fail fails once, or from then on. No acknowledged write is lost,
// a failed call has happened whole or not at all, and what can be read reads right.
#include <gtest/gtest.h>

#include "zvec/collection/testing/test_docs.h"
#include "zvec/collection/testing/workload.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::DiskFault;
using cocozvec::PowerCutKind;
using cocozvec::SimDisk;

/// One life with one fault in it.
class FaultyLife {
 public:
  FaultyLife(std::uint64_t call, DiskFault fault, bool sticky, bool map) {
    world_.options.file_system = &disk_;
    world_.options.seal_bytes = 2000;
    world_.options.enable_mmap = map;
    disk_.FailAt(call, fault, sticky);
  }

  /// A message when a promise was broken.
  std::string Run() {
    for (const Step& step : FullLife()) {
      if (step.name == "destroy") break;
      if (std::string problem = Take(step); !problem.empty()) return "step '" + step.name + "': " + problem;
    }
    world_.collection.reset();
    return LookBack(disk_);
  }

  bool struck() const { return disk_.faults_struck() != 0; }

 private:
  std::string Take(const Step& step) {
    if (step.name != "create" && !world_.collection && !Recover()) return "";
    State next = acked_;
    step.effect(next);
    const Status status = step.run(world_);
    if (status.ok()) {
      acked_ = std::move(next);
      maybe_.reset();
      return CheckLive();
    }
    if (next != acked_) maybe_ = std::move(next);
    if (std::string problem = CheckLive(); !problem.empty()) return problem;
    const auto cut = disk_.PowerCut(PowerCutKind::kRandom, 7);
    if (std::string problem = LookBack(*cut); !problem.empty()) return "after a power cut: " + problem;
    // The device works again; the handle may ask to be reopened.
    disk_.ClearFault();
    if (!world_.collection || !world_.collection->Flush().ok()) Recover();
    TakeMarkAsFound();
    return "";
  }

  /// A mark whose last sync failed stands there, or not; both are right.
  void TakeMarkAsFound() {
    if (!maybe_) return;
    const auto mark = Collection::ReadMark(World::kPath, world_.options);
    if (mark.ok() && *mark == maybe_->mark) acked_.mark = *mark;
  }

  std::string CheckLive() { return world_.collection ? CheckReads(*world_.collection, acked_.docs) : ""; }

  bool Recover() {
    disk_.ClearFault();
    world_.collection.reset();
    auto opened = Collection::Open(World::kPath, world_.options);
    if (!opened.ok()) {
      // An unfinished Create: the next attempt makes it.
      (void)Collection::RemoveLeftovers("parent", world_.options);
      opened = Collection::Create(World::kPath, NoteSchema(), world_.options);
      if (!opened.ok()) return false;
      acked_.exists = true;
    }
    world_.collection = *std::move(opened);
    const Seen seen = [&] {
      const auto now = disk_.PowerCut(PowerCutKind::kKeepEverything);
      return LookAt(*now, world_.options);
    }();
    if (maybe_ && seen.problem.empty() && seen.state == *maybe_) acked_ = *maybe_;
    maybe_.reset();
    return true;
  }

  std::string LookBack(SimDisk& disk) {
    disk_.ClearFault();
    const auto copy = disk.PowerCut(PowerCutKind::kKeepEverything);
    const Seen seen = LookAt(*copy, world_.options);
    if (!seen.problem.empty()) return seen.problem;
    if (seen.state == acked_ || (maybe_ && seen.state == *maybe_)) return "";
    return "is " + Describe(seen.state) + "\n  was " + Describe(acked_) +
           (maybe_ ? "\n  or  " + Describe(*maybe_) : "");
  }

  SimDisk disk_;
  World world_;
  State acked_;
  std::optional<State> maybe_;
};

class Fault : public ::testing::TestWithParam<std::tuple<DiskFault, bool, bool>> {};

TEST_P(Fault, AtEveryCallNothingAcknowledgedIsLost) {
  const auto [fault, sticky, map] = GetParam();
  std::size_t struck = 0;
  for (std::uint64_t call = 1;; ++call) {
    FaultyLife life(call, fault, sticky, map);
    const std::string problem = life.Run();
    ASSERT_EQ(problem, "") << "fault at call " << call;
    if (!life.struck()) break;
    ++struck;
  }
  EXPECT_GT(struck, 100u);
}

INSTANTIATE_TEST_SUITE_P(Disk, Fault,
                         ::testing::Combine(::testing::Values(DiskFault::kNoSpace, DiskFault::kIoError),
                                            ::testing::Bool(), ::testing::Bool()),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param) == DiskFault::kNoSpace ? "NoSpace"
                                                                                             : "IoError") +
                                  (std::get<1>(info.param) ? "Sticky" : "Once") +
                                  (std::get<2>(info.param) ? "Mapped" : "Read");
                         });

TEST(FullDisk, TheHandleGoesOnWhenThereIsRoomAgain) {
  SimDisk disk;
  CollectionOptions options;
  options.file_system = &disk;
  auto collection = Collection::Create("c", NoteSchema(), options).value();
  ASSERT_TRUE(collection->Upsert(std::vector{Note("a", "1")}).ok());
  disk.FailAt(1, DiskFault::kNoSpace, /*sticky=*/true);
  const auto full = collection->Upsert(std::vector{Note("b", "2")});
  EXPECT_EQ(full.status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(AllIds(*collection), std::vector<std::string>{"a"});
  CollectionOptions read_only = options;
  read_only.read_only = true;
  EXPECT_EQ(AllIds(*Collection::Open("c", read_only).value()), std::vector<std::string>{"a"});
  disk.ClearFault();
  EXPECT_TRUE(collection->Upsert(std::vector{Note("c", "3")}).ok());
  ASSERT_TRUE(collection->Close().ok());
  EXPECT_EQ(AllIds(*Collection::Open("c", options).value()), (std::vector<std::string>{"a", "c"}));
}

TEST(FailedSync, NothingIsAcknowledgedUntilTheCollectionIsReopened) {
  SimDisk disk;
  CollectionOptions options;
  options.file_system = &disk;
  auto collection = Collection::Create("c", NoteSchema(), options).value();
  ASSERT_TRUE(collection->Upsert(std::vector{Note("a", "1")}).ok());
  disk.FailAt(disk.calls() + 2, DiskFault::kIoError);  // the write goes through, the sync does not
  EXPECT_EQ(collection->Upsert(std::vector{Note("b", "2")}).status().code(), StatusCode::kIoError);
  EXPECT_EQ(disk.faults_struck(), 1u);
  const auto refused = collection->Upsert(std::vector{Note("c", "3")});
  EXPECT_EQ(refused.status().code(), StatusCode::kFailedPrecondition);
  EXPECT_NE(refused.status().message().find("reopen"), std::string::npos);
  EXPECT_EQ(AllIds(*collection), std::vector<std::string>{"a"});
  (void)collection->Close();
  collection = Collection::Open("c", options).value();
  EXPECT_EQ(AllIds(*collection), std::vector<std::string>{"a"});
  ASSERT_TRUE(collection->Upsert(std::vector{Note("c", "3")}).ok());
  const auto later = disk.PowerCut(PowerCutKind::kLoseUnsynced);
  options.file_system = later.get();
  EXPECT_EQ(AllIds(*Collection::Open("c", options).value()), (std::vector<std::string>{"a", "c"}));
}

// Guards: a mark whose directory could not be synced was shown, and a later power cut brought the older one
// back under writes that had been acknowledged since.
TEST(FailedSync, AMarkThatIsSeenIsDurableOrTheHandleAsksToBeReopened) {
  int fenced = 0;
  for (std::uint64_t call = 1; call < 50; ++call) {
    SimDisk disk;
    CollectionOptions options;
    options.file_system = &disk;
    auto collection = Collection::Create("c", NoteSchema(), options).value();
    ASSERT_TRUE(collection->SetMark("one").ok());
    disk.FailAt(disk.calls() + call, DiskFault::kIoError);
    const Status status = collection->SetMark("two");
    if (disk.faults_struck() == 0) break;
    EXPECT_FALSE(status.ok());
    if (!collection->Upsert(std::vector{Note("a", "1")}).ok()) {
      ++fenced;
      collection.reset();
      collection = Collection::Open("c", options).value();
    }
    const std::string seen = Collection::ReadMark("c", options).value();
    const auto cut = disk.PowerCut(PowerCutKind::kLoseUnsynced);
    options.file_system = cut.get();
    EXPECT_EQ(Collection::ReadMark("c", options).value(), seen) << "call " << call;
  }
  EXPECT_GT(fenced, 0);
}

}  // namespace
}  // namespace zvec::inline v0::testing_docs
