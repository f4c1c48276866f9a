// D1, D7b, D9 on real files: a child process does one operation and dies with SIGKILL at its Nth change of
// the disk, a write also in its middle, for every N. Then D3's writer and its examiner, which
// tests/reliability/power_loss.py runs.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <thread>

#include "base/io/file_system.h"
#include "harness.h"
#include "life.h"
#include "stream.h"

namespace reliability {

using cocozvec::File;
using cocozvec::FileSystem;
using cocozvec::PathView;
using zvec::Result;

namespace {

/// Where the process dies: at the change with this number, before it takes effect, or in the middle of a
/// write.
struct Death {
  std::uint64_t at = 0;  ///< 0: never
  bool torn = false;
  std::uint64_t changes = 0;

  bool Now() { return ++changes == at; }
  [[noreturn]] static void Die() {
    kill(getpid(), SIGKILL);
    std::abort();
  }
  void Maybe() {
    if (Now()) Die();
  }
};

class MortalFile final : public File {
 public:
  MortalFile(std::unique_ptr<File> below, Death& death) : below_(std::move(below)), death_(death) {}
  const std::string& path() const noexcept override { return below_->path(); }
  Result<std::uint64_t> Size() const override { return below_->Size(); }
  Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const override {
    return below_->ReadAt(offset, out);
  }
  Status WriteAt(std::uint64_t offset, std::span<const std::byte> data) override {
    if (death_.Now()) {
      if (death_.torn) (void)below_->WriteAt(offset, data.first(data.size() / 2));
      Death::Die();
    }
    return below_->WriteAt(offset, data);
  }
  Status Truncate(std::uint64_t size) override { return death_.Maybe(), below_->Truncate(size); }
  Status Sync() override { return death_.Maybe(), below_->Sync(); }
  Result<std::unique_ptr<cocozvec::Mapping>> Map(std::uint64_t size) const override {
    return below_->Map(size);
  }
  Status TryLock(bool exclusive) override { return below_->TryLock(exclusive); }
  Status Unlock() override { return below_->Unlock(); }
  Result<cocozvec::HeldLock> OtherLock() const override { return below_->OtherLock(); }

 private:
  const std::unique_ptr<File> below_;
  Death& death_;
};

class MortalDisk final : public FileSystem {
 public:
  explicit MortalDisk(Death& death) : below_(cocozvec::PosixFileSystem()), death_(death) {}
  Result<std::unique_ptr<File>> Open(PathView path, cocozvec::OpenMode mode) override {
    if (mode == cocozvec::OpenMode::kCreate || mode == cocozvec::OpenMode::kCreateNew) death_.Maybe();
    auto file = below_.Open(path, mode);
    if (!file.ok()) return file.status();
    return std::unique_ptr<File>(std::make_unique<MortalFile>(*std::move(file), death_));
  }
  Result<cocozvec::FileInfo> Stat(PathView path) override { return below_.Stat(path); }
  Result<std::vector<cocozvec::DirEntry>> List(PathView path) override { return below_.List(path); }
  Status CreateDirectory(PathView path) override { return death_.Maybe(), below_.CreateDirectory(path); }
  Status Rename(PathView from, PathView to) override { return death_.Maybe(), below_.Rename(from, to); }
  Status RenameNoReplace(PathView from, PathView to) override {
    return death_.Maybe(), below_.RenameNoReplace(from, to);
  }
  Status Link(PathView from, PathView to) override { return death_.Maybe(), below_.Link(from, to); }
  Status RemoveFile(PathView path) override { return death_.Maybe(), below_.RemoveFile(path); }
  Status RemoveDirectory(PathView path) override { return death_.Maybe(), below_.RemoveDirectory(path); }
  Status SyncDirectory(PathView path) override { return death_.Maybe(), below_.SyncDirectory(path); }

 private:
  FileSystem& below_;
  Death& death_;
};

constexpr std::uint64_t kCreate = kKinds, kDestroy = kKinds + 1, kOpen = kKinds + 2, kOperations = kKinds + 3;

/// What is there before the operation, the operation, and what is there after it.
struct Scenario {
  std::uint64_t operation;
  std::vector<Step> before;
  Step step;
  State acked, next;

