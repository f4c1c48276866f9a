#include "faulty_life.h"

namespace reliability {

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

std::string FaultyLife::Run(const Plan& plan) {
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    std::string problem = Take(plan.kinds[i], plan.steps[i]);
    if (!problem.empty()) return "step '" + plan.steps[i].name + "': " + problem;
  }
  world_.collection.reset();
  return LookBack({acked_});
}

std::string FaultyLife::Take(Kind kind, const Step& step) {
  State next = acked_;
  step.effect(next);
  device_.Arm(true);
  const Status status = step.run(world_);
  device_.Arm(false);
  if (status.ok()) {
    acked_ = std::move(next);
    // A call that met the fault and says that all is well: then it is.
    const bool just_struck = device_.struck() && !seen_;
    seen_ = device_.struck();
    if (std::string problem = CheckLive(); !problem.empty() || !just_struck) return problem;
    return LookBack({acked_});
  }
  seen_ = true;
  if (!device_.struck()) return "failed without a fault: " + status.ToString();
  if (std::string problem = device_.Judge(status); !problem.empty()) return problem;
  if (std::string problem = CheckLive(); !problem.empty()) return problem;
  std::vector<State> allowed = {acked_, next};
  if (kind == Kind::kRecreate) allowed.emplace_back();
  if (std::string problem = LookBack(allowed); !problem.empty()) return problem;
  return Recover(allowed);
}

/// The device works again. A handle that goes on has lost nothing; otherwise the collection is opened anew.
std::string FaultyLife::Recover(const std::vector<State>& allowed) {
  device_.Clear();
  if (world_.collection && world_.collection->Flush().ok()) {
    const auto mark = Collection::ReadMark(World::kPath, world_.options);
    if (mark.ok()) acked_.mark = *mark;
    return CheckLive();
  }
  world_.collection.reset();
  auto opened = Collection::Open(World::kPath, world_.options);
  if (opened.status().IsNotFound()) {
    (void)Collection::RemoveLeftovers("parent", world_.options);
    opened = Collection::Create(World::kPath, NoteSchema(), world_.options);
  }
  if (!opened.ok()) return "it cannot be opened again: " + opened.status().ToString();
  world_.collection = *std::move(opened);
  const Seen seen = device_.Pictures(world_.options)[0];
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

std::string FaultyLife::LookBack(const std::vector<State>& allowed) {
  for (const Seen& seen : device_.Pictures(world_.options)) {
    if (!seen.problem.empty()) return "after a cut: " + seen.problem;
    bool found = false;
    for (const State& state : allowed) found |= seen.state == state;
    if (!found) return "after a cut it is " + Describe(seen.state) + "\n  was " + Describe(acked_);
  }
  return "";
}

}  // namespace reliability
