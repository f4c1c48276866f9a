// zvec/index/hnsw/walk.h: the walks over a graph that searches and builds consist of.
// Source   Malkov & Yashunin 2018, arXiv:1603.09320, algorithm 2; several expansions a step, so that more
//          cache misses are under way at once.
// Threads: any number of walks at once, each with its own Scratch.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "zvec/index/hnsw/graph.h"
#include "zvec/index/hnsw/pool.h"

namespace zvec::inline v0::hnsw {

/// Work of a walk, added up.
struct WalkCounts {
  std::uint64_t distances = 0;   ///< between codes
  std::uint64_t expansions = 0;  ///< nodes whose links were read
};

struct Scratch {
  Pool pool;      ///< candidates; the walk's result
  Pool accepted;  ///< of those, the ones that a mask lets through
  NodeSet seen;
  std::vector<std::uint32_t> nodes;
  std::vector<float> distances, rests;
  /// Of a walk over matches, bit r for row r: fails the mask or was seen; passes it or was looked past.
  std::vector<std::uint64_t> out, passed;
  WalkCounts counts;
  /// Walks on level 0 keep away from this node: what they would find if it were not in the graph.
  std::uint32_t avoid = kNoNode;

  /// The calling thread's own.
  static Scratch& Local();
};

/// When to stop before the pool has no more to expand: the nearest left is farther than (1 + slack) times the
/// k-th candidate. A negative slack: never.
struct StopRule {
  std::uint32_t k = 0;
  float slack = -1;
  std::uint32_t keep = 0;  ///< so many are wanted, however far they are
  /// Nothing farther is wanted: well beyond it a walk that comes no nearer stops, too.
  float bound = std::numeric_limits<float>::infinity();
  std::uint32_t patience = 1;  ///< so many times as long, for walks that shall look farther
};

/// The rows that an answer may contain: bit r is row r.
struct Mask {
  const std::uint64_t* words = nullptr;
  bool Has(std::uint32_t row) const noexcept { return (words[row / 64] >> (row % 64)) & 1; }
};

/// From the entry down to `level` (at least 0), always to the nearest neighbour: the slot it ends at.
Status Descend(const GraphView& graph, const std::uint8_t* query, std::uint32_t level, Scratch& scratch,
               std::uint32_t* slot, float* distance);

/// Fills scratch.pool with the `ef` nearest nodes found on level 0 from `entry` (a node).
Status WalkBase(const GraphView& graph, const std::uint8_t* query, std::uint32_t entry, float distance,
                std::uint32_t ef, const StopRule& stop, Scratch& scratch);

/// The same on a level above 0; `entry` and the candidates are slots.
Status WalkUpper(const GraphView& graph, const std::uint8_t* query, std::uint32_t level, std::uint32_t entry,
                 float distance, std::uint32_t ef, Scratch& scratch);

/// Candidates that wait in a masked walk while few of them pass.
inline constexpr std::uint32_t kMostWaiting = 1'024;

/// Distances after which a walk gives up, those of its repetition counted in.
struct Budget {
  std::uint64_t distances = 0;
  std::uint64_t in_vain = 0;  ///< while it has met nothing that passes
  /// Candidates that wait, whether they pass or not. Where so many are nearer than the k-th that passes, the
  /// walk is repeated with kMostWaiting.
  std::uint32_t waiting = 0;
};

/// Walks over all nodes until scratch.accepted has the `ef` nearest that the mask lets through: so it gets
/// out of a region where nothing passes. When it gives up: false in *finished.
Status WalkMasked(const GraphView& graph, const std::uint8_t* query, std::uint32_t entry, float distance,
                  const Mask& mask, std::uint32_t ef, const StopRule& stop, const Budget& budget,
                  Scratch& scratch, bool* finished);

struct ThroughRule {
  std::uint32_t ef = 0;
  StopRule stop;
  std::uint64_t budget = 0;  ///< looks at links after which it gives up
};

/// Measures only nodes that the mask has: past a neighbour that fails it looks at that one's neighbours.
/// Begins around the entry, and at the nearest of some slots that the mask has. When it gives up: false in
/// *finished.
Status WalkThrough(const GraphView& graph, const std::uint8_t* query, std::uint32_t entry, float distance,
                   const Mask& mask, const ThroughRule& rule, Scratch& scratch, bool* finished);

/// Which share of a node's neighbours, and of those of every `every`-th (1 or more) of them, the mask has; 1
/// when there are none.
Status ShareAround(const GraphView& graph, std::uint32_t node, std::uint32_t every, const Mask& mask,
                   double* share);

/// The same of some 2,000 nodes around it, each counted once: of a filter that passes 10 % by chance, off by
/// some 7 % (a standard deviation).
Status ShareFarther(const GraphView& graph, std::uint32_t node, const Mask& mask, Scratch& scratch,
                    double* share);

/// No walk: fills scratch.pool with the `keep` nearest of all nodes that the mask has.
Status MeasureMasked(const GraphView& graph, const std::uint8_t* query, const Mask& mask, std::uint32_t keep,
                     Scratch& scratch);

}  // namespace zvec::inline v0::hnsw
