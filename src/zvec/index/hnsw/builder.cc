#include "zvec/index/hnsw/builder.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>

#include "base/array.h"
#include "zvec/index/hnsw/walk.h"
#include "zvec/simd/code_kernels.h"

namespace zvec::inline v0::hnsw {

using cocozvec::Array;
using cocozvec::MakeArray;

namespace {

/// Links that a row takes beyond its final number, so that pruning is rare.
constexpr std::uint32_t kSlack = 16;
constexpr std::size_t kRowsPerTask = 8;
constexpr std::uint32_t kMaxLevel = 12;

void Parallel(cocozvec::ThreadPool* pool, std::size_t count, const std::function<void(std::size_t)>& body) {
  if (pool != nullptr && count > 1) {
    pool->ParallelFor(count, body);
  } else {
    for (std::size_t i = 0; i < count; ++i) body(i);
  }
}

/// Runs body(first, last) over parts of 0 .. count - 1.
void ParallelParts(cocozvec::ThreadPool* pool, std::size_t count, std::size_t part,
                   const std::function<void(std::size_t, std::size_t)>& body) {
  Parallel(pool, (count + part - 1) / part,
           [&](std::size_t i) { body(i * part, std::min(count, (i + 1) * part)); });
}

/// Asked before each part of long work: what is left of it is skipped then.
bool Raised(const cocozvec::Cancel* cancel) { return cancel != nullptr && cancel->raised(); }

}  // namespace

std::uint32_t LevelOf(std::uint32_t row, std::uint32_t m) noexcept {
  std::uint64_t z = (row + 1) * std::uint64_t{0x9E3779B97F4A7C15};  // splitmix64
  z = (z ^ (z >> 30)) * std::uint64_t{0xBF58476D1CE4E5B9};
  z = (z ^ (z >> 27)) * std::uint64_t{0x94D049BB133111EB};
  z ^= z >> 31;
  // Divisions of integers, so that every machine computes the same level.
  std::uint32_t level = 0;
  for (std::uint64_t limit = UINT64_MAX / std::max(m, 2u); z < limit && level < kMaxLevel; ++level)
    limit /= std::max(m, 2u);
  return level;
}

void Prune(const simd::CodeDistances& kernels, const std::uint8_t* codes, std::size_t code_bytes,
           std::span<const std::uint32_t> candidates, const float* distances, std::size_t most,
           std::vector<std::uint32_t>& chosen) {
  chosen.clear();
  std::uint32_t nodes[4];
  thread_local std::vector<std::uint32_t> kept;
  kept.clear();
  for (std::uint32_t i = 0; i < candidates.size() && kept.size() < most; ++i) {
    const std::uint8_t* code = codes + candidates[i] * code_bytes;
    bool near = false;
    for (std::size_t k = 0; k < kept.size() && !near; k += 4) {
      const std::size_t count = std::min<std::size_t>(4, kept.size() - k);
      std::copy_n(&kept[k], count, nodes);
      float between[4];
      kernels.squared_l2_near(code, {codes, code_bytes, nodes, count}, between);
      for (std::size_t j = 0; j < count; ++j) near |= between[j] < distances[i];
    }
    if (near) continue;
    kept.push_back(candidates[i]);
    chosen.push_back(i);
  }
}

/// Everything that a view points into. What a reader may see is never freed or moved under it.
struct GraphBuilder::Arrays {
  std::shared_ptr<const Encoder> encoder;
  std::uint32_t rows = 0, slots = 0, upper_rows = 0;                 ///< room
  std::uint32_t used_slots = 0, used_upper_rows = 0, used_rows = 0;  ///< rows: whose links are initialised
  Array<std::uint8_t> codes;
  Array<std::uint32_t> links;
  Array<std::uint16_t> counts;  ///< links of a row; the builder's own, as is:
  Array<std::uint8_t> present;  ///< 0: the row has no vector
  Array<std::uint32_t> slot_node, slot_row, slot_links;
  Array<std::uint8_t> slot_codes, slot_levels;
  Array<std::uint16_t> slot_counts;  ///< by upper row
};

/// A row of the batch that is being linked.
struct GraphBuilder::NewNode {
  std::uint32_t row = 0, slot = kNoNode, levels = 0;
  std::vector<std::vector<std::uint32_t>> links;  ///< by level
};

namespace {
template <class T>
Array<T> Grown(const Array<T>& old, std::size_t used, std::size_t room) {
  Array<T> grown = MakeArray<T>(room, cocozvec::Touched::kAtRandom);
  if (used != 0) std::memcpy(grown.get(), old.get(), used * sizeof(T));
  return grown;
}

std::uint32_t Room(std::uint32_t now, std::uint32_t wanted) {
  return wanted <= now ? now : std::max(wanted, now + now / 2);
}
}  // namespace

namespace {
/// Links that a row may hold before it is pruned, in whole cache lines.
std::uint32_t RoomOf(std::uint32_t m) { return (2 * m + kSlack + 15) / 16 * 16; }
}  // namespace

std::uint64_t BuildBytesPerRow(MetricType metric, std::size_t dim, CodeKind kind, std::uint32_t m) noexcept {
  const std::uint64_t code = Encoder::CodeBytes(dim, /*on_sphere=*/metric == MetricType::kIp, kind);
  const std::uint64_t upper = code + 9 + std::uint64_t{m} * 4 + 2;  // a slot and its row
  return code + std::uint64_t{RoomOf(m)} * 4 + 3 + upper * 2 / std::max(m, 2u) + 1;
}

GraphBuilder::GraphBuilder(Encoder encoder, const BuildParams& params, std::uint32_t rows)
    : encoder_(std::make_shared<const Encoder>(std::move(encoder))),
      params_(params),
      row_links_(2 * params.m),
      row_room_(RoomOf(params.m)),
      arrays_(std::make_shared<Arrays>()) {
  const std::uint32_t upper = rows / std::max(params.m, 2u) * 2 + 64;
  Reserve(std::max(rows, 64u), upper, upper);
  Publish(0);
}

GraphBuilder::~GraphBuilder() = default;

std::uint64_t GraphBuilder::bytes() const noexcept {
  const Arrays& a = *arrays_;
  const std::uint64_t row = encoder_->code_bytes() + row_room_ * 4 + 2;
  return a.used_rows * row + a.used_slots * (encoder_->code_bytes() + 9) +
         a.used_upper_rows * (params_.m * 4 + 2);
}

void GraphBuilder::Reserve(std::uint32_t rows, std::uint32_t slots, std::uint32_t upper_rows) {
  const Arrays& old = *arrays_;
  if (rows <= old.rows && slots <= old.slots && upper_rows <= old.upper_rows) return;
  const std::size_t code = encoder_->code_bytes(), m = params_.m;
  auto next = std::make_shared<Arrays>();
  next->encoder = encoder_;
  next->rows = Room(old.rows, rows);
  next->slots = Room(old.slots, slots);
  next->upper_rows = Room(old.upper_rows, upper_rows);
  next->used_rows = old.used_rows;
  next->used_slots = old.used_slots;
  next->used_upper_rows = old.used_upper_rows;
  next->codes = Grown(old.codes, old.used_rows * code, next->rows * code);
  next->links = Grown(old.links, std::size_t{old.used_rows} * row_room_, std::size_t{next->rows} * row_room_);
  next->counts = Grown(old.counts, old.used_rows, next->rows);
  next->present = Grown(old.present, old.used_rows, next->rows);
  next->slot_node = Grown(old.slot_node, old.used_slots, next->slots);
  next->slot_row = Grown(old.slot_row, old.used_slots, next->slots);
  next->slot_levels = Grown(old.slot_levels, old.used_slots, next->slots);
  next->slot_codes = Grown(old.slot_codes, old.used_slots * code, next->slots * code);
  next->slot_links = Grown(old.slot_links, old.used_upper_rows * m, next->upper_rows * m);
  next->slot_counts = Grown(old.slot_counts, old.used_upper_rows, next->upper_rows);
  arrays_ = std::move(next);
}

GraphView GraphBuilder::View(std::uint32_t nodes) const noexcept {
  const Arrays& a = *arrays_;
  GraphView view;
  view.encoder = encoder_.get();
  view.nodes = nodes;
  view.codes = a.codes.get();
  view.present = a.present.get();
  view.links = a.links.get();
  view.row_links = row_room_;
  view.m = params_.m;
  view.slots = a.used_slots;
  view.upper_rows = a.used_upper_rows;
  view.slot_node = a.slot_node.get();
  view.slot_row = a.slot_row.get();
  view.slot_codes = a.slot_codes.get();
  view.slot_links = a.slot_links.get();
  view.entry = entry_;
  view.top_level = top_level_;
  view.breadth = breadth_;
  return view;
}

void GraphBuilder::SetBreadth(std::uint32_t breadth) {
  breadth_ = breadth;
  Publish(Current().view.nodes);
}

void GraphBuilder::Publish(std::uint32_t nodes) {
  const GraphView view = View(nodes);
  cocozvec::MutexLock lock(mu_);
  current_ = {view, arrays_};
}

GraphRef GraphBuilder::Current() const {
  cocozvec::MutexLock lock(mu_);
  return current_;
}

std::uint32_t* GraphBuilder::Row(std::uint32_t level, std::uint32_t node) const noexcept {
  Arrays& a = *arrays_;
  if (level == 0) return &a.links[std::size_t{node} * row_room_];
  return &a.slot_links[std::size_t{a.slot_row[node] + level - 1} * params_.m];
}

std::uint16_t& GraphBuilder::Count(std::uint32_t level, std::uint32_t node) const noexcept {
  Arrays& a = *arrays_;
  return level == 0 ? a.counts[node] : a.slot_counts[a.slot_row[node] + level - 1];
}

const std::uint8_t* GraphBuilder::Codes(std::uint32_t level) const noexcept {
  return level == 0 ? arrays_->codes.get() : arrays_->slot_codes.get();
}

/// Rows that come into use: no links.
void GraphBuilder::UseRows(std::uint32_t end) {
  Arrays& a = *arrays_;
  if (end <= a.used_rows) return;
  std::fill_n(&a.links[std::size_t{a.used_rows} * row_room_], std::size_t{end - a.used_rows} * row_room_,
              kNoNode);
  std::fill_n(&a.counts[a.used_rows], end - a.used_rows, std::uint16_t{0});
  std::fill_n(&a.present[a.used_rows], end - a.used_rows, std::uint8_t{0});
  a.used_rows = end;
}

std::uint32_t GraphBuilder::AddSlot(std::uint32_t node, std::uint32_t levels) {
  Reserve(arrays_->rows, arrays_->used_slots + 1, arrays_->used_upper_rows + levels);
  Arrays& a = *arrays_;
  const std::uint32_t slot = a.used_slots++, first = a.used_upper_rows;
  a.slot_node[slot] = node;
  a.slot_row[slot] = first;
  a.slot_levels[slot] = static_cast<std::uint8_t>(levels);
  a.used_upper_rows += levels;
  std::fill_n(&a.slot_links[std::size_t{first} * params_.m], std::size_t{levels} * params_.m, kNoNode);
  std::fill_n(&a.slot_counts[first], levels, std::uint16_t{0});
  return slot;
}

void GraphBuilder::WriteRow(std::uint32_t level, std::uint32_t node, std::span<const std::uint32_t> links) {
  std::uint32_t* row = Row(level, node);
  std::uint16_t& count = Count(level, node);
  for (std::size_t i = 0; i < links.size(); ++i) StoreLink(row + i, links[i]);
  for (std::size_t i = links.size(); i < count; ++i) StoreLink(row + i, kNoNode);
  count = static_cast<std::uint16_t>(links.size());
}

bool GraphBuilder::Link(std::span<const std::uint32_t> rows, std::uint32_t nodes, const VectorSource& vectors,
                        cocozvec::ThreadPool* pool, const cocozvec::Cancel* cancel) {
  if (!rows.empty()) Reserve(rows.back() + 1, 0, 0);
  std::uint32_t seen = Current().view.nodes;
  for (std::size_t at = 0; at < rows.size(); at += kLinkBatch) {
    if (Raised(cancel)) return false;
    const auto batch = rows.subspan(at, std::min<std::size_t>(kLinkBatch, rows.size() - at));
    LinkBatch(batch, vectors, pool);
    // What lies between is linked already or has no vector.
    seen = std::max(seen, batch.back() + 1);
    Publish(seen);
  }
  Reserve(nodes, 0, 0);
  UseRows(nodes);
  Publish(std::max(seen, nodes));
  return true;
}

void GraphBuilder::Encode(std::span<const std::uint32_t> rows, const VectorSource& vectors,
                          cocozvec::ThreadPool* pool, const cocozvec::Cancel* cancel) {
  ParallelParts(pool, rows.size(), 64, [&](std::size_t first, std::size_t last) {
    if (Raised(cancel)) return;
    std::vector<float> buffer(encoder_->dim());
    for (std::size_t i = first; i < last; ++i) {
      const float* vector = vectors(rows[i], buffer.data());
      arrays_->present[rows[i]] = vector != nullptr;
      if (vector != nullptr) encoder_->EncodeRow(vector, &arrays_->codes[rows[i] * encoder_->code_bytes()]);
    }
  });
}

void GraphBuilder::LinkBatch(std::span<const std::uint32_t> rows, const VectorSource& vectors,
                             cocozvec::ThreadPool* pool) {
  assert(encoder_->kind() != CodeKind::kBits4Fine && "no row can be measured against a row");
  UseRows(rows.back() + 1);
  Encode(rows, vectors, pool);
  const std::size_t code = encoder_->code_bytes();
  std::vector<NewNode> batch;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (arrays_->present[rows[i]] == 0) continue;
    NewNode node;
    node.row = rows[i];
    node.levels = LevelOf(rows[i], params_.m);
    // An entry is always a slot.
    if (entry_ == kNoNode && batch.empty()) node.levels = std::max(node.levels, 1u);
    if (node.levels != 0) {
      node.slot = AddSlot(node.row, node.levels);
      std::memcpy(&arrays_->slot_codes[node.slot * code], &arrays_->codes[node.row * code], code);
    }
    node.links.resize(node.levels + 1);
    batch.push_back(std::move(node));
  }
  ParallelParts(pool, batch.size(), kRowsPerTask, [&](std::size_t first, std::size_t last) {
    for (std::size_t i = first; i < last; ++i) FindNeighbours(batch, i);
  });
  LinkBack(batch, pool);
  for (const NewNode& node : batch) {
    if (node.slot == kNoNode || (entry_ != kNoNode && node.levels <= top_level_)) continue;
    entry_ = node.slot;
    top_level_ = node.levels;
  }
}

