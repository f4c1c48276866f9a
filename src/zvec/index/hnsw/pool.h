// zvec/index/hnsw/pool.h: the best candidates of a walk so far, sorted, each marked once it was expanded; and
// the set of nodes that a walk has seen. Both keep their memory from one walk to the next.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "zvec/simd/code_kernels.h"

namespace zvec::inline v0::hnsw {

/// At most `capacity` candidates, nearest first; of equal ones the first to come. A sorted array: the walk
/// reads its front and its k-th, and insertions move a few cache lines.
class Pool {
 public:
  static constexpr std::uint32_t kExpanded = 0x8000'0000u;  ///< nodes are below

  void Reset(std::uint32_t capacity) {
    capacity_ = capacity;
    size_ = next_ = 0;
    if (distances_.size() < capacity + simd::kListPad) {
      distances_.assign(capacity + simd::kListPad, -INFINITY);
      nodes_.resize(capacity + simd::kListPad);
    }
  }
  std::uint32_t size() const noexcept { return size_; }
  bool full() const noexcept { return size_ == capacity_; }
  float distance(std::uint32_t i) const noexcept { return distances_[simd::kListPad + i]; }
  std::uint32_t node(std::uint32_t i) const noexcept { return nodes_[simd::kListPad + i] & ~kExpanded; }
  /// What a candidate must be below to get in.
  float Limit() const noexcept { return full() ? distance(size_ - 1) : 3e38f; }

  /// Those of the candidates that are nearer than `limit`, in their order.
  void SortIn(const std::uint32_t* nodes, const float* distances, std::size_t count, float limit) {
    SortIn(simd::ActiveCodeKernels(), nodes, distances, count, limit);
  }
  /// `rows`, `row_width`: where the links of a node are; those of what is nearer than `soon` are asked for.
  void SortIn(const simd::CodeKernels& kernels, const std::uint32_t* nodes, const float* distances,
              std::size_t count, float limit, const std::uint32_t* rows = nullptr,
              std::uint32_t row_width = 0, float soon = 0) {
    simd::SortedList list{
        &distances_[simd::kListPad], &nodes_[simd::kListPad], size_, capacity_, next_, rows, row_width,
        soon < limit ? soon : limit};
    kernels.sort_in(list, nodes, distances, count, limit);
    size_ = list.size;
    next_ = list.first;
  }
  void Insert(std::uint32_t node, float distance) { SortIn(&node, &distance, 1, 3e38f); }

  bool HasNext() const noexcept { return next_ < size_; }
  float next_distance() const noexcept { return distance(next_); }
  std::uint32_t next() const noexcept { return next_; }
  bool expanded(std::uint32_t i) const noexcept { return (nodes_[simd::kListPad + i] & kExpanded) != 0; }
  /// The nearest that was not expanded yet.
  std::uint32_t Pop() {
    const std::uint32_t node = nodes_[simd::kListPad + next_];
    nodes_[simd::kListPad + next_] |= kExpanded;
    while (next_ < size_ && expanded(next_)) ++next_;
    return node;
  }

 private:
  std::uint32_t capacity_ = 0, size_ = 0, next_ = 0;
  std::vector<float> distances_;  ///< after simd::kListPad that are no candidates
  std::vector<std::uint32_t> nodes_;
};

class NodeSet {
 public:
  void Reset(std::uint32_t nodes) {
    if (in_use_) std::fill(words_.begin(), words_.end(), std::uint64_t{0});  // the walk before came to no end
    in_use_ = true;
    const std::size_t words = nodes / 64 + 1;
    if (words_.size() < words) words_.resize(words);
    used_ = words;
    noted_.clear();
    notes_ = words > kFewWords;
  }
  /// True when the node was not in the set.
  bool Add(std::uint32_t node) {
    std::uint64_t& word = words_[node / 64];
    const std::uint64_t bit = std::uint64_t{1} << (node % 64), old = word;
    word = old | bit;
    return (old & bit) == 0;
  }
  /// Bit n of them: node n; for loops that add by themselves, and Note what they added.
  std::uint64_t* words() noexcept { return words_.data(); }
  bool Contains(std::uint32_t node) const { return (words_[node / 64] >> (node % 64)) & 1; }
  /// So that emptying a large set costs what was added, not what could be.
  void Note(const std::uint32_t* nodes, std::size_t count) {
    if (notes_) noted_.insert(noted_.end(), nodes, nodes + count);
  }
  void Done() {
    if (notes_) {
      for (const std::uint32_t node : noted_) words_[node / 64] = 0;
    } else {
      std::fill_n(words_.begin(), used_, std::uint64_t{0});
    }
    in_use_ = false;
  }

 private:
  /// 32 KiB: to write over all of them costs less than to note some hundred nodes.
  static constexpr std::size_t kFewWords = 4'096;

  bool in_use_ = false, notes_ = false;
  std::size_t used_ = 0;  ///< words
  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t> noted_;  ///< every node added to a large set
};

}  // namespace zvec::inline v0::hnsw
