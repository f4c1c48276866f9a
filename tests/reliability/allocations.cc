// R4: a life on the simulated disk, again and again, with the Nth operator new failing: once or from then on.
// What the caller gets is std::bad_alloc or an error; nothing acknowledged is lost, and a handle that goes on
// is right.
#include "base/io/sim_disk.h"
#include "failing_new.h"
#include "harness.h"
#include "life.h"

namespace reliability {

using cocozvec::File;
using cocozvec::FileSystem;
using cocozvec::PathView;
using cocozvec::Result;

namespace {

using Pause = NewAlwaysWorks;

/// The disk is not under test: it always has memory.
class CalmFile final : public File {
 public:
  explicit CalmFile(std::unique_ptr<File> below) : below_(std::move(below)) {}
  ~CalmFile() override {
    Pause pause;
    below_.reset();
  }
  const std::string& path() const noexcept override { return below_->path(); }
  Result<std::uint64_t> Size() const override { return Pause(), below_->Size(); }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    Pause pause;
    return below_->ReadAt(offset, out);
  }
  Status WriteAt(std::uint64_t offset, std::span<const std::byte> data) override {
    Pause pause;
    return below_->WriteAt(offset, data);
  }
  Status Truncate(std::uint64_t size) override {
    Pause pause;
    return below_->Truncate(size);
  }
  Status Sync() override {
    Pause pause;
    return below_->Sync();
  }
  Result<std::unique_ptr<cocozvec::Mapping>> Map(std::uint64_t size) const override {
    Pause pause;
    return below_->Map(size);
  }
  Status TryLock(bool exclusive) override {
    Pause pause;
    return below_->TryLock(exclusive);
  }
  Status Unlock() override {
    Pause pause;
    return below_->Unlock();
  }
  Result<cocozvec::HeldLock> OtherLock() const override {
    Pause pause;
    return below_->OtherLock();
  }

 private:
  std::unique_ptr<File> below_;
};

class CalmDisk final : public FileSystem {
 public:
  explicit CalmDisk(SimDisk& below) : below_(below) {}
  Result<std::unique_ptr<File>> Open(PathView path, cocozvec::OpenMode mode) override {
    Pause pause;
    auto file = below_.Open(path, mode);
    if (!file.ok()) return file.status();
    return std::unique_ptr<File>(std::make_unique<CalmFile>(*std::move(file)));
  }
  Result<cocozvec::FileInfo> Stat(PathView path) override {
    Pause pause;
    return below_.Stat(path);
  }
  Result<std::vector<cocozvec::DirEntry>> List(PathView directory) override {
    Pause pause;
    return below_.List(directory);
  }
  Status CreateDirectory(PathView path) override {
    Pause pause;
    return below_.CreateDirectory(path);
  }
  Status Rename(PathView from, PathView to) override {
    Pause pause;
    return below_.Rename(from, to);
  }
  Status RenameNoReplace(PathView from, PathView to) override {
    Pause pause;
    return below_.RenameNoReplace(from, to);
  }
  Status Link(PathView from, PathView to) override {
    Pause pause;
    return below_.Link(from, to);
  }
  Status RemoveFile(PathView path) override {
    Pause pause;
    return below_.RemoveFile(path);
  }
  Status RemoveDirectory(PathView path) override {
    Pause pause;
    return below_.RemoveDirectory(path);
  }
  Status SyncDirectory(PathView path) override {
    Pause pause;
    return below_.SyncDirectory(path);
  }

 private:
  SimDisk& below_;
};

class PoorLife {
 public:
  PoorLife() : calm_(disk_), world_(SmallWorld(calm_, zvec::Durability::kDurable)) {}

