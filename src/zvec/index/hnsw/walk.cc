#include "zvec/index/hnsw/walk.h"

#include <algorithm>
#include <bit>
#include <type_traits>

#include "zvec/simd/code_kernels.h"

namespace zvec::inline v0::hnsw {
namespace {

/// Candidates expanded in one step: their neighbours' codes are fetched together.
constexpr std::uint32_t kStep = 3;
/// Candidates that wait in a masked walk while few of them pass.
constexpr std::uint32_t kMostWaiting = 1'024;
/// Neighbours of one that failed, looked at in one expansion (WalkThrough).
constexpr std::size_t kMostThrough = 64;

void PrefetchLinks(const std::uint32_t* row, std::uint32_t count) {
  for (std::uint32_t at = 0; at < count; at += 16) __builtin_prefetch(row + at);
}

void PrefetchCode(const std::uint8_t* code, std::size_t bytes) {
  for (std::size_t at = 0; at < bytes; at += simd::kCodeBlock) __builtin_prefetch(code + at);
}

/// Codes that are asked for while links are still being read; the kernel asks for the rest.
constexpr std::size_t kEarlyBytes = 24 * 128;

struct Base {
  const GraphView& graph;
  const std::uint8_t* codes = graph.codes;
  std::uint32_t count = graph.nodes;
  std::uint32_t width = graph.row_links;
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
  const std::uint32_t* Row(std::uint32_t slot) const {
    return graph.slot_links + std::size_t{graph.slot_row[slot] + level - 1} * graph.m;
  }
};

template <bool kGuarded>
Status TouchRow(const GraphView& graph, std::uint32_t node) {
  if constexpr (kGuarded) return graph.guard->TouchLinks(node);
  return {};
}

/// Appends the neighbours of `node` that were not seen before.
template <class Layer>
void Gather(const Layer& layer, std::uint32_t node, std::size_t bytes, std::size_t early, Scratch& scratch,
            std::size_t* count) {
  const std::uint32_t* row = layer.Row(node);
  // Copies: after every acquiring load the compiler would read them again.
  const std::uint32_t width = layer.width, known = layer.count;
  const std::uint8_t* const codes = layer.codes;
  std::uint64_t* const seen = scratch.seen.words();
  std::uint32_t* const out = scratch.nodes.data();
  std::size_t n = *count;
  for (std::uint32_t i = 0; i < width; ++i) {
    const std::uint32_t next = LoadLink(row + i);
    if (next >= known) {
      if (next == kNoNode) break;
      continue;  // linked after this walk began, or damage: not followed
    }
    // Whether it was seen nobody can predict: no branch on it.
    out[n] = next;
    if (n < early) PrefetchCode(codes + next * bytes, bytes);
    std::uint64_t& word = seen[next / 64];
    const std::uint64_t bit = std::uint64_t{1} << (next % 64), old = word;
    word = old | bit;
    n += (old & bit) == 0;
  }
  *count = n;
}

template <bool kGuarded>
Status Measure(const GraphView& graph, const std::uint8_t* codes, const std::uint8_t* query,
               std::size_t count, Scratch& scratch) {
  if constexpr (kGuarded) {
    for (std::size_t i = 0; i < count; ++i) ZVEC_RETURN_IF_ERROR(graph.guard->TouchCode(scratch.nodes[i]));
  }
  scratch.seen.Note(scratch.nodes.data(), count);
  scratch.counts.distances += count;
  graph.encoder->distances().squared_l2(query, {codes, graph.code_bytes(), scratch.nodes.data(), count},
                                        scratch.distances.data());
  return {};
}

template <class Layer>
void PrefetchNext(const Layer& layer, const Pool& pool) {
  std::uint32_t wanted = kStep;
  for (std::uint32_t i = pool.next(); i < pool.size() && wanted != 0; ++i) {
    if (pool.expanded(i)) continue;
    PrefetchLinks(layer.Row(pool.node(i)), layer.width);
    --wanted;
  }
}

bool Passed(const Pool& candidates, const Pool& answers, const StopRule& stop) {
  return stop.slack >= 0 && answers.size() >= stop.k &&
         candidates.next_distance() > (1 + stop.slack) * answers.distance(stop.k - 1);
}

template <class Layer>
void Begin(const Layer& layer, std::uint32_t ef, Scratch& scratch) {
  scratch.pool.Reset(ef);
  scratch.seen.Reset(layer.count);
  const std::size_t most = std::size_t{kStep} * layer.width + kMostThrough + 64;
  if (scratch.nodes.size() < most) {
    scratch.nodes.resize(most);
    scratch.distances.resize(most);
  }
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
  const std::size_t bytes = layer.graph.code_bytes(), early = kEarlyBytes / bytes;
  Begin(layer, ef, scratch);
  if constexpr (std::is_same_v<Layer, Base>) Avoid(layer.count, scratch);
  AddFirst(entry, distance, scratch);
  Pool& pool = scratch.pool;
  while (pool.HasNext() && !Passed(pool, pool, stop)) {
    std::size_t count = 0;
    for (std::uint32_t step = 0; step < kStep && pool.HasNext(); ++step) {
      const std::uint32_t node = pool.Pop();
      ZVEC_RETURN_IF_ERROR(TouchRow<kGuarded>(layer.graph, node));
      Gather(layer, node, bytes, early, scratch, &count);
      ++scratch.counts.expansions;
    }
    ZVEC_RETURN_IF_ERROR(Measure<kGuarded>(layer.graph, layer.codes, query, count, scratch));
    // Which of them get in nobody can predict either: chosen without a branch first.
    const float limit = pool.Limit();
    std::size_t chosen = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const float d = scratch.distances[i];
      const std::uint32_t node = scratch.nodes[i];
      scratch.distances[chosen] = d;
      scratch.nodes[chosen] = node;
      chosen += d < limit;
    }
    for (std::size_t i = 0; i < chosen; ++i) {
      // The best so far is expanded next: its links are asked for while the others are sorted in.
      if (!pool.HasNext() || scratch.distances[i] < pool.next_distance())
        PrefetchLinks(layer.Row(scratch.nodes[i]), layer.width);
      pool.Insert(scratch.nodes[i], scratch.distances[i]);
    }
    PrefetchNext(layer, pool);
  }
  scratch.seen.Done();
  return {};
}

template <bool kGuarded>
Status Masked(const GraphView& graph, const std::uint8_t* query, std::uint32_t entry, float distance,
              const Mask& mask, std::uint32_t ef, const StopRule& stop, std::uint64_t budget,
              Scratch& scratch, bool* finished) {
  const Base layer{graph};
  const std::size_t bytes = graph.code_bytes(), early = kEarlyBytes / bytes;
  Begin(layer, std::max(kMostWaiting, ef), scratch);
  AddFirst(entry, distance, scratch);
  Pool &pool = scratch.pool, &accepted = scratch.accepted;
  accepted.Reset(ef);
  if (mask.Has(entry)) accepted.Insert(entry, distance);
  const std::uint64_t most = scratch.counts.distances + budget;
  *finished = true;
  while (pool.HasNext() && pool.next_distance() < accepted.Limit() && !Passed(pool, accepted, stop)) {
    std::size_t count = 0;
    for (std::uint32_t step = 0; step < kStep && pool.HasNext(); ++step) {
      const std::uint32_t node = pool.Pop();
      ZVEC_RETURN_IF_ERROR(TouchRow<kGuarded>(graph, node));
      Gather(layer, node, bytes, early, scratch, &count);
      ++scratch.counts.expansions;
    }
    ZVEC_RETURN_IF_ERROR(Measure<kGuarded>(graph, graph.codes, query, count, scratch));
    for (std::size_t i = 0; i < count; ++i) {
      const float d = scratch.distances[i];
      if (!(d < accepted.Limit())) continue;
      pool.Insert(scratch.nodes[i], d);
      if (mask.Has(scratch.nodes[i])) accepted.Insert(scratch.nodes[i], d);
    }
    *finished = scratch.counts.distances <= most;
    if (!*finished) break;
    PrefetchNext(layer, pool);
  }
  scratch.seen.Done();
  return {};
}

struct Looks {
  std::uint64_t all = 0, passed = 0;
};

/// Like Gather, but only what the mask has; past those that fail, their neighbours.
template <bool kGuarded>
Status GatherThrough(const Base& layer, std::uint32_t node, const Mask& mask, Scratch& scratch,
                     std::size_t* count, Looks* looks) {
  const std::uint32_t* row = layer.Row(node);
  const std::size_t most = *count + kMostThrough;
  const auto take = [&](std::uint32_t next) {
    if (!scratch.seen.Add(next)) return;
    scratch.nodes[(*count)++] = next;
  };
  std::uint32_t failed[256];
  std::size_t failures = 0;
  for (std::uint32_t i = 0; i < layer.width; ++i) {
    const std::uint32_t next = LoadLink(row + i);
    if (next >= layer.count) {
      if (next == kNoNode) break;
      continue;
    }
    ++looks->all;
    if (mask.Has(next)) {
      ++looks->passed;
      take(next);
    } else if (failures < std::size(failed) && !scratch.seen.Contains(next)) {
      PrefetchLinks(layer.Row(next), layer.width);
      failed[failures++] = next;
    }
  }
  for (std::size_t f = 0; f < failures && *count < most; ++f) {
    ZVEC_RETURN_IF_ERROR(TouchRow<kGuarded>(layer.graph, failed[f]));
    // Its links were looked at: another expansion need not again.
    scratch.seen.Add(failed[f]);
    scratch.seen.Note(&failed[f], 1);
    const std::uint32_t* through = layer.Row(failed[f]);
    for (std::uint32_t i = 0; i < layer.width; ++i) {
      const std::uint32_t next = LoadLink(through + i);
      if (next >= layer.count) {
        if (next == kNoNode) break;
        continue;
      }
      ++looks->all;
      if (!mask.Has(next)) continue;
      ++looks->passed;
      take(next);
    }
  }
  return {};
}

template <bool kGuarded>
Status Through(const GraphView& graph, const std::uint8_t* query, std::uint32_t entry, float distance,
               const Mask& mask, std::span<const std::uint32_t> seeds, std::uint32_t ef, const StopRule& stop,
               std::uint64_t budget, double least, Scratch& scratch, bool* finished) {
  const Base layer{graph};
  Begin(layer, ef, scratch);
  const std::size_t most = seeds.size() + kStep * (kMostThrough + 2 * std::size_t{layer.width});
  if (scratch.nodes.size() < most) {
    scratch.nodes.resize(most);
    scratch.distances.resize(most);
  }
  AddFirst(entry, distance, scratch);
  Pool& pool = scratch.pool;
  std::size_t count = 0;
  Looks looks;
  const std::uint32_t first = pool.Pop();
  ZVEC_RETURN_IF_ERROR(TouchRow<kGuarded>(graph, first));
  ZVEC_RETURN_IF_ERROR(GatherThrough<kGuarded>(layer, first, mask, scratch, &count, &looks));
  ++scratch.counts.expansions;
  *finished = static_cast<double>(looks.passed) >= least * static_cast<double>(looks.all);
  if (!*finished) {
    scratch.seen.Note(scratch.nodes.data(), count);
    scratch.seen.Done();
    return {};
  }
  for (const std::uint32_t seed : seeds) {
    scratch.nodes[count] = seed;
    count += scratch.seen.Add(seed);
  }
  for (;;) {
    ZVEC_RETURN_IF_ERROR(Measure<kGuarded>(graph, graph.codes, query, count, scratch));
    for (std::size_t i = 0; i < count; ++i)
      if (scratch.distances[i] < pool.Limit()) pool.Insert(scratch.nodes[i], scratch.distances[i]);
    if (!pool.HasNext() || Passed(pool, pool, stop)) break;
    PrefetchNext(layer, pool);
    *finished = looks.all <= budget;
    if (!*finished) break;
    count = 0;
    for (std::uint32_t step = 0; step < kStep && pool.HasNext(); ++step) {
      const std::uint32_t node = pool.Pop();
      ZVEC_RETURN_IF_ERROR(TouchRow<kGuarded>(graph, node));
      ZVEC_RETURN_IF_ERROR(GatherThrough<kGuarded>(layer, node, mask, scratch, &count, &looks));
      ++scratch.counts.expansions;
    }
  }
  scratch.seen.Done();
  return {};
}

template <bool kGuarded>
Status AllMasked(const GraphView& graph, const std::uint8_t* query, const Mask& mask, Scratch& scratch) {
  constexpr std::size_t kBatch = 512;
  scratch.nodes.resize(std::max(scratch.nodes.size(), kBatch + 64));
  scratch.distances.resize(scratch.nodes.size());
  Pool& pool = scratch.pool;
  std::size_t count = 0;
  const auto flush = [&]() -> Status {
    if constexpr (kGuarded) {
      for (std::size_t i = 0; i < count; ++i) ZVEC_RETURN_IF_ERROR(graph.guard->TouchCode(scratch.nodes[i]));
    }
    scratch.counts.distances += count;
    graph.encoder->distances().squared_l2(
        query, {graph.codes, graph.code_bytes(), scratch.nodes.data(), count}, scratch.distances.data());
    for (std::size_t i = 0; i < count; ++i)
      if (scratch.distances[i] < pool.Limit()) pool.Insert(scratch.nodes[i], scratch.distances[i]);
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

bool Guarded(const GraphView& graph) { return graph.guard != nullptr && !graph.guard->complete(); }

}  // namespace

Scratch& Scratch::Local() {
  static thread_local Scratch scratch;
  return scratch;
}

Status Descend(const GraphView& graph, const std::uint8_t* query, std::uint32_t level, Scratch& scratch,
               std::uint32_t* slot, float* distance) {
  if (Guarded(graph)) ZVEC_RETURN_IF_ERROR(graph.guard->TouchUpper());
  const simd::CodeDistances& kernels = graph.encoder->distances();
  const std::size_t bytes = graph.code_bytes();
  if (scratch.nodes.size() < graph.m) {
    scratch.nodes.resize(graph.m);
    scratch.distances.resize(graph.m);
  }
  std::uint32_t at = graph.entry;
  float best = 0;
  kernels.squared_l2(query, {graph.slot_codes, bytes, &at, 1}, &best);
  ++scratch.counts.distances;
  for (std::uint32_t l = graph.top_level; l > level; --l) {
    const Upper layer{graph, l};
    for (bool moved = true; moved;) {
      moved = false;
      const std::uint32_t* row = layer.Row(at);
      std::size_t count = 0;
      for (std::uint32_t i = 0; i < layer.width; ++i) {
        const std::uint32_t next = LoadLink(row + i);
        if (next == kNoNode) break;
        if (next < layer.count) scratch.nodes[count++] = next;
      }
      kernels.squared_l2(query, {layer.codes, bytes, scratch.nodes.data(), count}, scratch.distances.data());
      scratch.counts.distances += count;
      for (std::size_t i = 0; i < count; ++i) {
        if (!(scratch.distances[i] < best)) continue;  // halves of a damaged file may be no numbers
        best = scratch.distances[i];
        at = scratch.nodes[i];
        moved = true;
      }
    }
  }
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
                  const Mask& mask, std::uint32_t ef, const StopRule& stop, std::uint64_t budget,
                  Scratch& scratch, bool* finished) {
  return Guarded(graph)
             ? Masked<true>(graph, query, entry, distance, mask, ef, stop, budget, scratch, finished)
             : Masked<false>(graph, query, entry, distance, mask, ef, stop, budget, scratch, finished);
}

Status WalkThrough(const GraphView& graph, const std::uint8_t* query, std::uint32_t entry, float distance,
                   const Mask& mask, std::span<const std::uint32_t> seeds, std::uint32_t ef,
                   const StopRule& stop, std::uint64_t budget, double least, Scratch& scratch,
                   bool* finished) {
  return Guarded(graph) ? Through<true>(graph, query, entry, distance, mask, seeds, ef, stop, budget, least,
                                        scratch, finished)
                        : Through<false>(graph, query, entry, distance, mask, seeds, ef, stop, budget, least,
                                         scratch, finished);
}

Status MeasureMasked(const GraphView& graph, const std::uint8_t* query, const Mask& mask, std::uint32_t keep,
                     Scratch& scratch) {
  scratch.pool.Reset(keep);
  return Guarded(graph) ? AllMasked<true>(graph, query, mask, scratch)
                        : AllMasked<false>(graph, query, mask, scratch);
}

}  // namespace zvec::inline v0::hnsw
