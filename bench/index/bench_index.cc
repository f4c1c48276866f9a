// Queries a second against recall of ours and of the peers that are installed, in one run. See README.md.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "modes.h"
#include "peers.h"
#include "plot.h"
#include "sets.h"
#include "zvec/simd/code_kernels.h"

namespace {

using bench::Curve;
using bench::Set;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string sets = "A";
  std::string json, svg;
  std::string mode = "recall";
  std::string only;  ///< names that hold it, or one of several with commas between; empty: all
  std::vector<std::uint32_t> efs = {10, 16, 24, 32, 48, 64, 96, 128, 192, 256};
  std::size_t threads = 1, passes = 5;
};

double Seconds(Clock::time_point since) {
  return std::chrono::duration<double>(Clock::now() - since).count();
}

double LoadAverage() {
  double load[1] = {-1};
  (void)getloadavg(load, 1);
  return load[0];
}

/// One over the mean of each query's fastest pass: what is left is the index, not its neighbours on the
/// machine.
Curve::Point Measure(bench::Index& index, const Set& set, std::uint32_t ef, std::size_t passes) {
  index.SetEf(ef);
  std::vector<double> best(set.queries, 1e9);
  std::vector<std::uint32_t> found(set.queries * Set::kNearest, UINT32_MAX);
  const bool measured = index.Measure(passes, &best, &found);
  for (std::size_t pass = 0; pass < passes && !measured; ++pass) {
    for (std::size_t q = 0; q < set.queries; ++q) {
      const auto start = Clock::now();
      index.Search(set.Query(q), &found[q * Set::kNearest]);
      best[q] = std::min(best[q], Seconds(start));
    }
  }
  std::size_t hits = 0;
  for (std::size_t q = 0; q < set.queries; ++q) {
    const auto* nearest = &set.nearest[q * Set::kNearest];
    for (std::size_t i = 0; i < Set::kNearest; ++i)
      hits += std::find(nearest, nearest + Set::kNearest, found[q * Set::kNearest + i]) !=
              nearest + Set::kNearest;
  }
  double sum = 0;
  for (const double seconds : best) sum += seconds;
  return {ef, static_cast<double>(hits) / static_cast<double>(set.queries * Set::kNearest),
          static_cast<double>(set.queries) / sum};
}

Curve Run(bench::Index& index, const Set& set, const Options& options, std::FILE* json) {
  Curve curve;
  curve.name = index.name();
  const auto start = Clock::now();
  index.Build(set, options.threads);
  curve.build_seconds = index.built_seconds() > 0 ? index.built_seconds() : Seconds(start);
  curve.build_threads = index.build_threads(options.threads);
  std::printf("%-20s build %.1f s with %zu threads\n", curve.name.c_str(), curve.build_seconds,
              curve.build_threads);
  std::vector<std::uint32_t> efs = options.efs;
  if (index.chooses_ef()) efs.insert(efs.begin(), 0);
  for (const std::uint32_t ef : efs) {
    const Curve::Point point = Measure(index, set, ef, options.passes);
    if (ef == 0) {
      curve.chosen = point;
    } else {
      curve.points.push_back(point);
    }
    std::printf("  %-8s recall %.4f  %8.0f queries/s  %s\n",
                ef == 0 ? "default" : ("ef " + std::to_string(ef)).c_str(), point.recall, point.queries_per_s,
                ef == 0 ? index.strategy().c_str() : "");
    std::fflush(stdout);
    if (json != nullptr)
      std::fprintf(
          json,
          "{\"benchmark\":\"index\",\"set\":\"%s\",\"rows\":%zu,\"dim\":%zu,\"index\":\"%s\",\"ef\":%u,"
          "\"recall\":%.5f,\"queries_per_s\":%.1f,\"build_s\":%.2f,\"build_threads\":%zu,\"load\":%.2f}\n",
          set.name.c_str(), set.rows, set.dim, curve.name.c_str(), ef, point.recall, point.queries_per_s,
          curve.build_seconds, curve.build_threads, LoadAverage());
    if (ef != 0 && point.recall > 0.9995) break;
  }
  return curve;
}

void PrintTable(const std::vector<Curve>& curves) {
  std::printf("\n%-20s %10s %12s %12s   (ours efc%u over it)\n", "", "build s", "QPS at 0.95", "QPS at 0.99",
              bench::kEfConstruction);
  const Curve* ours = nullptr;
  for (const Curve& c : curves)
    if (c.name == "cocozvec efc" + std::to_string(bench::kEfConstruction)) ours = &c;
  for (const Curve& c : curves) {
    const double at95 = c.At(0.95), at99 = c.At(0.99);
    std::printf("%-20s %10.1f %12.0f %12.0f", c.name.c_str(), c.build_seconds, at95, at99);
    if (ours != nullptr) {
      std::printf("   build %.1fx", c.build_seconds / ours->build_seconds);
      if (c.build_threads != ours->build_threads)
        std::printf(" (%zu thread%s, ours %zu)", c.build_threads, c.build_threads == 1 ? "" : "s",
                    ours->build_threads);
      for (const auto& [recall, at] : {std::pair(0.95, at95), std::pair(0.99, at99)})
        at > 0 ? std::printf(", %.2fx", ours->At(recall) / at) : std::printf(", not reached");
    }
    if (c.chosen.queries_per_s > 0)
      std::printf("   default: recall %.4f, %.0f", c.chosen.recall, c.chosen.queries_per_s);
    std::puts("");
  }
}

