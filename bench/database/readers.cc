#include "readers.h"

#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "generator.h"
#include "zvec/collection.h"

namespace bench {
namespace {

using Clock = std::chrono::steady_clock;
using Handle = std::shared_ptr<zvec::Collection>;
constexpr std::uint32_t kDim = 128;
constexpr std::size_t kBatch = 100, kQuestions = 1'000;
constexpr double kLead = 2;  ///< seconds of a phase that are not measured: the writer gets into its stride

double Seconds(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

double Load() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : -1;
}

/// Rows are the first points of a generated set, each inserted once; questions are later points.
class Points {
 public:
  /// `ahead`: rows that are drawn now; others are when they are asked for.
  explicit Points(std::size_t ahead) : generator_(kRecipe), drawn_(ahead * kDim) {
    Parallel(std::max(1u, std::thread::hardware_concurrency()), ahead,
             [&](std::size_t row) { generator_.Draw(row, &drawn_[row * kDim]); });
    for (std::size_t i = 0; i < kQuestions; ++i) questions_.push_back(Draw(100'000'000 + i));
  }
  std::vector<float> Row(std::size_t row) const {
    const auto from = drawn_.begin() + static_cast<std::ptrdiff_t>(row * kDim);
    if ((row + 1) * kDim <= drawn_.size()) return std::vector<float>(from, from + kDim);
    return Draw(row);
  }
  const std::vector<float>& Question(std::size_t i) const { return questions_[i % kQuestions]; }

