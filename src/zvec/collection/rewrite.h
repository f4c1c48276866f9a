// zvec/collection/rewrite.h: what a seal has made so far and will install. Only store_*.cc include
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
  RowRefs rows;                        ///< of it, by row of the sealed segment
  bool same_rows = false;
};

struct Store::Rewrite {
  std::shared_ptr<const Version> from;
  std::vector<bool> gone;  ///< sealed segments without a live row that go
  Manifest manifest;       ///< the new one
  std::map<std::uint64_t, std::uint64_t> persisted_dead;
  std::shared_ptr<Version> version = std::make_shared<Version>();
  std::unique_ptr<LogWriter> log;
  std::shared_ptr<const Heritage> heritage;  ///< of the last new segment
  std::vector<std::string> made;             ///< paths to remove when it comes to nothing
  bool uncertain = false;
};

}  // namespace zvec::inline v0
