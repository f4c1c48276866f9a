// zvec/query/filter_cache.h: filters that were asked lately: parsed, and with their answers for whole
// segments, so that a filter asked again costs a look-up. Threads: any; one short lock per look-up, nothing
// is evaluated under it.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "zvec/query/filter.h"
#include "zvec/query/filter_mask.h"

namespace zvec::inline v0 {

/// Of one collection. Bounded: what was asked for longest ago goes first.
class FilterCache {
 public:
  static constexpr std::size_t kDefaultBytes = std::size_t{16} << 20;
  /// Below, a segment is asked anew: that costs as little as a look-up.
  static constexpr std::uint32_t kLeastRows = 4 * kChunkRows;

  explicit FilterCache(std::size_t max_bytes = kDefaultBytes) : max_bytes_(max_bytes) {}
  FilterCache(const FilterCache&) = delete;
  FilterCache& operator=(const FilterCache&) = delete;

  /// As Filter::Parse; the same text must always come with the same schema. What comes back must not be used
  /// after the cache's end. An empty text costs nothing.
  Result<std::shared_ptr<const Filter>> Get(std::string_view text, const CollectionSchema& schema)
      ZVEC_EXCLUDES(mu_);

  std::size_t bytes() const ZVEC_EXCLUDES(mu_);  ///< of texts, parsed filters (estimated) and answers

 private:
  class Kept;
  using Order = std::list<std::shared_ptr<Kept>>;  ///< asked for last comes first

  void Evict() ZVEC_REQUIRES(mu_);

  const std::size_t max_bytes_;
  mutable cocozvec::Mutex mu_;
  Order order_ ZVEC_GUARDED_BY(mu_);
  std::unordered_map<std::string_view, Order::iterator> by_text_ ZVEC_GUARDED_BY(mu_);  ///< texts of Kept
  std::size_t bytes_ ZVEC_GUARDED_BY(mu_) = 0;
};

}  // namespace zvec::inline v0