void GraphBuilder::FindNeighbours(std::vector<NewNode>& batch, std::size_t at) {
  NewNode& node = batch[at];
  // The graph as it was: slots of this batch have no links yet and nothing leads to them.
  const GraphView graph = View(arrays_->used_rows);
  const std::uint8_t* query = &arrays_->codes[node.row * encoder_->code_bytes()];
  Scratch& scratch = Scratch::Local();
  std::uint32_t slot = kNoNode;
  float distance = 0;
  const bool any = entry_ != kNoNode;
  // Walks in memory cannot fail.
  if (any) (void)Descend(graph, query, std::min(node.levels, top_level_), scratch, &slot, &distance);
  for (std::uint32_t level = node.levels; level > 0; --level) {
    scratch.pool.Reset(params_.ef_construction);
    if (any && level <= top_level_) {
      (void)WalkUpper(graph, query, level, slot, distance, params_.ef_construction, scratch);
      slot = scratch.pool.node(0);
      distance = scratch.pool.distance(0);
    }
    Connect(batch, at, level, scratch);
  }
  scratch.pool.Reset(params_.ef_construction);
  if (any)
    (void)WalkBase(graph, query, graph.slot_node[slot], distance, params_.ef_construction, {}, scratch);
  Connect(batch, at, 0, scratch);
}

