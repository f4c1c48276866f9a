#include "merges.h"

#include <time.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <random>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "zvec/collection.h"

namespace bench {

namespace {

constexpr std::size_t kDim = 128, kCentres = 500, kQueries = 200;

double Now(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) / 1e9;
}

class Points {
 public:
  Points() : centres_(kCentres * kDim) {
    for (float& x : centres_) x = normal_(random_);
  }
  std::vector<float> Draw() {
    const std::size_t centre = random_() % kCentres;
    std::vector<float> v(kDim);
    for (std::size_t i = 0; i < kDim; ++i) v[i] = centres_[centre * kDim + i] + 0.5f * normal_(random_);
    return v;
  }
  std::mt19937& random() { return random_; }

 private:
  std::mt19937 random_{17};
  std::normal_distribution<float> normal_;
  std::vector<float> centres_;
};

zvec::Doc DocOf(std::size_t n, Points& points) {
  zvec::Doc doc("document-" + std::to_string(n));
  doc.Set("v", points.Draw());
  return doc;
}

zvec::VectorQuery Ask(const std::vector<float>& vector, bool exact = false) {
  zvec::VectorQuery query;
  query.field = "v";
  query.vector = vector;
  query.topk = 10;
  query.exact = exact;
  query.output_fields.emplace();
  return query;
}

struct Speed {
  double microseconds = 0, cpu = 0;  ///< the median of each query's least
  double usual = 0;                  ///< the median of all
  int passes = 0;
  std::vector<double> all = {};
};

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

/// Passes over all questions as long as `go(pass)`, which is asked after each query; one during which it said
/// no is dropped.
template <class Go>
Speed Time(const zvec::Collection& collection, const std::vector<std::vector<float>>& questions, Go go) {
  std::vector<double> wall(questions.size(), 1e9), cpu(questions.size(), 1e9);
  Speed speed;
  for (bool going = true; going && go(speed.passes);) {
    std::vector<double> wall_now(questions.size()), cpu_now(questions.size());
    for (std::size_t q = 0; q < questions.size() && going; ++q) {
      const auto query = Ask(questions[q]);
      const double begun = Now(CLOCK_MONOTONIC), used = Now(CLOCK_THREAD_CPUTIME_ID);
      (void)collection.Query(query).value();
      cpu_now[q] = Now(CLOCK_THREAD_CPUTIME_ID) - used;
      wall_now[q] = Now(CLOCK_MONOTONIC) - begun;
      going = go(speed.passes);
    }
    if (!going) break;
    for (std::size_t q = 0; q < questions.size(); ++q) {
      cpu[q] = std::min(cpu[q], cpu_now[q]);
      wall[q] = std::min(wall[q], wall_now[q]);
      speed.all.push_back(wall_now[q]);
    }
    ++speed.passes;
  }
  if (speed.passes == 0) throw std::runtime_error("merge: no pass was over before the merge was");
  speed.microseconds = Median(wall) * 1e6;
  speed.cpu = Median(cpu) * 1e6;
  speed.usual = Median(std::move(speed.all)) * 1e6;
  return speed;
}

double Recall(const zvec::Collection& collection, const std::vector<std::vector<float>>& questions) {
  std::size_t found = 0, wanted = 0;
  for (const auto& question : questions) {
    std::set<std::string> ids;
    for (const auto& hit : collection.Query(Ask(question, true)).value().hits) ids.insert(hit.doc.id);
    for (const auto& hit : collection.Query(Ask(question)).value().hits) found += ids.contains(hit.doc.id);
    wanted += ids.size();
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

void Check(const zvec::Status& status) {
  if (!status.ok()) throw zvec::StatusError(status);
}

std::shared_ptr<zvec::Collection> Make(const std::string& path, std::size_t rows) {
  (void)zvec::Collection::Destroy(path);
  zvec::FieldSchema vector;
  vector.name = "v";
  vector.type = zvec::DataType::kVectorFp32;
  vector.dimension = kDim;
  vector.index = zvec::IndexParams::Hnsw(zvec::MetricType::kL2);
  zvec::CollectionOptions options;
  options.durability = zvec::Durability::kRelaxed;
  options.seal_bytes = rows * 600 / 3 + (64 << 10);  // three segments: no merge begins by itself
  return zvec::Collection::Create(path, {"merges", {vector}}, options).value();
}

void Settle(const zvec::Collection& collection) {
  while (collection.Stats().maintaining) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

}  // namespace

void MeasureMerges(const std::string& directory, std::size_t rows, Report& report) {
  Points points;
  std::vector<std::vector<float>> questions;
  for (std::size_t i = 0; i < kQueries; ++i) questions.push_back(points.Draw());
  const std::string path = directory + "/merges";
  auto collection = Make(path, rows);
  for (std::size_t n = 0; n < rows; n += 500) {
    std::vector<zvec::Doc> docs;
    for (std::size_t i = n; i < std::min(rows, n + 500); ++i) docs.push_back(DocOf(i, points));
    (void)collection->Insert(docs).value();
  }
  Settle(*collection);
  const auto few = [](int pass) { return pass < 5; };
  report.Begin("merge", "a query beside a merge of " + std::to_string(rows) + " x " + std::to_string(kDim) +
                            " by one thread, microseconds, each query's least of the passes");
  const Speed before = Time(*collection, questions, few);
  zvec::Status optimized;
  std::atomic<bool> ended = false;
  std::thread optimizer([&] {
    optimized = collection->Optimize({.concurrency = 1});
    ended = true;
  });
  while (collection->Stats().merge.segments == 0 && !ended) std::this_thread::yield();
  Speed during;
  try {
    during = Time(*collection, questions, [&](int) { return collection->Stats().merge.segments != 0; });
  } catch (...) {
    optimizer.join();
    Check(optimized);
    throw;
  }
  optimizer.join();
  Check(optimized);
  report.Add({{"before", before.microseconds},
              {"during", during.microseconds},
              {"ratio", during.microseconds / before.microseconds},
              {"usual ratio", during.usual / before.usual},
              {"CPU before", before.cpu},
              {"CPU ratio", during.cpu / before.cpu},
              {"passes", static_cast<double>(during.passes)}});

  for (std::size_t n = 0; n < rows / 2; n += 500) {
    std::vector<zvec::Doc> docs;
    std::set<std::size_t> chosen;
    while (chosen.size() < 500) chosen.insert(points.random()() % rows);
    for (const std::size_t i : chosen) docs.push_back(DocOf(i, points));
    (void)collection->Upsert(docs).value();
  }
  Settle(*collection);
  Check(collection->Optimize());
  auto fresh = Make(path + "-fresh", rows);
  std::vector<zvec::Doc> docs;
  zvec::FetchOptions all;
  all.include_vectors = true;
  auto iterator = collection->Iterate(all).value();
  for (zvec::Doc doc; iterator->Next(&doc).value();) {
    docs.push_back(doc);
    if (docs.size() < 500) continue;
    (void)fresh->Insert(docs).value();
    docs.clear();
  }
  (void)fresh->Insert(docs).value();
  iterator.reset();
  Settle(*fresh);
  Check(fresh->Optimize());
  report.Begin("churned",
               "half of the documents replaced at random, then Optimize, beside a fresh collection of the "
               "same documents");
  Speed speeds[2];
  for (int pass = 0; pass < 3; ++pass)
    for (const int which : {0, 1}) {
      const Speed now = Time(which == 0 ? *collection : *fresh, questions, few);
      if (pass == 0 || now.cpu < speeds[which].cpu) speeds[which] = now;
    }
  for (const int which : {0, 1}) {
    const zvec::Collection& one = which == 0 ? *collection : *fresh;
    const auto stats = one.Stats();
    report.Add({{"collection", std::string(which == 0 ? "churned" : "fresh")},
                {"query us", speeds[which].microseconds},
                {"CPU us", speeds[which].cpu},
                {"recall", Recall(one, questions)},
                {"MiB", static_cast<double>(stats.disk_bytes) / (1 << 20)},
                {"segments", static_cast<double>(stats.sealed_segments)},
                {"deleted rows", static_cast<double>(stats.deleted_count)}});
  }
  for (auto* one : {&collection, &fresh}) Check((*one)->Close());
  for (const char* end : {"", "-fresh"}) Check(zvec::Collection::Destroy(path + end));
}

}  // namespace bench
