// zvec/collection/rewrite.h: what a seal or merge has made so far and will install. Only store_*.cc include
// it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "zvec/collection/store.h"

namespace zvec::inline v0 {

/// What a segment was sealed from, kept until it has graphs of its own.
struct Store::Heritage {
  std::shared_ptr<MutableSegment> segment;
  std::shared_ptr<TailGraphs> graphs;  ///< one user at a time: the linker, or Optimize while that is quiet
  std::vector<RowRef> rows;            ///< of it, by row of the sealed segment
  bool same_rows = false;
};

struct Store::Rewrite {
  std::shared_ptr<const Version> from;
  std::vector<bool> chosen;       ///< sealed segments that are rewritten; the mutable one always is
  std::uint32_t concurrency = 0;  ///< threads that build graphs; 0: all cores
  bool complete = false;          ///< every segment gets the graphs that it should have; else: later
  Manifest manifest;              ///< the new one
  std::map<std::uint64_t, std::uint64_t> persisted_dead;
  std::shared_ptr<Version> version = std::make_shared<Version>();
  std::unique_ptr<LogWriter> log;
  std::shared_ptr<const Heritage> heritage;  ///< of the last new segment
  std::vector<std::string> made;             ///< paths to remove when it comes to nothing
  bool uncertain = false;
  std::unique_ptr<cocozvec::ThreadPool> pool;  ///< made for the first graph that is worth it
};

}  // namespace zvec::inline v0