/// Adds the rows of the batch to the candidates in the scratch's pool and chooses the node's links.
void GraphBuilder::Connect(std::vector<NewNode>& batch, std::size_t at, std::uint32_t level,
                           Scratch& scratch) {
  NewNode& node = batch[at];
  const std::size_t code = encoder_->code_bytes();
  const std::uint8_t* query = &arrays_->codes[node.row * code];
  std::vector<std::uint32_t>& mates = scratch.nodes;
  mates.clear();
  for (std::size_t i = 0; i < batch.size(); ++i)
    if (i != at && batch[i].levels >= level) mates.push_back(level == 0 ? batch[i].row : batch[i].slot);
  scratch.distances.resize(std::max(scratch.distances.size(), mates.size()));
  encoder_->distances().squared_l2_near(query, {Codes(level), code, mates.data(), mates.size()},
                                        scratch.distances.data());
  scratch.pool.SortIn(mates.data(), scratch.distances.data(), mates.size(), scratch.pool.Limit());
  thread_local std::vector<std::uint32_t> candidates, chosen;
  thread_local std::vector<float> distances;
  candidates.clear();
  distances.clear();
  for (std::uint32_t i = 0; i < scratch.pool.size(); ++i) {
    candidates.push_back(scratch.pool.node(i));
    distances.push_back(scratch.pool.distance(i));
  }
  Prune(encoder_->distances(), Codes(level), code, candidates, distances.data(), params_.m, chosen);
  for (const std::uint32_t c : chosen) node.links[level].push_back(candidates[c]);
}

