// --mode segments: the same rows in one segment and in several, split by chance and by where they lie: what
// a query costs and finds.
#include <algorithm>
#include <cstdio>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "modes.h"
#include "zvec/collection.h"

namespace bench {
namespace {

using zvec::VectorQuery;

constexpr std::size_t kM = 16;

/// Rows in the order in which they are inserted: `parts` by chance, or the rows nearest to each of so many.
std::vector<std::uint32_t> Order(const Set& set, std::size_t parts, bool by_place) {
  std::mt19937 random(11);
  std::vector<std::uint32_t> rows(set.rows);
  std::iota(rows.begin(), rows.end(), 0u);
  std::shuffle(rows.begin(), rows.end(), random);
  if (!by_place || parts < 2) return rows;
  const std::vector<std::uint32_t> centres(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(parts));
  std::vector<std::uint32_t> part(set.rows);
  for (std::size_t r = 0; r < set.rows; ++r) {
    float best = 0;
    for (std::size_t p = 0; p < parts; ++p) {
      float sum = 0;
      for (std::size_t d = 0; d < set.dim; ++d) {
        const float off = set.Row(r)[d] - set.Row(centres[p])[d];
        sum += off * off;
      }
      if (p == 0 || sum < best) {
        best = sum;
        part[r] = static_cast<std::uint32_t>(p);
      }
    }
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return part[a] < part[b]; });
  return rows;
}

class Split {
 public:
  Split(const Set& set, const ModeOptions& options, std::size_t parts, bool by_place) : options_(options) {
    zvec::CollectionSchema schema;
    schema.name = "bench";
    schema.fields = {{"v", zvec::DataType::kVectorFp32, false, static_cast<std::uint32_t>(set.dim),
                      zvec::IndexParams::Hnsw(zvec::MetricType::kL2)}};
    zvec::CollectionOptions collection;
    collection.durability = zvec::Durability::kRelaxed;
    collection.maintenance = zvec::Maintenance::kManual;
    // A merge holds code and links of its rows: parts of so many are merged no further.
    const std::uint64_t rows = set.rows / parts;
    collection.seal_bytes = rows * (4 * set.dim + 48);
    if (parts > 1) collection.maintenance_memory_bytes = rows * (set.dim + 14 * kM) * 5 / 4;
    collection_ = zvec::Collection::Create(options.directory, schema, collection).value();
    std::vector<zvec::Doc> docs;
    for (const std::uint32_t r : Order(set, parts, by_place)) {
      docs.push_back(
          zvec::Doc(std::to_string(r), {{"v", std::vector<float>(set.Row(r), set.Row(r) + set.dim)}}));
      if (docs.size() < 1'000) continue;
      collection_->Insert(docs).value();
      docs.clear();
    }
    if (!docs.empty()) collection_->Insert(docs).value();
    (void)OptimizeSeconds(*collection_, options.threads);
  }
  ~Split() {
    collection_.reset();
    (void)zvec::Collection::Destroy(options_.directory);
  }
  /// Every such row: no graph has it then, as nobody links.
  void PutAgain(const Set& set, std::size_t every) {
    std::vector<zvec::Doc> docs;
    for (std::size_t r = 0; r < set.rows; r += every)
      docs.push_back(
          zvec::Doc(std::to_string(r), {{"v", std::vector<float>(set.Row(r), set.Row(r) + set.dim)}}));
    collection_->Upsert(docs).value();
  }

  zvec::Collection& operator*() { return *collection_; }
  zvec::Collection* operator->() { return collection_.get(); }

 private:
  const ModeOptions& options_;
  std::shared_ptr<zvec::Collection> collection_;
};

void Show(const Set& set, const ModeOptions& options, Split& split, const char* how) {
  std::vector<double> best(set.queries, 1e18);
  std::size_t hits = 0;
  zvec::QueryStats sum;
  VectorQuery query;
  query.field = "v";
  query.output_fields.emplace();
  for (std::size_t pass = 0; pass <= options.passes; ++pass) {  // the first moves graphs to memory
    for (std::size_t q = 0; q < set.queries; ++q) {
      query.vector = std::vector<float>(set.Query(q), set.Query(q) + set.dim);
      const auto start = Clock::now();
      const zvec::HitList found = split->Query(query).value();
      best[q] = std::min(best[q], Micros(start));
      if (pass != options.passes) continue;
      sum.distances += found.stats.distances;
      sum.code_distances += found.stats.code_distances;
      sum.nodes += found.stats.nodes;
      const auto* nearest = &set.nearest[q * Set::kNearest];
      for (const zvec::Hit& hit : found.hits)
        hits +=
            std::find(nearest, nearest + Set::kNearest, std::stoul(hit.doc.id)) != nearest + Set::kNearest;
    }
  }
  double micros = 0;
  for (const double fastest : best) micros += fastest;
  const auto count = static_cast<double>(set.queries);
  const double recall = static_cast<double>(hits) / (count * Set::kNearest);
  const std::uint32_t segments = split->Stats().sealed_segments;
  std::printf("%-10s %3u segments %8.1f us a query, recall %.4f, %.0f distances of codes, %.0f exact\n", how,
              segments, micros / count, recall, static_cast<double>(sum.code_distances) / count,
              static_cast<double>(sum.distances) / count);
  std::fflush(stdout);
  JsonLine(options, "segments", set.name)
      .Add("split", how)
      .Add("segments", segments)
      .Add("us", micros / count)
      .Add("recall", recall)
      .Add("code_distances", static_cast<double>(sum.code_distances) / count)
      .Add("exact_distances", static_cast<double>(sum.distances) / count);
}

}  // namespace

void RunSegments(const Set& set, const ModeOptions& options) {
  for (const std::size_t parts : {1, 2, 5, 20}) {
    for (const bool by_place : {false, true}) {
      if (by_place && parts == 1) continue;
      Split split(set, options, parts, by_place);
      Show(set, options, split, by_place ? "by place" : "by chance");
      if (parts > 1) continue;
      for (const std::size_t every : {100, 20, 10}) {
        split.PutAgain(set, every);
        Show(set, options, split, every == 100 ? "1 % new" : every == 20 ? "5 % new" : "10 % new");
      }
    }
  }
}

}  // namespace bench
