// bench/database: documents a second into a collection, and queries a second of the exact scan beside the
// speed at which this machine can read memory, measured in the same run. `bench_database [--quick] [--json]
// [--directory PATH] [--only TABLE,...] [--peer PYTHON]`.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/io/file_system.h"
#include "merges.h"
#include "readers.h"
#include "report.h"
#include "zvec/collection.h"
#include "zvec/simd/kernels.h"

namespace {

using bench::Report;
using Clock = std::chrono::steady_clock;

double Seconds(Clock::time_point from) { return std::chrono::duration<double>(Clock::now() - from).count(); }

struct Options {
  bool quick = false, json = false;
  std::string directory;
  std::string only;  ///< tables, with commas; empty: all
  std::string peer;  ///< a Python that has zvec; empty: the peer is not measured
  bool Wants(const std::string& table) const {
    return only.empty() || ("," + only + ",").find("," + table + ",") != std::string::npos;
  }
  /// `peer` stands beside what these measured in the same run.
  bool Measures(const std::string& table) const { return Wants(table) || (!peer.empty() && Wants("peer")); }
  /// Of the collection that is fetched from and opened.
  std::size_t rows() const { return quick ? 100'000 : 1'000'000; }
};

/// What was measured of ours, by the names that peer.py prints.
std::map<std::string, double> ours;
/// Milliseconds that an append of so many bytes and its sync take.
std::map<std::size_t, double> sync_ms;

struct Size {
  std::uint32_t dim;
  std::size_t rows;  // of the scan
};

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

zvec::CollectionSchema Schema(std::uint32_t dim) {
  zvec::FieldSchema number, vector;
  number.name = "n";
  number.type = zvec::DataType::kInt32;
  vector.name = "v";
  vector.type = zvec::DataType::kVectorFp32;
  vector.dimension = dim;
  vector.index = zvec::IndexParams::Flat(zvec::MetricType::kL2);
  return {"bench", {number, vector}};
}

class Vectors {
 public:
  explicit Vectors(std::uint32_t dim) : pool_(kPool) {
    std::mt19937 random(dim);
    std::normal_distribution<float> normal;
    for (auto& vector : pool_) {
      vector.resize(dim);
      for (float& x : vector) x = normal(random);
    }
  }
  const std::vector<float>& operator[](std::size_t i) const { return pool_[i % kPool]; }

 private:
  static constexpr std::size_t kPool = 997;
  std::vector<std::vector<float>> pool_;
};

// 0 .. 999,999 without an order, so that what a filter finds lies scattered, as it does in life.
std::int32_t Scattered(std::size_t i) {
  return static_cast<std::int32_t>(((i + 1) * 0x9E3779B97F4A7C15u >> 20) % 1'000'000);
}

std::vector<zvec::Doc> Batch(const Vectors& vectors, std::size_t first, std::size_t count) {
  std::vector<zvec::Doc> docs(count);
  for (std::size_t i = 0; i < count; ++i) {
    docs[i].id = "document-" + std::to_string(first + i);
    docs[i].Set("n", Scattered(first + i)).Set("v", vectors[first + i]);
  }
  return docs;
}

class Fresh {  // a collection in a directory of its own, removed at the end
 public:
  Fresh(const Options& options, std::uint32_t dim, zvec::Durability durability)
      : path_(options.directory + "/collection") {
    settings_.durability = durability;
    if (zvec::Collection::Exists(path_)) zvec::Collection::Destroy(path_).WithContext("left over").ok();
    collection = zvec::Collection::Create(path_, Schema(dim), settings_).value();
  }
  ~Fresh() {
    collection.reset();
    if (const auto status = zvec::Collection::Destroy(path_); !status.ok())
      std::fputs(status.ToString().c_str(), stderr);
  }
  std::shared_ptr<zvec::Collection> collection;

