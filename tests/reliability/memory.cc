// R5: a load, what goes on behind it and Optimize stay within the memory that the options give them.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <fstream>
#include <thread>

#include "harness.h"
#include "life.h"

namespace reliability {

namespace {

constexpr std::uint64_t kRowsPerCase = 10'000, kLargeFrom = 100;
constexpr std::size_t kDim = 128;

/// Memory of the process's own: pages of mapped files are the system's to take back.
std::uint64_t AnonymousKiB() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("RssAnon:")) return std::strtoull(line.c_str() + 8, nullptr, 10);
  return 0;
}

/// Looks every half millisecond.
class PeakMemory {
 public:
  PeakMemory() : before_(AnonymousKiB()), thread_([this] { Watch(); }) {}
  ~PeakMemory() {
    stop_ = true;
    thread_.join();
  }
  std::uint64_t BytesMore() const { return (std::max(peak_.load(), before_) - before_) * 1024; }

 private:
  void Watch() {
    while (!stop_) {
      peak_ = std::max(peak_.load(), AnonymousKiB());
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
  }
  const std::uint64_t before_;
  std::atomic<std::uint64_t> peak_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

Doc Drawn(std::uint64_t n, Random& random) {
  std::vector<float> v(kDim);
  for (std::size_t i = 0; i < kDim; ++i)
    v[i] = static_cast<float>((n % 50 * 31 + i * 17) % 64) + static_cast<float>(random() % 1'000) / 100;
  Doc doc("d" + std::to_string(n));
  doc.fields = {{"v", std::move(v)}};
  return doc;
}

}  // namespace

/// As many cases as asked for are one load of so many times 10,000 rows; from a hundred on with the budget
/// that is the default.
void MemoryBudget(const Settings& settings, Tally& tally) {
  const std::uint64_t rows = settings.count * kRowsPerCase;
  zvec::CollectionSchema schema;
  schema.name = "large";
  schema.fields = {
      {"v", zvec::DataType::kVectorFp32, false, kDim, zvec::IndexParams::Hnsw(zvec::MetricType::kL2)}};
  zvec::CollectionOptions options;
  options.durability = zvec::Durability::kRelaxed;
  if (settings.count < kLargeFrom) {
    options.maintenance_memory_bytes = 8 << 20;
    options.seal_bytes = 2 << 20;
    options.max_unlinked_rows = 6'000;
  }
  // Rows that are not linked yet are no part of maintenance: those that come and those before them.
  const std::uint64_t allowed = options.maintenance_memory_bytes / 10 * 11 + 2 * options.seal_bytes;
  const std::string path = settings.directory + "/memory";
  Random random(settings.from);
  PeakMemory peak;
  {
    auto collection = Collection::Create(path, schema, options).value();
    for (std::uint64_t n = 0; n < rows;) {
      std::vector<Doc> docs;
      for (std::uint64_t end = std::min(rows, n + 500); n < end; ++n) docs.push_back(Drawn(n, random));
      (void)collection->Insert(docs).value();
    }
    tally.Most("load_MiB", peak.BytesMore() >> 20);
    if (const auto status = collection->Optimize(); !status.ok()) tally.Violation(status.ToString());
    const auto stats = collection->Stats();
    tally.Most("segments", stats.sealed_segments);
    if (stats.index_completeness.at("v") != 1) tally.Violation("a segment has no graph");
    if (stats.doc_count != rows) tally.Violation("rows are missing");
  }
  tally.Count("rows", rows);
  tally.Most("peak_MiB", peak.BytesMore() >> 20);
  tally.Most("allowed_MiB", allowed >> 20);
  if (peak.BytesMore() > allowed)
    tally.Violation(std::to_string(peak.BytesMore() >> 20) + " MiB are held, " +
                    std::to_string(allowed >> 20) + " are allowed");
  if (!Collection::Destroy(path, options).ok()) tally.Violation("destroy failed");
}

}  // namespace reliability
