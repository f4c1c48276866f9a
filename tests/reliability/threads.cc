// T1, T2: readers, writers, an optimizer and closing beside each other; the build for threads (tsan) looks
// for races, the readers for calls seen in part or out of order. D11: replaying a full log.
#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "harness.h"
#include "life.h"
#include "stamps.h"

namespace reliability {

namespace {

std::atomic<std::uint64_t> races{0};  ///< that ThreadSanitizer reported

using Clock = std::chrono::steady_clock;

/// About a second of everything at once; every second case on real files, mapped ones among them.
void StressOnce(const Settings& settings, std::uint64_t n, Tally& tally) {
  cocozvec::SimDisk disk;
  zvec::CollectionOptions options;
  const bool real = n % 2 == 0;
  const std::string path = real ? settings.directory + "/stress" : "c";
  if (!real) options.file_system = &disk;
  if (n % 4 == 0) options.durability = zvec::Durability::kRelaxed;
  options.index_min_rows = n % 3 == 0 ? 1000 : 1;  // segments with graphs, and without
  options.seal_bytes = 3000 + n % 5 * 4000;
  auto collection = Collection::Create(path, NoteSchema(), options).value();
  (void)collection->Upsert(Stamped(0)).value();
  std::atomic<bool> stop = false;
  std::atomic<std::uint64_t> reads = 0, broken = 0, wrong = 0;
  std::atomic<std::int64_t> acked = 0;
  std::vector<std::thread> threads;
  for (int kind = 0; kind < 8; ++kind)
    threads.emplace_back([&, kind] {
      for (std::int64_t last = 0; !stop;) {
        const auto docs = ReadGroup(*collection, kind);
        if (docs.empty() && collection->Stats().doc_count == 0) break;  // closed
        const std::int64_t stamp = StampOf(docs);
        broken += stamp < last;
        last = std::max(last, stamp);
        ++reads;
      }
    });
  threads.emplace_back([&] {  // a read-only handle that follows, and one thread that only reads it
    zvec::CollectionOptions read_only = options;
    read_only.read_only = true;
    const auto follower = Collection::Open(path, read_only).value();
    std::thread other([&] {
      for (std::int64_t last = 0; !stop; ++reads) {
        const std::int64_t stamp = StampOf(ReadGroup(*follower, static_cast<int>(last % 4)));
        wrong += stamp < last;
        last = std::max(last, stamp);
      }
    });
    for (std::int64_t last = 0; !stop; ++reads) {
      const std::int64_t before = acked;
      wrong += !follower->Refresh().ok();
      const std::int64_t stamp = StampOf(ReadGroup(*follower, static_cast<int>(last % 4)));
      wrong += stamp < std::max(last, before);
      last = stamp;
      if (last % 8 == 0) (void)follower->WaitForChange(1);
    }
    other.join();
  });
  threads.emplace_back([&] {
    while (!stop) {
      if (!collection->Optimize().ok()) break;
      std::this_thread::yield();
    }
  });
  threads.emplace_back([&] {
    for (std::uint64_t i = 0; !stop; ++i) {
      (void)collection->Upsert(std::vector{Note("other" + std::to_string(i % 50), "x")});
      (void)collection->DeleteByFilter("id = 'other" + std::to_string((i + 7) % 50) + "'");
      (void)collection->SetMark("m" + std::to_string(i));
    }
  });
  const auto until = Clock::now() + std::chrono::seconds(1);
  for (std::int64_t stamp = 1; Clock::now() < until; ++stamp) {
    (void)collection->Upsert(Stamped(stamp)).value();
    acked = stamp;
    tally.Count("batches");
  }
  const bool close_under_way = n / 2 % 2 == 0;
  if (close_under_way && !collection->Close().ok()) tally.Violation("close failed");
  stop = true;
  for (std::thread& thread : threads) thread.join();
  tally.Count("reads", reads);
  tally.Count("seconds");
  if (wrong != 0)
    tally.Violation("stress " + std::to_string(n) + ": a follower was wrong " + std::to_string(wrong) +
                    " times");
  // A reader that met the closing may have seen nothing at all; anything else is half a call or a step back.
  if (broken > (close_under_way ? 8u : 0u))
    tally.Violation("stress " + std::to_string(n) + ": " + std::to_string(broken) +
                    " reads saw no committed state");
  collection.reset();
  if (!Collection::Destroy(path, options).ok()) tally.Violation("destroy failed");
}

std::uint64_t ResidentKiB() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtoull(line.c_str() + 6, nullptr, 10);
  return 0;
}

}  // namespace

