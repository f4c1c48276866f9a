// Power cuts: after every change that a full life of a collection makes to the disk, what was acknowledged is
// there, the call under way has happened or not, and the collection opens.
#include <gtest/gtest.h>

#include "base/fault.h"
#include "zvec/collection/testing/test_docs.h"
#include "zvec/collection/testing/workload.h"

namespace zvec::inline v0::testing_docs {
namespace {

using cocozvec::DiskChange;
using cocozvec::PowerCutKind;
using cocozvec::SimDisk;

struct Cut {
  PowerCutKind kind;
  std::uint64_t seed;
};

std::vector<Cut> AllCuts() {
  std::vector<Cut> cuts = {{PowerCutKind::kLoseUnsynced, 0}, {PowerCutKind::kKeepEverything, 0}};
  for (std::uint64_t seed = 1; seed <= 2; ++seed) cuts.push_back({PowerCutKind::kTearLastWrite, seed});
  for (std::uint64_t seed = 1; seed <= 6; ++seed) cuts.push_back({PowerCutKind::kRandom, seed});
  return cuts;
}

/// Runs the whole life and looks at a disk for every change, kind of cut and seed.
class CrashHarness {
 public:
  explicit CrashHarness(Durability durability = Durability::kDurable) {
    world_.options.file_system = &disk_;
    world_.options.seal_bytes = 2000;
    world_.options.index_min_rows = 1;
    world_.options.durability = durability;
  }

  void Run(const std::vector<Cut>& cuts, const std::function<void(SimDisk&, const Cut&)>& look,
           const std::function<void(const SimDisk&)>& look_at_live = nullptr) {
    disk_.OnChange([&](const DiskChange& change) {
      if (look_at_live) look_at_live(disk_);
      for (const Cut& cut : cuts) {
        cut_ = "step '" + step_ + "', change " + std::to_string(change.number) + " (" + change.path +
               "), cut kind " + std::to_string(static_cast<int>(cut.kind)) + ", seed " +
               std::to_string(cut.seed);
        const auto disk = disk_.PowerCut(cut.kind, cut.seed);
        ++images_;
        look(*disk, cut);
      }
    });
    for (const Step& step : FullLife()) {
      step_ = step.name;
      next_ = acked_;
      step.effect(next_);
      const Status status = step.run(world_);
      if (!status.ok()) Report(status.ToString());
      acked_ = next_;
    }
    disk_.OnChange(nullptr);
  }

  /// The state is that of the last acknowledged step, or that of the one under way.
  void Check(SimDisk& disk) {
    const Seen seen = LookAt(disk, world_.options);
    if (!seen.problem.empty()) return Report(seen.problem);
    if (seen.state != acked_ && seen.state != next_)
      Report("is " + Describe(seen.state) + "\n  was " + Describe(acked_) + "\n  or  " + Describe(next_));
    CheckGoesOn(disk, seen.state);
  }

  /// What was found can be worked with: leftovers go, a write is taken and found again.
  void CheckGoesOn(SimDisk& disk, State state) {
    CollectionOptions options = world_.options;
    options.file_system = &disk;
    if (disk.Stat("parent").ok()) {
      if (const Status status = Collection::RemoveLeftovers("parent", options); !status.ok())
        Report(status.ToString());
      const auto entries = disk.List("parent").value();
      if (entries.size() != (state.exists ? 1u : 0u)) Report("leftovers stay beside the collection");
    }
    {
      auto collection = state.exists ? Collection::Open(World::kPath, options)
                                     : Collection::Create(World::kPath, NoteSchema(), options);
      if (!collection.ok()) return Report("going on: " + collection.status().ToString());
      const auto written = (*collection)->Upsert(std::vector{Note("went on", "yes")});
      if (!written.ok()) return Report("going on: " + written.status().ToString());
    }
    state.exists = true;
    state.docs["went on"] = Note("went on", "yes");
    const auto later = disk.PowerCut(PowerCutKind::kLoseUnsynced);
    const Seen seen = LookAt(*later, options);
    if (!seen.problem.empty()) Report("after going on: " + seen.problem);
    if (seen.problem.empty() && seen.state != state && options.durability == Durability::kDurable)
      Report("after going on it is " + Describe(seen.state) + "\n  not " + Describe(state));
  }

  void Report(const std::string& problem) {
    if (problems_.size() < 5) problems_.push_back(cut_ + ": " + problem);
    ++violations_;
  }

  CollectionOptions options() const { return world_.options; }
  std::size_t violations() const { return violations_; }
  std::size_t images() const { return images_; }
  std::string problems() const {
    std::string all;
    for (const std::string& problem : problems_) all += problem + "\n";
    return all;
  }
  const State& acked() const { return acked_; }
  const State& next() const { return next_; }