 private:
  /// As set b of bench/index.
  static constexpr Recipe kRecipe{kDim, 0, 0, 64, 64, 0.1, 0.1, false, 2};
  std::vector<float> Draw(std::size_t point) const {
    std::vector<float> vector(kDim);
    generator_.Draw(point, vector.data());
    return vector;
  }
  const Generator generator_;
  std::vector<float> drawn_;
  std::vector<std::vector<float>> questions_;
};

zvec::CollectionSchema Schema() {
  zvec::FieldSchema vector;
  vector.name = "v";
  vector.type = zvec::DataType::kVectorFp32;
  vector.dimension = kDim;
  vector.index = zvec::IndexParams::Hnsw(zvec::MetricType::kL2);
  return {"bench", {vector}};
}

/// What a reader saw; sent through a pipe. `unlinked`: rows without a graph that a query scanned, on average.
struct Read {
  double p50_us = 0, p99_us = 0, p50_cpu_us = 0, p99_cpu_us = 0, refresh_p50_us = 0, refresh_p99_us = 0,
         queries = 0, rows = 0, segments = 0, unlinked = 0;
};

double CpuSeconds() {
  timespec now{};
  (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

double At(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

/// Queries one after the other for so long; `refresh` before each of them, timed apart.
Read Query(zvec::Collection& reader, const Points& points, double seconds, bool refresh) {
  std::vector<double> queries, cpu, refreshes;
  double unlinked = 0;
  for (const auto begin = Clock::now(); Seconds(begin) < seconds;) {
    if (refresh) {
      const auto start = Clock::now();
      (void)reader.Refresh().value();
      refreshes.push_back(1e6 * Seconds(start));
    }
    zvec::VectorQuery query{.field = "v", .vector = points.Question(queries.size()), .topk = 10};
    query.output_fields = std::vector<std::string>{};
    const double cpu_start = CpuSeconds();
    const auto start = Clock::now();
    const auto found = reader.Query(query).value();
    queries.push_back(1e6 * Seconds(start));
    cpu.push_back(1e6 * (CpuSeconds() - cpu_start));
    unlinked += static_cast<double>(found.stats.unlinked);
  }
  const auto stats = reader.Stats();
  const auto count = static_cast<double>(queries.size());
  return {.p50_us = At(queries, 0.5),
          .p99_us = At(queries, 0.99),
          .p50_cpu_us = At(cpu, 0.5),
          .p99_cpu_us = At(cpu, 0.99),
          .refresh_p50_us = At(refreshes, 0.5),
          .refresh_p99_us = At(refreshes, 0.99),
          .queries = count,
          .rows = static_cast<double>(stats.doc_count),
          .segments = static_cast<double>(stats.sealed_segments),
          .unlinked = unlinked / count};
}

struct Written {
  double per_second = 0, unlinked = 0;  ///< unlinked: the writer's backlog at the end
};

/// Inserts batches of new rows. Making the documents is the user's work, and not timed.
class Writer {
 public:
  Writer(const Points& points, std::size_t* next) : points_(points), next_(*next) {}
  void One(zvec::Collection& to) {
    std::vector<zvec::Doc> docs(kBatch);
    for (auto& doc : docs) {
      doc.id = "document-" + std::to_string(next_);
      doc.Set("v", points_.Row(next_++));
    }
    const auto start = Clock::now();
    (void)to.Insert(docs).value();
    spent_ += Seconds(start);
    rows_ += kBatch;
  }
  void Until(zvec::Collection& to, const std::function<bool()>& done) {
    while (!done()) One(to);
  }
  /// What is inserted in the first kLead seconds counts only when nothing follows.
  Written Measure(zvec::Collection& to, const std::function<bool()>& done) {
    const auto begin = Clock::now();
    Until(to, [&] { return done() || Seconds(begin) > kLead; });
    if (!done()) spent_ = 0, rows_ = 0;
    Until(to, done);
    return {static_cast<double>(rows_) / spent_, static_cast<double>(to.Stats().unlinked_rows)};
  }

 private:
  const Points& points_;
  std::size_t& next_;
  std::size_t rows_ = 0;
  double spent_ = 0;
};

/// A process of its own that opens, says so, and queries: for `lead` seconds, then for those that count.
class Reader {
 public:
  Reader(const std::string& path, const Points& points, double lead, double seconds) {
    if (pipe(ends_) != 0) throw std::runtime_error("no pipe");
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("no process");
    if (pid_ != 0) {
      close(ends_[1]);  // or the end of the child would not end a read
      return;
    }
    try {
      Work(path, points, lead, seconds);
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
  void Work(const std::string& path, const Points& points, double lead, double seconds) {
    zvec::CollectionOptions options;
    options.read_only = true;
    const auto reader = zvec::Collection::Open(path, options).value();
    const Read warm = Query(*reader, points, 0.3, /*refresh=*/true);
    (void)!write(ends_[1], &warm, sizeof(warm));
    if (lead > 0) (void)Query(*reader, points, lead, /*refresh=*/true);
    const Read read = Query(*reader, points, seconds, /*refresh=*/true);
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

/// One durability: phases one after the other on a collection that grows.
class Phases {
 public:
  Phases(const std::string& path, const Points& points, bool quick, bool durable, Report& report)
      : path_(path),
        points_(points),
        name_(durable ? "durable" : "relaxed"),
        seconds_(quick ? 6 : 12),
        rows_(quick ? 20'000 : 100'000),
        report_(report) {
    options_.durability = durable ? zvec::Durability::kDurable : zvec::Durability::kRelaxed;
  }

  void Run() {
    {
      const Handle made = zvec::Collection::Create(path_, Schema(), options_).value();
      Writer(points_, &next_).Until(*made, [&] { return next_ >= rows_; });
      if (!made->Optimize().ok() || !made->Close().ok())
        throw std::runtime_error("the collection was not made");
    }
    Add("alone, one segment", Alone(), {}, {});
    WriteAlone();
    InAnotherProcess();
    InTheSameProcess();
    if (!zvec::Collection::Destroy(path_).ok()) throw std::runtime_error("not removed");
  }

 private:
  /// Behind a burst that fills the backlog, or as long as that does not happen, for twice as long.
  void WriteAlone() {
    const Handle writer = zvec::Collection::Open(path_, options_).value();
    Settle(*writer);
    Writer inserts(points_, &next_);
    const auto begin = Clock::now();
    const auto full = [&] {
      return Seconds(begin) > 2 * seconds_ ||
             writer->Stats().unlinked_rows > options_.max_unlinked_rows / 10 * 9;
    };
    while (!full()) inserts.Until(*writer, [&, n = 0]() mutable { return n++ == 20; });
    const auto since = Clock::now();
    writer_alone_ =
        Writer(points_, &next_).Measure(*writer, [&] { return Seconds(since) > kLead + seconds_; });
    Add("none: the writer alone", {}, {}, writer_alone_);
    Settle(*writer);
  }

  void InAnotherProcess() {
    const Read before = Alone();
    Add("another process, before", before, before, {});
    Reader reader(path_, points_, kLead, seconds_);  // forked before this process has a handle
    reader.WaitUntilOpen();
    Written written;
    Read idle;
    {
      const Handle writer = zvec::Collection::Open(path_, options_).value();
      written = Writer(points_, &next_).Measure(*writer, [&] { return reader.done(); });
      Rest(*writer);
      idle = Alone();
      Settle(*writer);
    }
    const Read beside = reader.Finish(), after = Alone();
    Add("another process, beside the writer", beside, Mean(before, after), written);
    Add("another process, the writer idle", idle, Mean(before, after), {});
    Add("another process, after", after, after, {});
  }

  void InTheSameProcess() {
    const Handle writer = zvec::Collection::Open(path_, options_).value();
    Settle(*writer);
    const auto ask = [&](double seconds) { return Query(*writer, points_, seconds, /*refresh=*/false); };
    (void)ask(0.3);
    const Read before = ask(Quiet());
    Add("same process, before", before, before, {});
    std::atomic<bool> stop = false;
    Written written;
    std::thread inserting(
        [&] { written = Writer(points_, &next_).Measure(*writer, [&] { return stop.load(); }); });
    (void)ask(kLead);
    const Read beside = ask(seconds_);
    stop = true;
    inserting.join();
    Rest(*writer);
    const Read idle = ask(Quiet());
    Settle(*writer);
    (void)ask(0.3);
    const Read after = ask(Quiet());
    Add("same process, beside the writer", beside, Mean(before, after), written);
    Add("same process, the writer idle", idle, Mean(before, after), {});
    Add("same process, after", after, after, {});
  }

  /// Until maintenance has nothing more to do by itself.
  static void Rest(const zvec::Collection& writer) {
    while (writer.Stats().maintaining) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  /// What is left to be done is no part of what is measured next.
  static void Settle(zvec::Collection& writer) {
    if (!writer.Optimize().ok()) throw std::runtime_error("not optimized");
    Rest(writer);
  }
  /// Seconds of what does not go up and down by itself.
  double Quiet() const { return std::min(seconds_, 3.0); }

  Read Alone() const {
    Reader reader(path_, points_, 0, Quiet());
    reader.WaitUntilOpen();
    return reader.Finish();
  }

  static Read Mean(const Read& a, const Read& b) {
    const auto mean = [](double x, double y) { return (x + y) / 2; };
    return {.p50_us = mean(a.p50_us, b.p50_us),
            .p99_us = mean(a.p99_us, b.p99_us),
            .p50_cpu_us = mean(a.p50_cpu_us, b.p50_cpu_us),
            .p99_cpu_us = mean(a.p99_cpu_us, b.p99_cpu_us)};
  }

  void Add(const std::string& reader, const Read& read, const Read& alone, const Written& written) {
    Row row = {{"durability", name_}, {"reader", reader}};
    if (read.queries > 0) {
      row.emplace_back("p50, us", read.p50_us);
      row.emplace_back("p99, us", read.p99_us);
      if (alone.p50_us > 0) {
        row.emplace_back("p50 / alone", read.p50_us / alone.p50_us);
        row.emplace_back("p99 / alone", read.p99_us / alone.p99_us);
        row.emplace_back("of CPU: p50 / alone", read.p50_cpu_us / alone.p50_cpu_us);
        row.emplace_back("p99 / alone of CPU", read.p99_cpu_us / alone.p99_cpu_us);
      }
      row.emplace_back("refresh p50, us", read.refresh_p50_us);
      row.emplace_back("refresh p99, us", read.refresh_p99_us);
      row.emplace_back("rows scanned", read.unlinked);
      row.emplace_back("documents", read.rows);
      row.emplace_back("segments", read.segments);
    }
    if (written.per_second > 0) {
      row.emplace_back("inserted/s", written.per_second);
      row.emplace_back("inserted / alone", written.per_second / writer_alone_.per_second);
      row.emplace_back("backlog at the end", written.unlinked);
    }
    row.emplace_back("load", Load());
    report_.Add(row);
  }

  const std::string path_;
  const Points& points_;
  const std::string name_;
  const double seconds_;
  const std::size_t rows_;
  Report& report_;
  zvec::CollectionOptions options_;
  std::size_t next_ = 0;  ///< row to be inserted
  Written writer_alone_;
};

}  // namespace

void MeasureReaders(const std::string& directory, bool quick, Report& report) {
  report.Begin("readers",
               "queries (top 10 of 128 dimensions, generated vectors, graphs) beside a writer of batches of "
               "100 new ones; \"alone\": the mean of those before and after, each behind Optimize; in "
               "another process each query after a Refresh, which is timed apart");
  const Points points(quick ? 400'000 : 900'000);
  for (const bool durable : {true, false})
    Phases(directory + "/readers", points, quick, durable, report).Run();
}

}  // namespace bench
