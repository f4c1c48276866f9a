#include "modes.h"

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <numeric>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "base/array.h"
#include "zvec/collection.h"

namespace bench {
namespace {

using zvec::VectorQuery;

/// A collection with the rows of a set, and with numbers to filter by.
class Table {
 public:
  /// `anchor`: by the distance to it the rows are ranked.
  Table(const Set& set, const ModeOptions& options, const float* anchor) : set_(set), options_(options) {
    zvec::CollectionSchema schema;
    schema.name = "bench";
    schema.fields = {{"v", zvec::DataType::kVectorFp32, false, static_cast<std::uint32_t>(set.dim),
                      zvec::IndexParams::Hnsw(zvec::MetricType::kL2)},
                     {"random", zvec::DataType::kInt32},
                     {"rank", zvec::DataType::kInt32},
                     {"none", zvec::DataType::kInt32}};
    zvec::CollectionOptions collection;
    collection.durability = zvec::Durability::kRelaxed;
    collection.seal_bytes = std::uint64_t{8} << 30;
    collection_ = zvec::Collection::Create(options.directory, schema, collection).value();
    Rank(anchor);
    std::vector<std::uint32_t> rows(set.rows);
    std::iota(rows.begin(), rows.end(), 0u);
    Put(rows);
    Optimize();
  }
  ~Table() {
    collection_.reset();
    (void)zvec::Collection::Destroy(options_.directory);
  }