void GraphBuilder::LinkBack(const std::vector<NewNode>& batch, cocozvec::ThreadPool* pool) {
  for (const NewNode& node : batch)
    for (std::uint32_t level = 0; level <= node.levels; ++level)
      WriteRow(level, level == 0 ? node.row : node.slot, node.links[level]);
  // Every target belongs to one part, and a part goes through the links in their order.
  const std::size_t parts = pool != nullptr ? 4 * (pool->size() + 1) : 1;
  Parallel(pool, parts, [&](std::size_t part) {
    for (const NewNode& node : batch)
      for (std::uint32_t level = 0; level <= node.levels; ++level)
        for (const std::uint32_t target : node.links[level])
          if ((target / 16) % parts == part) AddLink(level, target, level == 0 ? node.row : node.slot);
  });
}

void GraphBuilder::AddLink(std::uint32_t level, std::uint32_t target, std::uint32_t source) {
  const std::uint32_t room = level == 0 ? row_room_ : params_.m;
  std::uint32_t* row = Row(level, target);
  std::uint16_t& count = Count(level, target);
  if (std::find(row, row + count, source) != row + count)
    return;  // two rows of a batch that chose each other
  if (count < room) {
    StoreLink(row + count, source);
    ++count;
    if (level == 0 && count == room) Shrink(level, target, row_links_, kNoNode);
    return;
  }
  Shrink(level, target, room, source);
}

