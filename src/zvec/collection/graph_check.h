// zvec/collection/graph_check.h: what a query would find through a graph, measured before it is used.
// Threads: plain functions.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "base/thread_pool.h"
#include "zvec/collection/graphs.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

/// Below either, a graph answers worse than is promised (docs/search.md): the segment is scanned instead.
inline constexpr double kLeastRecall = 0.95, kLeastRecallOfWorst = 0.9;

/// Share of the ten nearest rows that a query with the default ef finds, asked with rows of the segment that
/// the walk keeps away from, as if they had never been linked: those that are linked are easier to answer.
struct GraphQuality {
  double any = 1;             ///< over rows drawn by hash
  std::uint32_t breadth = 1;  ///< GraphView::breadth with which this was reached: the least that is good
  double worst =
      1;  ///< over some of those that the codes represent worst; not measured when `any` is too low
  bool good() const noexcept { return any >= kLeastRecall && worst >= kLeastRecallOfWorst; }
};

/// The up to `count` live rows with the largest loss above 0, worst first; any of them when it was cancelled.
std::vector<std::uint32_t> WorstRows(const SegmentView& view, const VectorColumn& column,
                                     const hnsw::Encoder& encoder, std::size_t count, const BuildHelp& help);

/// Of a field's graph, against exact scans of the segment: the same numbers with any number of threads.
/// Costs some per cent of the build.
Result<GraphQuality> MeasureGraph(const SegmentView& view, std::size_t field, const VectorColumn& column,
                                  std::shared_ptr<const hnsw::Graph> graph, const BuildHelp& help);

}  // namespace zvec::inline v0
