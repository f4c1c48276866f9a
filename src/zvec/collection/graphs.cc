#include "zvec/collection/graphs.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>

#include "cocozvec/base/log.h"
#include "zvec/collection/graph_check.h"
#include "zvec/doc.h"
#include "zvec/index/hnsw/searcher.h"

namespace zvec::inline v0 {
namespace {

constexpr std::size_t kSampleRows = 4'096;
constexpr std::size_t kSampleFloats = std::size_t{8} << 20;

constexpr std::size_t kExtremeRows = 32;
/// Below, a field gets codes of 7 bits although 4 were asked for.
constexpr double kLeastFitnessOf4 = 0.9;
/// What the shorter codes of a finished graph may lose of what those it was linked by find.
constexpr double kMostLostByFine = 0.005;
/// A graph that has lost more of its nodes than the rest is not worth healing.
constexpr double kLeastSurvivors = 0.7;

/// An old graph whose nodes go on living, and the new row of each of them (else kNoNode).
struct Heir {
  hnsw::GraphRef old;
  cocozvec::LargeVector<std::uint32_t> new_row;
  cocozvec::LargeVector<std::uint32_t> fresh;  ///< rows that are not in it
  bool growing = false;                        ///< of the same rows while they were in the mutable segment
};

/// Of the graphs that are nearly whole, the one with the most rows. `old` is empty when there is none.
Heir ChooseHeir(std::span<const SegmentView* const> sources, std::span<const RowRef> from, std::size_t field,
                std::uint32_t m) {
  std::vector<hnsw::GraphRef> graphs(sources.size());
  std::vector<std::uint32_t> alive(sources.size());
  for (std::size_t s = 0; s < sources.size(); ++s)
    if (const hnsw::Graph* graph = sources[s]->Graph(field)) graphs[s] = graph->Current();
  for (const RowRef& row : from) alive[row.source] += row.row < graphs[row.source].view.nodes;
  std::size_t best = sources.size();
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const hnsw::GraphView& view = graphs[s].view;
    if (view.empty() || view.m != m || alive[s] < kLeastSurvivors * view.nodes) continue;
    if (best == sources.size() || alive[s] > alive[best]) best = s;
  }
  Heir heir;
  if (best == sources.size()) return heir;
  heir.old = graphs[best];
  heir.growing = sources[best]->Graph(field)->growing();
  heir.new_row.assign(heir.old.view.nodes, hnsw::kNoNode);
  for (std::uint32_t row = 0; row < from.size(); ++row) {
    if (from[row].source == best && from[row].row < heir.old.view.nodes)
      heir.new_row[from[row].row] = row;
    else
      heir.fresh.push_back(row);
  }
  return heir;
}

auto SampleOf(const VectorColumn& column, std::size_t dim) {
  return column.Sample(std::min(kSampleRows, kSampleFloats / dim + 1));
}

/// Links rows in pieces, which gives the same bytes, so that it can be told how far it has come.
bool LinkRows(hnsw::GraphBuilder& graph, std::span<const std::uint32_t> rows, const VectorColumn& column,
              const BuildHelp& help) {
  constexpr std::size_t kPiece = 8 * hnsw::kLinkBatch;
  for (std::size_t at = 0; at < rows.size(); at += kPiece) {
    const auto piece = rows.subspan(at, std::min(kPiece, rows.size() - at));
    if (!graph.Link(piece, piece.back() + 1, column.Source(), help.pool, help.cancel)) return false;
    if (help.linked != nullptr) help.linked->fetch_add(piece.size(), std::memory_order_relaxed);
  }
  return graph.Link({}, column.rows(), column.Source(), help.pool, help.cancel);
}

Result<std::shared_ptr<hnsw::GraphBuilder>> LinkAll(const hnsw::Encoder& encoder,
                                                    const hnsw::BuildParams& params,
                                                    const VectorColumn& column, const BuildHelp& help) {
  auto graph = std::make_shared<hnsw::GraphBuilder>(encoder, params, column.rows());
  cocozvec::LargeVector<std::uint32_t> rows(column.rows());
  std::iota(rows.begin(), rows.end(), 0u);
  if (!LinkRows(*graph, rows, column, help) || !graph->Finish(help.pool, help.cancel)) return help.Check();
  return graph;
}

/// Codes of half the bytes for a walk, if they tell the rows apart. They cannot link any: no row is measured
/// against a row by them.
std::optional<hnsw::Encoder> TrainFine(const SegmentView& rows, const FieldSchema& schema,
                                       const VectorColumn& column, const hnsw::Encoder& linked,
                                       const BuildHelp& help) {
  const bool ours = !schema.index || schema.index->quantize == QuantizeType::kUndefined;
  if (!ours || linked.kind() != hnsw::CodeKind::kBits7 || schema.dimension < kLeastFineDim) return {};
  const auto sample = SampleOf(column, schema.dimension);
  // Elsewhere a range that takes in a few outliers would cost all others more than these are worth.
  std::vector<std::uint32_t> longest;
  if (schema.metric() == MetricType::kIp) longest = WorstRows(rows, column, linked, kExtremeRows, help);
  const auto kind = hnsw::CodeKind::kBits4Fine;
  auto fine = hnsw::Encoder::Train(schema.metric(), schema.dimension, sample, column.Rows(longest), kind);
  if (hnsw::Fitness(fine, sample) < kLeastFitnessOf4) return {};
  return fine;
}

/// Gives a finished graph the codes that a walk measures, and says what is found by them. Shorter ones must
/// find as much as those it was linked by: rows in tight clusters are told apart by these alone.
Result<GraphQuality> Settle(const SealedView& target, std::size_t field, const VectorColumn& column,
                            const std::shared_ptr<hnsw::GraphBuilder>& graph, const BuildHelp& help) {
  const hnsw::Encoder linked = graph->encoder();
  ZVEC_ASSIGN_OR_RETURN(const GraphQuality before, MeasureGraph(target, field, column, graph, help));
  auto fine = TrainFine(target, target.schema().fields[field], column, linked, help);
  if (!fine) return before;
  if (!graph->Recode(*std::move(fine), column.Source(), help.pool, help.cancel)) return help.Check();
  ZVEC_ASSIGN_OR_RETURN(const GraphQuality quality, MeasureGraph(target, field, column, graph, help));
  if (quality.good() && quality.breadth == 1 && quality.any >= before.any - kMostLostByFine) return quality;
  // The bytes that were measured.
  if (!graph->Recode(linked, column.Source(), help.pool, help.cancel)) return help.Check();
  return before;
}

/// Null: the old graph cannot be used, or what came of it is not good enough.
Result<std::shared_ptr<hnsw::GraphBuilder>> TakeOver(const Heir& heir, const hnsw::Encoder& encoder,
                                                     const hnsw::BuildParams& params,
                                                     const SealedView& target, std::size_t field,
                                                     const VectorColumn& column, const BuildHelp& help) {
  auto graph = std::make_shared<hnsw::GraphBuilder>(encoder, params, column.rows());
  const Status status =
      graph->Adopt(heir.old.view, heir.new_row, column.rows(), column.Source(), help.pool, help.cancel);
  if (IsUnreadable(status)) {
    cocozvec::Log(cocozvec::LogLevel::kWarning,
                  "a damaged or unreadable graph is replaced by a new one: " + status.ToString());
    return std::shared_ptr<hnsw::GraphBuilder>();
  }
  ZVEC_RETURN_IF_ERROR(status);
  if (help.linked != nullptr)
    help.linked->fetch_add(column.rows() - heir.fresh.size(), std::memory_order_relaxed);
  if (!LinkRows(*graph, heir.fresh, column, help) || !graph->Finish(help.pool, help.cancel))
    return help.Check();
  ZVEC_ASSIGN_OR_RETURN(const GraphQuality quality, Settle(target, field, column, graph, help));
  // What would answer worse than the old one is linked afresh.
  if (!quality.good() || (!heir.growing && quality.breadth > heir.old.view.breadth))
    return std::shared_ptr<hnsw::GraphBuilder>();
  graph->SetBreadth(quality.breadth);
  return graph;
}

std::string Share(double share) { return std::to_string(std::lround(share * 1'000)) + " in 1000"; }

void LogRefusal(const SealedView& target, const FieldSchema& field, const std::string& why) {
  cocozvec::Log(cocozvec::LogLevel::kWarning, "field " + field.name + ": no graph for segment " +
                                                  std::to_string(target.segment()->file().number) + " of " +
                                                  std::to_string(target.row_count()) +
                                                  " documents, queries scan it: " + why);
}

}  // namespace

std::shared_ptr<const hnsw::Graph> RefusedGraph() {
  class Empty final : public hnsw::Graph {
    hnsw::GraphRef Current() const override { return {}; }
  };
  static const auto empty = std::make_shared<const Empty>();
  return empty;
}

hnsw::BuildParams BuildParamsOf(const FieldSchema& field) noexcept {
  hnsw::BuildParams params;
  if (field.index && field.index->m != 0) params.m = std::clamp(field.index->m, 2u, 1'000u);
  if (field.index && field.index->ef_construction != 0)
    params.ef_construction = std::clamp(field.index->ef_construction, params.m, kMaxEf);
  return params;
}

namespace {
std::uint64_t BytesPerRow(const FieldSchema& field) {
  if (!WantsGraph(field)) return 0;
  return hnsw::BuildBytesPerRow(field.metric(), field.dimension, CodeKindOf(field), BuildParamsOf(field).m);
}
}  // namespace

std::uint64_t GraphBytesPerRow(const CollectionSchema& schema) {
  std::uint64_t bytes = 0;  // all of them grow together
  for (const FieldSchema& field : schema.fields) bytes += BytesPerRow(field);
  return bytes;
}

std::uint64_t SegmentRowsWithin(const CollectionSchema& schema, std::uint64_t bytes) {
  constexpr std::uint64_t kRow = 40;  // of lists of rows, of the table of ids
  std::uint64_t most = 0;
  for (const FieldSchema& field : schema.fields) most = std::max(most, BytesPerRow(field));
  return std::clamp<std::uint64_t>(bytes / (kRow + most), hnsw::kLinkBatch, kMaxSegmentRows);
}

hnsw::CodeKind CodeKindOf(const FieldSchema& field) noexcept {
  switch (field.index ? field.index->quantize : QuantizeType::kUndefined) {
    case QuantizeType::kFp16:
      return hnsw::CodeKind::kHalves;
    case QuantizeType::kInt8:
    case QuantizeType::kUniformUint8:
      return hnsw::CodeKind::kBits8;
    case QuantizeType::kInt4:
    case QuantizeType::kUniformUint4:
      return hnsw::CodeKind::kBits4;
    default:
      return hnsw::CodeKind::kBits7;
  }
}

Result<VectorColumn> VectorColumn::Make(const SegmentView& view, std::size_t field,
                                        const cocozvec::Cancel* cancel) {
  VectorColumn column;
  column.type_ = view.schema().fields[field].type;
  column.dim_ = view.schema().fields[field].dimension;
  column.rows_ = view.row_count();
  for (std::uint32_t chunk = 0; chunk < view.chunk_count(); ++chunk) {
    ZVEC_RETURN_IF_ERROR(BuildHelp{.cancel = cancel}.Check());
    ZVEC_ASSIGN_OR_RETURN(column.chunks_.emplace_back(), view.Column(field, chunk));
  }
  return column;
}

const float* VectorColumn::Row(std::uint32_t row, float* buffer) const noexcept {
  const ColumnChunk& chunk = chunks_[row / kChunkRows];
  const std::uint32_t at = row % kChunkRows;
  if (chunk.IsNull(at)) return nullptr;
  const std::byte* cell = chunk.fixed + at * chunk.width;
  if (type_ == DataType::kVectorFp32) {
    if (reinterpret_cast<std::uintptr_t>(cell) % alignof(float) == 0)
      return reinterpret_cast<const float*>(cell);
    std::memcpy(buffer, cell, chunk.width);
    return buffer;
  }
  for (std::size_t i = 0; i < dim_; ++i) {
    if (type_ == DataType::kVectorFp16) {
      Half half;
      std::memcpy(&half.bits, cell + 2 * i, 2);
      buffer[i] = FromHalf(half);
    } else {
      buffer[i] = static_cast<float>(static_cast<signed char>(cell[i]));
    }
  }
  return buffer;
}

cocozvec::LargeVector<float> VectorColumn::Sample(std::size_t most) const {
  cocozvec::LargeVector<float> sample;
  std::vector<float> buffer(dim_);
  const std::size_t wanted = std::min<std::size_t>(most, rows_);
  for (std::size_t i = 0; i < wanted; ++i) {
    const float* vector = Row(static_cast<std::uint32_t>(i * rows_ / wanted), buffer.data());
    if (vector != nullptr) sample.insert(sample.end(), vector, vector + dim_);
  }
  return sample;
}

cocozvec::LargeVector<float> VectorColumn::Rows(std::span<const std::uint32_t> rows) const {
  cocozvec::LargeVector<float> out;
  std::vector<float> buffer(dim_);
  for (const std::uint32_t row : rows) {
    const float* vector = Row(row, buffer.data());
    if (vector != nullptr) out.insert(out.end(), vector, vector + dim_);
  }
  return out;
}

Result<std::optional<hnsw::Encoder>> TrainEncoder(const SegmentView& rows, std::size_t field,
                                                  const VectorColumn& column, const BuildHelp& help,
                                                  std::string* why) {
  const FieldSchema& schema = rows.schema().fields[field];
  const auto sample = SampleOf(column, schema.dimension);
  if (sample.empty()) return std::optional<hnsw::Encoder>();  // nothing but nulls
  const auto train = [&](hnsw::CodeKind kind) {
    const auto narrow = hnsw::Encoder::Train(schema.metric(), schema.dimension, sample, {}, kind);
    const auto extremes = column.Rows(WorstRows(rows, column, narrow, kExtremeRows, help));
    return hnsw::Encoder::Train(schema.metric(), schema.dimension, sample, extremes, kind);
  };
  hnsw::Encoder encoder = train(CodeKindOf(schema));
  double fitness = hnsw::Fitness(encoder, sample);
  if (fitness < kLeastFitnessOf4 && encoder.kind() == hnsw::CodeKind::kBits4) {
    encoder = train(hnsw::CodeKind::kBits7);  // what so few bits cannot tell apart
    fitness = hnsw::Fitness(encoder, sample);
  }
  if (fitness < hnsw::kLeastFitness) {
    *why = "codes find " + Share(fitness) + " of the nearest";
    return std::optional<hnsw::Encoder>();
  }
  return std::optional<hnsw::Encoder>(std::move(encoder));
}

Result<std::shared_ptr<hnsw::GraphBuilder>> BuildGraph(const SealedView& target, std::size_t field,
                                                       std::span<const SegmentView* const> sources,
                                                       std::span<const RowRef> from, const BuildHelp& help) {
  const std::shared_ptr<hnsw::GraphBuilder> none;
  const FieldSchema& schema = target.schema().fields[field];
  const hnsw::BuildParams params = BuildParamsOf(schema);
  ZVEC_ASSIGN_OR_RETURN(const VectorColumn column, VectorColumn::Make(target, field, help.cancel));
  std::string why;
  ZVEC_ASSIGN_OR_RETURN(const auto encoder, TrainEncoder(target, field, column, help, &why));
  ZVEC_RETURN_IF_ERROR(help.Check());
  if (!encoder) {
    if (!why.empty()) LogRefusal(target, schema, why);
    return none;
  }
  const Heir heir = ChooseHeir(sources, from, field, params.m);
  if (!heir.old.view.empty()) {
    ZVEC_ASSIGN_OR_RETURN(auto graph, TakeOver(heir, *encoder, params, target, field, column, help));
    if (graph) return graph;
  }
  ZVEC_ASSIGN_OR_RETURN(auto graph, LinkAll(*encoder, params, column, help));
  ZVEC_ASSIGN_OR_RETURN(const GraphQuality quality, Settle(target, field, column, graph, help));
  if (quality.good()) {
    graph->SetBreadth(quality.breadth);
    return graph;
  }
  LogRefusal(target, schema,
             quality.any < kLeastRecall
                 ? "through it " + Share(quality.any) + " of the nearest are found"
                 : "through it " + Share(quality.worst) +
                       " of those near the rows that its codes represent worst are found");
  return none;
}

}  // namespace zvec::inline v0
