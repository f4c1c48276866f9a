// M1: random operations beside a map, some of them in the middle of a merge. A seed that fails is cut down to
// the operations that it needs.
#include <algorithm>
#include <utility>

#include "harness.h"
#include "life.h"
#include "zvec/collection/testing/hooked_fs.h"

namespace reliability {

using zvec::testing_docs::AllDocs;
using zvec::testing_docs::HookedFileSystem;

namespace {

constexpr std::uint64_t kKill = kKinds, kPower = kKinds + 1, kFetch = kKinds + 2, kQuery = kKinds + 3,
                        kCompare = kKinds + 4, kAllKinds = kKinds + 5;
constexpr std::size_t kOperations = 400;

struct Operation {
  std::uint64_t kind;
  std::uint64_t seed;
};

std::string NameOfOperation(std::uint64_t kind) {
  constexpr const char* kMore[] = {"kill", "power cut", "fetch", "query", "compare"};
  return kind < kKinds ? NameOf(static_cast<Kind>(kind)) : kMore[kind - kKinds];
}

class ModelRun {
 public:
  ModelRun(std::uint64_t seed, Tally* tally)
      : disk_(std::make_unique<SimDisk>()),
        files_(std::make_unique<HookedFileSystem>(*disk_)),
        world_(SmallWorld(*files_, seed % 3 == 0 ? zvec::Durability::kRelaxed : zvec::Durability::kDurable)),
        tally_(tally) {
    world_.options.enable_mmap = seed % 2 == 0;
    world_.options.seal_bytes = 500 + seed * 7919 % 6000;
    HookMerges();
  }

  /// Empty, or what differs and after which operation.
  std::string Run(const std::vector<Operation>& operations) {
    const Step create = CreateStep();
    if (!create.run(world_).ok()) return "create failed";
    create.effect(model_);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      const std::string problem = Take(operations[i]);
      if (!problem.empty()) return "operation " + std::to_string(i) + ": " + problem;
    }
    return Compare();
  }

 private:
  std::string Take(const Operation& operation) {
    Random random(operation.seed);
    if (operation.kind == kKill) return Restart(PowerCutKind::kKeepEverything);
    if (operation.kind == kPower) {
      // Relaxed writes survive a kill only; after a flush they survive this too.
      if (!world_.collection->Flush().ok()) return "flush failed";
      return Restart(PowerCutKind::kLoseUnsynced);
    }
    if (operation.kind == kFetch) return Fetch(random);
    if (operation.kind == kQuery) return Query(random);
    if (operation.kind == kCompare) return Compare();
    const auto kind = static_cast<Kind>(operation.kind);
    const Step step = MakeStep(kind, random);
    if (kind == Kind::kReopen && tally_) tally_->Count("reopens");
    inner_random_.seed(operation.seed);
    if (const auto status = step.run(world_); !status.ok()) return step.name + ": " + status.ToString();
    step.effect(model_);
    for (const Step& inner : inner_) inner.effect(model_);
    inner_.clear();
    return std::exchange(inner_problem_, "");
  }

  /// In the middle of a merge, where no lock is held, now and then somebody writes.
  void HookMerges() {
    files_->refuse = [this](const std::string& path) {
      const std::string name = cocozvec::BaseName(path);
      if (inside_ || world_.collection == nullptr ||
          !(name.starts_with("segment-") || name.starts_with("index-")) ||
          world_.collection->Stats().merge.segments == 0 || inner_random_() % 3 == 0)
        return Status();
      constexpr Kind kWrites[] = {Kind::kUpsert,         Kind::kUpdate, Kind::kDelete,
                                  Kind::kDeleteByFilter, Kind::kApply,  Kind::kSeal};
      inside_ = true;
      inner_.push_back(MakeStep(kWrites[inner_random_() % std::size(kWrites)], inner_random_));
      if (const auto status = inner_.back().run(world_); !status.ok())
        inner_problem_ = inner_.back().name + " during a merge: " + status.ToString();
      inside_ = false;
      if (tally_) tally_->Count("writes_in_merges");
      return Status();
    };
  }

  std::string Restart(PowerCutKind kind) {
    auto disk = disk_->PowerCut(kind);
    world_.collection.reset();
    files_ = std::make_unique<HookedFileSystem>(*disk);
    disk_ = std::move(disk);
    world_.options.file_system = files_.get();
    HookMerges();
    auto opened = Collection::Open(World::kPath, world_.options);
    if (!opened.ok()) return opened.status().ToString();
    world_.collection = *std::move(opened);
    if (tally_) tally_->Count("reopens");
    return Compare();
  }

