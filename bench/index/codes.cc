// --mode quantize: every kind of code on one set. --mode sparse: inverted lists beside the scan.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <random>
#include <vector>

#include "modes.h"
#include "zvec/collection.h"

namespace bench {
namespace {

using zvec::SparseVector;
using zvec::VectorQuery;

class Place {
 public:
  Place(const ModeOptions& options, const zvec::FieldSchema& field) : options_(options) {
    zvec::CollectionSchema schema;
    schema.name = "bench";
    schema.fields = {field, {"part", zvec::DataType::kInt32}};
    zvec::CollectionOptions collection;
    collection.durability = zvec::Durability::kRelaxed;
    collection.seal_bytes = std::uint64_t{8} << 30;
    collection_ = zvec::Collection::Create(options.directory, schema, collection).value();
  }
  ~Place() {
    collection_.reset();
    (void)zvec::Collection::Destroy(options_.directory);
  }
  zvec::Collection& operator*() { return *collection_; }
  zvec::Collection* operator->() { return collection_.get(); }
  double Optimize() { return OptimizeSeconds(*collection_, options_.threads); }

 private:
  const ModeOptions& options_;
  std::shared_ptr<zvec::Collection> collection_;
};

struct Timing {
  double micros = 0;  ///< mean over the queries of the fastest pass
  std::string strategy;
  std::vector<zvec::RowHitList> hits;
};

Timing Time(zvec::Collection& collection, std::vector<VectorQuery>& queries, std::size_t passes) {
  Timing timing;
  std::vector<double> best(queries.size(), 1e18);
  timing.hits.resize(queries.size());
  for (std::size_t pass = 0; pass < passes; ++pass) {
    for (std::size_t q = 0; q < queries.size(); ++q) {
      const auto start = Clock::now();
      timing.hits[q] = collection.QueryRows(queries[q]).value();
      best[q] = std::min(best[q], Micros(start));
    }
  }
  for (const double micros : best) timing.micros += micros / static_cast<double>(queries.size());
  timing.strategy = timing.hits.back().stats.strategy;
  return timing;
}

double Recall(const Timing& timing, const Set& set) {
  std::size_t found = 0;
  for (std::size_t q = 0; q < timing.hits.size(); ++q)
    for (const std::uint64_t row : timing.hits[q].rows)
      found += std::count(&set.nearest[q * Set::kNearest], &set.nearest[(q + 1) * Set::kNearest], row);
  return static_cast<double>(found) / static_cast<double>(timing.hits.size() * Set::kNearest);
}

/// All queries in one call, per query.
double BatchMicros(zvec::Collection& collection, const Set& set, std::uint32_t threads, std::size_t passes) {
  zvec::BatchQuery batch;
  batch.field = "v";
  batch.vectors = std::span<const float>(set.query);
  batch.threads = threads;
  double best = 1e18;
  for (std::size_t pass = 0; pass < passes; ++pass) {
    const auto start = Clock::now();
    (void)collection.QueryBatch(batch).value();
    best = std::min(best, Micros(start));
  }
  return best / static_cast<double>(set.queries);
}

void RunKind(const char* name, zvec::QuantizeType type, const Set& set, const ModeOptions& options) {
  Place place(options, {"v", zvec::DataType::kVectorFp32, false, static_cast<std::uint32_t>(set.dim),
                        zvec::IndexParams::Hnsw(zvec::MetricType::kL2, type)});
  std::vector<zvec::Doc> docs;
  for (std::size_t r = 0; r < set.rows; ++r) {
    docs.push_back(zvec::Doc(std::to_string(r), {{"v", std::vector<float>(set.Row(r), set.Row(r) + set.dim)},
                                                 {"part", std::int32_t{0}}}));
    if (docs.size() < 1'000 && r + 1 < set.rows) continue;
    place->Upsert(docs).value();
    docs.clear();
  }
  const double seconds = place.Optimize();
  std::vector<VectorQuery> queries;
  for (std::size_t q = 0; q < set.queries; ++q) {
    VectorQuery query;
    query.field = "v", query.vector = std::vector<float>(set.Query(q), set.Query(q) + set.dim);
    queries.push_back(std::move(query));
  }
  std::printf("%-6s built in %5.1f s", name, seconds);
  for (const std::uint32_t ef : {0u, 64u, 128u}) {
    for (VectorQuery& query : queries) query.ef = ef;
    const Timing timing = Time(*place, queries, options.passes);
    std::printf("  ef %3u: %.4f in %6.1f us%s", ef, Recall(timing, set), timing.micros,
                timing.strategy == "graph" ? "" : " NO GRAPH");
    JsonLine(options, "quantize", set.name)
        .Add("kind", name)
        .Add("ef", ef)
        .Add("recall", Recall(timing, set))
        .Add("us", timing.micros)
        .Add("build_s", seconds)
        .Add("strategy", timing.strategy);
  }
  const double one = BatchMicros(*place, set, 1, options.passes),
               two = BatchMicros(*place, set, 2, options.passes);
  std::printf("  batch: %.1f us a query on one thread, %.1f on two (%.2fx)\n", one, two, one / two);
  JsonLine(options, "batch", set.name).Add("kind", name).Add("one_us", one).Add("two_us", two);
}

constexpr std::uint32_t kTerms = 30'000, kTopics = 300;
constexpr int kSparseRows = 100'000, kSparseQueries = 200;

/// Weights as of words: some of a topic's 60 terms, and words of all, the frequent ones more often.
class SparseTexts {
 public:
  SparseVector Draw(int of_topic, int of_all) {
    std::map<std::uint32_t, float> weights;
    const std::uint32_t topic = random_() % kTopics;
    for (int i = 0; i < of_topic; ++i)
      weights[(topic * 60 + random_() % 60) * 7'919 % kTerms] = 0.3f + 1.5f * Uniform();
    for (int i = 0; i < of_all; ++i)
      weights[static_cast<std::uint32_t>(std::pow(static_cast<float>(kTerms), Uniform())) - 1] =
          0.05f + 0.5f * Uniform();
    SparseVector out;
    for (const auto& [term, weight] : weights) {
      out.indices.push_back(term);
      out.values.push_back(weight);
    }
    return out;
  }

 private:
  float Uniform() { return std::uniform_real_distribution<float>(0, 1)(random_); }
  std::mt19937 random_{9};
};

}  // namespace

void RunQuantize(const Set& set, const ModeOptions& options) {
  RunKind("none", zvec::QuantizeType::kUndefined, set, options);
  RunKind("int8", zvec::QuantizeType::kInt8, set, options);
  RunKind("int4", zvec::QuantizeType::kInt4, set, options);
  RunKind("fp16", zvec::QuantizeType::kFp16, set, options);
}

void RunSparse(const ModeOptions& options) {
  Place place(options, {"s", zvec::DataType::kSparseVectorFp32, false, 0,
                        zvec::IndexParams::Hnsw(zvec::MetricType::kIp)});
  SparseTexts texts;
  std::size_t values = 0;
  for (int r = 0; r < kSparseRows;) {
    std::vector<zvec::Doc> docs;
    for (int i = 0; i < 1'000; ++i, ++r) {
      SparseVector s = texts.Draw(40, 80);
      values += s.indices.size();
      docs.push_back(zvec::Doc(std::to_string(r), {{"s", std::move(s)}, {"part", std::int32_t{r % 1'000}}}));
    }
    place->Upsert(docs).value();
  }
  const double seconds = place.Optimize();
  std::printf("\nsparse: %d rows of %.0f values, %d queries of about 30, top 10; seal with lists %.1f s\n",
              kSparseRows, static_cast<double>(values) / kSparseRows, kSparseQueries, seconds);
  std::vector<VectorQuery> queries(kSparseQueries);
  for (VectorQuery& query : queries) query.field = "s", query.vector = texts.Draw(15, 15);
  for (const char* filter : {"", "part < 500", "part < 100", "part < 1"}) {
    for (VectorQuery& query : queries) query.exact = false, query.filter = filter;
    const Timing lists = Time(*place, queries, options.passes);
    double scored = 0;
    for (const auto& hits : lists.hits) scored += static_cast<double>(hits.stats.distances) / kSparseQueries;
    for (VectorQuery& query : queries) query.exact = true;
    const Timing scan = Time(*place, queries, std::min<std::size_t>(options.passes, 2));
    bool equal = true;
    for (std::size_t q = 0; q < queries.size(); ++q)
      equal = equal && lists.hits[q].rows == scan.hits[q].rows && lists.hits[q].scores == scan.hits[q].scores;
    std::printf("%-12s %-16s %8.1f us (%6.0f rows scored), scan %8.1f us: %5.1fx, answers %s\n", filter,
                lists.strategy.c_str(), lists.micros, scored, scan.micros, scan.micros / lists.micros,
                equal ? "equal" : "DIFFER");
    JsonLine(options, "sparse", "generated")
        .Add("filter", filter)
        .Add("us", lists.micros)
        .Add("scan_us", scan.micros)
        .Add("rows_scored", scored)
        .Add("answers", equal ? "equal" : "differ")
        .Add("strategy", lists.strategy);
  }
}

}  // namespace bench
