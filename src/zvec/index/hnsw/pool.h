// zvec/index/hnsw/pool.h: the best candidates of a walk so far, sorted, each marked once it was expanded; and
// the set of nodes that a walk has seen. Both keep their memory from one walk to the next.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace zvec::inline v0::hnsw {

/// At most `capacity` candidates, nearest first; of equal ones the first to come. A sorted array: the walk
/// reads its front and its k-th, and insertions move a few cache lines.
class Pool {
 public:
  static constexpr std::uint32_t kExpanded = 0x8000'0000u;  ///< nodes are below

  void Reset(std::uint32_t capacity) {
    capacity_ = capacity;
    size_ = next_ = 0;
    if (distances_.size() < capacity + 1) {
      distances_.resize(capacity + 1);
      nodes_.resize(capacity + 1);
    }
  }
  std::uint32_t size() const noexcept { return size_; }
  bool full() const noexcept { return size_ == capacity_; }
  float distance(std::uint32_t i) const noexcept { return distances_[i]; }
  std::uint32_t node(std::uint32_t i) const noexcept { return nodes_[i] & ~kExpanded; }
  /// What a candidate must be below to get in.
  float Limit() const noexcept { return full() ? distances_[size_ - 1] : 3e38f; }

  void Insert(std::uint32_t node, float distance) {
    if (size_ == capacity_ && !(distance < distances_[size_ - 1])) return;
    // The first that is farther, found without branches that nobody can predict.
    const float* base = distances_.data();
    std::uint32_t left = size_;
    while (left > 1) {
      const std::uint32_t half = left / 2;
      base += base[half - 1] <= distance ? half : 0;
      left -= half;
    }
    base += left == 1 && *base <= distance;
    const auto at = static_cast<std::uint32_t>(base - distances_.data());
    const std::size_t behind = (size_ < capacity_ ? size_ : capacity_ - 1) - at;
    std::memmove(&distances_[at + 1], &distances_[at], behind * sizeof(float));
    std::memmove(&nodes_[at + 1], &nodes_[at], behind * sizeof(std::uint32_t));
    distances_[at] = distance;
    nodes_[at] = node;
    size_ += size_ < capacity_;
    next_ = std::min(next_, at);
  }

  bool HasNext() const noexcept { return next_ < size_; }
  float next_distance() const noexcept { return distances_[next_]; }
  std::uint32_t next() const noexcept { return next_; }
  bool expanded(std::uint32_t i) const noexcept { return (nodes_[i] & kExpanded) != 0; }
  /// The nearest that was not expanded yet.
  std::uint32_t Pop() {
    const std::uint32_t node = nodes_[next_];
    nodes_[next_] |= kExpanded;
    while (next_ < size_ && expanded(next_)) ++next_;
    return node;
  }

 private:
  std::uint32_t capacity_ = 0, size_ = 0, next_ = 0;
  std::vector<float> distances_;
  std::vector<std::uint32_t> nodes_;
};

class NodeSet {
 public:
  void Reset(std::uint32_t nodes) {
    if (in_use_) std::fill(words_.begin(), words_.end(), std::uint64_t{0});  // the walk before came to no end
    Clear();
    in_use_ = true;
    if (words_.size() < nodes / 64 + 1) words_.resize(nodes / 64 + 1);
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
  /// So that emptying the set costs what was added, not what could be.
  void Note(const std::uint32_t* nodes, std::size_t count) {
    noted_.insert(noted_.end(), nodes, nodes + count);
  }
  void Done() {
    Clear();
    in_use_ = false;
  }

 private:
  void Clear() {
    for (const std::uint32_t node : noted_) words_[node / 64] = 0;
    noted_.clear();
  }

  bool in_use_ = false;
  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t> noted_;  ///< every node added
};

}  // namespace zvec::inline v0::hnsw
