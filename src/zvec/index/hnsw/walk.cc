#include "zvec/index/hnsw/walk.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <type_traits>

#include "zvec/simd/code_kernels.h"

namespace zvec::inline v0::hnsw {
namespace {

/// Candidates expanded in one step: their neighbours' codes are fetched together.
constexpr std::uint32_t kStep = 3;
/// Steps after which a walk that came no nearer has come as near as it will, within the bound and beyond it,
/// where it may be in a side valley; what ends it then is that much beyond. With fewer, or nearer, recall
/// over several segments falls by 0.001 to 0.01 (bench/index --mode segments).
constexpr std::uint32_t kPatience = 6, kPatienceBeyond = 12;
constexpr float kBeyond = 1.3f;
/// Neighbours of one that failed, looked at in one expansion (WalkThrough).
constexpr std::size_t kMostThrough = 64;
/// Neighbours that failed and are looked past, in one expansion.
constexpr std::uint32_t kMostPast = 256;
/// A walk over matches measures so many slots, up to twice, and begins at the nearest of them.
constexpr std::uint32_t kSlots = 512, kSeeds = 32;

void PrefetchLinks(const std::uint32_t* row, std::uint32_t count) {
  for (std::uint32_t at = 0; at < count; at += 16) __builtin_prefetch(row + at);
}

/// Codes that are asked for while links are still being read; the kernel asks for the rest.
constexpr std::size_t kEarlyBytes = 128 * 128;
/// Of codes that long the first third is measured first, and the rest where that leaves a chance.
constexpr std::size_t kLeastInParts = 384;
/// The same of kBits4Fine: at 384 bytes whole ones are faster, at 512 it is all the same.
constexpr std::size_t kLeastFineInParts = 512;
/// The first part's share of a distance that is not exceeded, over the largest share that was met: of some
/// fifty distances the largest stands for 98 % of them, and 7 % more for all but one in a thousand (set c).
constexpr float kShareMargin = 1.07f;
/// Distances without which no share is known.
constexpr std::uint32_t kLeastShares = 32;

struct Base {
  const GraphView& graph;
  const std::uint8_t* codes = graph.codes;
  std::uint32_t count = graph.nodes;
  std::uint32_t width = graph.row_links;
  const std::uint32_t* rows = graph.links;  ///< by node
  const std::uint32_t* Row(std::uint32_t node) const {
    return graph.links + std::size_t{node} * graph.row_links;
  }
};

struct Upper {
  const GraphView& graph;
  std::uint32_t level;
  const std::uint8_t* codes = graph.slot_codes;
  std::uint32_t count = graph.slots;
  std::uint32_t width = graph.m;
  const std::uint32_t* rows = nullptr;  ///< a slot has several
  const std::uint32_t* Row(std::uint32_t slot) const {
    return graph.slot_links + std::size_t{graph.slot_row[slot] + level - 1} * graph.m;
  }
};

template <bool kGuarded>
Status TouchRow(const GraphView& graph, std::uint32_t node) {
  if constexpr (kGuarded) return graph.guard->TouchLinks(node);
  return {};
}

/// The first part of long codes: most of what a walk meets is too far by that alone, and need not be read on.
struct FirstPart {
  std::size_t bytes = 0;  ///< 0: codes are measured whole
  std::uint32_t shares = 0;
  float most = 0;  ///< the largest share of a distance that the part had; at least its share of the code

