// zvec/index/hnsw/searcher.h: candidates for the nearest rows of one segment, and which way to look for them.
// Threads: any number of searches at once.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "zvec/index/hnsw/graph.h"
#include "zvec/index/hnsw/walk.h"

namespace zvec::inline v0::hnsw {

/// More results than this are found by a scan: a sorted pool would be the slower way.
inline constexpr std::uint32_t kMostFromGraph = 2'000;

struct Breadth {
  std::uint32_t ef = 0;    ///< candidates that a walk keeps
  std::uint32_t keep = 0;  ///< of them, those that are scored exactly, at most
  /// Not scored: what is farther from the k-th by so many times the distance to it (both in levels of codes),
  /// as rounding cannot bring it nearer. Negative, and under inner
  /// product: everything up to `keep` is scored.
  float margin = -1;
  float slack = -1;  ///< StopRule
  /// No row farther than this, between codes (Encoder::BetweenCodes), is wanted. Only with a margin.
  float bound = std::numeric_limits<float>::infinity();
};

/// `ef` 0: ours choose, so that recall is 0.95 or more on the reference sets (bench/index), `more` times
/// `broader` times as many (up to kMostBreadth and kMaxEf), and such a walk stops later. Given: that many, at
/// least `topk`. Scored exactly are at most half of a given `ef`, but never fewer than with `ef` 0; of these,
/// with `more` 1, what the margin leaves. A walk stops when nothing near is left; the larger a given `ef`,
/// the later. `broader`: GraphView::breadth.
Breadth BreadthFor(std::uint32_t topk, std::uint32_t ef, CodeKind kind = CodeKind::kBits7, double more = 1,
                   double broader = 1);
/// `cut`: of the query (Encoder::EncodeQuery). What is cut off puts its candidates into the wrong order: up
/// to kMostBreadth times as many are kept.
double MoreFor(double cut);

enum class Way {
  kWalk,     ///< as if there were no filter, answers picked on the way
  kThrough,  ///< only over rows that pass, through those that do not
  kCodes,    ///< measure the code of every row that passes, score the best of them
  kScan,     ///< score every row that passes
};

/// The cheapest way to the `breadth` nearest of `matches` rows out of graph.nodes. `row_bytes`: of a stored
/// vector. By estimates from bench/index.
Way ChooseWay(const GraphView& graph, const Breadth& breadth, std::uint64_t matches, std::size_t row_bytes);

/// Rows that lead on but are no answers, asked about one by one.
struct DeadRows {
  const void* of = nullptr;
  bool (*has)(const void* of, std::uint32_t row) = nullptr;  ///< null: none
  double share = 0;                                          ///< of all rows: so many more are looked for
};

/// The nearest rows to `code` by their codes that are not dead, nearest first, at most breadth.keep of them.
/// *bounded, if not null: what else there is lies beyond the bound.
Status FindNearest(const GraphView& graph, const std::uint8_t* code, std::uint32_t topk,
                   const Breadth& breadth, Scratch& scratch, std::vector<std::uint32_t>* rows,
                   const DeadRows& dead = {}, bool* bounded = nullptr);

/// The same among the rows that the mask has (`matches` of them). *complete is false when the walk gave up:
/// there are too few of them, or few where the query is. FindByCodes finds the answer then.
Status FindNearestMasked(const GraphView& graph, const std::uint8_t* code, std::uint32_t topk,
                         const Breadth& breadth, Way way, const Mask& mask, std::uint64_t matches,
                         std::size_t row_bytes, Scratch& scratch, std::vector<std::uint32_t>* rows,
                         bool* complete);

/// The same, by the codes of all rows that the mask has; some times more rows, as what is far from the query
/// differs by less than codes tell.
Status FindByCodes(const GraphView& graph, const std::uint8_t* code, std::uint32_t topk,
                   const Breadth& breadth, const Mask& mask, Scratch& scratch,
                   std::vector<std::uint32_t>* rows);

}  // namespace zvec::inline v0::hnsw