/// Prunes a row to `most` links; `added` is a candidate too.
void GraphBuilder::Shrink(std::uint32_t level, std::uint32_t node, std::uint32_t most, std::uint32_t added) {
  const std::uint32_t* row = Row(level, node);
  std::vector<std::uint32_t> links(row, row + Count(level, node));
  if (added != kNoNode) links.push_back(added);
  Choose(level, node, links, most);
  WriteRow(level, node, links);
}

/// Leaves of `links` those that pruning chooses, at most `most`, nearest first.
void GraphBuilder::Choose(std::uint32_t level, std::uint32_t node, std::vector<std::uint32_t>& links,
                          std::uint32_t most) const {
  const std::size_t code = encoder_->code_bytes();
  const std::uint8_t* codes = Codes(level);
  thread_local std::vector<float> distances;
  thread_local std::vector<std::pair<float, std::uint32_t>> sorted;
  thread_local std::vector<std::uint32_t> chosen;
  distances.resize(links.size());
  encoder_->distances().squared_l2(codes + node * code, {codes, code, links.data(), links.size()},
                                   distances.data());
  sorted.clear();
  for (std::size_t i = 0; i < links.size(); ++i) sorted.emplace_back(distances[i], links[i]);
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < links.size(); ++i) {
    distances[i] = sorted[i].first;
    links[i] = sorted[i].second;
  }
  Prune(encoder_->distances(), codes, code, links, distances.data(), most, chosen);
  for (std::size_t i = 0; i < chosen.size(); ++i) links[i] = links[chosen[i]];
  links.resize(chosen.size());
}

