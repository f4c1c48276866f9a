// bench/index/modes.h: what else ours is asked for besides speed at equal recall: filters, churn, threads,
// memory.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>

#include "sets.h"
#include "zvec/collection.h"

namespace bench {

using Clock = std::chrono::steady_clock;

inline double Micros(Clock::time_point since) {
  return std::chrono::duration<double, std::micro>(Clock::now() - since).count();
}

struct ModeOptions {
  std::string directory;  ///< for a collection; removed afterwards
  std::size_t threads = 1, passes = 5;
  std::FILE* json = nullptr;  ///< null: none is wanted
  std::string only = {};      ///< kinds of codes (RunQuantize), with commas; empty: all
};

/// A line of --json, written when it goes. Keys and texts are the benchmark's own: nothing is escaped.
class JsonLine {
 public:
  JsonLine(const ModeOptions& options, const std::string& mode, const std::string& set)
      : json_(options.json) {
    Add("benchmark", "index " + mode).Add("set", set);
  }
  ~JsonLine() {
    if (json_ != nullptr) std::fprintf(json_, "{%s}\n", text_.c_str()), std::fflush(json_);
  }
  JsonLine(const JsonLine&) = delete;
  JsonLine& operator=(const JsonLine&) = delete;
  JsonLine& Add(const char* key, const std::string& value) { return Raw(key, '"' + value + '"'); }
  JsonLine& Add(const char* key, double value) {
    char text[32];
    std::snprintf(text, sizeof(text), "%.6g", value);
    return Raw(key, text);
  }

 private:
  JsonLine& Raw(const char* key, const std::string& value) {
    text_ += (text_.empty() ? "\"" : ",\"") + std::string(key) + "\":" + value;
    return *this;
  }

  std::FILE* const json_;
  std::string text_;
};

/// How long it takes. Throws when it fails.
double OptimizeSeconds(zvec::Collection& collection, std::size_t threads);

/// Filters that pass 0.1, 1, 10, 50 and 90 %: at random, where the query is (they follow the clusters), where
/// it is not (they oppose them).
void RunFilters(const Set& set, const ModeOptions& options);
/// After updates, deletes and churn, at once and after Optimize.
void RunChurn(const Set& set, const ModeOptions& options);
/// One thread and two; overhead outside the search; memory.
void RunThreads(const Set& set, const ModeOptions& options);
/// Every kind of code: build, recall, time, one after the other in each pass; many queries in one call.
void RunQuantize(const Set& set, const ModeOptions& options);
/// A graph that grows behind the writer, and the backlog of rows that wait for it.
void RunGrow(const Set& set, const ModeOptions& options);
/// The same rows in one segment and in several.
void RunSegments(const Set& set, const ModeOptions& options);
/// 100,000 generated rows of a sparse field: inverted lists beside the scan.
void RunSparse(const ModeOptions& options);

}  // namespace bench