  FirstPart(std::size_t code_bytes, bool fine) {
    if (code_bytes < (fine ? kLeastFineInParts : kLeastInParts)) return;
    bytes = code_bytes / 3 / simd::kCodeBlock * simd::kCodeBlock;
    most = static_cast<float>(bytes) / static_cast<float>(code_bytes);
  }
  /// What a part must be below to belong to a distance below `limit`.
  float Cut(float limit) const noexcept {
    return shares < kLeastShares ? INFINITY : limit * std::min(most * kShareMargin, 1.0f);
  }
  void Learn(float part, float whole) noexcept {
    ++shares;
    if (part > most * whole) most = part / whole;
  }
};

/// What every step of a walk needs, looked up once.
template <class Layer>
struct Tools {
  const simd::CodeKernels& kernels = simd::ActiveCodeKernels();
  const simd::CodeBatch measure;
  FirstPart part;
  const std::size_t query_part;  ///< what of a query belongs to the first part
  simd::LinkRow row;
  explicit Tools(const Layer& layer)
      : measure(layer.graph.encoder->distances().squared_l2),
        part(layer.graph.code_bytes(), layer.graph.encoder->kind() == CodeKind::kBits4Fine),
        query_part(part.bytes * (layer.graph.encoder->query_bytes() / layer.graph.code_bytes())) {
    row.width = layer.width;
    row.known = layer.count;
    row.codes = layer.codes;
    row.code_bytes = layer.graph.code_bytes();
    row.ask_bytes = part.bytes;
    row.early = kEarlyBytes / (part.bytes != 0 ? part.bytes : row.code_bytes);
  }
};

/// Expands the nearest of the pool, some of them: the neighbours that were not seen before.
template <bool kGuarded, class Layer>
Status Gather(const Layer& layer, Tools<Layer>& tools, Scratch& scratch, std::size_t* count) {
  *count = 0;
  for (std::uint32_t step = 0; step < kStep && scratch.pool.HasNext(); ++step) {
    const std::uint32_t node = scratch.pool.Pop();
    ZVEC_RETURN_IF_ERROR(TouchRow<kGuarded>(layer.graph, node));
    tools.row.links = layer.Row(node);
    *count = tools.kernels.take_unseen(tools.row, scratch.seen.words(), scratch.nodes.data(), *count);
    ++scratch.counts.expansions;
  }
  return {};
}

/// `asked`: the codes of so many of the nodes were asked for before.
template <class Layer>
void MeasureWhole(const Tools<Layer>& tools, const std::uint8_t* query, std::size_t asked, std::size_t count,
                  Scratch& scratch) {
  tools.measure(query,
                {tools.row.codes, tools.row.code_bytes, scratch.nodes.data(), count, std::min(asked, count)},
                scratch.distances.data());
}

/// Leaves those that may be nearer than `limit`.
template <class Layer>
void MeasureParts(Tools<Layer>& tools, const std::uint8_t* query, std::size_t asked, float limit,
                  std::size_t* count, Scratch& scratch) {
  std::uint32_t* const nodes = scratch.nodes.data();
  float *const distances = scratch.distances.data(), *const rests = scratch.rests.data();
  const std::size_t bytes = tools.row.code_bytes, first = tools.part.bytes;
  tools.measure(query, {tools.row.codes, first, nodes, *count, std::min(asked, *count), bytes}, distances);
  const float cut = tools.part.Cut(limit);
  std::size_t left = 0;
  for (std::size_t i = 0; i < *count; ++i) {
    const float distance = distances[i];
    const std::uint32_t node = nodes[i];
    distances[left] = distance;
    nodes[left] = node;
    left += distance <= cut;
  }
  tools.measure(query + tools.query_part, {tools.row.codes + first, bytes - first, nodes, left, 0, bytes},
                rests);
  for (std::size_t i = 0; i < left; ++i) {
    const float part = distances[i];
    distances[i] += rests[i];
    tools.part.Learn(part, distances[i]);
  }
  *count = left;
}

/// Of the scratch's nodes: their distances, and only of those that may be nearer than `limit`.
template <bool kGuarded, class Layer>
Status Measure(const Layer& layer, Tools<Layer>& tools, const std::uint8_t* query, std::size_t asked,
               float limit, std::size_t* count, Scratch& scratch) {
  if constexpr (kGuarded) {
    for (std::size_t i = 0; i < *count; ++i)
      ZVEC_RETURN_IF_ERROR(layer.graph.guard->TouchCode(scratch.nodes[i]));
  }
  scratch.counts.distances += *count;
  if (tools.part.bytes == 0) {
    MeasureWhole(tools, query, asked, *count, scratch);
  } else {
    MeasureParts(tools, query, asked, limit, count, scratch);
  }
  return {};
}

/// Asks for the links of what is expanded next, if nothing comes in before it: what is nearer than the
/// returned distance would be.
template <class Layer>
float PrefetchNext(const Layer& layer, const Pool& pool) {
  std::uint32_t wanted = kStep;
  for (std::uint32_t i = pool.next(); i < pool.size(); ++i) {
    if (pool.expanded(i)) continue;
    PrefetchLinks(layer.Row(pool.node(i)), layer.width);
    if (--wanted == 0) return pool.distance(i);
  }
  return 3e38f;
}

/// How long a walk has come no nearer.
class Nearing {
 public:
  void Step(const Pool& candidates) noexcept {
    steps_ = candidates.distance(0) < best_ ? 0 : steps_ + 1;
    best_ = candidates.distance(0);
  }
  bool over(const StopRule& stop) const noexcept {
    return steps_ >= stop.patience * (best_ > stop.bound ? kPatienceBeyond : kPatience);
  }