  explicit Scenario(std::uint64_t n) : operation((n - 1) % kOperations) {
    Random random(n);
    if (operation != kCreate) {
      before.push_back(CreateStep());
      for (const Kind kind : {Kind::kUpsert, Kind::kSeal, Kind::kDelete, Kind::kMark, Kind::kUpsert})
        before.push_back(MakeStep(kind, random));
    }
    for (const Step& each : before) each.effect(acked);
    next = acked;
    if (operation == kCreate) {
      step = CreateStep();
    } else if (operation == kDestroy) {
      step = {"destroy",
              [](World& w) {
                w.collection.reset();
                return Collection::Destroy(World::kPath, w.options);
              },
              [](State& s) { s = State(); }};
    } else if (operation == kOpen) {
      step = {"open", [](World&) { return Status(); }, [](State&) {}};
    } else {
      step = MakeStep(static_cast<Kind>(operation), random);
    }
    step.effect(next);
  }
  bool Allowed(const State& state, bool acknowledged) const {
    if (state == next) return true;
    if (acknowledged) return false;
    return state == acked || (operation == static_cast<std::uint64_t>(Kind::kRecreate) && !state.exists);
  }
};

/// The exit status of a child; -1 when it was killed.
int InChild(const std::function<int()>& body) {
  const pid_t pid = fork();
  if (pid == 0) _exit(body());
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

Result<State> Contents(const Collection& collection) {
  State state;
  state.exists = true;
  ZVEC_ASSIGN_OR_RETURN(const auto iterator, collection.Iterate());
  for (Doc doc;;) {
    ZVEC_ASSIGN_OR_RETURN(const bool more, iterator->Next(&doc));
    if (!more) return state;
    state.docs[doc.id] = doc;
  }
}

/// What is beside the collection; LookAt looks into it.
std::string Residue(bool exists) {
  auto& fs = cocozvec::PosixFileSystem();
  if (const Status status = Collection::RemoveLeftovers("parent"); !status.ok() && !status.IsNotFound())
    return status.ToString();
  const auto beside = fs.List("parent");
  if (beside.ok() && beside->size() != (exists ? 1u : 0u)) return "something stays beside the collection";
  return "";
}

class KillPoints {
 public:
  /// `shim`: the path of libcrashshim.so; empty: the process kills itself, above the calls of the system.
  KillPoints(std::uint64_t n, Tally& tally, std::string shim = "")
      : n_(n), scenario_(n), dice_(n), tally_(tally), shim_(std::move(shim)) {}

  void Run() {
    std::filesystem::remove_all("before");
    std::filesystem::remove_all("parent");
    // The process before died too, or closed in order.
    const int made = InChild([&] {
      World world;
      world.options.seal_bytes = 2000;
      for (const Step& step : scenario_.before)
        if (!step.run(world).ok()) return 1;
      if (world.collection && n_ % 2 == 0) return world.collection->Close().ok() ? 0 : 1;
      return 0;
    });
    if (made != 0) return tally_.Violation("case " + std::to_string(n_) + ": it could not be prepared");
    if (!scenario_.before.empty())
      std::filesystem::copy("parent", "before", std::filesystem::copy_options::recursive);
    for (std::uint64_t at = 1; KillAt(at, false); ++at) (void)KillAt(at, true);
  }

 private:
  /// False when the operation came to its end before change `at`.
  bool KillAt(std::uint64_t at, bool torn) {
    std::filesystem::remove_all("parent");
    if (std::filesystem::exists("before"))
      std::filesystem::copy("before", "parent", std::filesystem::copy_options::recursive);
    const int status =
        InChild([&] { return shim_.empty() ? Operate(at, torn) : OperateUnderShim(at, torn); });
    const std::string context = "case " + std::to_string(n_) + " (" + scenario_.step.name + "), " +
                                (torn ? "in the middle of change " : "change ") + std::to_string(at);
    if (status > 0) tally_.Violation(context + ": the operation failed");
    if (status == -1 && dice_() % 4 == 0) {  // the recovery is killed as well
      (void)InChild([&] {
        Death death{.at = 1 + dice_() % 6};
        MortalDisk disk(death);
        zvec::CollectionOptions options;
        options.file_system = &disk;
        return Collection::Open(World::kPath, options).ok() ? 0 : 1;
      });
      tally_.Count("second_kills");
    }
    tally_.Count("kill_points", status == -1);
    const Seen seen = LookAt(cocozvec::PosixFileSystem(), {});
    const State& state = seen.state;
    std::string problem = seen.problem;
    if (problem.empty() && !scenario_.Allowed(state, status == 0))
      problem = "is " + Describe(state) + "\n  was " + Describe(scenario_.acked) + "\n  or  " +
                Describe(scenario_.next);
    if (problem.empty()) problem = Residue(state.exists);
    if (problem.empty()) problem = GoOn(state);
    if (!problem.empty()) tally_.Violation(context + ": " + problem);
    return status == -1;
  }

  /// This program once more, with nothing in the way of its calls but the shim.
  int OperateUnderShim(std::uint64_t at, bool torn) const {
    const std::string here = std::filesystem::current_path();
    std::filesystem::remove("report");  // the shim goes on counting in one that is there
    setenv("LD_PRELOAD", shim_.c_str(), 1);
    setenv("CRASHSHIM_ROOT", here.c_str(), 1);
    setenv("CRASHSHIM_REPORT", (here + "/report").c_str(), 1);
    setenv("CRASHSHIM_KILL_AT", std::to_string(at).c_str(), 1);
    setenv("CRASHSHIM_TEAR", torn ? "1" : "0", 1);
    execl("/proc/self/exe", "reliability", "operate", std::to_string(n_).c_str(), nullptr);
    return 3;
  }

 public:
  int Operate(std::uint64_t at, bool torn) {
    Death death{.at = at, .torn = torn};
    MortalDisk disk(death);
    World world;
    world.options.file_system = &disk;
    world.options.seal_bytes = 2000;
    if (scenario_.operation != kCreate) {
      auto opened = Collection::Open(World::kPath, world.options);
      if (!opened.ok()) return 1;
      world.collection = *std::move(opened);
    }
    const bool done = scenario_.step.run(world).ok();
    _exit(done ? 0 : 2);  // without closing: the process is gone
  }

 private:
  std::string GoOn(State state) {
    auto collection = state.exists ? Collection::Open(World::kPath)
                                   : Collection::Create(World::kPath, zvec::testing_docs::NoteSchema());
    if (!collection.ok()) return "going on: " + collection.status().ToString();
    state.docs["went on"] = Note("went on", "yes");
    if (!(*collection)->Upsert(std::vector{Note("went on", "yes")}).ok()) return "going on: the write failed";
    if (!(*collection)->Close().ok()) return "going on: close failed";
    const auto reopened = Collection::Open(World::kPath);
    if (!reopened.ok()) return "going on, opened again: " + reopened.status().ToString();
    const auto again = Contents(**reopened);
    return again.ok() && again->docs == state.docs ? "" : "going on: it holds something else";
  }

  const std::uint64_t n_;
  Scenario scenario_;
  Random dice_;
  Tally& tally_;
  const std::string shim_;
};

}  // namespace

int OperateOnce(std::uint64_t n) {
  Tally tally;
  return KillPoints(n, tally).Operate(0, false);
}

namespace {
void KillAll(const Settings& settings, Tally& tally, const std::string& shim) {
  if (chdir(settings.directory.c_str()) != 0) return tally.Violation("no directory " + settings.directory);
  for (std::uint64_t i = 0; i < settings.count; ++i) KillPoints(settings.from + i, tally, shim).Run();
  for (const char* name : {"before", "parent", "report"}) std::filesystem::remove_all(name);
  (void)!chdir("/");
}
}  // namespace

void ShimKills(const Settings& settings, Tally& tally) {
  const char* shim = getenv("RELIABILITY_CRASH_SHIM");
  if (shim == nullptr || access(shim, R_OK) != 0)
    return tally.Violation("RELIABILITY_CRASH_SHIM does not name libcrashshim.so");
  KillAll(settings, tally, shim);
}
void Kills(const Settings& settings, Tally& tally) { KillAll(settings, tally, ""); }

// ---- D3: batches that follow a rule, acknowledged on standard output ----

namespace {

constexpr int kPerBatch = 5;

std::vector<std::string> IdsOf(std::uint64_t batch) {
  std::vector<std::string> ids;
  for (int i = 0; i < kPerBatch; ++i) ids.push_back("b" + std::to_string(batch) + "-" + std::to_string(i));
  return ids;
}

/// The batches that are there after `batches` calls: every third call deletes the batch two before its own.
bool IsThere(std::uint64_t batch, std::uint64_t batches) {
  return batch >= 1 && batch <= batches && !((batch + 2) % 3 == 0 && batch + 2 <= batches);
}

}  // namespace

int StreamBatches(const std::string& path, std::string_view mode) {
  zvec::CollectionOptions options;
  options.seal_bytes = 30'000;
  options.durability = mode == "relaxed" ? zvec::Durability::kRelaxed : zvec::Durability::kDurable;
  auto collection = Collection::Create(path, zvec::testing_docs::NoteSchema(), options);
  if (!collection.ok()) return std::fprintf(stderr, "%s\n", collection.status().ToString().c_str()), 1;
  int patience = mode == "stubborn" ? 2'000 : 0;
  for (std::uint64_t batch = 1;;) {
    std::vector<Doc> docs;
    for (const std::string& id : IdsOf(batch)) docs.push_back(Note(id, id + std::string(batch % 300, 'x')));
    const auto gone = batch % 3 == 0 ? IdsOf(batch - 2) : std::vector<std::string>{};
    const bool written = (*collection)->Apply(docs, gone).ok();
    if (written) {
      std::printf("%llu\n", static_cast<unsigned long long>(batch));
      std::fflush(stdout);
    }
    if (written && (batch % 40 != 0 || (*collection)->Optimize().ok())) {
      ++batch;
      continue;
    }
    if (patience-- <= 0) return 0;  // the disk is gone: so is this program
    // The same batch again, on the same handle twice, then on a new one.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (patience % 3 != 0) continue;
    (*collection).reset();
    while (patience-- > 0) {
      collection = Collection::Open(path, options);
      if (collection.ok()) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    if (!collection.ok()) return 0;
  }
}

int ExamineBatches(const std::string& path, std::uint64_t acknowledged, std::uint64_t last, bool read_only) {
  const auto fail = [&](const std::string& what) {
    std::printf("LOST after %llu: %s\n", static_cast<unsigned long long>(acknowledged), what.c_str());
    return 1;
  };
  zvec::CollectionOptions options;
  options.read_only = read_only;
  const auto collection = Collection::Open(path, options);
  if (!collection.ok())
    return acknowledged == 0 && collection.status().IsNotFound() ? 0 : fail(collection.status().ToString());
  const auto state = Contents(**collection);
  if (!state.ok()) return fail(state.status().ToString());
  for (std::uint64_t batches = acknowledged; batches <= last + 1; ++batches) {
    std::uint64_t expected = 0;
    bool all = true;
    for (std::uint64_t batch = 1; batch <= batches; ++batch)
      for (const std::string& id : IdsOf(batch)) {
        if (!IsThere(batch, batches)) continue;
        ++expected;
        const auto it = state->docs.find(id);
        all &= it != state->docs.end() &&
               *it->second.Get<std::string>("text") == id + std::string(batch % 300, 'x');
      }
    if (all && expected == state->docs.size()) return 0;
  }
  return fail(std::to_string(state->docs.size()) + " documents are there");
}

}  // namespace reliability
