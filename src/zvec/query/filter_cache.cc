#include "zvec/query/filter_cache.h"

#include <algorithm>
#include <utility>

namespace zvec::inline v0 {
namespace {

/// A parsed filter is larger than its text; by how much at most was measured on lists of numbers.
constexpr std::size_t kBytesPerLetter = 16, kBytesPerFilter = 1'024;

class EveryRow final : public Filter {
 public:
  bool matches_all() const noexcept override { return true; }
  Status Evaluate(const SegmentView&, std::uint32_t, std::uint64_t*) const override { return {}; }
};

const EveryRow kEveryRow;

bool IsSame(const std::weak_ptr<const void>& a, const std::shared_ptr<const void>& b) noexcept {
  return !a.owner_before(b) && !b.owner_before(a);
}

}  // namespace

/// A filter with its answers; they are the cache's, and guarded by its lock.
class FilterCache::Kept final : public Filter {
 public:
  Kept(FilterCache& cache, std::string_view text, std::unique_ptr<Filter> filter)
      : text_(text),
        cache_(cache),
        filter_(std::move(filter)),
        bytes_(text.size() * kBytesPerLetter + kBytesPerFilter) {}

  const std::string& text() const noexcept { return text_; }
  bool matches_all() const noexcept override { return filter_->matches_all(); }
  Status Evaluate(const SegmentView& segment, std::uint32_t chunk, std::uint64_t* rows) const override {
    return filter_->Evaluate(segment, chunk, rows);
  }
  Result<std::shared_ptr<const FilterMask>> Mask(const SegmentView& segment, bool make,
                                                 bool* kept) const override;

 private:
  friend class FilterCache;
  struct Answer {
    std::weak_ptr<const void> segment;
    std::shared_ptr<const FilterMask> mask;
  };

  std::shared_ptr<const FilterMask> Find(const std::shared_ptr<const void>& segment) const;
  void Keep(const std::shared_ptr<const void>& segment, const std::shared_ptr<const FilterMask>& mask) const;
  static std::size_t BytesOf(const FilterMask& mask) { return mask.words.size() * 8 + sizeof(mask); }

  const std::string text_;
  FilterCache& cache_;
  const std::unique_ptr<Filter> filter_;
  // All below: guarded by cache_.mu_.
  mutable std::vector<Answer> answers_;
  mutable std::size_t bytes_;
  mutable bool evicted_ = false;
};

std::shared_ptr<const FilterMask> FilterCache::Kept::Find(const std::shared_ptr<const void>& segment) const {
  const cocozvec::MutexLock lock(cache_.mu_);
  for (const Answer& answer : answers_)
    if (IsSame(answer.segment, segment)) return answer.mask;
  return nullptr;
}

void FilterCache::Kept::Keep(const std::shared_ptr<const void>& segment,
                             const std::shared_ptr<const FilterMask>& mask) const {
  const cocozvec::MutexLock lock(cache_.mu_);
  if (evicted_ || BytesOf(*mask) > cache_.max_bytes_ / 4) return;
  std::size_t freed = 0;
  // Segments that are gone, and an older answer for this one; another thread's may be the longer one.
  for (const Answer& answer : answers_)
    if (IsSame(answer.segment, segment) && answer.mask->rows >= mask->rows) return;
  answers_.reserve(answers_.size() + 1);
  std::erase_if(answers_, [&](const Answer& answer) {
    if (!answer.segment.expired() && !IsSame(answer.segment, segment)) return false;
    freed += BytesOf(*answer.mask);
    return true;
  });
  answers_.push_back({segment, mask});
  bytes_ += BytesOf(*mask) - freed;
  cache_.bytes_ += BytesOf(*mask) - freed;
  cache_.Evict();
}

Result<std::shared_ptr<const FilterMask>> FilterCache::Kept::Mask(const SegmentView& segment, bool make,
                                                                  bool* kept) const {
  *kept = false;
  const std::uint32_t rows = segment.fixed_rows();
  if (rows < kLeastRows || matches_all()) return std::shared_ptr<const FilterMask>();
  const std::shared_ptr<const void> identity = segment.Identity();
  if (identity == nullptr) return std::shared_ptr<const FilterMask>();
  auto known = Find(identity);
  // A view of an earlier moment has fewer rows than were answered for; what was known of them stays true.
  if (known != nullptr && known->rows >= rows) {
    *kept = true;
    return known;
  }
  if (!make) return known;
  auto mask = MakeFilterMask(segment, *filter_, rows, known.get());
  // Of a damaged block, all rows may be dead: what the query has to look at is its own affair.
  if (!mask.ok()) return known;
  Keep(identity, *mask);
  return mask;
}

void FilterCache::Evict() {
  // The one asked for last stays, whatever its size: each of its answers is bounded.
  while (bytes_ > max_bytes_ && order_.size() > 1) {
    const std::shared_ptr<Kept> oldest = order_.back();
    by_text_.erase(oldest->text());
    order_.pop_back();
    bytes_ -= oldest->bytes_;
    oldest->evicted_ = true;
  }
}

Result<std::shared_ptr<const Filter>> FilterCache::Get(std::string_view text,
                                                       const CollectionSchema& schema) {
  if (text.empty()) return std::shared_ptr<const Filter>(std::shared_ptr<void>(), &kEveryRow);
  {
    const cocozvec::MutexLock lock(mu_);
    if (const auto found = by_text_.find(text); found != by_text_.end()) {
      order_.splice(order_.begin(), order_, found->second);
      return std::shared_ptr<const Filter>(*found->second);
    }
  }
  ZVEC_ASSIGN_OR_RETURN(auto parsed, Filter::Parse(text, schema));
  auto made = std::make_shared<Kept>(*this, text, std::move(parsed));
  const cocozvec::MutexLock lock(mu_);
  if (const auto found = by_text_.find(text); found != by_text_.end())  // parsed by another thread meanwhile
    return std::shared_ptr<const Filter>(*found->second);
  if (made->bytes_ > max_bytes_ / 4) {
    made->evicted_ = true;
    return std::shared_ptr<const Filter>(std::move(made));
  }
  Order one = {made};
  by_text_.emplace(made->text(), one.begin());
  order_.splice(order_.begin(), one);
  bytes_ += made->bytes_;
  Evict();
  return std::shared_ptr<const Filter>(std::move(made));
}

std::size_t FilterCache::bytes() const {
  const cocozvec::MutexLock lock(mu_);
  return bytes_;
}

}  // namespace zvec::inline v0
