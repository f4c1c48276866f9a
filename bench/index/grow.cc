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
    filled_at_ = Clock::now();
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
  Clock::time_point filled_at() const { return filled_at_; }

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
  Clock::time_point filled_at_;
};

/// Mean of each query's fastest pass, and the recall of the exact answers of the set.
void ShowQueries(const Set& set, const ModeOptions& options, Filled& filled, const char* what) {
  std::vector<double> best(set.queries, 1e18);
  std::size_t hits = 0;
  zvec::QueryStats stats;
  for (int i = 0; i < 100; ++i) (void)filled->Query(Filled::Ask(set.Query(0), set.dim)).value();
  for (std::size_t pass = 0; pass < options.passes; ++pass) {
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
  for (const double fastest : best) sum += fastest;
  const double micros = sum / static_cast<double>(set.queries),
               recall = static_cast<double>(hits) / static_cast<double>(set.queries * Set::kNearest);
  std::printf("%-24s %8.1f us a query, recall %.4f, unlinked %llu, %s\n", what, micros, recall,
              static_cast<unsigned long long>(stats.unlinked), stats.strategy.c_str());
  std::fflush(stdout);
  JsonLine(options, "grow queries", set.name)
      .Add("state", what)
      .Add("us", micros)
      .Add("recall", recall)
      .Add("unlinked", static_cast<double>(stats.unlinked))
      .Add("strategy", stats.strategy);
}

/// The linker takes this many rows at once; fewer wait for more of them, or for Optimize.
constexpr std::uint64_t kLinkedAtOnce = 512;

/// Queries while the linker catches up: the fastest by the number of rows that they had to scan.
void ShowBacklog(const Set& set, const ModeOptions& options, Filled& filled) {
  struct Seen {
    std::uint64_t from, to;
    double best = 1e18;
    std::uint64_t rows = 0;
  };
  std::vector<Seen> all = {{200'000, UINT64_MAX}, {50'000, 200'000}, {20'000, 50'000},
                           {8'000, 12'000},       {2'000, 4'000},    {512, 1'500}};
  for (std::size_t q = 0;; ++q) {
    const zvec::CollectionStats stats = filled->Stats();
    if (!stats.maintenance_error.ok()) cocozvec::ThrowStatusError(stats.maintenance_error);
    if (stats.unlinked_rows < kLinkedAtOnce) break;
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
  for (const Seen& seen : all) {
    if (seen.rows == 0) continue;
    std::printf("backlog of %-12llu %8.1f us a query (the fastest)\n",
                static_cast<unsigned long long>(seen.rows), seen.best);
    JsonLine(options, "grow backlog", set.name)
        .Add("unlinked", static_cast<double>(seen.rows))
        .Add("fastest_us", seen.best);
  }
}

}  // namespace

void RunGrow(const Set& set, const ModeOptions& options) {
  const auto rows = static_cast<double>(set.rows);
  double alone = 0;
  const auto show = [&](const char* what, const Filled& filled) {
    const double rate = rows / filled.seconds();
    std::printf("%s: %.0f rows/s, %.2fx (%.2f s, %.2f s of the writer's processor time)\n", what, rate,
                rate / alone, filled.seconds(), filled.cpu_seconds());
    JsonLine(options, "grow inserts", set.name)
        .Add("how", what)
        .Add("rows_per_s", rate)
        .Add("over_alone", rate / alone)
        .Add("s", filled.seconds())
        .Add("writer_cpu_s", filled.cpu_seconds());
  };
  {
    Filled filled(set, options, zvec::Maintenance::kManual);
    alone = rows / filled.seconds();
    show("inserts without a linker", filled);
  }
  Filled filled(set, options, zvec::Maintenance::kBackground);
  const float* last = set.Row(set.rows - 1);
  const auto start = Clock::now();
  const zvec::HitList found = filled->Query(Filled::Ask(last, set.dim)).value();
  const double first = Micros(start);
  const bool newest = !found.hits.empty() && found.hits[0].score == 0;
  show("inserts beside the linker", filled);
  std::printf("the newest row, asked for at once: %s, %.0f us, %llu rows scanned\n",
              newest ? "found" : "NOT FOUND", first, static_cast<unsigned long long>(found.stats.unlinked));
  JsonLine(options, "grow newest", set.name)
      .Add("found", newest ? "yes" : "no")
      .Add("us", first)
      .Add("unlinked", static_cast<double>(found.stats.unlinked));
  ShowBacklog(set, options, filled);
  const double linked = Micros(filled.filled_at()) / 1e6;
  const std::uint64_t left = filled->Stats().unlinked_rows;
  std::printf("linked %.2f s after the last insert, but for %llu rows, fewer than are linked at once\n",
              linked, static_cast<unsigned long long>(left));
  ShowQueries(set, options, filled, "the growing graph");
  const double seconds = OptimizeSeconds(*filled, options.threads);
  std::printf("Optimize: %.2f s\n", seconds);
  JsonLine(options, "grow linked", set.name)
      .Add("s", linked)
      .Add("unlinked", static_cast<double>(left))
      .Add("optimize_s", seconds);
  ShowQueries(set, options, filled, "the graph of its file");
}

}  // namespace bench
