// R6: every document is written again and again. What the collection takes on disk is weighed after every
// change, against a fresh collection of the same documents.
#include <algorithm>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

#include "base/io/sim_disk.h"
#include "harness.h"
#include "life.h"
#include "zvec/storage/file_names.h"

namespace reliability {

namespace {

constexpr std::uint64_t kDocuments = 600, kBatch = 20, kRounds = 100;
constexpr std::uint64_t kOften = 100;  ///< documents that are written far more often than the rest

struct Weight {
  std::uint64_t data = 0, log = 0;  ///< bytes
};

Weight Weigh(cocozvec::FileSystem& disk) {
  Weight weight;
  const auto entries = disk.List(World::kPath);
  if (!entries.ok()) return weight;
  for (const auto& entry : *entries) {
    const auto info = disk.Stat(cocozvec::JoinPath(World::kPath, entry.name));
    if (!info.ok()) continue;
    const auto name = zvec::ParseName(entry.name);
    if (name && name->kind == zvec::NameKind::kLog)
      weight.log = std::max(weight.log, info->size);  // for a moment there are two
    else
      weight.data += info->size;
  }
  return weight;
}

Doc Written(std::uint64_t document, std::uint64_t round) {
  return Note("d" + std::to_string(document), std::string(200 + (document * 7 + round) % 100, 'x'),
              static_cast<std::int64_t>(document));
}

/// Case n: in order, at random, or a part far more often than the rest, drawn anew for every call; inline or
/// in the background.
class Churned {
 public:
  Churned(std::uint64_t n, Tally& tally) : random_(n), pattern_(n % 3), tally_(tally) {
    options_.file_system = &disk_;
    options_.seal_bytes = 10'000;
    options_.log_bytes = 15'000;
    options_.index_min_rows = 1;
    options_.durability = n / 3 % 2 == 0 ? zvec::Durability::kRelaxed : zvec::Durability::kDurable;
    options_.maintenance = n % 2 == 0 ? zvec::Maintenance::kInline : zvec::Maintenance::kBackground;
    context_ = "case " + std::to_string(n) + ": ";
  }

  void Run() {
    collection_ = Collection::Create(World::kPath, NoteSchema(), options_).value();
    for (std::uint64_t d = 0; d < kDocuments; d += kBatch) Write(InOrder(d), 0);
    const Weight fresh = Fresh();
    Weight peak;
    std::mutex mu;
    disk_.OnChange([&](const cocozvec::DiskChange&) {
      const std::lock_guard<std::mutex> lock(mu);
      if (++changes_ % 3 != 0) return;  // one in three, which differ from round to round
      const Weight now = Weigh(disk_);
      peak.data = std::max(peak.data, now.data);
      peak.log = std::max(peak.log, now.log);
    });
    for (std::uint64_t round = 1; round <= kRounds; ++round)
      for (std::uint64_t i = 0; i < kDocuments; i += kBatch) Write(Pick(i), round);
    while (collection_->Stats().maintaining) std::this_thread::yield();
    if (!collection_->Stats().maintenance_error.ok())
      tally_.Violation(context_ + collection_->Stats().maintenance_error.ToString());
    disk_.OnChange(nullptr);
    Judge("in the worst moment", peak.data, fresh.data, 25, "peak_percent");
    if (peak.log > options_.log_bytes)
      tally_.Violation(context_ + "the log has " + std::to_string(peak.log) + " bytes");
    tally_.Most("log_percent", peak.log * 100 / options_.log_bytes);
    if (const auto status = collection_->Optimize(); !status.ok())
      tally_.Violation(context_ + status.ToString());
    const Weight after = Weigh(disk_);
    Judge("after Optimize", after.data + after.log, Fresh().data, 13, "optimized_percent");
    tally_.Count("documents_written", kRounds * kDocuments);
    if (zvec::testing_docs::AllDocs(*collection_).size() != kDocuments)
      tally_.Violation(context_ + "documents are missing");
  }

 private:
  /// The documents of one call, each once.
  std::vector<std::uint64_t> Pick(std::uint64_t first) {
    if (pattern_ == 0) return InOrder(first);
    const std::uint64_t among = pattern_ == 1 || random_() % 4 == 0 ? kDocuments : kOften;
    std::set<std::uint64_t> drawn;
    while (drawn.size() < kBatch) drawn.insert(random_() % among);
    return {drawn.begin(), drawn.end()};
  }
  static std::vector<std::uint64_t> InOrder(std::uint64_t first) {
    std::vector<std::uint64_t> documents(kBatch);
    std::iota(documents.begin(), documents.end(), first);
    return documents;
  }
  void Write(const std::vector<std::uint64_t>& documents, std::uint64_t round) {
    std::vector<Doc> docs;
    for (const std::uint64_t d : documents) docs.push_back(Written(d, round));
    const auto written = collection_->Upsert(docs);
    if (!written.ok()) tally_.Violation(context_ + written.status().ToString());
  }
  /// What the same documents take when nothing was ever replaced.
  Weight Fresh() {
    cocozvec::SimDisk disk;
    auto options = options_;
    options.file_system = &disk;
    auto fresh = Collection::Create(World::kPath, NoteSchema(), options).value();
    (void)fresh->Upsert(zvec::testing_docs::AllDocs(*collection_)).value();
    if (!fresh->Optimize().ok()) tally_.Violation(context_ + "Optimize of the fresh collection failed");
    return Weigh(disk);
  }
  void Judge(const char* when, std::uint64_t bytes, std::uint64_t live, std::uint64_t tenths,
             const char* figure) {
    tally_.Most(figure, bytes * 100 / live);
    if (bytes * 10 <= live * tenths) return;
    tally_.Violation(context_ + when + " " + std::to_string(bytes) +
                     " bytes, a fresh collection of the same documents has " + std::to_string(live));
  }

  Random random_;
  const std::uint64_t pattern_;
  Tally& tally_;
  cocozvec::SimDisk disk_;
  zvec::CollectionOptions options_;
  std::shared_ptr<Collection> collection_;
  std::string context_;
  std::uint64_t changes_ = 0;
};

}  // namespace

void ChurnOnDisk(const Settings& settings, Tally& tally) {
  for (std::uint64_t i = 0; i < settings.count; ++i) Churned(settings.from + i, tally).Run();
}

}  // namespace reliability
