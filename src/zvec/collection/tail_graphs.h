// zvec/collection/tail_graphs.h: the graphs over a mutable segment, which grow behind its rows. A graph's
// codes are fitted to the rows that were there when it began, so it begins anew whenever there are four times
// as many (from 16,384 rows on sixteen times, unless it was refused); the one before serves until the new one
// has caught up. What a graph is depends on the rows and
// their number alone, not on when they were linked. It is measured (graph_check.h) when it has caught up and
// when it has doubled, its codes every 2,048 rows; one that is not good enough is not shown. Threads: one
// caller at a time, but for linked() and graphs(); searches walk what graphs() gives meanwhile.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/mutex.h"
#include "zvec/collection/graphs.h"
#include "zvec/storage/stored_view.h"

namespace zvec::inline v0 {

class TailGraphs {
 public:
  /// `least_rows`: fewer get no graph (CollectionOptions::index_min_rows).
  TailGraphs(std::shared_ptr<const CollectionSchema> schema, std::uint32_t least_rows);

  /// True when Grow would do something. `last`: no more rows will come, so the last few are linked too.
  bool Wants(std::uint32_t rows, bool last) const;
  /// Links some thousand rows of a field that lags. True: graphs() has changed and is to be shown anew.
  /// Errors   kCancelled, kDataLoss.
  Result<bool> Grow(const StoredView& view, bool last, const BuildHelp& help);

  /// By field, null where there is none yet; RefusedGraph() where it would not be good enough.
  std::shared_ptr<const Graphs> graphs() const ZVEC_EXCLUDES(mu_);
  /// Rows that every field's graph holds (or cannot hold): no query has to scan them for want of a graph.
  std::uint32_t linked() const noexcept { return linked_.load(std::memory_order_relaxed); }

 private:
  struct Growing {
    std::shared_ptr<hnsw::GraphBuilder> graph;  ///< null: refused, or none
    std::uint32_t begun_at = 0;                 ///< the number of rows to which its codes are fitted; 0: none
    std::uint32_t linked = 0;
    std::uint32_t examined = 0;  ///< `linked` when Examine last came to its end
    bool refused = false;
    /// Rows are to be linked, or what was linked has not been examined.
    bool LagsBehind(std::uint32_t rows) const noexcept { return linked < rows || examined < linked; }
  };
  struct Field {
    std::size_t field = 0;
    Growing shown, next;
  };

  static std::uint32_t Linked(const Field& field) noexcept {
    return field.next.begun_at != 0 ? field.next.linked : field.shown.linked;
  }
  bool Lags(const Field& field, std::uint32_t rows, bool last) const;
  std::uint32_t BeginsAt(const Field& field, std::uint32_t rows) const noexcept;
  Status Begin(Field& field, const StoredView& view, std::uint32_t rows, const BuildHelp& help);
  Status LinkSome(Field& field, Growing& growing, const StoredView& view, bool last, const BuildHelp& help);
  Status Examine(Field& field, Growing& growing, const StoredView& view, const BuildHelp& help);
  Status ExamineAt(Field& field, Growing& growing, const StoredView& view, const BuildHelp& help);
  void Show() ZVEC_EXCLUDES(mu_);
  void CountLinked();

  const std::shared_ptr<const CollectionSchema> schema_;
  const std::uint32_t least_rows_;  ///< whole batches, as all numbers at which a graph begins
  std::vector<Field> fields_;
  std::atomic<std::uint32_t> linked_{0};
  mutable cocozvec::Mutex mu_;
  std::shared_ptr<const Graphs> graphs_ ZVEC_GUARDED_BY(mu_);
};

}  // namespace zvec::inline v0
