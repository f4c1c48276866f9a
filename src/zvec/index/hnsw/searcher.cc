#include "zvec/index/hnsw/searcher.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "zvec/simd/code_kernels.h"

namespace zvec::inline v0::hnsw {
namespace {

constexpr std::uint32_t kLeastEf = 48;
constexpr std::uint32_t kLeastKeep = 20;
/// The same by codes of 4 bits with finer queries.
constexpr std::uint32_t kLeastKeepFine = 30;
/// How much broader a walk gets by what its query's code lacks: measured at the outliers of set a
/// (bench/index), where a share of 0.02 asks for 80 candidates and 0.1 for 300.
constexpr double kMorePerCut = 60;
/// A candidate that far beyond the k-th ends the search, as a share of the k-th's squared distance.
constexpr float kSlack = 0.15f;
/// The same of a given `ef`, times its square root: whoever asks for more candidates wants to look farther.
constexpr float kSlackOfEf = 0.03f;
/// Times sqrt(2/3 D) of two candidates: 3 standard deviations.
constexpr float kMargin = 3.5f;
/// What rounding alone gives equal vectors of some dimensions.
constexpr float kLeastSquare = 16;
/// FindByCodes scores so many times more rows.
constexpr std::uint32_t kFarKeep = 8;
/// So small a scan is not worth being inexact.
constexpr double kCheapScan = 40'000;
/// Where a filter passes so much less than elsewhere, a walk would look for long: its share near the query
/// over that of all rows.
constexpr double kOpposed = 0.25;
/// Where fewer pass near the query than that share of what passes elsewhere, the nearest that pass may lie
/// behind others: a walk over matches finds 0.80 of them (an opposing 10 % of set c).
constexpr double kThin = 0.75;
/// The same of more nodes, so that chance is less.
constexpr double kThinFarther = 0.85;
/// The codes of all matches are measured there if they cost at most so many times the walk.
constexpr double kSure = 4;
/// A walk that meets nothing that passes goes on for that share of what the other ways cost.
constexpr double kInVain = 0.06;
/// Times the rows that there are for each match: nothing among so many is no chance.
constexpr double kUnlucky = 32;
/// From this share of matches on, a plain walk meets enough of them.
constexpr double kPlainFrom = 0.25;
/// Of rows that pass by chance so many times the wanted ones are met with them all but once in a hundred
/// queries.
constexpr double kByChance = 1.6;
/// Below this share of matches a walk over them keeps more, as fewer ways lead from one to the next.
constexpr double kSparse = 0.1;
/// Below, too few ways lead on for any walk: recall is 0.88 at 3 %, 0.63 at 1 % (set c).
constexpr double kLeastThrough = 0.05;
/// From this share of matches on, a walk gets out of what fails near the query for less than the codes of all
/// matches cost.
constexpr double kMostPass = 0.75;
/// From this share of dead rows on, no more are looked for.
constexpr double kMostDead = 0.5;
/// A walk that has found fewer is not stopped early: its best may be the bottom of a side valley.
constexpr std::uint32_t kLeastStop = 10;

// Nanoseconds of bench/index (set a and c, two cores that others share), each of a row or distance.

double DistanceCost(const GraphView& graph) { return 20 + static_cast<double>(graph.code_bytes()) / 25; }

double WalkCost(const GraphView& graph, double ef) { return (260 + 8 * ef) * DistanceCost(graph); }

double ThroughCost(const GraphView& graph, std::uint32_t ef) {
  const double links = graph.row_links;
  return (ef + 32.0) * links * links / 4 + WalkCost(graph, ef);
}

double ScanCost(std::uint64_t matches, std::size_t row_bytes) {
  return static_cast<double>(matches) * (4 + static_cast<double>(row_bytes) / 40);
}

/// One after the other in the order of memory: far cheaper than in a walk.
double CodesCost(const GraphView& graph, std::uint64_t matches) {
  return static_cast<double>(matches) * (1 + static_cast<double>(graph.code_bytes()) / 50);
}

/// For codes of 7 bits and of 4 with finer queries (`roughness`), and not under inner product: the elements
/// that put a row on the sphere are all rounded alike.
bool HasMargin(const GraphView& graph, const Breadth& breadth) {
  const CodeKind kind = graph.encoder->kind();
  return breadth.margin >= 0 && graph.encoder->metric() != MetricType::kIp &&
         (kind == CodeKind::kBits7 || kind == CodeKind::kBits4Fine);
}

/// What is farther than this is farther than `distance`, however codes were rounded.
float WithMargin(const GraphView& graph, const Breadth& breadth, float distance) {
  const float roughness = graph.encoder->roughness();
  return distance + breadth.margin * roughness * std::sqrt(distance + kLeastSquare * roughness * roughness);
}

float BoundOf(const GraphView& graph, const Breadth& breadth) {
  return HasMargin(graph, breadth) && breadth.bound < INFINITY ? WithMargin(graph, breadth, breadth.bound)
                                                               : INFINITY;
}

/// Whoever asks for more candidates wants to look farther, whatever bounds the answer.
std::uint32_t PatienceOf(const Breadth& breadth) { return std::max(1u, breadth.ef / kLeastEf); }

/// `topk` candidates, and those behind them that may be nearer. An element's code is off by up to half a
/// level, 1/12 squared on average: a squared distance D of codes by sqrt(2/3 D) or so.
/// True: what is nearest of the others lies beyond the bound.
bool Take(const GraphView& graph, const Pool& pool, std::uint32_t topk, const Breadth& breadth,
          const Mask* mask, std::vector<std::uint32_t>* rows, const DeadRows& dead = {}) {
  const bool bounded = HasMargin(graph, breadth);
  rows->clear();
  const float bound = BoundOf(graph, breadth);
  float limit = bound;
  for (std::uint32_t i = 0; i < pool.size() && rows->size() < breadth.keep; ++i) {
    if (pool.distance(i) > bound) return true;
    if (pool.distance(i) > limit) break;
    if (mask != nullptr && !mask->Has(pool.node(i))) continue;
    if (dead.has != nullptr && dead.has(dead.of, pool.node(i))) continue;
    rows->push_back(pool.node(i));
    if (rows->size() == topk && bounded)
      limit = std::min(bound, WithMargin(graph, breadth, pool.distance(i)));
  }
  return false;
}

std::uint32_t Times(std::uint32_t count, double factor) {
  return static_cast<std::uint32_t>(std::ceil(std::min(static_cast<double>(count) * factor, 1e6)));
}

}  // namespace

double MoreFor(double cut) { return std::min(1 + kMorePerCut * cut, double{kMostBreadth}); }

Breadth BreadthFor(std::uint32_t topk, std::uint32_t ef, CodeKind kind, double more, double broader) {
  Breadth breadth;
  breadth.keep = std::max(kind == CodeKind::kBits4Fine ? kLeastKeepFine : kLeastKeep, topk + topk / 2);
  breadth.ef = ef != 0 ? std::max(ef, topk) : std::max(kLeastEf, 2 * topk);
  breadth.ef = std::min(breadth.ef, std::max(kMaxEf, topk));
  // Whoever asks for more gets more: where codes are coarse, more than these must be scored exactly.
  if (ef != 0) breadth.keep = std::max(breadth.keep, std::min(breadth.ef, ef / 2));
  breadth.slack = ef != 0 ? kSlackOfEf * std::sqrt(static_cast<float>(breadth.ef)) : kSlack;
  breadth.margin = more > 1 ? -1 : kMargin;
  const double times = std::min(more * broader, double{kMostBreadth});
  if (ef == 0 && times > 1) {
    const std::uint32_t most = std::max(kMaxEf, breadth.ef);
    breadth.ef = std::min(static_cast<std::uint32_t>(breadth.ef * times), most);
    breadth.keep = std::min(static_cast<std::uint32_t>(breadth.keep * times), most);
    breadth.slack *= std::sqrt(static_cast<float>(times));  // or the walk ends before they are there
  }
  return breadth;
}

Way ChooseWay(const GraphView& graph, const Breadth& breadth, std::uint64_t matches, std::size_t row_bytes) {
  const double share = static_cast<double>(matches) / std::max(graph.nodes, 1u);
  const double scan = ScanCost(matches, row_bytes);
  if (scan <= std::max(kCheapScan, ScanCost(breadth.keep, row_bytes))) return Way::kScan;
  // Rows that are scored one by one lie anywhere: each costs more than in a scan.
  const double codes =
      CodesCost(graph, matches) + kFarKeep * breadth.keep * (60 + static_cast<double>(row_bytes) / 10);
  const bool plain = share >= kPlainFrom;
  const double walk = plain                   ? WalkCost(graph, breadth.ef / share)
                      : share < kLeastThrough ? INFINITY
                                              : ThroughCost(graph, breadth.ef);
  if (std::min(walk, codes) >= scan) return Way::kScan;
  return codes <= walk ? Way::kCodes : plain ? Way::kWalk : Way::kThrough;
}

Status FindNearest(const GraphView& graph, const std::uint8_t* code, std::uint32_t topk,
                   const Breadth& breadth, Scratch& scratch, std::vector<std::uint32_t>* rows,
                   const DeadRows& dead, bool* bounded) {
  std::uint32_t slot = 0;
  float distance = 0;
  ZVEC_RETURN_IF_ERROR(Descend(graph, code, 0, scratch, &slot, &distance));
  const double more = 1 / (1 - std::min(dead.share, kMostDead));
  const std::uint32_t ef = Times(breadth.ef, more), k = Times(std::max(topk, kLeastStop), more);
  ZVEC_RETURN_IF_ERROR(WalkBase(
      graph, code, graph.slot_node[slot], distance, ef,
      {k, breadth.slack, Times(breadth.keep, more), BoundOf(graph, breadth), PatienceOf(breadth)}, scratch));
  const bool beyond = Take(graph, scratch.pool, topk, breadth, nullptr, rows, dead);
  if (bounded != nullptr) *bounded = beyond;
  return {};
}

Status FindNearestMasked(const GraphView& graph, const std::uint8_t* code, std::uint32_t topk,
                         const Breadth& breadth, Way way, const Mask& mask, std::uint64_t matches,
                         std::size_t row_bytes, Scratch& scratch, std::vector<std::uint32_t>* rows,
                         bool* complete) {
  std::uint32_t slot = 0;
  float distance = 0;
  ZVEC_RETURN_IF_ERROR(Descend(graph, code, 0, scratch, &slot, &distance));
  const std::uint32_t entry = graph.slot_node[slot];
  const StopRule stop{std::max(topk, kLeastStop), breadth.slack, breadth.keep, BoundOf(graph, breadth),
                      PatienceOf(breadth)};
  bool bounded = false;
  const double share = static_cast<double>(matches) / std::max(graph.nodes, 1u);
  double around = 0;
  ZVEC_RETURN_IF_ERROR(ShareAround(graph, entry, share < kPlainFrom ? 1 : 4, mask, &around));
  const bool opposed = around < kOpposed * share;
  *complete = false;
  // However many rows there are, though the codes grow with them: a walk ends in a wrong cluster
  // (bench/index).
  if (opposed && share < kMostPass) return {};
  if (way == Way::kWalk) {
    // Where it costs half of what the other ways do, and more than a filter by chance needs, one of them is
    // taken; where nothing near the query passes, sooner.
    const double other = std::min(CodesCost(graph, matches), ScanCost(matches, row_bytes));
    const double by_chance = 2 * WalkCost(graph, breadth.ef / share);
    const auto distances = [&](double cost) {
      return static_cast<std::uint64_t>(cost / DistanceCost(graph));
    };
    const double wanted = std::max<double>(breadth.ef, kByChance * stop.k);
    const Budget budget{distances(std::max(other / 2, by_chance)),
                        std::max(distances(other * kInVain), static_cast<std::uint64_t>(kUnlucky / share)),
                        around < kThin * share
                            ? kMostWaiting
                            : std::min(Times(1, wanted / std::min(share, around)), kMostWaiting)};
    ZVEC_RETURN_IF_ERROR(
        WalkMasked(graph, code, entry, distance, mask, breadth.ef, stop, budget, scratch, complete));
    bounded = Take(graph, scratch.accepted, topk, breadth, nullptr, rows);
    // What ended it may be a row that fails: none that passes, or few, are nearer.
    bounded |= *complete && scratch.pool.HasNext() && scratch.pool.next_distance() > stop.bound;
  } else {
    if (around < kThin * share && CodesCost(graph, matches) < kSure * ThroughCost(graph, breadth.ef)) {
      // Around one node that may be chance.
      ZVEC_RETURN_IF_ERROR(ShareFarther(graph, entry, mask, scratch, &around));
      if (around < kThinFarther * share) return {};
    }
    const std::uint32_t ef = std::min(Times(breadth.ef, std::clamp(kSparse / share, 1.0, 2.0)), kMaxEf);
    const auto budget = static_cast<std::uint64_t>(breadth.ef + 64) * 4 * graph.row_links * graph.row_links;
    ZVEC_RETURN_IF_ERROR(
        WalkThrough(graph, code, entry, distance, mask, {ef, stop, budget}, scratch, complete));
    bounded = Take(graph, scratch.pool, topk, breadth, nullptr, rows);
  }
  *complete = *complete && (bounded || rows->size() >= std::min<std::uint64_t>(topk, matches));
  return {};
}

Status FindByCodes(const GraphView& graph, const std::uint8_t* code, std::uint32_t topk,
                   const Breadth& breadth, const Mask& mask, Scratch& scratch,
                   std::vector<std::uint32_t>* rows) {
  Breadth more = breadth;
  more.keep = std::max(breadth.keep, std::min(kFarKeep * breadth.keep, kMaxEf));
  ZVEC_RETURN_IF_ERROR(MeasureMasked(graph, code, mask, more.keep, scratch));
  Take(graph, scratch.pool, topk, more, nullptr, rows);
  return {};
}

}  // namespace zvec::inline v0::hnsw