 private:
  SimDisk disk_;
  World world_;
  State acked_, next_;
  std::string step_, cut_;
  std::vector<std::string> problems_;
  std::size_t violations_ = 0, images_ = 0;
};

TEST(Crash, AfterEveryChangeWhatWasAcknowledgedIsThere) {
  CrashHarness harness;
  harness.Run(AllCuts(), [&](SimDisk& disk, const Cut&) { harness.Check(disk); });
  EXPECT_EQ(harness.violations(), 0u) << harness.problems();
  EXPECT_GT(harness.images(), 1000u);
  RecordProperty("images", static_cast<int>(harness.images()));
}

TEST(Crash, RecoveryMayBeInterruptedToo) {
  CrashHarness harness;
  const std::vector<Cut> first = {{PowerCutKind::kKeepEverything, 0}, {PowerCutKind::kRandom, 77}};
  std::size_t second = 0;
  harness.Run(first, [&](SimDisk& disk, const Cut&) {
    disk.OnChange([&](const DiskChange& change) {
      if (change.number % 3 != 0) return;
      const auto again = disk.PowerCut(PowerCutKind::kRandom, change.number);
      ++second;
      const Seen seen = LookAt(*again, harness.options());
      if (!seen.problem.empty()) harness.Report("second cut: " + seen.problem);
      if (seen.problem.empty() && seen.state != harness.acked() && seen.state != harness.next())
        harness.Report("second cut: is " + Describe(seen.state) + "\n  was " + Describe(harness.acked()));
    });
    (void)LookAt(disk, harness.options());
    disk.OnChange(nullptr);
  });
  EXPECT_EQ(harness.violations(), 0u) << harness.problems();
  EXPECT_GT(second, 100u);
}

/// After every change the process is killed, another one opens and writes, then the power goes off.
void KillThenCut(CrashHarness& harness) {
  harness.Run(
      {{PowerCutKind::kKeepEverything, 0}}, [](SimDisk&, const Cut&) {},
      [&](const SimDisk& disk) {
        const auto killed = disk.ProcessKill();
        CollectionOptions options = harness.options();
        options.file_system = killed.get();
        auto opened = Collection::Open(World::kPath, options);
        if (opened.status().IsNotFound()) return;
        if (!opened.ok()) return harness.Report(opened.status().ToString());
        if (!(*opened)->Upsert(std::vector{Note("went on", "yes")}).ok()) return;
        const auto cut = killed->PowerCut(PowerCutKind::kLoseUnsynced);
        Seen seen = LookAt(*cut, options);
        if (!seen.problem.empty()) return harness.Report(seen.problem);
        if (seen.state.docs.erase("went on") != 1) return harness.Report("acknowledged and lost");
        if (seen.state != harness.acked() && seen.state != harness.next())
          harness.Report("is " + Describe(seen.state));
      });
}

// Guards: what a killed process had renamed and not synced was built on, and a power cut took it away with
// all that had been acknowledged since: a manifest, or the whole directory.
TEST(Crash, NamesThatAKilledProcessDidNotSyncAreSyncedBeforeTheyAreTrusted) {
  CrashHarness harness;
  KillThenCut(harness);
  EXPECT_EQ(harness.violations(), 0u) << harness.problems();
}

TEST(Crash, ARelaxedCollectionSurvivesTheDeathOfItsProcess) {
  CrashHarness harness(Durability::kRelaxed);
  harness.Run({{PowerCutKind::kKeepEverything, 0}}, [&](SimDisk& disk, const Cut&) { harness.Check(disk); });
  EXPECT_EQ(harness.violations(), 0u) << harness.problems();
}

TEST(Crash, ARelaxedCollectionOpensAfterAPowerCut) {
  CrashHarness harness(Durability::kRelaxed);
  harness.Run(AllCuts(), [&](SimDisk& disk, const Cut&) {
    const Seen seen = LookAt(disk, harness.options());
    if (!seen.problem.empty()) harness.Report(seen.problem);
  });
  EXPECT_EQ(harness.violations(), 0u) << harness.problems();
}

#if defined(ZVEC_TEST_HOOKS)
TEST(Crash, NamesThatAreNotSyncedAtOpenAreCaught) {
  cocozvec::PlantFault("trust_unsynced_names", true);
  CrashHarness harness;
  KillThenCut(harness);
  cocozvec::PlantFault("trust_unsynced_names", false);
  EXPECT_GT(harness.violations(), 0u);
}

// The proof of the proof: a log that is not synced must be noticed.
TEST(Crash, ALogThatIsNotSyncedIsCaught) {
  cocozvec::PlantFault("skip_log_sync", true);
  CrashHarness harness;
  harness.Run({{PowerCutKind::kLoseUnsynced, 0}}, [&](SimDisk& disk, const Cut&) { harness.Check(disk); });
  cocozvec::PlantFault("skip_log_sync", false);
  EXPECT_GT(harness.violations(), 10u);
}
#endif

}  // namespace
}  // namespace zvec::inline v0::testing_docs
