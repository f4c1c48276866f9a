#include "readers.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <memory>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "zvec/collection.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;
using Handle = std::shared_ptr<zvec::Collection>;
constexpr std::uint32_t kDim = 128;
constexpr std::size_t kBatch = 100;

double Seconds(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

std::vector<float> Vector(std::mt19937& random) {
  std::normal_distribution<float> normal;
  std::vector<float> vector(kDim);
  for (float& x : vector) x = normal(random);
  return vector;
}

zvec::CollectionSchema Schema() {
  zvec::FieldSchema vector;
  vector.name = "v";
  vector.type = zvec::DataType::kVectorFp32;
  vector.dimension = kDim;
  vector.index = zvec::IndexParams::Hnsw(zvec::MetricType::kL2);
  return {"bench", {vector}};
}

/// What a reader saw; sent through a pipe.
struct Read {
  double p50_us = 0, p99_us = 0, refresh_p50_us = 0, queries = 0, rows = 0;
};

double At(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

/// Queries one after the other for so long; `refresh` before each of them, timed apart.
Read Query(zvec::Collection& reader, double seconds, bool refresh) {
  std::mt19937 random(5);
  std::vector<double> queries, refreshes;
  std::vector<std::vector<float>> questions;
  for (int i = 0; i < 200; ++i) questions.push_back(Vector(random));
  for (const auto begin = Clock::now(); Seconds(begin) < seconds;) {
    if (refresh) {
      const auto start = Clock::now();
      (void)reader.Refresh().value();
      refreshes.push_back(1e6 * Seconds(start));
    }
    zvec::VectorQuery query{.field = "v", .vector = questions[queries.size() % questions.size()], .topk = 10};
    query.output_fields = std::vector<std::string>{};
    const auto start = Clock::now();
    (void)reader.Query(query).value();
    queries.push_back(1e6 * Seconds(start));
  }
  return {At(queries, 0.5), At(queries, 0.99), At(refreshes, 0.5), static_cast<double>(queries.size()),
          static_cast<double>(reader.Stats().doc_count)};
}

/// Documents a second, in batches of 100, until `done`.
double Insert(zvec::Collection& writer, std::size_t* next, const std::function<bool()>& done) {
  std::mt19937 random(7);
  std::vector<std::vector<float>> vectors;
  for (int i = 0; i < 1000; ++i) vectors.push_back(Vector(random));
  const std::size_t first = *next;
  double spent = 0;  // making the documents is the user's work
  while (!done()) {
    std::vector<zvec::Doc> docs(kBatch);
    for (auto& doc : docs) {
      doc.id = "document-" + std::to_string(*next);
      doc.Set("v", vectors[(*next)++ % vectors.size()]);
    }
    const auto start = Clock::now();
    (void)writer.Insert(docs).value();
    spent += Seconds(start);
  }
  return static_cast<double>(*next - first) / spent;
}

/// A process of its own that opens, says so, and queries.
class Reader {
 public:
  Reader(const std::string& path, double seconds) {
    if (pipe(ends_) != 0) throw std::runtime_error("no pipe");
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("no process");
    if (pid_ != 0) {
      close(ends_[1]);  // or the end of the child would not end a read
      return;
    }
    try {
      Work(path, seconds);
    } catch (const std::exception& error) {
      std::fprintf(stderr, "readers: %s\n", error.what());
      _exit(1);
    }
    _exit(0);
  }
  void WaitUntilOpen() { (void)Next(); }
  Read Finish() {
    const Read read = Next();
    (void)waitpid(pid_, nullptr, 0);
    close(ends_[0]);
    return read;
  }
  bool done() const {
    siginfo_t info{};
    return waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid == pid_;
  }

 private:
  void Work(const std::string& path, double seconds) {
    zvec::CollectionOptions options;
    options.read_only = true;
    const auto reader = zvec::Collection::Open(path, options).value();
    const Read warm = Query(*reader, 0.3, /*refresh=*/true);
    (void)!write(ends_[1], &warm, sizeof(warm));
    const Read read = Query(*reader, seconds, /*refresh=*/true);
    (void)!write(ends_[1], &read, sizeof(read));
  }
  Read Next() {
    Read read;
    if (::read(ends_[0], &read, sizeof(read)) != sizeof(read)) throw std::runtime_error("the reader died");
    return read;
  }
  int ends_[2] = {-1, -1};
  pid_t pid_ = -1;
};

/// What is left to be linked is no part of what is measured next.
void Settle(const zvec::Collection& writer) {
  while (writer.Stats().maintaining) std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

Read Alone(const std::string& path, double seconds) {
  Reader reader(path, seconds);
  reader.WaitUntilOpen();
  return reader.Finish();
}

void Add(Report& report, const std::string& durability, const std::string& where, const Read& read,
         const Read& alone, double inserted, double inserted_alone) {
  Row row = {{"durability", durability}, {"reader", where}};
  row.emplace_back("p50, us", read.p50_us);
  row.emplace_back("p99, us", read.p99_us);
  row.emplace_back("p50 / alone", read.p50_us / alone.p50_us);
  row.emplace_back("p99 / alone", read.p99_us / alone.p99_us);
  row.emplace_back("refresh p50, us", read.refresh_p50_us);
  row.emplace_back("documents", read.rows);
  row.emplace_back("inserted/s", inserted);
  row.emplace_back("inserted / alone", inserted_alone == 0 ? 0 : inserted / inserted_alone);
  report.Add(row);
}

void MeasureOne(const std::string& directory, bool quick, bool durable, Report& report) {
  const std::string path = directory + "/readers", name = durable ? "durable" : "relaxed";
  const double seconds = quick ? 2 : 5;
  zvec::CollectionOptions options;
  options.durability = durable ? zvec::Durability::kDurable : zvec::Durability::kRelaxed;
  const std::size_t rows = quick ? 20'000 : 100'000;
  std::size_t next = 0;
  {
    const Handle made = zvec::Collection::Create(path, Schema(), options).value();
    (void)Insert(*made, &next, [&] { return next >= rows; });
    if (!made->Optimize().ok() || !made->Close().ok())
      throw std::runtime_error("the collection was not made");
  }
  const Read alone = Alone(path, seconds);
  Add(report, name, "alone", alone, alone, 0, 0);
  double writer_alone = 0;
  {
    const Handle writer = zvec::Collection::Open(path, options).value();
    Settle(*writer);
    const auto begin = Clock::now();
    writer_alone = Insert(*writer, &next, [&] { return Seconds(begin) > seconds; });
    if (!writer->Optimize().ok() || !writer->Close().ok()) throw std::runtime_error("not optimized");
  }
  const Read before = Alone(path, seconds);
  Add(report, name, "alone, more rows", before, alone, 0, 0);
  {
    Reader reader(path, seconds);  // forked before this process has a handle
    reader.WaitUntilOpen();
    double inserted = 0;
    {
      const Handle writer = zvec::Collection::Open(path, options).value();
      Settle(*writer);
      inserted = Insert(*writer, &next, [&] { return reader.done(); });
    }
    Add(report, name, "in another process", reader.Finish(), before, inserted, writer_alone);
  }
  const Read after = Alone(path, seconds);  // the same rows, as many of them without a graph
  Add(report, name, "alone, as it was left", after, before, 0, 0);
  {
    const Handle writer = zvec::Collection::Open(path, options).value();
    if (!writer->Optimize().ok()) throw std::runtime_error("not optimized");
    std::atomic<bool> stop = false;
    Settle(*writer);
    const Read quiet = Query(*writer, seconds, /*refresh=*/false);
    Add(report, name, "same process, alone", quiet, quiet, 0, 0);
    double inserted = 0;
    std::thread inserting([&] { inserted = Insert(*writer, &next, [&] { return stop.load(); }); });
    const Read read = Query(*writer, seconds, /*refresh=*/false);
    stop = true;
    inserting.join();
    Add(report, name, "same process, beside", read, quiet, inserted, writer_alone);
  }
  if (!zvec::Collection::Destroy(path).ok()) throw std::runtime_error("not removed");
}

}  // namespace

void MeasureReaders(const std::string& directory, bool quick, Report& report) {
  report.Begin("readers",
               "queries (top 10 of 128 dimensions, graphs) beside a writer of batches of 100; in another "
               "process each query after a Refresh, which is timed apart");
  for (const bool durable : {true, false}) MeasureOne(directory, quick, durable, report);
}

}  // namespace bench
