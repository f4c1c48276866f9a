// D5, R1, R2: one life, again and again, with an error at every call that the disk can refuse: once or from
// then on.
#include "faulty_life.h"
#include "harness.h"

namespace reliability {

using cocozvec::DiskFault;

namespace {

class FaultySimDisk final : public FaultyDevice {
 public:
  FaultySimDisk(DiskFault fault, bool sticky, std::uint64_t call) { disk_.FailAt(call, fault, sticky); }
  cocozvec::FileSystem& fs() override { return disk_; }
  bool struck() const override { return disk_.faults_struck() != 0; }
  void Clear() override { disk_.ClearFault(); }
  std::vector<Seen> Pictures(const zvec::CollectionOptions& options) override {
    std::vector<Seen> seen;
    for (const PowerCutKind kind :
         {PowerCutKind::kKeepEverything, PowerCutKind::kLoseUnsynced, PowerCutKind::kRandom})
      seen.push_back(LookAt(*disk_.PowerCut(kind, 7), options));
    return seen;
  }

 private:
  SimDisk disk_;
};

}  // namespace

void DiskFaults(const Settings& settings, Tally& tally) {
  for (std::uint64_t seed = settings.from; seed < settings.from + settings.count; ++seed) {
    const Plan plan = PlanOf(seed);
    for (const DiskFault fault : {DiskFault::kNoSpace, DiskFault::kIoError})
      for (const bool sticky : {false, true})
        for (std::uint64_t call = 1;; ++call) {
          FaultySimDisk disk(fault, sticky, call);
          const std::string problem = FaultyLife(disk, call % 2 == 0).Run(plan);
          if (!problem.empty())
            tally.Violation("seed " + std::to_string(seed) + ", " +
                            (fault == DiskFault::kNoSpace ? "ENOSPC" : "EIO") + (sticky ? " from" : " at") +
                            " call " + std::to_string(call) + ": " + problem);
          if (!disk.struck()) break;
          tally.Count("faults");
        }
  }
}

}  // namespace reliability
