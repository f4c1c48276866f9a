// D5, R1, R2: one life, again and again, with an error at every call that the disk can refuse: once or from
// then on. Nothing acknowledged is lost, a failed call has happened whole or not at all, and reads do not
// lie.
#include "harness.h"
#include "life.h"

namespace reliability {

using cocozvec::DiskFault;
using cocozvec::PowerCutKind;
using cocozvec::SimDisk;
using zvec::Collection;
using zvec::Doc;
using zvec::Status;
using zvec::StatusCode;
using zvec::testing_docs::Describe;
using zvec::testing_docs::LookAt;
using zvec::testing_docs::Seen;

namespace {

struct Plan {
  std::vector<Kind> kinds;
  std::vector<Step> steps;
};

Plan PlanOf(std::uint64_t seed) {
  Random random(seed);
  Plan plan;
  plan.kinds.push_back(Kind::kRecreate);
  plan.steps.push_back(CreateStep());
  for (int i = 0; i < 9; ++i) {
    plan.kinds.push_back(static_cast<Kind>(random() % kKinds));
    plan.steps.push_back(MakeStep(plan.kinds.back(), random));
  }
  return plan;
}

class FaultyLife {
 public:
  FaultyLife(DiskFault fault, bool sticky, std::uint64_t call)
      : world_(SmallWorld(disk_, zvec::Durability::kDurable)) {
    world_.options.enable_mmap = call % 2 == 0;
    disk_.FailAt(call, fault, sticky);
  }

  /// What was wrong; empty when nothing was.
  std::string Run(const Plan& plan) {
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
      std::string problem = Take(plan.kinds[i], plan.steps[i]);
      if (!problem.empty()) return "step '" + plan.steps[i].name + "': " + problem;
    }
    world_.collection.reset();
    return LookBack({acked_});
  }
  bool struck() const { return disk_.faults_struck() != 0; }

 private:
  std::string Take(Kind kind, const Step& step) {
    State next = acked_;
    step.effect(next);
    const Status status = step.run(world_);
    if (status.ok()) {
      acked_ = std::move(next);
      // A call that met the fault and says that all is well: then it is.
      const bool just_struck = struck() && !seen_;
      seen_ = struck();
      if (std::string problem = CheckLive(); !problem.empty() || !just_struck) return problem;
      return LookBack({acked_});
    }
    seen_ = true;
    if (!struck()) return "failed without a fault: " + status.ToString();
    if (std::string problem = CheckLive(); !problem.empty()) return problem;
    std::vector<State> allowed = {acked_, next};
    if (kind == Kind::kRecreate) allowed.emplace_back();
    if (std::string problem = LookBack(allowed); !problem.empty()) return problem;
    return Recover(allowed);
  }

  /// The device works again. A handle that goes on has lost nothing; otherwise the collection is opened anew.
  std::string Recover(const std::vector<State>& allowed) {
    disk_.ClearFault();
    if (world_.collection && world_.collection->Flush().ok()) {
      const auto mark = Collection::ReadMark(World::kPath, world_.options);
      if (mark.ok()) acked_.mark = *mark;
      return CheckLive();
    }
    world_.collection.reset();
    auto opened = Collection::Open(World::kPath, world_.options);
    if (opened.status().IsNotFound()) {
      (void)Collection::RemoveLeftovers("parent", world_.options);
      opened = Collection::Create(World::kPath, zvec::testing_docs::NoteSchema(), world_.options);
    }
    if (!opened.ok()) return "it cannot be opened again: " + opened.status().ToString();
    world_.collection = *std::move(opened);
    const auto now = disk_.PowerCut(PowerCutKind::kKeepEverything);
    const Seen seen = LookAt(*now, world_.options);
    if (!seen.problem.empty()) return seen.problem;
    State empty;
    empty.exists = true;
    for (const State& state : allowed)
      if (seen.state == state || (!state.exists && seen.state == empty)) {
        acked_ = seen.state;
        return "";
      }
    return "opened again it is " + Describe(seen.state);
  }

  /// Reads may fail; they may not lie.
  std::string CheckLive() const {
    if (!world_.collection) return "";
    auto iterator = world_.collection->Iterate();
    if (!iterator.ok())
      return iterator.status().code() == StatusCode::kClosed ? "" : iterator.status().ToString();
    std::map<std::string, Doc> docs;
    for (Doc doc;;) {
      const auto more = (*iterator)->Next(&doc);
      if (!more.ok()) return more.status().code() == StatusCode::kIoError ? "" : more.status().ToString();
      if (!*more) break;
      docs[doc.id] = doc;
    }
    return docs == acked_.docs ? ""
                               : "the open collection shows what was not acknowledged, or lacks what was";
  }

  std::string LookBack(const std::vector<State>& allowed) const {
    for (const PowerCutKind kind :
         {PowerCutKind::kKeepEverything, PowerCutKind::kLoseUnsynced, PowerCutKind::kRandom}) {
      const auto copy = disk_.PowerCut(kind, 7);
      const Seen seen = LookAt(*copy, world_.options);
      if (!seen.problem.empty()) return "after a cut: " + seen.problem;
      bool found = false;
      for (const State& state : allowed) found |= seen.state == state;
      if (!found) return "after a cut it is " + Describe(seen.state) + "\n  was " + Describe(acked_);
    }
    return "";
  }

  SimDisk disk_;
  World world_;
  State acked_;
  bool seen_ = false;  ///< a step has met the fault
};

}  // namespace

void DiskFaults(const Settings& settings, Tally& tally) {
  for (std::uint64_t seed = settings.from; seed < settings.from + settings.count; ++seed) {
    const Plan plan = PlanOf(seed);
    for (const DiskFault fault : {DiskFault::kNoSpace, DiskFault::kIoError})
      for (const bool sticky : {false, true})
        for (std::uint64_t call = 1;; ++call) {
          FaultyLife life(fault, sticky, call);
          const std::string problem = life.Run(plan);
          if (!problem.empty())
            tally.Violation("seed " + std::to_string(seed) + ", " +
                            (fault == DiskFault::kNoSpace ? "ENOSPC" : "EIO") + (sticky ? " from" : " at") +
                            " call " + std::to_string(call) + ": " + problem);
          if (!life.struck()) break;
          tally.Count("faults");
        }
  }
}

}  // namespace reliability