  std::string Fetch(Random& random) {
    std::vector<std::string> ids;
    for (int i = 0; i < 4; ++i) ids.push_back("id" + std::to_string(random() % 14));
    std::vector<Doc> expected;
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (model_.docs.contains(ids[i]) && std::find(ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(i),
                                                    ids[i]) == ids.begin() + static_cast<std::ptrdiff_t>(i))
        expected.push_back(model_.docs[ids[i]]);
    const auto got = world_.collection->Fetch(ids);
    return got.ok() && *got == expected ? "" : "fetch differs";
  }

  /// The nearest by L2 under a filter; equal distances in any order.
  std::string Query(Random& random) {
    zvec::VectorQuery query;
    query.field = "v";
    query.vector =
        std::vector<float>{static_cast<float>(random() % 60), static_cast<float>(random() % 10), 1};
    query.topk = static_cast<std::uint32_t>(1 + random() % 5);
    query.filter = "size >= 3";
    const auto& q = std::get<std::vector<float>>(query.vector);
    std::vector<float> expected, scores;
    for (const auto& [id, doc] : model_.docs) {
      const auto* size = doc.Get<std::int64_t>("size");
      const auto& v = *doc.Get<std::vector<float>>("v");
      if (size && *size >= 3)
        expected.push_back((v[0] - q[0]) * (v[0] - q[0]) + (v[1] - q[1]) * (v[1] - q[1]));
    }
    std::sort(expected.begin(), expected.end());
    expected.resize(std::min<std::size_t>(expected.size(), query.topk));
    const auto hits = world_.collection->Query(query);
    if (!hits.ok()) return hits.status().ToString();
    for (const auto& hit : hits->hits) scores.push_back(hit.score);
    return scores == expected ? "" : "query differs";
  }

  std::string Compare() {
    State state;
    for (Doc& doc : AllDocs(*world_.collection)) state.docs[doc.id] = doc;
    if (state.docs != model_.docs) return "contents differ";
    if (world_.collection->Stats().doc_count != model_.docs.size()) return "the count differs";
    const auto mark = Collection::ReadMark(World::kPath, world_.options);
    if ((mark.ok() ? *mark : "") != model_.mark) return "the mark differs";
    if (tally_) tally_->Count("comparisons");
    return "";
  }

  std::unique_ptr<SimDisk> disk_;
  std::unique_ptr<HookedFileSystem> files_;
  World world_;
  State model_;
  Tally* tally_;  ///< null while a failure is cut down
  bool inside_ = false;
  Random inner_random_;
  std::vector<Step> inner_;  ///< done during the operation under way
  std::string inner_problem_;
};

/// Each seed knows only some kinds, in its own proportions: what needs many of one kind in a row turns up.
std::vector<Operation> OperationsOf(std::uint64_t seed) {
  Random random(seed);
  std::vector<std::uint64_t> weights(kAllKinds);
  for (auto& weight : weights) weight = random() % 3 == 0 ? 0 : 1 + random() % 10;
  weights[kCompare] = 1;
  weights[static_cast<std::size_t>(Kind::kUpsert)] += 1;
  std::vector<std::uint64_t> lots;
  for (std::uint64_t kind = 0; kind < kAllKinds; ++kind) lots.insert(lots.end(), weights[kind], kind);
  std::vector<Operation> operations(kOperations);
  for (Operation& operation : operations) operation = {lots[random() % lots.size()], random()};
  return operations;
}

/// Leaves out ever smaller pieces as long as what remains still fails.
std::vector<Operation> Shrink(std::uint64_t seed, std::vector<Operation> operations) {
  for (std::size_t piece = operations.size() / 2; piece != 0; piece /= 2) {
    for (std::size_t at = 0; at + piece <= operations.size();) {
      std::vector<Operation> fewer = operations;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(at),
                  fewer.begin() + static_cast<std::ptrdiff_t>(at + piece));
      if (ModelRun(seed, nullptr).Run(fewer).empty())
        at += piece;
      else
        operations = std::move(fewer);
    }
  }
  return operations;
}

}  // namespace

void AgainstModel(const Settings& settings, Tally& tally) {
  for (std::uint64_t seed = settings.from; seed < settings.from + settings.count; ++seed) {
    const std::vector<Operation> operations = OperationsOf(seed);
    const std::string problem = ModelRun(seed, &tally).Run(operations);
    tally.Count("operations", operations.size());
    if (problem.empty()) continue;
    std::string text = "seed " + std::to_string(seed) + ": " + problem + "; enough is:";
    const auto few = Shrink(seed, operations);
    tally.Most("shrunk_to", few.size());
    for (const Operation& operation : few)
      text += " " + NameOfOperation(operation.kind) + "(" + std::to_string(operation.seed) + ")";
    tally.Violation(text);
    if (tally.violations() >= 3) return;
  }
}

}  // namespace reliability