  std::string Run(const std::vector<Kind>& kinds, const std::vector<Step>& steps, std::int64_t at,
                  bool from_then_on) {
    FailNew(at, from_then_on);
    std::string problem;
    for (std::size_t i = 0; i < steps.size() && problem.empty(); ++i) {
      problem = Take(kinds[i], steps[i]);
      if (!problem.empty()) problem = "step '" + steps[i].name + "': " + problem;
    }
    world_.collection.reset();
    StopFailingNew();
    return problem.empty() ? LookBack({acked_}) : problem;
  }

 private:
  std::string Take(Kind kind, const Step& step) {
    State next;
    {
      Pause pause;
      next = acked_;
      step.effect(next);
    }
    Status status;
    bool threw = false;
    try {
      status = step.run(world_);
    } catch (const std::bad_alloc&) {
      threw = true;
    }
    Pause pause;
    if (!threw && status.ok()) {
      acked_ = std::move(next);
      return CheckLive({acked_});
    }
    if (!NewHasFailed()) return "failed with memory enough: " + status.ToString();
    std::vector<State> allowed = {acked_, next};
    if (kind == Kind::kRecreate) allowed.emplace_back();
    if (std::string problem = LookBack(allowed); !problem.empty()) return problem;
    StopFailingNew();  // there is memory again
    return Recover(allowed);
  }

  std::string Recover(const std::vector<State>& allowed) {
    if (world_.collection && world_.collection->Flush().ok()) {
      // The handle goes on: it must show what a restart would.
      const auto now = disk_.PowerCut(PowerCutKind::kKeepEverything);
      acked_ = LookAt(*now, world_.options).state;
      return CheckLive({acked_});
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
    State found = LookAt(*now, world_.options).state;
    State empty;
    empty.exists = true;
    bool right = false;
    for (const State& state : allowed) right |= found == state || (!state.exists && found == empty);
    acked_ = std::move(found);
    return right ? "" : "opened again it is " + Describe(acked_);
  }

  std::string CheckLive(const std::vector<State>& allowed) const {
    if (!world_.collection) return "";
    Pause pause;
    std::map<std::string, Doc> docs;
    for (Doc& doc : zvec::testing_docs::AllDocs(*world_.collection)) docs[doc.id] = doc;
    for (const State& state : allowed)
      if (docs == state.docs) return "";
    return "the open collection shows something else than was acknowledged";
  }

  std::string LookBack(const std::vector<State>& allowed) const {
    Pause pause;
    const auto copy = disk_.PowerCut(PowerCutKind::kLoseUnsynced);
    const Seen seen = LookAt(*copy, world_.options);
    if (!seen.problem.empty()) return "after a cut: " + seen.problem;
    for (const State& state : allowed)
      if (seen.state == state) return "";
    return "after a cut it is " + Describe(seen.state) + "\n  was " + Describe(acked_);
  }

  SimDisk disk_;
  CalmDisk calm_;
  World world_;
  State acked_;
};

}  // namespace

/// Case n: allocation number n of the workload, once and from then on. A case beyond the last one shows
/// nothing and is not counted.
void FailedAllocations(const Settings& settings, Tally& tally) {
  std::vector<Kind> kinds = {Kind::kRecreate};
  std::vector<Step> steps = {CreateStep()};
  Random random(1);
  for (int i = 0; i < 30; ++i) {
    kinds.push_back(static_cast<Kind>(i < 12 ? i : static_cast<int>(random() % kKinds)));
    steps.push_back(MakeStep(kinds.back(), random));
  }
  for (std::uint64_t n = settings.from; n < settings.from + settings.count; ++n) {
    for (const bool from_then_on : {false, true}) {
      if (settings.verbose) std::fprintf(stderr, "allocation %llu\n", static_cast<unsigned long long>(n));
      const std::string problem = PoorLife().Run(kinds, steps, static_cast<std::int64_t>(n), from_then_on);
      if (!problem.empty())
        tally.Violation((from_then_on ? "from allocation " : "allocation ") + std::to_string(n) + ": " +
                        problem);
      if (!NewHasFailed()) return;
      tally.Count("failed_allocations");
    }
  }
}

}  // namespace reliability
