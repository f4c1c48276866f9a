// zvec/index/hnsw/graph.h: what a search sees of a graph, in memory while it grows or mapped from a file.
// Level 0: one code and one flat row of links for every row of the segment. Levels above: the nodes that have
// them, numbered anew as "slots", with a copy of their codes, so that the descent stays in little memory.
// Threads: a view is a value. While the graph grows, links change under readers: they are read by LoadLink,
// and a link at or past the counts of the view is not followed (its node came later).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "cocozvec/base/status.h"
#include "zvec/index/hnsw/encoder.h"

namespace zvec::inline v0::sparse {
class Searcher;
}

namespace zvec::inline v0::hnsw {

/// What is hard to navigate is searched that many times more broadly, at most.
inline constexpr std::uint32_t kMostBreadth = 8;
inline constexpr std::uint32_t kNoNode = UINT32_MAX;  ///< ends a row of links

/// Dense fields with any index but FLAT: of every approximate kind ours is the graph.
inline bool WantsGraph(const FieldSchema& field) noexcept {
  return IsDenseVector(field.type) && field.index && field.index->type != IndexType::kFlat;
}

/// Acquire: whoever sees the link sees the code and the links of the node it leads to.
inline std::uint32_t LoadLink(const std::uint32_t* link) noexcept {
  return __atomic_load_n(link, __ATOMIC_ACQUIRE);
}
inline void StoreLink(std::uint32_t* link, std::uint32_t node) noexcept {
  __atomic_store_n(link, node, __ATOMIC_RELEASE);
}

/// Checks blocks of a mapped file when they are touched for the first time.
class BlockGuard {
 public:
  virtual ~BlockGuard() = default;
  /// True when nothing is left to check.
  virtual bool complete() const noexcept = 0;
  virtual Status TouchUpper() const = 0;
  virtual Status TouchCode(std::uint32_t node) const = 0;
  virtual Status TouchLinks(std::uint32_t node) const = 0;
};

struct GraphView {
  const Encoder* encoder = nullptr;
  std::uint32_t nodes = 0;  ///< rows 0 .. nodes - 1 are in the graph, but for those without a vector
  const std::uint8_t* codes = nullptr;
  const std::uint8_t* present = nullptr;  ///< of a graph in memory: 0 where the row has no vector
  const std::uint32_t* links = nullptr;
  std::uint32_t row_links = 0;  ///< links of a row
  std::uint32_t m = 0;          ///< links of a row above level 0
  std::uint32_t slots = 0, upper_rows = 0;
  const std::uint32_t* slot_node = nullptr;
  const std::uint32_t* slot_row =
      nullptr;  ///< number of the slot's first row of upper links; level l: + l - 1
  const std::uint8_t* slot_codes = nullptr;
  const std::uint32_t* slot_links = nullptr;  ///< lead to slots
  std::uint32_t entry = kNoNode;              ///< slot; kNoNode: the graph is empty
  std::uint32_t top_level = 0;                ///< of the entry, at least 1
  std::uint32_t breadth = 1;          ///< a usual search is that many times broader, 1 .. kMostBreadth
  const BlockGuard* guard = nullptr;  ///< null: the bytes are ours

  std::size_t code_bytes() const noexcept { return encoder->code_bytes(); }
  bool empty() const noexcept { return entry == kNoNode; }
};

/// A graph at one moment, and what keeps its bytes.
struct GraphRef {
  GraphView view;
  std::shared_ptr<const void> keep;
};

/// The index of one vector field of one segment.
class Graph {
 public:
  virtual ~Graph() = default;
  virtual GraphRef Current() const = 0;
  /// True: it serves until there is a finished one, and no file has it.
  virtual bool growing() const noexcept { return false; }
  /// Of a mapped one: every block, checked now unless it was before. kDataLoss, kIoError
  virtual Status Verify() const { return {}; }
  /// What a sparse field has in place of a graph (which is empty then); null: a graph.
  virtual const sparse::Searcher* lists() const noexcept { return nullptr; }
};

}  // namespace zvec::inline v0::hnsw