Status GraphBuilder::Adopt(const GraphView& old, std::span<const std::uint32_t> new_row, std::uint32_t rows,
                           const VectorSource& vectors, cocozvec::ThreadPool* pool,
                           const cocozvec::Cancel* cancel) {
  const auto cancelled = [] { return Status::Cancelled("taking over a graph was cancelled"); };
  const std::uint32_t nodes = std::min<std::uint32_t>(old.nodes, static_cast<std::uint32_t>(new_row.size()));
  if (old.guard != nullptr && !old.empty()) {
    ZVEC_RETURN_IF_ERROR(old.guard->TouchUpper());
    for (std::uint32_t node = 0; node < nodes; ++node) {
      if (node % 1024 == 0 && Raised(cancel)) return cancelled();
      ZVEC_RETURN_IF_ERROR(old.guard->TouchLinks(node));
    }
  }
  Reserve(rows, 0, 0);
  UseRows(rows);
  cocozvec::LargeVector<std::uint32_t> kept;
  for (std::uint32_t node = 0; node < nodes; ++node)
    if (new_row[node] != kNoNode) kept.push_back(new_row[node]);
  Encode(kept, vectors, pool, cancel);
  if (Raised(cancel)) return cancelled();
  std::vector<std::uint32_t> new_slot;
  if (!old.empty()) AdoptSlots(old, new_row, new_slot);
  ParallelParts(pool, nodes, 256, [&](std::size_t first, std::size_t last) {
    if (Raised(cancel)) return;
    for (std::size_t node = first; node < last; ++node)
      if (new_row[node] != kNoNode) AdoptRow(old, 0, static_cast<std::uint32_t>(node), new_row);
  });
  if (Raised(cancel)) return cancelled();
  for (std::uint32_t slot = 0; slot < new_slot.size(); ++slot) {
    if (new_slot[slot] == kNoNode) continue;
    for (std::uint32_t level = 1; level <= arrays_->slot_levels[new_slot[slot]]; ++level)
      AdoptRow(old, level, slot, new_slot);
  }
  if (entry_ == kNoNode && !kept.empty()) {
    const auto first =
        std::find_if(kept.begin(), kept.end(), [&](std::uint32_t row) { return arrays_->present[row] != 0; });
    if (first != kept.end()) {
      entry_ = AddSlot(*first, 1);
      top_level_ = 1;
      std::memcpy(&arrays_->slot_codes[entry_ * encoder_->code_bytes()],
                  &arrays_->codes[*first * encoder_->code_bytes()], encoder_->code_bytes());
    }
  }
  Publish(kept.empty() ? 0 : *std::max_element(kept.begin(), kept.end()) + 1);
  return {};
}

/// The slots of rows that stay, and the new entry: the first of the highest level.
void GraphBuilder::AdoptSlots(const GraphView& old, std::span<const std::uint32_t> new_row,
                              std::vector<std::uint32_t>& new_slot) {
  const std::size_t code = encoder_->code_bytes();
  new_slot.assign(old.slots, kNoNode);
  for (std::uint32_t slot = 0; slot < old.slots; ++slot) {
    const std::uint32_t node = old.slot_node[slot];
    if (node >= new_row.size() || new_row[node] == kNoNode || arrays_->present[new_row[node]] == 0) continue;
    const std::uint32_t end = slot + 1 < old.slots ? old.slot_row[slot + 1] : old.upper_rows;
    const std::uint32_t levels = end - old.slot_row[slot];
    const std::uint32_t added = new_slot[slot] = AddSlot(new_row[node], levels);
    std::memcpy(&arrays_->slot_codes[added * code], &arrays_->codes[new_row[node] * code], code);
    if (entry_ != kNoNode && levels <= top_level_) continue;
    entry_ = added;
    top_level_ = levels;
  }
}