 private:
  float best_ = INFINITY;
  std::uint32_t steps_ = 0;
};

bool Passed(const Pool& candidates, const Pool& answers, const StopRule& stop, const Nearing& nearing) {
  if (stop.slack < 0) return false;
  const float next = candidates.next_distance();
  return (answers.size() >= stop.k && next > (1 + stop.slack) * answers.distance(stop.k - 1)) ||
         (nearing.over(stop) && next > kBeyond * (1 + stop.slack) * stop.bound);
}

/// What is farther than this can neither be expanded before the walk stops nor be among those to keep.
float Reach(const Pool& answers, const StopRule& stop) {
  const float limit = answers.Limit();
  if (stop.slack < 0 || answers.size() < std::max(stop.k, stop.keep)) return limit;
  const float expanded = (1 + stop.slack) * answers.distance(stop.k - 1);
  return std::min(limit, stop.keep == 0 ? expanded : std::max(expanded, answers.distance(stop.keep - 1)));
}

void MakeRoom(std::size_t nodes, Scratch& scratch) {
  if (scratch.nodes.size() < nodes) scratch.nodes.resize(nodes);
  if (scratch.distances.size() < nodes) scratch.distances.resize(nodes);
  if (scratch.rests.size() < nodes) scratch.rests.resize(nodes);
}

template <class Layer>
void Begin(const Layer& layer, std::uint32_t ef, Scratch& scratch) {
  scratch.pool.Reset(ef);
  scratch.seen.Reset(layer.count);
  MakeRoom(std::size_t{kStep} * layer.width + kMostThrough + 64, scratch);
}

/// On level 0.
void Avoid(std::uint32_t count, Scratch& scratch) {
  if (scratch.avoid >= count) return;
  scratch.seen.Add(scratch.avoid);
  scratch.seen.Note(&scratch.avoid, 1);
}

void AddFirst(std::uint32_t entry, float distance, Scratch& scratch) {
  scratch.seen.Add(entry);
  scratch.seen.Note(&entry, 1);
  scratch.pool.Insert(entry, distance);
}

template <bool kGuarded, class Layer>
Status Walk(const Layer& layer, const std::uint8_t* query, std::uint32_t entry, float distance,
            std::uint32_t ef, const StopRule& stop, Scratch& scratch) {
  Tools<Layer> tools(layer);
  Begin(layer, ef, scratch);
  if constexpr (std::is_same_v<Layer, Base>) Avoid(layer.count, scratch);
  AddFirst(entry, distance, scratch);
  Pool& pool = scratch.pool;
  Nearing nearing;
  while (pool.HasNext() && !Passed(pool, pool, stop, nearing)) {
    std::size_t count = 0;
    ZVEC_RETURN_IF_ERROR(Gather<kGuarded>(layer, tools, scratch, &count));
    // Links that are asked for only when they are needed are half of a walk's time.
    const float soon = PrefetchNext(layer, pool);
    const float reach = Reach(pool, stop);
    scratch.seen.Note(scratch.nodes.data(), count);
    ZVEC_RETURN_IF_ERROR(Measure<kGuarded>(layer, tools, query, tools.row.early, reach, &count, scratch));
    pool.SortIn(tools.kernels, scratch.nodes.data(), scratch.distances.data(), count, reach, layer.rows,
                layer.width, soon);
    if (layer.rows == nullptr) PrefetchNext(layer, pool);
    nearing.Step(pool);
  }
  scratch.seen.Done();
  return {};
}

template <bool kGuarded>
Status Masked(const GraphView& graph, const std::uint8_t* query, std::uint32_t entry, float distance,
              const Mask& mask, std::uint32_t ef, const StopRule& stop, const Budget& budget,
              Scratch& scratch, bool* finished) {
  const Base layer{graph};
  Tools<Base> tools(layer);
  Begin(layer, std::max(budget.waiting, ef), scratch);
  AddFirst(entry, distance, scratch);
  Pool &pool = scratch.pool, &accepted = scratch.accepted;
  accepted.Reset(ef);
  if (mask.Has(entry)) accepted.Insert(entry, distance);
  const std::uint64_t before = scratch.counts.distances;
  std::uint32_t* const nodes = scratch.nodes.data();
  float* const distances = scratch.distances.data();
  *finished = true;
  Nearing nearing;
  while (pool.HasNext() && pool.next_distance() < accepted.Limit() &&
         !Passed(pool, accepted, stop, nearing)) {
    std::size_t count = 0, passed = 0;
    ZVEC_RETURN_IF_ERROR(Gather<kGuarded>(layer, tools, scratch, &count));
    const float soon = PrefetchNext(layer, pool);
    const float reach = Reach(accepted, stop);
    scratch.seen.Note(scratch.nodes.data(), count);
    ZVEC_RETURN_IF_ERROR(Measure<kGuarded>(layer, tools, query, tools.row.early, reach, &count, scratch));
    pool.SortIn(tools.kernels, nodes, distances, count, reach, layer.rows, layer.width, soon);
    for (std::size_t i = 0; i < count; ++i) {
      const std::uint32_t node = nodes[i];
      nodes[passed] = node;
      distances[passed] = distances[i];
      passed += mask.Has(node);
    }
    accepted.SortIn(tools.kernels, nodes, distances, passed, reach);
    nearing.Step(pool);
    const std::uint64_t spent = scratch.counts.distances - before;
    *finished = spent <= (accepted.size() != 0 ? budget.distances : budget.in_vain);
    if (!*finished) break;
  }
  scratch.seen.Done();
  return {};
}

/// The sets that a walk over matches begins with.
void BeginSets(const Mask& mask, std::uint32_t nodes, Scratch& scratch) {
  const std::size_t words = std::size_t{nodes} / 64 + 1;
  scratch.out.resize(words);
  scratch.passed.resize(words);
  const std::size_t known = (std::size_t{nodes} + 63) / 64;
  for (std::size_t w = 0; w < known; ++w) {
    scratch.passed[w] = mask.words[w];
    scratch.out[w] = ~mask.words[w];
  }
}

/// Like Gather, but only what the mask has; past those that fail, their neighbours. Adds to *looks.
template <bool kGuarded>
Status GatherThrough(const Base& layer, Tools<Base>& tools, std::uint32_t node, Scratch& scratch,
                     std::size_t* count, std::uint64_t* looks) {
  std::uint32_t failed[kMostPast + 1];
  const std::size_t most = *count + kMostThrough;
  ZVEC_RETURN_IF_ERROR(TouchRow<kGuarded>(layer.graph, node));
  tools.row.links = layer.Row(node);
  *count = tools.kernels.take_unseen(tools.row, scratch.out.data(), scratch.nodes.data(), *count);
  simd::LinkRow past = tools.row;
  past.width = std::min(past.width, kMostPast);
  const std::size_t failures = tools.kernels.take_unseen(past, scratch.passed.data(), failed, 0);
  *looks += layer.width;
  for (std::size_t f = 0; f < failures; ++f) PrefetchLinks(layer.Row(failed[f]), layer.width);
  for (std::size_t f = 0; f < failures && *count < most; ++f) {
    ZVEC_RETURN_IF_ERROR(TouchRow<kGuarded>(layer.graph, failed[f]));
    tools.row.links = layer.Row(failed[f]);
    *count = tools.kernels.take_unseen(tools.row, scratch.out.data(), scratch.nodes.data(), *count);
    *looks += layer.width;
  }
  ++scratch.counts.expansions;
  return {};
}

/// Into scratch.accepted: the nearest of some slots, spread over all of them, that the mask has.
void MeasureSlots(const GraphView& graph, const std::uint8_t* query, const Mask& mask, Scratch& scratch) {
  constexpr std::size_t kBatch = 64;
  std::uint32_t slots[kBatch + 1];
  float distances[kBatch];
  const simd::CodeKernels& kernels = simd::ActiveCodeKernels();
  const simd::CodeBatch measure = graph.encoder->distances().squared_l2;
  Pool& seeds = scratch.accepted;
  std::size_t count = 0;
  const auto flush = [&] {
    measure(query, {graph.slot_codes, graph.code_bytes(), slots, count}, distances);
    scratch.counts.distances += count;
    for (std::size_t i = 0; i < count; ++i) slots[i] = graph.slot_node[slots[i]];
    seeds.SortIn(kernels, slots, distances, count, seeds.Limit());
    count = 0;
  };
  const std::uint32_t step = std::max(1u, graph.slots / kSlots);
  seeds.Reset(kSeeds);
  for (std::uint64_t slot = 0; slot < graph.slots; slot += step) {
    const std::uint32_t node = graph.slot_node[slot];
    if (node >= graph.nodes) continue;  // it came later
    slots[count] = static_cast<std::uint32_t>(slot);
    count += mask.Has(node);
    if (count == kBatch) flush();
  }
  if (count != 0) flush();
}

template <bool kGuarded>
Status Through(const GraphView& graph, const std::uint8_t* query, std::uint32_t entry, float distance,
               const Mask& mask, const ThroughRule& rule, Scratch& scratch, bool* finished) {
  const Base layer{graph};
  Tools<Base> tools(layer);
  tools.row.early = 0;  // most of what it sees is not measured
  scratch.pool.Reset(rule.ef);
  BeginSets(mask, graph.nodes, scratch);
  MakeRoom(kStep * (kMostThrough + 2 * std::size_t{layer.width}) + 64, scratch);
  MeasureSlots(graph, query, mask, scratch);
  Pool& pool = scratch.pool;
  const auto begin_at = [&](std::uint32_t node, float far) {
    std::uint64_t& word = scratch.out[node / 64];
    const std::uint64_t bit = std::uint64_t{1} << (node % 64);
    if ((word & bit) == 0) pool.Insert(node, far);
    word |= bit;
  };
  for (std::uint32_t s = 0; s < scratch.accepted.size(); ++s)
    begin_at(scratch.accepted.node(s), scratch.accepted.distance(s));
  if (mask.Has(entry)) begin_at(entry, distance);
  std::uint64_t looks = 0;
  std::size_t count = 0;
  // What lies around the entry is looked at, whether that one passes or not.
  ZVEC_RETURN_IF_ERROR(GatherThrough<kGuarded>(layer, tools, entry, scratch, &count, &looks));
  for (Nearing nearing;; nearing.Step(pool)) {
    const float reach = Reach(pool, rule.stop);
    ZVEC_RETURN_IF_ERROR(Measure<kGuarded>(layer, tools, query, 0, reach, &count, scratch));
    pool.SortIn(tools.kernels, scratch.nodes.data(), scratch.distances.data(), count, reach);
    *finished = looks <= rule.budget;
    if (!*finished || !pool.HasNext() || Passed(pool, pool, rule.stop, nearing)) return {};
    PrefetchNext(layer, pool);
    count = 0;
    for (std::uint32_t step = 0; step < kStep && pool.HasNext(); ++step)
      ZVEC_RETURN_IF_ERROR(GatherThrough<kGuarded>(layer, tools, pool.Pop(), scratch, &count, &looks));
  }
}

template <bool kGuarded>
Status AllMasked(const GraphView& graph, const std::uint8_t* query, const Mask& mask, Scratch& scratch) {
  constexpr std::size_t kBatch = 512;
  const Base layer{graph};
  Tools<Base> tools(layer);
  MakeRoom(kBatch + 64, scratch);
  Pool& pool = scratch.pool;
  std::size_t count = 0;
  const auto flush = [&]() -> Status {
    ZVEC_RETURN_IF_ERROR(Measure<kGuarded>(layer, tools, query, 0, pool.Limit(), &count, scratch));
    pool.SortIn(tools.kernels, scratch.nodes.data(), scratch.distances.data(), count, pool.Limit());
    count = 0;
    return {};
  };
  for (std::uint32_t word = 0; word <= (graph.nodes - 1) / 64; ++word) {
    for (std::uint64_t left = mask.words[word]; left != 0; left &= left - 1)
      scratch.nodes[count++] = word * 64 + static_cast<std::uint32_t>(std::countr_zero(left));
    if (count >= kBatch) ZVEC_RETURN_IF_ERROR(flush());
  }
  return flush();
}

/// True when candidates that were dropped may have been nearer than the k-th that passes, or than the last
/// where fewer are wanted.
bool DroppedNear(const Scratch& scratch, const StopRule& stop) {
  const Pool &pool = scratch.pool, &accepted = scratch.accepted;
  if (!pool.full() || pool.distance(pool.size() - 1) > stop.bound) return false;
  if (accepted.size() < stop.k && !accepted.full()) return true;
  return accepted.distance(std::min(stop.k, accepted.size()) - 1) > pool.distance(pool.size() - 1);
}

bool Guarded(const GraphView& graph) { return graph.guard != nullptr && !graph.guard->complete(); }

}  // namespace

Scratch& Scratch::Local() {
  static thread_local Scratch scratch;
  return scratch;
}

Status Descend(const GraphView& graph, const std::uint8_t* query, std::uint32_t level, Scratch& scratch,
               std::uint32_t* slot, float* distance) {
  if (Guarded(graph)) ZVEC_RETURN_IF_ERROR(graph.guard->TouchUpper());
  Tools<Upper> tools(Upper{graph, graph.top_level});
  MakeRoom(std::size_t{graph.m} + 1, scratch);
  // What was measured once is not nearer than the nearest: on no level it is measured again.
  scratch.seen.Reset(graph.slots);
  std::uint32_t at = graph.entry;
  float best = 0;
  tools.measure(query, {graph.slot_codes, graph.code_bytes(), &at, 1}, &best);
  scratch.seen.Add(at);
  scratch.seen.Note(&at, 1);
  ++scratch.counts.distances;
  for (std::uint32_t l = graph.top_level; l > level; --l) {
    const Upper layer{graph, l};
    for (bool moved = true; moved;) {
      moved = false;
      tools.row.links = layer.Row(at);
      std::size_t count = tools.kernels.take_unseen(tools.row, scratch.seen.words(), scratch.nodes.data(), 0);
      scratch.seen.Note(scratch.nodes.data(), count);
      ZVEC_RETURN_IF_ERROR(Measure<false>(layer, tools, query, tools.row.early, best, &count, scratch));
      for (std::size_t i = 0; i < count; ++i) {
        if (!(scratch.distances[i] < best)) continue;  // halves of a damaged file may be no numbers
        best = scratch.distances[i];
        at = scratch.nodes[i];
        moved = true;
      }
    }
  }
  scratch.seen.Done();
  *slot = at;
  *distance = best;
  return {};
}

Status WalkBase(const GraphView& graph, const std::uint8_t* query, std::uint32_t entry, float distance,
                std::uint32_t ef, const StopRule& stop, Scratch& scratch) {
  const Base layer{graph};
  return Guarded(graph) ? Walk<true>(layer, query, entry, distance, ef, stop, scratch)
                        : Walk<false>(layer, query, entry, distance, ef, stop, scratch);
}

Status WalkUpper(const GraphView& graph, const std::uint8_t* query, std::uint32_t level, std::uint32_t entry,
                 float distance, std::uint32_t ef, Scratch& scratch) {
  return Walk<false>(Upper{graph, level}, query, entry, distance, ef, {}, scratch);
}

Status WalkMasked(const GraphView& graph, const std::uint8_t* query, std::uint32_t entry, float distance,
                  const Mask& mask, std::uint32_t ef, const StopRule& stop, const Budget& budget,
                  Scratch& scratch, bool* finished) {
  const auto walk = [&](const Budget& with) {
    return Guarded(graph)
               ? Masked<true>(graph, query, entry, distance, mask, ef, stop, with, scratch, finished)
               : Masked<false>(graph, query, entry, distance, mask, ef, stop, with, scratch, finished);
  };
  const std::uint64_t before = scratch.counts.distances;
  ZVEC_RETURN_IF_ERROR(walk(budget));
  if (!*finished || budget.waiting >= kMostWaiting || !DroppedNear(scratch, stop)) return {};
  const std::uint64_t spent = scratch.counts.distances - before;
  const auto left = [&](std::uint64_t distances) { return distances - std::min(distances, spent); };
  return walk({left(budget.distances), left(budget.in_vain), kMostWaiting});
}

Status WalkThrough(const GraphView& graph, const std::uint8_t* query, std::uint32_t entry, float distance,
                   const Mask& mask, const ThroughRule& rule, Scratch& scratch, bool* finished) {
  return Guarded(graph) ? Through<true>(graph, query, entry, distance, mask, rule, scratch, finished)
                        : Through<false>(graph, query, entry, distance, mask, rule, scratch, finished);
}

Status ShareAround(const GraphView& graph, std::uint32_t node, std::uint32_t every, const Mask& mask,
                   double* share) {
  const bool guarded = Guarded(graph);
  const Base layer{graph};
  std::uint32_t links = 0, passed = 0;
  std::uint32_t further[kMostPast];
  std::size_t count = 0;
  const auto look = [&](std::uint32_t from, bool first) -> Status {
    if (guarded) ZVEC_RETURN_IF_ERROR(graph.guard->TouchLinks(from));
    const std::uint32_t* row = layer.Row(from);
    for (std::uint32_t i = 0; i < layer.width; ++i) {
      const std::uint32_t next = LoadLink(row + i);
      if (next == kNoNode) break;
      if (next >= layer.count) continue;
      ++links;
      passed += mask.Has(next);
      if (!first || i % every != 0 || count == std::size(further)) continue;
      PrefetchLinks(layer.Row(next), layer.width);
      further[count++] = next;
    }
    return {};
  };
  ZVEC_RETURN_IF_ERROR(look(node, true));
  for (std::size_t f = 0; f < count; ++f) ZVEC_RETURN_IF_ERROR(look(further[f], false));
  *share = links == 0 ? 1 : static_cast<double>(passed) / links;
  return {};
}

Status ShareFarther(const GraphView& graph, std::uint32_t node, const Mask& mask, Scratch& scratch,
                    double* share) {
  constexpr std::size_t kNodes = 2'000, kAhead = 8;
  const bool guarded = Guarded(graph);
  const Base layer{graph};
  Tools<Base> tools(layer);
  tools.row.early = 0;  // no code is measured
  MakeRoom(kNodes + layer.width + 1, scratch);
  scratch.seen.Reset(layer.count);
  scratch.seen.Add(node);
  std::uint32_t* const nodes = scratch.nodes.data();
  std::size_t count = 1;
  nodes[0] = node;
  for (std::size_t at = 0; at < count && count < kNodes; ++at) {
    if (guarded) ZVEC_RETURN_IF_ERROR(graph.guard->TouchLinks(nodes[at]));
    if (at + kAhead < count) PrefetchLinks(layer.Row(nodes[at + kAhead]), layer.width);
    tools.row.links = layer.Row(nodes[at]);
    count = tools.kernels.take_unseen(tools.row, scratch.seen.words(), nodes, count);
  }
  scratch.seen.Note(nodes, count);
  scratch.seen.Done();
  const auto passed = std::count_if(nodes, nodes + count, [&](std::uint32_t n) { return mask.Has(n); });
  *share = static_cast<double>(passed) / static_cast<double>(count);
  return {};
}

Status MeasureMasked(const GraphView& graph, const std::uint8_t* query, const Mask& mask, std::uint32_t keep,
                     Scratch& scratch) {
  scratch.pool.Reset(keep);
  return Guarded(graph) ? AllMasked<true>(graph, query, mask, scratch)
                        : AllMasked<false>(graph, query, mask, scratch);
}

}  // namespace zvec::inline v0::hnsw
