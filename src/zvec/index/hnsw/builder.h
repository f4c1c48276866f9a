// zvec/index/hnsw/builder.h: a graph in memory that grows: from nothing, or from an older graph whose rows
// were renumbered (dropped rows are healed over). Rows are linked in batches: every row of a batch looks for
// neighbours in the graph as it was before the batch and among all rows of the batch, then the links back
// are added, each target by one thread in the order of the rows. So the bytes do not depend on the number of
// threads. Source   Malkov & Yashunin 2018, arXiv:1603.09320, algorithms 1 and 4.
// Threads: one caller of Link at a time; Current and every walk over what it gives may run beside it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/array.h"
#include "base/cancel.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "zvec/index/hnsw/graph.h"

namespace zvec::inline v0::hnsw {

struct BuildParams {
  std::uint32_t m = 16;                 ///< links per node above level 0; twice as many there
  std::uint32_t ef_construction = 120;  ///< candidates of a new node
};

/// Rows that are linked together. They see each other exactly, so the number may be fixed; larger ones spend
/// more on that, smaller ones more on waiting for each other.
inline constexpr std::uint32_t kLinkBatch = 512;

struct Scratch;

/// The vector of a row as floats; null: the row has none. `buffer` has room for one. Called from any thread.
using VectorSource = std::function<const float*(std::uint32_t row, float* buffer)>;

class GraphBuilder final : public Graph {
 public:
  /// `rows`: how many are expected; more are taken.
  GraphBuilder(Encoder encoder, const BuildParams& params, std::uint32_t rows);
  ~GraphBuilder() override;

  /// Takes over the nodes of `old` that `new_row[old row]` gives a row (else kNoNode), encoding them anew.
  /// `rows`: the rows of the new graph. To be called before any Link. kCancelled: the graph is void.
  Status Adopt(const GraphView& old, std::span<const std::uint32_t> new_row, std::uint32_t rows,
               const VectorSource& vectors, cocozvec::ThreadPool* pool,
               const cocozvec::Cancel* cancel = nullptr);
  /// Links rows (ascending, none twice, none linked before) and lets readers see rows below `nodes`. Calls
  /// whose rows but for the last call's come in multiples of kLinkBatch give the same bytes as one call.
  /// False: it was cancelled before the last batch; Current().view.nodes says how far it came.
  bool Link(std::span<const std::uint32_t> rows, std::uint32_t nodes, const VectorSource& vectors,
            cocozvec::ThreadPool* pool, const cocozvec::Cancel* cancel = nullptr);
  /// Makes every node reachable on level 0 and brings every row down to its final number of links. False: it
  /// was cancelled, and the graph is not finished.
  bool Finish(cocozvec::ThreadPool* pool, const cocozvec::Cancel* cancel = nullptr);

  /// Of a finished graph: codes of another encoder in place of those it was linked by, none longer than them.
  /// No more can be linked then, but by an encoder that measures rows against rows. No walk may run beside
  /// it, and what Current gave before is void. False: it was cancelled, and the graph is void.
  bool Recode(Encoder encoder, const VectorSource& vectors, cocozvec::ThreadPool* pool,
              const cocozvec::Cancel* cancel = nullptr);

  GraphRef Current() const override ZVEC_EXCLUDES(mu_);
  bool growing() const noexcept override { return true; }
  const Encoder& encoder() const noexcept { return *encoder_; }
  const BuildParams& params() const noexcept { return params_; }
  /// GraphView::breadth, from now on.
  void SetBreadth(std::uint32_t breadth);
  std::uint64_t bytes() const noexcept;  ///< of memory

  /// For tests: how many nodes a walk from the entry cannot reach on level 0.
  std::uint32_t CountUnreachable() const;

 private:
  struct Arrays;
  struct NewNode;

  void Reserve(std::uint32_t rows, std::uint32_t slots, std::uint32_t upper_rows);
  void UseRows(std::uint32_t end);
  std::uint32_t AddSlot(std::uint32_t node, std::uint32_t levels);
  void Publish(std::uint32_t nodes) ZVEC_EXCLUDES(mu_);
  GraphView View(std::uint32_t nodes) const noexcept;

  void LinkBatch(std::span<const std::uint32_t> rows, const VectorSource& vectors,
                 cocozvec::ThreadPool* pool);
  void Encode(std::span<const std::uint32_t> rows, const VectorSource& vectors, cocozvec::ThreadPool* pool,
              const cocozvec::Cancel* cancel = nullptr);
  void FindNeighbours(std::vector<NewNode>& batch, std::size_t at);
  void Connect(std::vector<NewNode>& batch, std::size_t at, std::uint32_t level, Scratch& scratch);
  void LinkBack(const std::vector<NewNode>& batch, cocozvec::ThreadPool* pool);
  void AddLink(std::uint32_t level, std::uint32_t target, std::uint32_t source);
  void Shrink(std::uint32_t level, std::uint32_t node, std::uint32_t most, std::uint32_t added);
  void Choose(std::uint32_t level, std::uint32_t node, std::vector<std::uint32_t>& links,
              std::uint32_t most) const;

  void AdoptSlots(const GraphView& old, std::span<const std::uint32_t> new_row,
                  std::vector<std::uint32_t>& new_slot);
  void AdoptRow(const GraphView& old, std::uint32_t level, std::uint32_t from,
                std::span<const std::uint32_t> renumbered);
  void Heal(std::uint32_t level, std::uint32_t node, std::vector<std::uint32_t>& candidates, std::size_t most,
            std::vector<std::uint32_t>& links) const;

  void Reach(std::uint32_t from, std::vector<bool>& reached, cocozvec::LargeVector<std::uint32_t>& stack,
             const cocozvec::Cancel* cancel) const;
  void Attach(std::uint32_t node, const std::vector<bool>& reached);

  std::uint32_t* Row(std::uint32_t level, std::uint32_t node) const noexcept;
  std::uint16_t& Count(std::uint32_t level, std::uint32_t node) const noexcept;
  const std::uint8_t* Codes(std::uint32_t level) const noexcept;
  void WriteRow(std::uint32_t level, std::uint32_t node, std::span<const std::uint32_t> links);

  std::shared_ptr<const Encoder> encoder_;
  const BuildParams params_;
  const std::uint32_t row_links_;   ///< final links of a row on level 0
  const std::uint32_t row_room_;    ///< links that a row may hold before it is pruned
  std::shared_ptr<Arrays> arrays_;  ///< replaced by larger ones; readers keep theirs
  std::uint32_t entry_ = kNoNode, top_level_ = 0, breadth_ = 1;

  mutable cocozvec::Mutex mu_;
  GraphRef current_ ZVEC_GUARDED_BY(mu_);
};

/// What a GraphBuilder that was told its number of rows takes for each, at most.
std::uint64_t BuildBytesPerRow(MetricType metric, std::size_t dim, CodeKind kind, std::uint32_t m) noexcept;

/// Of a row's number: 0 for 1 - 1/m of them, and so on.
std::uint32_t LevelOf(std::uint32_t row, std::uint32_t m) noexcept;

/// Which of `candidates` (nearest first, with their distances) a node links to: those that are nearer to it
/// than to any chosen before. Puts the places of at most `most` into `chosen`.
void Prune(const simd::CodeDistances& kernels, const std::uint8_t* codes, std::size_t code_bytes,
           std::span<const std::uint32_t> candidates, const float* distances, std::size_t most,
           std::vector<std::uint32_t>& chosen);

}  // namespace zvec::inline v0::hnsw
