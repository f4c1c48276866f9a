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

constexpr std::uint64_t kRowsPerCase = 10'000, kLargeFrom = 100;  ///< cases
constexpr std::size_t kDim = 128;
constexpr std::uint64_t kWithoutRows = 16 << 20;  ///< threads, their scratch, what the allocator puts aside

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

/// All cases together are one load of so many times 10,000 rows; from a hundred on with the default budget.
void MemoryBudget(const Settings& settings, Tally& tally) {
  const std::uint64_t rows = settings.count * kRowsPerCase;
  zvec::CollectionSchema schema;
  schema.name = "large";
  schema.fields = {
      {"v", zvec::DataType::kVectorFp32, false, kDim, zvec::IndexParams::Hnsw(zvec::MetricType::kL2)}};
  zvec::CollectionOptions options;
  options.durability = zvec::Durability::kRelaxed;
  if (settings.count < kLargeFrom) options.maintenance_memory_bytes = 8 << 20;
  options.seal_bytes = options.maintenance_memory_bytes / 32;
  options.max_unlinked_rows = rows / 8;
  // Rows that are not sealed or not linked yet are no part of it (options.h): so many times seal_bytes.
  const std::uint64_t allowed =
      options.maintenance_memory_bytes / 10 * 11 + 4 * options.seal_bytes + kWithoutRows;
  const std::string path = settings.directory + "/memory";
  Random random(settings.from);
  PeakMemory peak;
  {
    auto collection = Collection::Create(path, schema, options).value();
    for (std::uint64_t n = 0; n < rows;) {
      std::vector<Doc> docs;
      for (const std::uint64_t end = std::min(rows, n + 100); n < end; ++n) docs.push_back(Drawn(n, random));
      (void)collection->Insert(docs).value();
    }
    tally.Most("load_KiB", peak.BytesMore() >> 10);
    if (const auto status = collection->Optimize(); !status.ok()) tally.Violation(status.ToString());
    const auto stats = collection->Stats();
    tally.Most("segments", stats.sealed_segments);
    if (stats.index_completeness.at("v") != 1) tally.Violation("a segment has no graph");
    if (stats.doc_count != rows) tally.Violation("rows are missing");
  }
  tally.Count("rows", rows);
  tally.Most("peak_KiB", peak.BytesMore() >> 10);
  tally.Most("allowed_KiB", allowed >> 10);
  if (peak.BytesMore() > allowed)
    tally.Violation(std::to_string(peak.BytesMore() >> 10) + " KiB are held, " +
                    std::to_string(allowed >> 10) + " are allowed");
  if (!Collection::Destroy(path, options).ok()) tally.Violation("destroy failed");
}

}  // namespace reliability
