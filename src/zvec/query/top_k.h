// zvec/query/top_k.h: the nearest rows so far, whatever the order in which they are offered.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "zvec/query/search.h"

namespace zvec::inline v0 {

/// Of equal scores the first in storage order stay.
class TopK {
 public:
  /// `radius`: rows that are farther are not taken; null: any are.
  TopK(std::size_t k, bool larger_is_nearer, const float* radius)
      : k_(k),
        sign_(larger_is_nearer ? -1.0f : 1.0f),
        bounded_(radius != nullptr),
        limit_(radius != nullptr ? sign_ * *radius : 0) {
    heap_.reserve(std::min(k, kUsualK));
  }

  void Offer(float score, std::uint32_t segment, std::uint32_t row) {
    const Entry entry{sign_ * score, segment, row};
    if (bounded_ && entry.key > limit_) return;
    if (heap_.size() == k_) {
      if (!Nearer(entry, heap_.front())) return;
      std::pop_heap(heap_.begin(), heap_.end(), Nearer);
      heap_.back() = entry;
    } else {
      heap_.push_back(entry);
    }
    std::push_heap(heap_.begin(), heap_.end(), Nearer);
  }

  /// A score that is less near has no place; infinite: every score has.
  float Farthest() const {
    const float none = std::numeric_limits<float>::infinity();
    float key = bounded_ ? limit_ : none;
    if (heap_.size() == k_) key = std::min(key, heap_.front().key);
    return sign_ * key;
  }

  std::vector<RowHit> Take() && {
    std::sort(heap_.begin(), heap_.end(), Nearer);
    std::vector<RowHit> hits;
    hits.reserve(heap_.size());
    for (const Entry& e : heap_) hits.push_back({sign_ * e.key, e.segment, e.row});
    return hits;
  }

 private:
  static constexpr std::size_t kUsualK = 128;
  struct Entry {
    float key;  // smaller is nearer
    std::uint32_t segment, row;
  };
  static bool Nearer(const Entry& a, const Entry& b) {
    if (a.key != b.key) return a.key < b.key;
    return a.segment != b.segment ? a.segment < b.segment : a.row < b.row;
  }

  std::size_t k_;
  float sign_;
  bool bounded_;
  float limit_;
  std::vector<Entry> heap_;  // the farthest in front
};

}  // namespace zvec::inline v0