 private:
  std::string path_;
  zvec::CollectionOptions settings_;
};

/// About what such a call appends to the log.
std::size_t RecordBytes(std::uint32_t dim, std::size_t batch) {
  return 64 + batch * (dim * sizeof(float) + sizeof(std::int32_t) + 18);
}

// Insert alone is timed; making the documents is the user's work.
void MeasureWrites(const Options& options, Report& report) {
  report.Begin(
      "insert",
      "documents a second, one thread; durable: every call is synced before it returns; share: of the "
      "relaxed ones; disk_allows: the share if a call cost nothing but an append of its bytes and a sync");
  const double limit = options.quick ? 0.3 : 2.0;
  for (const std::uint32_t dim : {128u, 768u}) {
    const Vectors vectors(dim);
    for (const std::size_t batch : {std::size_t{1}, std::size_t{100}, std::size_t{1000}}) {
      double relaxed = 0;
      for (const zvec::Durability durability : {zvec::Durability::kRelaxed, zvec::Durability::kDurable}) {
        Fresh fresh(options, dim, durability);
        const std::size_t most = (std::size_t{512} << 20) / (dim * sizeof(float));
        double spent = 0;
        std::size_t documents = 0;
        while (spent < limit && documents < most) {
          const std::vector<zvec::Doc> docs = Batch(vectors, documents, batch);
          const auto start = Clock::now();
          const auto written = fresh.collection->Insert(docs).value();
          spent += Seconds(start);
          if (written.applied != batch) std::abort();
          documents += batch;
        }
        const bool durable = durability == zvec::Durability::kDurable;
        const double a_second = double(documents) / spent;
        bench::Row row = {{"dim", double(dim)},
                          {"durability", durable ? "durable" : "relaxed"},
                          {"batch", double(batch)},
                          {"documents_per_s", a_second},
                          {"calls_per_s", a_second / double(batch)},
                          {"documents", double(documents)}};
        if (durable) {
          const double call_ms = double(batch) / relaxed * 1e3;
          row.push_back({"share", a_second / relaxed});
          row.push_back({"disk_allows", call_ms / (call_ms + sync_ms[RecordBytes(dim, batch)])});
        } else {
          relaxed = a_second;
          ours["insert." + std::to_string(dim) + "." + std::to_string(batch)] = a_second;
        }
        report.Add(row);
      }
    }
  }
}

void Load(zvec::Collection& collection, const Vectors& vectors, std::size_t rows) {
  for (std::size_t first = 0; first < rows; first += 1000) {
    collection.Insert(Batch(vectors, first, std::min<std::size_t>(1000, rows - first))).value();
  }
  if (const auto status = collection.Optimize(); !status.ok()) cocozvec::ThrowStatusError(status);
}

/// Of this process, without the pages of mapped files.
std::uint64_t OwnBytes() {
  const auto file = cocozvec::PosixFileSystem().Open("/proc/self/status", cocozvec::OpenMode::kRead).value();
  std::string status(8192, '\0');  // the kernel says that its size is 0
  status.resize(file->ReadAt(0, std::as_writable_bytes(std::span(status))).value());
  const std::size_t at = status.find("RssAnon:");
  if (at == std::string::npos) std::abort();
  return std::strtoull(status.c_str() + at + 8, nullptr, 10) * 1024;
}

std::string SelfPath() {
  char path[4096];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof(path));
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : "";
}

/// "name value" lines of a command.
std::map<std::string, double> Figures(const std::string& command) {
  std::map<std::string, double> figures;
  FILE* out = ::popen(command.c_str(), "r");
  if (out == nullptr) std::abort();
  char name[64];
  for (double value = 0; std::fscanf(out, "%63s %lf", name, &value) == 2;) figures[name] = value;
  if (::pclose(out) != 0) std::fprintf(stderr, "bench_database: '%s' failed\n", command.c_str());
  return figures;
}

/// In a process of its own, so that no memory that was freed before is taken again: --open PATH
/// [--read-only].
int OpenOnly(const std::string& path, bool read_only) {
  zvec::CollectionOptions settings;
  settings.durability = zvec::Durability::kRelaxed;
  settings.read_only = read_only;
  double least = 1e9, grown = 0;
  std::vector<std::shared_ptr<zvec::Collection>> held;
  for (int i = 0; i < 9; ++i) {
    held.clear();
    const std::uint64_t before = OwnBytes();
    const auto start = Clock::now();
    held.push_back(zvec::Collection::Open(path, settings).value());
    least = std::min(least, Seconds(start));
    if (i == 0) grown = double(OwnBytes()) - double(before);
  }
  std::printf("open_ms %f\ngrown_MB %f\n", least * 1e3, grown / 1e6);
  return 0;
}

// An empty collection: how long it takes to make, and its bytes.
void MeasureCreate(const Options& options, Report& report) {
  report.Begin("create", "an empty collection, made; median milliseconds, bytes of its files");
  for (const zvec::Durability durability : {zvec::Durability::kDurable, zvec::Durability::kRelaxed}) {
    zvec::CollectionOptions settings;
    settings.durability = durability;
    std::vector<double> seconds;
    std::uint64_t bytes = 0;
    for (int i = 0; i < 21; ++i) {
      const std::string path = options.directory + "/created";
      const auto start = Clock::now();
      auto collection = zvec::Collection::Create(path, Schema(128), settings).value();
      seconds.push_back(Seconds(start));
      bytes = collection->Stats().disk_bytes;
      collection.reset();
      if (!zvec::Collection::Destroy(path).ok()) std::abort();
    }
    if (durability == zvec::Durability::kRelaxed) ours["create_ms"] = Median(seconds) * 1e3;
    report.Add({{"durability", durability == zvec::Durability::kDurable ? "durable" : "relaxed"},
                {"create_ms", Median(seconds) * 1e3},
                {"bytes", double(bytes)}});
  }
}

// Documents by id, out of sealed rows and rows in memory; opening what was closed in order; replaying a log.
void MeasureReads(const Options& options, Report& report) {
  const std::size_t rows = options.rows();
  const Vectors vectors(128);
  const std::string path = options.directory + "/read";
  zvec::CollectionOptions settings;
  settings.durability = zvec::Durability::kRelaxed;
  auto collection = zvec::Collection::Create(path, Schema(128), settings).value();
  Load(*collection, vectors, rows);
  collection->Insert(Batch(vectors, rows, 1000)).value();
  report.Begin("fetch", "documents by id with all fields, one thread, of " + std::to_string(rows) +
                            " x 128; microseconds a call, the median of the least of four passes");
  for (const std::size_t ids : {std::size_t{1}, std::size_t{100}}) {
    // 200,000 documents are far more than the caches hold, so that the next pass over them is not a warm one.
    std::vector<double> seconds(200'000 / ids, 1e9);
    for (int pass = 0; pass < 4; ++pass) {
      for (std::size_t round = 0; round < seconds.size(); ++round) {
        std::vector<std::string> wanted;
        for (std::size_t i = 0; i < ids; ++i)
          wanted.push_back("document-" + std::to_string((round * 7919 + i * 104'729) % rows));
        const auto start = Clock::now();
        const auto docs = collection->Fetch(wanted).value();
        seconds[round] = std::min(seconds[round], Seconds(start));
        if (docs.size() != ids) std::abort();
      }
    }
    ours["fetch." + std::to_string(ids)] = Median(seconds) * 1e6;
    report.Add({{"ids", double(ids)}, {"fetch_us", Median(seconds) * 1e6}});
  }
  report.Begin(
      "open",
      "after a clean close, of the same, in a process of its own; least of nine, milliseconds; memory of "
      "the first one's own, beyond mapped files, MB");
  if (!collection->Close().ok()) std::abort();
  collection.reset();
  for (const bool read_only : {false, true}) {
    auto figures = Figures(SelfPath() + " --open " + path + (read_only ? " --read-only" : ""));
    if (read_only) ours["open_ms"] = figures["open_ms"];
    report.Add({{"rows", double(rows)},
                {"mode", read_only ? "read-only" : "to write"},
                {"open_ms", figures["open_ms"]},
                {"grown_MB", figures["grown_MB"]}});
  }
  if (!zvec::Collection::Destroy(path).ok()) std::abort();
}

// The peer syncs nothing before flush(): beside our relaxed figures.
void MeasurePeer(const Options& options, Report& report) {
  if (options.peer.empty()) return;
  const std::size_t rows = options.rows();
  report.Begin(
      "peer",
      "zvec of PyPI through its Python package beside ours (relaxed, through C++), in this run; fetch "
      "(microseconds) and open (read-only, milliseconds) of " +
          std::to_string(rows) + " x 128 on both sides");
  for (const auto& [name, value] : Figures(options.peer + " " BENCH_FOLDER "/peer.py " + options.directory +
                                           " " + std::to_string(rows) + (options.quick ? " 0.3" : " 2"))) {
    const auto mine = ours.find(name);
    if (mine == ours.end()) continue;
    const bool rate = name.starts_with("insert");
    report.Add({{"what", name},
                {"ours", mine->second},
                {"peer", value},
                {"better_by", rate ? mine->second / value : value / mine->second}});
  }
}

// A log as a kill leaves it: copied while the collection is open.
void MeasureRecovery(const Options& options, Report& report) {
  report.Begin("recovery", "documents a second replayed from the log by the open after a kill");
  cocozvec::FileSystem& fs = cocozvec::PosixFileSystem();
  const std::string path = options.directory + "/logged", copy = options.directory + "/killed";
  const std::size_t rows = options.quick ? 30'000 : 100'000;
  zvec::CollectionOptions settings;
  settings.durability = zvec::Durability::kRelaxed;
  settings.seal_bytes = std::uint64_t{1} << 40;
  const Vectors vectors(128);
  {
    auto collection = zvec::Collection::Create(path, Schema(128), settings).value();
    for (std::size_t first = 0; first < rows; first += 1000)
      collection->Insert(Batch(vectors, first, 1000)).value();
    if (!fs.CreateDirectory(copy).ok()) std::abort();
    for (const auto& entry : fs.List(path).value()) {
      const std::string bytes = cocozvec::ReadFile(fs, path + "/" + entry.name, 1 << 30).value();
      if (!cocozvec::WriteFileAtomically(fs, copy + "/" + entry.name, bytes).ok()) std::abort();
    }
  }
  const auto start = Clock::now();
  auto opened = zvec::Collection::Open(copy, settings).value();
  const double seconds = Seconds(start);
  if (opened->Stats().doc_count != rows) std::abort();
  opened.reset();
  report.Add({{"dim", 128.0}, {"documents", double(rows)}, {"documents_per_s", double(rows) / seconds}});
  for (const std::string& each : {path, copy})
    if (!zvec::Collection::Destroy(each).ok()) std::abort();
}

// What durable writes are made of: an append and a sync, for the bytes of each kind of call.
void MeasureSync(const Options& options, Report& report) {
  report.Begin("sync", "appends, each synced: the ceiling of durable calls");
  cocozvec::FileSystem& fs = cocozvec::PosixFileSystem();
  const std::string path = options.directory + "/sync";
  std::vector<std::size_t> sizes = {4096};
  for (const std::uint32_t dim : {128u, 768u})
    for (const std::size_t batch : {std::size_t{1}, std::size_t{100}, std::size_t{1000}})
      sizes.push_back(RecordBytes(dim, batch));
  for (const std::size_t size : sizes) {
    const std::vector<std::byte> block(size);
    const auto file = fs.Open(path, cocozvec::OpenMode::kCreate).value();
    const auto start = Clock::now();
    std::uint64_t syncs = 0;
    for (; Seconds(start) < (options.quick ? 0.2 : 1.0); ++syncs) {
      if (!file->WriteAt(syncs * size, block).ok() || !file->Sync().ok()) std::abort();
    }
    sync_ms[size] = Seconds(start) * 1e3 / double(syncs);
    report.Add({{"bytes", double(size)}, {"syncs_per_s", double(syncs) / Seconds(start)}});
    if (!fs.RemoveFile(path).ok()) std::abort();
  }
}

// Bytes a second of one thread that reads a buffer far larger than the caches and does next to nothing with
// it.
class Bandwidth {
 public:
  explicit Bandwidth(std::size_t bytes)
      : words_(bytes / sizeof(std::uint64_t)), data_(new std::uint64_t[words_]) {
    for (std::size_t i = 0; i < words_; ++i) data_[i] = i;
  }
  double Measure() {
    const auto start = Clock::now();
    std::uint64_t sums[16] = {};
    for (std::size_t i = 0; i + 16 <= words_; i += 16) {
      for (std::size_t lane = 0; lane < 16; ++lane) sums[lane] += data_[i + lane];
    }
    const double seconds = Seconds(start);
    for (const std::uint64_t sum : sums) kept_ ^= sum;
    return double(words_ * sizeof(std::uint64_t)) / seconds;
  }
  std::uint64_t kept() const { return kept_; }  // so that the loop is not removed

 private:
  std::size_t words_;
  std::unique_ptr<std::uint64_t[]> data_;
  std::uint64_t kept_ = 0;
};

// Alternates the two readers, so that both see the same neighbours on the machine.
void MeasureQueries(const Options& options, const Size& size, Bandwidth& bandwidth, Report& report) {
  const Vectors vectors(size.dim);
  Fresh fresh(options, size.dim, zvec::Durability::kRelaxed);
  Load(*fresh.collection, vectors, size.rows);
  const struct {
    const char* name;
    const char* filter;
  } cases[] = {
      {"none", ""}, {"half", "n < 500000"}, {"one in 10", "n < 100000"}, {"one in 100", "n < 10000"}};
  for (const auto& c : cases) {
    std::vector<double> query_seconds, stream;
    zvec::QueryStats stats;
    for (int round = 0; round < (options.quick ? 3 : 15); ++round) {
      stream.push_back(bandwidth.Measure());
      zvec::VectorQuery query;
      query.field = "v";
      query.vector = vectors[static_cast<std::size_t>(round) * 31];
      query.filter = c.filter;
      query.output_fields.emplace();
      const auto start = Clock::now();
      const zvec::HitList hits = fresh.collection->Query(query).value();
      query_seconds.push_back(Seconds(start));
      if (hits.hits.size() != 10) std::abort();
      stats = hits.stats;
    }
    const double seconds = Median(query_seconds);
    const double scanned = double(stats.distances) * size.dim * sizeof(float) / seconds;
    report.Add({{"dim", double(size.dim)},
                {"rows", double(size.rows)},
                {"filter", c.name},
                {"queries_per_s", 1 / seconds},
                {"distances", double(stats.distances)},
                {"vector_GB_per_s", scanned / 1e9},
                {"stream_GB_per_s", Median(stream) / 1e9},
                {"share_of_stream", scanned / Median(stream)}});
  }
}

Options Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--quick") {
      options.quick = true;
    } else if (argument == "--json") {
      options.json = true;
    } else if (argument == "--directory" && i + 1 < argc) {
      options.directory = argv[++i];
    } else if (argument == "--only" && i + 1 < argc) {
      options.only = argv[++i];
    } else if (argument == "--peer" && i + 1 < argc) {
      options.peer = argv[++i];
    } else {
      std::fprintf(
          stderr,
          "usage: bench_database [--quick] [--json] [--directory PATH] [--only TABLE,...] [--peer PYTHON]\n"
          "tables: sync insert create fetch (with open) recovery peer (with insert, create, fetch) scan "
          "merge readers\n");
      std::exit(2);
    }
  }
  if (options.peer.empty() && !options.only.empty() && options.Wants("peer"))
    throw std::runtime_error("--only peer needs --peer PYTHON, one that has zvec");
  return options;
}

void MeasureScans(const Options& options, Report& report) {
  report.Begin("scan", "queries a second, top 10 by L2, one thread, beside a plain read of memory; medians");
  Bandwidth bandwidth(std::size_t{options.quick ? 256u : 1024u} << 20);
  for (const Size& size :
       {Size{128, options.quick ? 50'000u : 500'000u}, Size{768, options.quick ? 10'000u : 100'000u}}) {
    MeasureQueries(options, size, bandwidth, report);
  }
  if (bandwidth.kept() == 1) std::puts("");
}

double LoadAverage() {
  double loads[1] = {0};
  return ::getloadavg(loads, 1) == 1 ? loads[0] : -1;
}

int Main(Options options) {
  const bool own_directory = options.directory.empty();
  if (own_directory) {
    const char* parent = std::getenv("TMPDIR");
    options.directory =
        std::string(parent ? parent : "/tmp") + "/bench_database." + std::to_string(::getpid());
    if (const auto status = cocozvec::PosixFileSystem().CreateDirectory(options.directory); !status.ok()) {
      cocozvec::ThrowStatusError(status);
    }
  }
  Report report(options.json);
  report.Begin("machine", "what ran");
  report.Add({{"kernels", std::string(zvec::simd::ActiveKernels().name)},
              {"directory", options.directory},
              {"load", LoadAverage()}});
  if (options.Wants("sync") || options.Measures("insert")) MeasureSync(options, report);
  if (options.Measures("insert")) MeasureWrites(options, report);
  if (options.Measures("create")) MeasureCreate(options, report);
  if (options.Measures("fetch")) MeasureReads(options, report);
  if (options.Wants("recovery")) MeasureRecovery(options, report);
  if (options.Wants("merge")) MeasureMerges(options.directory, options.quick ? 30'000 : 200'000, report);
  if (options.Wants("peer")) MeasurePeer(options, report);
  if (options.Wants("scan")) MeasureScans(options, report);
  if (options.Wants("readers")) bench::MeasureReaders(options.directory, options.quick, report);
  report.Finish();
  if (own_directory && !cocozvec::PosixFileSystem().RemoveDirectory(options.directory).ok()) return 1;
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    if (argc >= 3 && std::string(argv[1]) == "--open") return OpenOnly(argv[2], argc == 4);
    return Main(Parse(argc, argv));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_database: %s\n", error.what());
    return 1;
  }
}
