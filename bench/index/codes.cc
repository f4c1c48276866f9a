// --mode quantize: every kind of code on one set. --mode sparse: inverted lists beside the scan.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "modes.h"
#include "zvec/collection.h"

namespace bench {
namespace {

using zvec::SparseVector;
using zvec::VectorQuery;

class Place {
 public:
  Place(const ModeOptions& options, const zvec::FieldSchema& field, const std::string& suffix = "")
      : options_(options), directory_(options.directory + suffix) {
    zvec::CollectionSchema schema;
    schema.name = "bench";
    schema.fields = {field, {"part", zvec::DataType::kInt32}};
    zvec::CollectionOptions collection;
    collection.durability = zvec::Durability::kRelaxed;
    collection.seal_bytes = std::uint64_t{8} << 30;
    collection_ = zvec::Collection::Create(directory_, schema, collection).value();
  }
  ~Place() {
    collection_.reset();
    (void)zvec::Collection::Destroy(directory_);
  }
  zvec::Collection& operator*() { return *collection_; }
  zvec::Collection* operator->() { return collection_.get(); }
  double Optimize() { return OptimizeSeconds(*collection_, options_.threads); }

 private:
  const ModeOptions& options_;
  const std::string directory_;
  std::shared_ptr<zvec::Collection> collection_;
};

struct Timing {
  explicit Timing(std::size_t queries) : best(queries, 1e18), hits(queries) {}
  std::vector<double> best;  ///< of the passes, a query
  std::vector<zvec::RowHitList> hits;

  void Pass(zvec::Collection& collection, const std::vector<VectorQuery>& queries) {
    for (std::size_t q = 0; q < queries.size(); ++q) {
      const auto start = Clock::now();
      hits[q] = collection.QueryRows(queries[q]).value();
      best[q] = std::min(best[q], Micros(start));
    }
  }
  double Mean() const {
    double sum = 0;
    for (const double micros : best) sum += micros / static_cast<double>(best.size());
    return sum;
  }
  const std::string& strategy() const { return hits.back().stats.strategy; }
};

Timing Time(zvec::Collection& collection, const std::vector<VectorQuery>& queries, std::size_t passes) {
  Timing timing(queries.size());
  for (std::size_t pass = 0; pass < passes; ++pass) timing.Pass(collection, queries);
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

/// A collection whose codes are of one kind.
struct Kind {
  std::string name;
  Place place;
  double seconds = 0;

  Kind(std::string kind, zvec::QuantizeType type, const Set& set, const ModeOptions& options)
      : name(std::move(kind)),
        place(options,
              {"v", zvec::DataType::kVectorFp32, false, static_cast<std::uint32_t>(set.dim),
               zvec::IndexParams::Hnsw(zvec::MetricType::kL2, type)},
              "." + name) {
    std::vector<zvec::Doc> docs;
    for (std::size_t r = 0; r < set.rows; ++r) {
      std::vector<float> row(set.Row(r), set.Row(r) + set.dim);
      docs.push_back(zvec::Doc(std::to_string(r), {{"v", std::move(row)}, {"part", std::int32_t{0}}}));
      if (docs.size() < 1'000 && r + 1 < set.rows) continue;
      place->Upsert(docs).value();
      docs.clear();
    }
    seconds = place.Optimize();
    std::printf("%-6s built in %5.1f s\n", name.c_str(), seconds);
  }
};

void RunEf(std::vector<std::unique_ptr<Kind>>& kinds, std::vector<VectorQuery>& queries, std::uint32_t ef,
           const Set& set, const ModeOptions& options) {
  for (VectorQuery& query : queries) query.ef = ef;
  std::vector<Timing> timings(kinds.size(), Timing(queries.size()));
  for (std::size_t pass = 0; pass < options.passes; ++pass)
    for (std::size_t k = 0; k < kinds.size(); ++k) timings[k].Pass(*kinds[k]->place, queries);
  std::printf("ef %3u:", ef);
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    const Timing& timing = timings[k];
    const double micros = timing.Mean(), recall = Recall(timing, set);
    std::printf("  %s %.4f in %6.1f us (%.2fx)%s", kinds[k]->name.c_str(), recall, micros,
                micros / timings[0].Mean(), timing.strategy() == "graph" ? "" : " NO GRAPH");
    JsonLine(options, "quantize", set.name)
        .Add("kind", kinds[k]->name)
        .Add("ef", ef)
        .Add("recall", recall)
        .Add("us", micros)
        .Add("build_s", kinds[k]->seconds)
        .Add("strategy", timing.strategy());
  }
  std::puts("");
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
  using zvec::QuantizeType;
  std::vector<std::unique_ptr<Kind>> kinds;
  for (const auto& [name, type] :
       {std::pair("none", QuantizeType::kUndefined), std::pair("uint7", QuantizeType::kUniformUint7),
        std::pair("int8", QuantizeType::kInt8), std::pair("int4", QuantizeType::kInt4),
        std::pair("fp16", QuantizeType::kFp16)}) {
    if (!options.only.empty() &&
        ("," + options.only + ",").find("," + std::string(name) + ",") == std::string::npos)
      continue;
    kinds.push_back(std::make_unique<Kind>(name, type, set, options));
  }
  std::vector<VectorQuery> queries;
  for (std::size_t q = 0; q < set.queries; ++q) {
    VectorQuery query;
    query.field = "v", query.vector = std::vector<float>(set.Query(q), set.Query(q) + set.dim);
    queries.push_back(std::move(query));
  }
  for (const std::uint32_t ef : {0u, 24u, 32u, 48u, 64u, 96u, 128u}) RunEf(kinds, queries, ef, set, options);
  for (const auto& kind : kinds) {
    const double one = BatchMicros(*kind->place, set, 1, options.passes),
                 two = BatchMicros(*kind->place, set, 2, options.passes);
    std::printf("%-6s batch: %.1f us a query on one thread, %.1f on two (%.2fx)\n", kind->name.c_str(), one,
                two, one / two);
    JsonLine(options, "batch", set.name).Add("kind", kind->name).Add("one_us", one).Add("two_us", two);
  }
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
                lists.strategy().c_str(), lists.Mean(), scored, scan.Mean(), scan.Mean() / lists.Mean(),
                equal ? "equal" : "DIFFER");
    JsonLine(options, "sparse", "generated")
        .Add("filter", filter)
        .Add("us", lists.Mean())
        .Add("scan_us", scan.Mean())
        .Add("rows_scored", scored)
        .Add("answers", equal ? "equal" : "differ")
        .Add("strategy", lists.strategy());
  }
}

}  // namespace bench