  zvec::Collection& collection() { return *collection_; }
  /// `mapped`: to read only, graphs where their files are mapped.
  void Reopen(bool mapped) {
    collection_.reset();
    zvec::CollectionOptions options;
    options.read_only = mapped;
    options.resident_graphs = !mapped;
    collection_ = zvec::Collection::Open(options_.directory, options).value();
  }
  /// Of memory, that are no part of the collection.
  std::size_t own_bytes() const { return ranks_.size() * sizeof(ranks_[0]); }
  double Optimize() { return OptimizeSeconds(*collection_, options_.threads); }
  /// Upserts rows of the set under their numbers.
  void Put(const std::vector<std::uint32_t>& rows) {
    for (std::size_t at = 0; at < rows.size();) {
      std::vector<zvec::Doc> docs;
      for (; at < rows.size() && docs.size() < 1'000; ++at) {
        const std::uint32_t r = rows[at];
        docs.push_back(
            zvec::Doc(std::to_string(r), {{"v", std::vector<float>(set_.Row(r), set_.Row(r) + set_.dim)},
                                          {"random", static_cast<std::int32_t>(random_() % 1'000)},
                                          {"rank", ranks_[r]},
                                          {"none", std::int32_t{0}}}));
      }
      collection_->Upsert(docs).value();
    }
  }
  VectorQuery Ask(const float* query, const std::string& filter) const {
    VectorQuery out;
    out.field = "v";
    out.vector = std::vector<float>(query, query + set_.dim);
    out.filter = filter;
    out.output_fields.emplace();
    return out;
  }

 private:
  /// 0 .. 999: the nearest thousandth of the rows, and so on.
  void Rank(const float* anchor) {
    std::vector<std::pair<float, std::uint32_t>> order(set_.rows);
    for (std::size_t r = 0; r < set_.rows; ++r) {
      float sum = 0;
      for (std::size_t d = 0; d < set_.dim; ++d) {
        const float difference = set_.Row(r)[d] - anchor[d];
        sum += difference * difference;
      }
      order[r] = {sum, static_cast<std::uint32_t>(r)};
    }
    std::sort(order.begin(), order.end());
    ranks_.resize(set_.rows);
    for (std::size_t i = 0; i < order.size(); ++i)
      ranks_[order[i].second] = static_cast<std::int32_t>(i * 1'000 / order.size());
  }

  const Set& set_;
  const ModeOptions& options_;
  std::shared_ptr<zvec::Collection> collection_;
  std::vector<std::int32_t> ranks_;
  std::mt19937 random_{1};
};

struct Timing {
  double micros = 0;  ///< mean over queries of the fastest pass
  double recall = 0;  ///< of the exact answer under the same filter
  double found = 0;   ///< hits a query
  double code_distances = 0;
  std::string strategy;
};

double Fastest(std::size_t passes, const std::function<void()>& body) {
  double best = 1e18;
  for (std::size_t pass = 0; pass < passes; ++pass) {
    const auto start = Clock::now();
    body();
    best = std::min(best, Micros(start));
  }
  return best;
}

Timing Time(const Table& table, zvec::Collection& collection, const std::vector<const float*>& queries,
            const std::string& filter, bool exact, std::size_t passes) {
  Timing timing;
  double wanted = 0;
  std::vector<VectorQuery> asked;
  for (const float* vector : queries) asked.push_back(table.Ask(vector, filter));
  std::vector<double> best(queries.size(), 1e18);
  // Every query once in a pass: one that follows itself would find its rows in the cache.
  for (std::size_t pass = 0; pass < passes; ++pass) {
    for (std::size_t q = 0; q < queries.size(); ++q) {
      asked[q].exact = exact;
      best[q] = std::min(best[q], Fastest(1, [&] { (void)collection.Query(asked[q]).value(); }));
    }
  }
  for (std::size_t q = 0; q < queries.size(); ++q) {
    timing.micros += best[q];
    const zvec::HitList found = collection.Query(asked[q]).value();
    timing.code_distances += static_cast<double>(found.stats.code_distances);
    timing.strategy = found.stats.strategy;
    timing.found += static_cast<double>(found.hits.size());
    asked[q].exact = true;
    std::set<std::string> truth;
    for (const zvec::Hit& hit : collection.Query(asked[q]).value().hits) truth.insert(hit.doc.id);
    for (const zvec::Hit& hit : found.hits) timing.recall += truth.contains(hit.doc.id);
    wanted += static_cast<double>(truth.size());
  }
  const auto count = static_cast<double>(queries.size());
  timing.micros /= count;
  timing.found /= count;
  timing.code_distances /= count;
  timing.recall = wanted > 0 ? timing.recall / wanted : 1;
  return timing;
}

std::vector<const float*> NearestQueries(const Set& set, const float* anchor, std::size_t count) {
  std::vector<std::pair<float, const float*>> order;
  for (std::size_t q = 0; q < set.queries; ++q) {
    float sum = 0;
    for (std::size_t d = 0; d < set.dim; ++d)
      sum += (set.Query(q)[d] - anchor[d]) * (set.Query(q)[d] - anchor[d]);
    order.emplace_back(sum, set.Query(q));
  }
  std::sort(order.begin(), order.end());
  std::vector<const float*> out;
  for (std::size_t i = 0; i < std::min(count, order.size()); ++i) out.push_back(order[i].second);
  return out;
}

std::vector<const float*> AllQueries(const Set& set, std::size_t most) {
  std::vector<const float*> out;
  for (std::size_t q = 0; q < std::min(set.queries, most); ++q) out.push_back(set.Query(q));
  return out;
}

constexpr double kMiB = 1 << 20;
/// Graphs of so many dimensions have codes of 4 bits (docs/search.md).
constexpr std::size_t kFineDim = 384;

/// What this process has in memory, in MiB.
struct Memory {
  double vectors = 0, files = 0;  ///< mapped files of the collection: its segments, the others
  double programs = 0;            ///< mapped from any other file
  double anonymous = 0;           ///< all the rest, of it:
  double arrays = 0;              ///< cocozvec::MakeBytes, whole, as if every page were touched
  double used = 0, kept = 0;      ///< allocated and in use; freed, but not given back to the system

  double all() const { return vectors + files + programs + anonymous; }
};

Memory MemoryNow(const std::string& directory) {
  Memory now;
  std::ifstream file("/proc/self/smaps");
  double* sum = &now.anonymous;
  for (std::string line; std::getline(file, line);) {
    const std::string first = line.substr(0, line.find(' '));
    if (first == "Rss:") {
      *sum += std::strtod(line.c_str() + first.size(), nullptr) / 1024;
    } else if (!first.ends_with(':')) {
      const std::size_t path = line.find('/');
      sum = path == std::string::npos                                 ? &now.anonymous
            : line.find(directory + "/segment-") != std::string::npos ? &now.vectors
            : line.find(directory) != std::string::npos               ? &now.files
                                                                      : &now.programs;
    }
  }
  const auto heap = ::mallinfo2();
  now.arrays = static_cast<double>(cocozvec::MappedArrayBytes()) / kMiB;
  now.used = static_cast<double>(heap.uordblks + heap.hblkhd) / kMiB;
  now.kept = static_cast<double>(heap.fordblks) / kMiB;
  return now;
}

/// What a collection with a searched graph takes, in parts. `own`: of it the benchmark's.
void ShowMemory(const Set& set, const ModeOptions& options, const char* state, const Memory& before,
                std::size_t own) {
  const Memory now = MemoryNow(options.directory);
  const double ours = static_cast<double>(own) / kMiB, more = now.all() - before.all() - ours,
               raw = static_cast<double>(set.base.size()) * 4 / kMiB,
               code = set.dim < kFineDim ? static_cast<double>((set.dim + 63) / 64 * 64)
                                         : static_cast<double>((set.dim + 127) / 128 * 64),
               index = static_cast<double>(set.rows) * (code + 2 * 16 * 4) / kMiB;
  std::printf(
      "memory, %s: %.1f MiB more than before the collection, without the vectors %.2fx the codes and links; "
      "raw vectors %.1f MiB, codes and links %.1f\n"
      "  mapped segments %.1f, other files of it %.1f, program and libraries %.1f, anonymous %.1f: large "
      "arrays %.1f, allocated in use %.1f, freed and kept by the allocator %.1f (at most)\n",
      state, more, (more - (now.vectors - before.vectors)) / index, raw, index, now.vectors - before.vectors,
      now.files - before.files, now.programs - before.programs, now.anonymous - before.anonymous - ours,
      now.arrays - before.arrays, now.used - before.used - ours, now.kept - before.kept);
  JsonLine(options, "memory", set.name)
      .Add("state", state)
      .Add("more_mib", more)
      .Add("raw_mib", raw)
      .Add("codes_links_mib", index)
      .Add("segments_mib", now.vectors - before.vectors)
      .Add("other_files_mib", now.files - before.files)
      .Add("programs_mib", now.programs - before.programs)
      .Add("anonymous_mib", now.anonymous - before.anonymous - ours)
      .Add("arrays_mib", now.arrays - before.arrays)
      .Add("used_mib", now.used - before.used - ours)
      .Add("kept_mib", now.kept - before.kept);
}

/// After Optimize, and as those find it who open it: with graphs that are copied, and with mapped ones.
void ShowMemoryOf(Table& table, const Set& set, const ModeOptions& options, const Memory& before) {
  const auto show = [&](const char* state) {
    for (std::size_t q = 0; q < set.queries; ++q)
      (void)table.collection().Query(table.Ask(set.Query(q), "")).value();
    ShowMemory(set, options, state, before, table.own_bytes());
  };
  show("optimized");
  table.Reopen(/*mapped=*/true);
  show("opened to read, graphs mapped");
  table.Reopen(/*mapped=*/false);
  show("opened to write");
}

}  // namespace

double OptimizeSeconds(zvec::Collection& collection, std::size_t threads) {
  const auto start = Clock::now();
  zvec::OptimizeOptions options;
  options.concurrency = static_cast<std::uint32_t>(threads);
  if (const auto status = collection.Optimize(options); !status.ok()) cocozvec::ThrowStatusError(status);
  return Micros(start) / 1e6;
}

void RunFilters(const Set& set, const ModeOptions& options) {
  const float* anchor = set.Query(0);
  Table table(set, options, anchor);
  zvec::Collection& collection = table.collection();
  const auto any = AllQueries(set, 300), near = NearestQueries(set, anchor, 100);
  for (int i = 0; i < 100; ++i)
    (void)collection.Query(table.Ask(any[0], "")).value();  // the graph moves to memory
  const double free_any = Time(table, collection, any, "", false, options.passes).micros;
  const double free_near = Time(table, collection, near, "", false, options.passes).micros;
  std::printf(
      "filters: us a query with a filter that was asked before; its evaluation when it is new; x free: over "
      "the unfiltered query (%.1f, "
      "near the anchor "
      "%.1f us); x scan: over the exact scan of the matches\n%-8s %6s %9s %9s %7s %7s %7s %6s %9s  %s\n",
      free_any, free_near, "", "passes", "us", "evaluate", "x free", "x scan", "recall", "hits", "codes",
      "strategy");
  // A scan keeps no answer of a filter, so that each evaluates it; with the second condition it gives no
  // document.
  const auto scan_with = [&](const std::string& filter) {
    zvec::ScanQuery scan;
    scan.filter = filter;
    return Fastest(20 * options.passes, [&] { (void)collection.Scan(scan).value(); });
  };
  const double nothing = scan_with("none = 1");
  for (const char* kind : {"random", "follow", "oppose"}) {
    for (const int permille : {1, 10, 100, 500, 900}) {
      const std::string at = std::to_string(permille), rest = std::to_string(1'000 - permille);
      const bool random = kind[0] == 'r';
      const std::string filter = random           ? "random < " + at
                                 : kind[0] == 'f' ? "rank < " + at
                                                  : "rank >= " + rest;
      const auto& queries = random ? any : near;
      const Timing fast = Time(table, collection, queries, filter, false, options.passes);
      const Timing scan = Time(table, collection, queries, filter, true, options.passes);
      const double evaluation = scan_with("(" + filter + ") AND none = 1") - nothing;
      std::printf("%-8s %5.1f%% %9.1f %9.1f %7.2f %7.2f %7.4f %6.1f %9.0f  %s\n", kind, permille / 10.0,
                  fast.micros, evaluation, fast.micros / (random ? free_any : free_near),
                  fast.micros / scan.micros, fast.recall, fast.found, fast.code_distances,
                  fast.strategy.c_str());
      std::fflush(stdout);
      JsonLine(options, "filters", set.name)
          .Add("kind", kind)
          .Add("passes_share", permille / 1'000.0)
          .Add("us", fast.micros)
          .Add("evaluate_us", evaluation)
          .Add("unfiltered_us", random ? free_any : free_near)
          .Add("scan_us", scan.micros)
          .Add("recall", fast.recall)
          .Add("hits", fast.found)
          .Add("code_distances", fast.code_distances)
          .Add("strategy", fast.strategy);
    }
  }
}

void RunChurn(const Set& set, const ModeOptions& options) {
  std::mt19937 random(7);
  const auto queries = AllQueries(set, 300);
  const auto show = [&](Table& table, const char* what, double fresh, double optimize_s) {
    for (int i = 0; i < 100; ++i) (void)table.collection().Query(table.Ask(queries[0], "")).value();
    const Timing t = Time(table, table.collection(), queries, "", false, options.passes);
    std::printf("%-36s %9.1f us  %5.2fx  recall %.4f  %s", what, t.micros, fresh > 0 ? t.micros / fresh : 1,
                t.recall, t.strategy.c_str());
    if (optimize_s > 0) std::printf("  (Optimize %.1f s)", optimize_s);
    std::puts("");
    std::fflush(stdout);
    JsonLine(options, "churn", set.name)
        .Add("state", what)
        .Add("us", t.micros)
        .Add("fresh_us", fresh > 0 ? fresh : t.micros)
        .Add("recall", t.recall)
        .Add("optimize_s", optimize_s)
        .Add("strategy", t.strategy);
    return t.micros;
  };
  const auto some = [&](double share) {
    std::vector<std::uint32_t> rows(set.rows);
    std::iota(rows.begin(), rows.end(), 0u);
    std::shuffle(rows.begin(), rows.end(), random);
    rows.resize(static_cast<std::size_t>(share * static_cast<double>(set.rows)));
    return rows;
  };
  const auto erase = [&](Table& table, const std::vector<std::uint32_t>& rows) {
    std::vector<std::string> ids;
    for (const std::uint32_t row : rows) ids.push_back(std::to_string(row));
    (void)table.collection().Delete(ids).value();
  };
  {
    Table table(set, options, set.Query(0));
    const double fresh = show(table, "fresh", 0, 0);
    table.Put(some(0.05));
    show(table, "5 % updated", fresh, 0);
    show(table, "5 % updated, optimized", fresh, table.Optimize());
  }
  Table table(set, options, set.Query(0));
  const double fresh = show(table, "fresh", 0, 0);
  erase(table, some(0.1));
  show(table, "10 % deleted", fresh, 0);
  show(table, "10 % deleted, optimized", fresh, table.Optimize());
  const auto churned = some(0.5);
  erase(table, churned);
  table.Put(churned);
  show(table, "then half deleted and inserted again", fresh, 0);
  show(table, "the same, optimized", fresh, table.Optimize());
}

void RunThreads(const Set& set, const ModeOptions& options) {
  cocozvec::GiveBackFreed();  // else what making the set had freed would be given back in our name
  const Memory before = MemoryNow(options.directory);
  Table table(set, options, set.Query(0));
  ShowMemoryOf(table, set, options, before);
  zvec::Collection& collection = table.collection();
  double one = 0;
  for (std::size_t threads = 1; threads <= 2; ++threads) {
    double best = 0;
    for (std::size_t pass = 0; pass < options.passes; ++pass) {
      std::vector<std::thread> workers;
      const auto start = Clock::now();
      for (std::size_t t = 0; t < threads; ++t) {
        workers.emplace_back([&, t] {
          for (std::size_t q = 0; q < 4 * set.queries; ++q)
            (void)collection.Query(table.Ask(set.Query((q + t * 500) % set.queries), "")).value();
        });
      }
      for (std::thread& worker : workers) worker.join();
      best = std::max(best, static_cast<double>(threads * 4 * set.queries) / Micros(start) * 1e6);
    }
    if (threads == 1) one = best;
    std::printf("%zu thread%s: %.0f queries/s (%.2fx)\n", threads, threads == 1 ? "" : "s", best, best / one);
    JsonLine(options, "threads", set.name)
        .Add("threads", static_cast<double>(threads))
        .Add("queries_per_s", best)
        .Add("over_one", best / one);
  }
  // One row: what is left of a query when there is nothing to search.
  const Set tiny{.name = "tiny",
                 .dim = set.dim,
                 .rows = 1,
                 .queries = 1,
                 .base = {set.base.begin(), set.base.begin() + static_cast<std::ptrdiff_t>(set.dim)},
                 .query = set.query,
                 .nearest = {}};
  ModeOptions other = options;
  other.directory += ".one";
  Table single(tiny, other, tiny.Query(0));
  const VectorQuery query = single.Ask(tiny.Query(0), "");
  const double documents =
      Fastest(1'000 * options.passes, [&] { (void)single.collection().Query(query).value(); });
  const double rows =
      Fastest(1'000 * options.passes, [&] { (void)single.collection().QueryRows(query).value(); });
  std::printf("a query of a collection of one document: %.2f us, rows only %.2f us\n", documents, rows);
  JsonLine(options, "overhead", set.name).Add("query_us", documents).Add("rows_us", rows);
}

}  // namespace bench