/// For the hook below.
void CountRace() { races.fetch_add(1, std::memory_order_relaxed); }

void Stress(const Settings& settings, Tally& tally) {
  const std::uint64_t before = races;
  for (std::uint64_t i = 0; i < settings.count; ++i) StressOnce(settings, settings.from + i, tally);
  if (races != before) tally.Violation("ThreadSanitizer made " + std::to_string(races - before) + " reports");
}

/// A case fills a log to the default limit of a mutable segment and opens it as after a kill.
void FullLogs(const Settings& settings, Tally& tally) {
  for (std::uint64_t n = 0; n < settings.count; ++n) {
    const std::string path = settings.directory + "/full", copy = settings.directory + "/copy";
    auto& fs = cocozvec::PosixFileSystem();
    zvec::CollectionSchema schema = NoteSchema();
    schema.fields[2].dimension = 128;
    zvec::CollectionOptions options;
    options.durability = zvec::Durability::kRelaxed;
    std::uint64_t documents = 0, log_bytes = 0;
    {
      auto collection = Collection::Create(path, schema, options).value();
      for (;; documents += 1000) {
        std::vector<Doc> docs;
        for (std::uint64_t d = 0; d < 1000; ++d) {
          Doc doc = Note("document " + std::to_string(documents + d), "some text that is not long");
          doc.Set("v", std::vector<float>(128, static_cast<float>(d)));
          docs.push_back(std::move(doc));
        }
        (void)collection->Upsert(docs).value();
        if (collection->Stats().disk_bytes > (std::uint64_t{56} << 20)) break;
      }
      documents += 1000;
      // As a kill leaves it: copied while open, without the record that an orderly close adds.
      (void)cocozvec::RemoveTree(fs, copy);
      if (!fs.CreateDirectory(copy).ok()) std::abort();
      for (const auto& entry : fs.List(path).value()) {
        const std::string bytes = cocozvec::ReadFile(fs, path + "/" + entry.name, 1 << 30).value();
        if (entry.name.starts_with("log-")) log_bytes = bytes.size();
        if (!cocozvec::WriteFileAtomically(fs, copy + "/" + entry.name, bytes).ok()) std::abort();
      }
    }
    const std::uint64_t before = ResidentKiB();
    const auto start = Clock::now();
    const auto opened = Collection::Open(copy, options);
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - start).count();
    const std::uint64_t grown = ResidentKiB() - std::min(before, ResidentKiB());
    if (!opened.ok() || (*opened)->Stats().doc_count != documents)
      tally.Violation("a full log was not replayed");
    tally.Most("open_ms", static_cast<std::uint64_t>(ms));
    tally.Most("log_MiB", log_bytes >> 20);
    tally.Most("documents", documents);
    tally.Most("grown_MiB", grown >> 10);
    if (ms > 2000) tally.Violation("replaying took " + std::to_string(ms) + " ms");
    if (grown * 1024 > 2 * log_bytes + (8 << 20))
      tally.Violation("replaying took " + std::to_string(grown) + " KiB");
    (void)cocozvec::RemoveTree(fs, path);
    (void)cocozvec::RemoveTree(fs, copy);
    tally.Count("logs");
  }
}

}  // namespace reliability

#if defined(__SANITIZE_THREAD__)
/// ThreadSanitizer calls this with every report.
extern "C" __attribute__((visibility("default"))) void __tsan_on_report(void*) { reliability::CountRace(); }
#endif
