#include "zvec/index/hnsw/searcher.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "zvec/simd/code_kernels.h"

namespace zvec::inline v0::hnsw {
namespace {

constexpr std::uint32_t kLeastEf = 40;
constexpr std::uint32_t kLeastKeep = 20;
/// How much broader a walk gets by what its query's code lacks: measured at the outliers of set a
/// (bench/index), where a share of 0.02 asks for 80 candidates and 0.1 for 300.
constexpr double kMorePerCut = 60;
/// A candidate that far beyond the k-th ends the search, as a share of the k-th's squared distance.
constexpr float kSlack = 0.25f;
/// From this share of matches on, a plain walk meets enough of them.
constexpr double kPlainFrom = 0.3;
constexpr std::size_t kSeeds = 16;
/// A walk that has found fewer is not stopped early: its best may be the bottom of a side valley.
constexpr std::uint32_t kLeastStop = 10;

double DistanceCost(const GraphView& graph) { return 6 + static_cast<double>(graph.code_bytes()) / 16; }

double WalkCost(const GraphView& graph, double ef) { return (260 + 8 * ef) * DistanceCost(graph); }

double ThroughCost(const GraphView& graph, std::uint32_t ef) {
  const double links = graph.row_links;
  return (ef + 32.0) * (links * links + 12 * links) + WalkCost(graph, ef);
}

double ScanCost(std::uint64_t matches, std::size_t row_bytes) {
  return static_cast<double>(matches) * (10 + static_cast<double>(row_bytes) / 10);
}

/// Rows of the mask spread over all of them, where the walk begins too: the entry may be far from any.
std::vector<std::uint32_t> Seeds(const Mask& mask, std::uint32_t nodes) {
  std::vector<std::uint32_t> seeds;
  const std::uint32_t words = (nodes + 63) / 64;
  for (std::size_t s = 0; s < kSeeds; ++s) {
    const auto from = static_cast<std::uint32_t>(s * words / kSeeds),
               to = static_cast<std::uint32_t>((s + 1) * words / kSeeds);
    for (std::uint32_t w = from; w < to; ++w) {
      if (mask.words[w] == 0) continue;
      const std::uint32_t row = w * 64 + static_cast<std::uint32_t>(std::countr_zero(mask.words[w]));
      if (row < nodes) seeds.push_back(row);
      break;
    }
  }
  return seeds;
}

void Take(const Pool& pool, std::uint32_t keep, const Mask* mask, std::vector<std::uint32_t>* rows) {
  rows->clear();
  for (std::uint32_t i = 0; i < pool.size() && rows->size() < keep; ++i)
    if (mask == nullptr || mask->Has(pool.node(i))) rows->push_back(pool.node(i));
}

}  // namespace

double MoreFor(const GraphView& graph, double cut) {
  return std::min((1 + kMorePerCut * cut) * graph.breadth, double{kMostBreadth});
}

Breadth BreadthFor(std::uint32_t topk, std::uint32_t ef, double more) {
  Breadth breadth;
  breadth.keep = std::max(kLeastKeep, topk + topk / 2);
  breadth.ef = ef != 0 ? std::max(ef, topk) : std::max(kLeastEf, 2 * topk);
  breadth.ef = std::min(breadth.ef, std::max(kMaxEf, topk));
  // Whoever asks for more gets more: where codes are coarse, more than these must be scored exactly.
  if (ef != 0) breadth.keep = std::max(breadth.keep, std::min(breadth.ef, ef / 2));
  breadth.slack = ef != 0 ? -1 : kSlack;
  if (ef == 0 && more > 1) {
    const std::uint32_t most = std::max(kMaxEf, breadth.ef);
    breadth.ef = std::min(static_cast<std::uint32_t>(breadth.ef * more), most);
    breadth.keep = std::min(static_cast<std::uint32_t>(breadth.keep * more), most);
  }
  return breadth;
}

Way ChooseWay(const GraphView& graph, const Breadth& breadth, std::uint64_t matches, std::size_t row_bytes) {
  const double share = static_cast<double>(matches) / std::max(graph.nodes, 1u);
  const double scan = ScanCost(matches, row_bytes);
  if (share >= kPlainFrom) {
    return WalkCost(graph, breadth.ef / share) < scan ? Way::kWalk : Way::kScan;
  }
  return ThroughCost(graph, breadth.ef) < scan ? Way::kThrough : Way::kScan;
}

Status FindNearest(const GraphView& graph, const std::uint8_t* code, std::uint32_t topk,
                   const Breadth& breadth, Scratch& scratch, std::vector<std::uint32_t>* rows) {
  std::uint32_t slot = 0;
  float distance = 0;
  ZVEC_RETURN_IF_ERROR(Descend(graph, code, 0, scratch, &slot, &distance));
  ZVEC_RETURN_IF_ERROR(WalkBase(graph, code, graph.slot_node[slot], distance, breadth.ef,
                                {std::max(topk, kLeastStop), breadth.slack}, scratch));
  Take(scratch.pool, breadth.keep, nullptr, rows);
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
  const StopRule stop{std::max(topk, kLeastStop), breadth.slack};
  if (way == Way::kWalk) {
    // What a scan of the matches would cost, at most.
    const auto budget = static_cast<std::uint64_t>(ScanCost(matches, row_bytes) / DistanceCost(graph));
    ZVEC_RETURN_IF_ERROR(
        WalkMasked(graph, code, entry, distance, mask, breadth.ef, stop, budget, scratch, complete));
    Take(scratch.accepted, breadth.keep, nullptr, rows);
  } else {
    const auto budget = static_cast<std::uint64_t>(breadth.ef + 64) * 4 * graph.row_links * graph.row_links;
    ZVEC_RETURN_IF_ERROR(WalkThrough(graph, code, entry, distance, mask, Seeds(mask, graph.nodes), breadth.ef,
                                     stop, budget, scratch, complete));
    Take(scratch.pool, breadth.keep, &mask, rows);
  }
  *complete = *complete && rows->size() >= std::min<std::uint64_t>(topk, matches);
  return {};
}

}  // namespace zvec::inline v0::hnsw
