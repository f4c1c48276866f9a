// --mode grow: a graph that grows behind the writer: what is found at once, what a query costs while rows
// wait to be linked, what the linker costs the writer, and the growing graph beside the one that Optimize
// writes.
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "modes.h"
#include "zvec/collection.h"

namespace bench {
namespace {

using zvec::VectorQuery;

double ThreadSeconds() {
  timespec now{};
  (void)::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

class Filled {
 public:
  Filled(const Set& set, const ModeOptions& options, zvec::Maintenance maintenance)
      : set_(set), options_(options) {
    zvec::CollectionSchema schema;
    schema.name = "bench";
    schema.fields = {{"v", zvec::DataType::kVectorFp32, false, static_cast<std::uint32_t>(set.dim),
                      zvec::IndexParams::Hnsw(zvec::MetricType::kL2)}};
    zvec::CollectionOptions collection;
    collection.durability = zvec::Durability::kRelaxed;
    collection.seal_bytes = std::uint64_t{8} << 30;
    collection.maintenance = maintenance;
    collection_ = zvec::Collection::Create(options.directory, schema, collection).value();
    std::vector<zvec::Doc> docs;
    const double cpu = ThreadSeconds();
    const auto start = Clock::now();
    for (std::size_t r = 0; r < set.rows; ++r) {
      docs.push_back(
          zvec::Doc(std::to_string(r), {{"v", std::vector<float>(set.Row(r), set.Row(r) + set.dim)}}));
      if (docs.size() < 1'000 && r + 1 < set.rows) continue;
      collection_->Insert(docs).value();
      docs.clear();
    }
    seconds_ = Micros(start) / 1e6;
    cpu_seconds_ = ThreadSeconds() - cpu;
  }
  ~Filled() {
    collection_.reset();
    (void)zvec::Collection::Destroy(options_.directory);
  }

  zvec::Collection& operator*() { return *collection_; }
  zvec::Collection* operator->() { return collection_.get(); }
  double seconds() const { return seconds_; }
  double cpu_seconds() const { return cpu_seconds_; }

  static VectorQuery Ask(const float* vector, std::size_t dim) {
    VectorQuery query;
    query.field = "v";
    query.vector = std::vector<float>(vector, vector + dim);
    query.output_fields.emplace();
    return query;
  }

 private:
  const Set& set_;
  const ModeOptions& options_;
  std::shared_ptr<zvec::Collection> collection_;
  double seconds_ = 0, cpu_seconds_ = 0;
};

/// Mean of each query's fastest pass, and the recall of the exact answers of the set.
void ShowQueries(const Set& set, Filled& filled, std::size_t passes, const char* what) {
  std::vector<double> best(set.queries, 1e18);
  std::size_t hits = 0;
  zvec::QueryStats stats;
  for (int i = 0; i < 100; ++i) (void)filled->Query(Filled::Ask(set.Query(0), set.dim)).value();
  for (std::size_t pass = 0; pass < passes; ++pass) {
    for (std::size_t q = 0; q < set.queries; ++q) {
      const VectorQuery query = Filled::Ask(set.Query(q), set.dim);
      const auto start = Clock::now();
      const zvec::HitList found = filled->Query(query).value();
      best[q] = std::min(best[q], Micros(start));
      if (pass != 0) continue;
      stats = found.stats;
      const auto* nearest = &set.nearest[q * Set::kNearest];
      for (const zvec::Hit& hit : found.hits)
        hits +=
            std::find(nearest, nearest + Set::kNearest, std::stoul(hit.doc.id)) != nearest + Set::kNearest;
    }
  }
  double sum = 0;
  for (const double micros : best) sum += micros;
  std::printf("%-24s %8.1f us a query, recall %.4f, unlinked %llu, %s\n", what,
              sum / static_cast<double>(set.queries),
              static_cast<double>(hits) / static_cast<double>(set.queries * Set::kNearest),
              static_cast<unsigned long long>(stats.unlinked), stats.strategy.c_str());
  std::fflush(stdout);
}

/// Queries while the linker catches up: the fastest by the number of rows that they had to scan.
void ShowBacklog(const Set& set, Filled& filled) {
  struct Seen {
    std::uint64_t from, to;
    double best = 1e18;
    std::uint64_t rows = 0;
  };
  std::vector<Seen> all = {{200'000, UINT64_MAX}, {50'000, 200'000}, {20'000, 50'000},
                           {8'000, 12'000},       {2'000, 4'000},    {512, 1'500}};
  for (std::size_t q = 0; filled->Stats().unlinked_rows >= 512; ++q) {
    const VectorQuery query = Filled::Ask(set.Query(q % set.queries), set.dim);
    const auto start = Clock::now();
    const zvec::HitList found = filled->Query(query).value();
    const double micros = Micros(start);
    for (Seen& seen : all) {
      if (found.stats.unlinked < seen.from || found.stats.unlinked >= seen.to || micros >= seen.best)
        continue;
      seen.best = micros;
      seen.rows = found.stats.unlinked;
    }
  }
  for (const Seen& seen : all)
    if (seen.rows != 0)
      std::printf("backlog of %-12llu %8.1f us a query (the fastest)\n",
                  static_cast<unsigned long long>(seen.rows), seen.best);
}

}  // namespace

void RunGrow(const Set& set, const ModeOptions& options) {
  double alone = 0;
  {
    Filled filled(set, options, zvec::Maintenance::kManual);
    alone = static_cast<double>(set.rows) / filled.seconds();
    std::printf("inserts without a linker: %.0f rows/s (%.2f s, %.2f s of the writer's processor time)\n",
                alone, filled.seconds(), filled.cpu_seconds());
  }
  Filled filled(set, options, zvec::Maintenance::kBackground);
  const float* last = set.Row(set.rows - 1);
  const auto start = Clock::now();
  const zvec::HitList found = filled->Query(Filled::Ask(last, set.dim)).value();
  const double first = Micros(start);
  const bool newest = !found.hits.empty() && found.hits[0].score == 0;
  std::printf(
      "inserts beside the linker: %.0f rows/s, %.2fx (%.2f s, %.2f s of the writer's processor time)\n",
      static_cast<double>(set.rows) / filled.seconds(),
      static_cast<double>(set.rows) / filled.seconds() / alone, filled.seconds(), filled.cpu_seconds());
  std::printf("the newest row, asked for at once: %s, %.0f us, %llu rows scanned\n",
              newest ? "found" : "NOT FOUND", first, static_cast<unsigned long long>(found.stats.unlinked));
  const auto linking = Clock::now();
  ShowBacklog(set, filled);
  std::printf("linked %.2f s after the last insert\n", Micros(linking) / 1e6);
  ShowQueries(set, filled, options.passes, "the growing graph");
  const double seconds = OptimizeSeconds(*filled, options.threads);
  std::printf("Optimize: %.2f s\n", seconds);
  ShowQueries(set, filled, options.passes, "the graph of its file");
}

}  // namespace bench