/// The links of a node that stays. For those that go, what lay behind them is looked through.
void GraphBuilder::AdoptRow(const GraphView& old, std::uint32_t level, std::uint32_t from,
                            std::span<const std::uint32_t> renumbered) {
  const std::uint32_t node = renumbered[from];
  if (level == 0 && arrays_->present[node] == 0) return;
  const std::uint32_t width = level == 0 ? old.row_links : old.m, most = level == 0 ? row_links_ : params_.m;
  const auto row_of = [&](std::uint32_t n) {
    return level == 0 ? old.links + std::size_t{n} * old.row_links
                      : old.slot_links + std::size_t{old.slot_row[n] + level - 1} * old.m;
  };
  std::vector<std::uint32_t> links, behind, gone;
  for (std::uint32_t i = 0; i < width; ++i) {
    const std::uint32_t next = LoadLink(row_of(from) + i);
    if (next == kNoNode) break;
    if (next >= renumbered.size()) continue;
    if (renumbered[next] == kNoNode) {
      gone.push_back(next);
    } else if (renumbered[next] != node) {
      links.push_back(renumbered[next]);
    }
  }
  for (const std::uint32_t next : gone) {
    for (std::uint32_t i = 0; i < width; ++i) {
      const std::uint32_t further = LoadLink(row_of(next) + i);
      if (further == kNoNode) break;
      if (further >= renumbered.size() || renumbered[further] == kNoNode || renumbered[further] == node)
        continue;
      behind.push_back(renumbered[further]);
    }
  }
  if (links.size() > most) Choose(level, node, links, most);
  Heal(level, node, behind, most, links);
  WriteRow(level, node, links);
}

/// Adds to a node's links those of `candidates` that are nearer to it than to any nearer link, up to `most`
/// altogether. The links that it has all stay: to choose among them anew would thin them out.
void GraphBuilder::Heal(std::uint32_t level, std::uint32_t node, std::vector<std::uint32_t>& candidates,
                        std::size_t most, std::vector<std::uint32_t>& links) const {
  if (candidates.empty() || links.size() >= most) return;
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  std::erase_if(candidates, [&](std::uint32_t candidate) {
    return std::find(links.begin(), links.end(), candidate) != links.end();
  });
  const std::size_t code = encoder_->code_bytes();
  const std::uint8_t* codes = Codes(level);
  const auto measure = [&](std::uint32_t from, const std::vector<std::uint32_t>& to,
                           std::vector<float>& distances) {
    distances.resize(to.size());
    encoder_->distances().squared_l2(codes + from * code, {codes, code, to.data(), to.size()},
                                     distances.data());
  };
  thread_local std::vector<float> to_links, to_candidates, between;
  thread_local std::vector<std::pair<float, std::uint32_t>> sorted;
  measure(node, links, to_links);
  measure(node, candidates, to_candidates);
  sorted.clear();
  for (std::size_t i = 0; i < candidates.size(); ++i) sorted.emplace_back(to_candidates[i], candidates[i]);
  std::sort(sorted.begin(), sorted.end());
  for (const auto& [distance, candidate] : sorted) {
    if (links.size() >= most) return;
    measure(candidate, links, between);
    bool near = false;
    for (std::size_t i = 0; i < links.size() && !near; ++i)
      near = between[i] < distance && to_links[i] <= distance;
    if (near) continue;
    links.push_back(candidate);
    to_links.push_back(distance);
  }
}

bool GraphBuilder::Finish(cocozvec::ThreadPool* pool, const cocozvec::Cancel* cancel) {
  if (entry_ == kNoNode) return true;
  Arrays& a = *arrays_;
  ParallelParts(pool, a.used_rows, 1024, [&](std::size_t first, std::size_t last) {
    if (Raised(cancel)) return;
    for (std::size_t i = first; i < last; ++i)
      if (a.counts[i] > row_links_) Shrink(0, static_cast<std::uint32_t>(i), row_links_, kNoNode);
  });
  if (Raised(cancel)) return false;
  std::vector<bool> reached(a.used_rows);
  cocozvec::LargeVector<std::uint32_t> stack;
  Reach(a.slot_node[entry_], reached, stack, cancel);
  for (std::uint32_t node = 0; node < a.used_rows; ++node) {
    if (Raised(cancel)) return false;
    if (reached[node] || a.present[node] == 0) continue;
    Attach(node, reached);
    Reach(node, reached, stack, cancel);
  }
  Publish(Current().view.nodes);
  return true;
}