std::string Directory() {
  const char* parent = std::getenv("TMPDIR");
  return std::string(parent ? parent : "/tmp") + "/bench_index." + std::to_string(::getpid());
}

bool Wanted(const std::string& name, const std::string& only) {
  for (std::size_t at = 0; at <= only.size();) {
    const std::size_t end = std::min(only.find(',', at), only.size());
    if (name.find(only.substr(at, end - at)) != std::string::npos) return true;
    at = end + 1;
  }
  return false;
}

void RunSet(const std::string& name, const Options& options, std::FILE* json) {
  const Set set = bench::MakeSet(name, std::max<std::size_t>(1, std::thread::hardware_concurrency()));
  std::printf(
      "\nset %s: %zu x %zu, %zu queries, top %zu, squared L2, one thread asks; load %.1f, codes by %s\n",
      set.name.c_str(), set.rows, set.dim, set.queries, Set::kNearest, LoadAverage(),
      zvec::simd::ActiveCodeKernels().name);
  const std::string directory = Directory();
  if (options.mode != "recall") {
    const auto run = options.mode == "filters"    ? bench::RunFilters
                     : options.mode == "churn"    ? bench::RunChurn
                     : options.mode == "quantize" ? bench::RunQuantize
                     : options.mode == "grow"     ? bench::RunGrow
                     : options.mode == "segments" ? bench::RunSegments
                                                  : bench::RunThreads;
    return run(set, {directory, options.threads, options.passes, json, options.only});
  }
  std::vector<std::unique_ptr<bench::Index>> indexes;
  indexes.push_back(bench::MakeOurs(directory + ".a", bench::kEfConstruction));
  indexes.push_back(bench::MakeOurs(directory + ".b", 120));
  std::string missing, failed;
  for (auto& peer : bench::MakePeers(set, directory + ".peer", &missing)) indexes.push_back(std::move(peer));
  std::vector<Curve> curves;
  for (auto& index : indexes) {
    try {
      if (Wanted(index->name(), options.only)) curves.push_back(Run(*index, set, options, json));
    } catch (const std::exception& error) {
      if (index->name().starts_with("cocozvec")) throw;  // the peers are optional
      failed += "\nfailed: " + index->name() + ": " + error.what();
    }
    index.reset();  // memory for the next
  }
  PrintTable(curves);
  if (!missing.empty()) std::printf("not here: %s\n", missing.c_str());
  if (!failed.empty()) std::printf("%s\n", failed.c_str() + 1);
  if (!options.svg.empty()) bench::WriteSvg(options.svg + set.name + ".svg", "set " + set.name, curves);
}

Options Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string key = argv[i];
    const char* value = argv[i + 1];
    if (key == "--sets") {
      options.sets = value;
    } else if (key == "--json") {
      options.json = value;
    } else if (key == "--svg") {
      options.svg = value;
    } else if (key == "--only") {
      options.only = value;
    } else if (key == "--mode") {
      options.mode = value;
      if (options.mode != "recall" && options.mode != "filters" && options.mode != "churn" &&
          options.mode != "threads" && options.mode != "quantize" && options.mode != "grow" &&
          options.mode != "segments" && options.mode != "sparse")
        throw std::runtime_error(
            "--mode " + options.mode +
            " is none of recall, filters, churn, threads, quantize, grow, segments, sparse");
    } else if (key == "--ef") {
      options.efs.clear();
      for (const char* at = value; *at != 0; at += *at == ',') {
        char* end = nullptr;
        options.efs.push_back(static_cast<std::uint32_t>(std::strtoul(at, &end, 10)));
        if (end == at) throw std::runtime_error("--ef " + std::string(value) + " is no list of numbers");
        at = end;
      }
    } else if (key == "--threads") {
      options.threads = std::max(1ul, std::strtoul(value, nullptr, 10));
    } else if (key == "--passes") {
      options.passes = std::max(1ul, std::strtoul(value, nullptr, 10));
    } else {
      throw std::runtime_error("unknown option " + key);
    }
  }
  if (argc % 2 == 0) throw std::runtime_error(std::string(argv[argc - 1]) + " lacks its value");
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = Parse(argc, argv);
    std::FILE* json = options.json.empty() ? nullptr : std::fopen(options.json.c_str(), "w");
    if (json == nullptr && !options.json.empty())
      throw std::runtime_error("--json " + options.json + ": " + std::strerror(errno));
    if (options.mode == "sparse") {
      bench::RunSparse({Directory(), options.threads, options.passes, json});
      if (json != nullptr) std::fclose(json);
      return 0;
    }
    for (std::size_t at = 0; at <= options.sets.size();) {
      const std::size_t end = std::min(options.sets.find(',', at), options.sets.size());
      RunSet(options.sets.substr(at, end - at), options, json);
      at = end + 1;
    }
    if (json != nullptr) std::fclose(json);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr,
                 "bench_index: %s\nusage: bench_index [--sets a,b,c,A,B,C,FILE.fvecs,FILE.npy] [--json FILE] "
                 "[--mode recall|filters|churn|threads|quantize|grow|segments|sparse] [--svg "
                 "PREFIX] [--only NAME,...] [--ef LIST] [--threads N] [--passes N]\n",
                 error.what());
    return 1;
  }
}