/// Marks what can be reached from a node; less when it was cancelled.
void GraphBuilder::Reach(std::uint32_t from, std::vector<bool>& reached,
                         cocozvec::LargeVector<std::uint32_t>& stack, const cocozvec::Cancel* cancel) const {
  const Arrays& a = *arrays_;
  reached[from] = true;
  stack.push_back(from);
  while (!stack.empty() && !Raised(cancel)) {
    const std::uint32_t node = stack.back();
    stack.pop_back();
    for (std::uint32_t i = 0; i < a.counts[node]; ++i) {
      const std::uint32_t next = a.links[std::size_t{node} * row_room_ + i];
      if (reached[next]) continue;
      reached[next] = true;
      stack.push_back(next);
    }
  }
}

/// Gives the node a link from the nearest reachable one that has room; if none of them has, from the nearest,
/// whose farthest neighbour moves behind the node.
void GraphBuilder::Attach(std::uint32_t node, const std::vector<bool>& reached) {
  Arrays& a = *arrays_;
  Scratch& scratch = Scratch::Local();
  const GraphView graph = View(a.used_rows);
  const std::uint8_t* query = &a.codes[node * encoder_->code_bytes()];
  std::uint32_t slot = 0;
  float distance = 0;
  (void)Descend(graph, query, 0, scratch, &slot, &distance);
  // From the entry itself: all that this walk finds is reachable.
  const std::uint32_t entry = a.slot_node[entry_];
  float from_entry = 0;
  encoder_->distances().squared_l2(query, {a.codes.get(), encoder_->code_bytes(), &entry, 1}, &from_entry);
  const std::uint32_t start = reached[a.slot_node[slot]] ? a.slot_node[slot] : entry;
  (void)WalkBase(graph, query, start, start == entry ? from_entry : distance, params_.ef_construction, {},
                 scratch);
  std::uint32_t nearest = kNoNode;
  for (std::uint32_t i = 0; i < scratch.pool.size(); ++i) {
    const std::uint32_t candidate = scratch.pool.node(i);
    if (candidate == node || !reached[candidate]) continue;
    if (nearest == kNoNode) nearest = candidate;
    if (a.counts[candidate] >= row_links_) continue;
    StoreLink(Row(0, candidate) + a.counts[candidate]++, node);
    return;
  }
  std::uint32_t* row = Row(0, nearest);
  const std::uint32_t moved = row[row_links_ - 1];
  if (a.counts[node] >= row_links_) --a.counts[node];  // nothing reachable leads through it
  StoreLink(Row(0, node) + a.counts[node]++, moved);
  StoreLink(row + row_links_ - 1, node);
}

bool GraphBuilder::Recode(Encoder encoder, const VectorSource& vectors, cocozvec::ThreadPool* pool,
                          const cocozvec::Cancel* cancel) {
  const std::uint32_t nodes = Current().view.nodes;
  Arrays& a = *arrays_;
  encoder_ = a.encoder = std::make_shared<const Encoder>(std::move(encoder));
  cocozvec::LargeVector<std::uint32_t> rows;
  for (std::uint32_t row = 0; row < a.used_rows; ++row)
    if (a.present[row] != 0) rows.push_back(row);
  Encode(rows, vectors, pool, cancel);
  if (Raised(cancel)) return false;
  const std::size_t code = encoder_->code_bytes();
  for (std::uint32_t slot = 0; slot < a.used_slots; ++slot)
    std::memcpy(&a.slot_codes[slot * code], &a.codes[a.slot_node[slot] * code], code);
  Publish(nodes);
  return true;
}

std::uint32_t GraphBuilder::CountUnreachable() const {
  const Arrays& a = *arrays_;
  std::vector<bool> reached(a.used_rows);
  cocozvec::LargeVector<std::uint32_t> stack;
  if (entry_ != kNoNode) Reach(a.slot_node[entry_], reached, stack, nullptr);
  std::uint32_t missed = 0;
  for (std::uint32_t node = 0; node < a.used_rows; ++node) missed += !reached[node] && a.present[node] != 0;
  return missed;
}

}  // namespace zvec::inline v0::hnsw
