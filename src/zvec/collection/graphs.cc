#include "zvec/collection/graphs.h"

#include <algorithm>
#include <cstring>

#include "zvec/doc.h"
#include "zvec/index/hnsw/searcher.h"

namespace zvec::inline v0 {
namespace {

constexpr std::size_t kSampleRows = 4'096;
constexpr std::size_t kSampleFloats = std::size_t{8} << 20;

/// The source with the most rows in a graph over the field.
std::size_t LargestGraph(std::span<const SegmentView* const> sources, std::size_t field) {
  std::size_t largest = sources.size();
  std::uint32_t most = 0;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    const hnsw::Graph* graph = sources[s]->Graph(field);
    if (graph == nullptr) continue;
    const std::uint32_t nodes = graph->Current().view.nodes;
    if (nodes > most) {
      most = nodes;
      largest = s;
    }
  }
  return largest;
}

}  // namespace

bool WantsGraph(const FieldSchema& field) noexcept {
  return IsDenseVector(field.type) && field.index && field.index->type != IndexType::kFlat;
}

hnsw::BuildParams BuildParamsOf(const FieldSchema& field) noexcept {
  hnsw::BuildParams params;
  if (field.index && field.index->m != 0) params.m = std::clamp(field.index->m, 2u, 1'000u);
  if (field.index && field.index->ef_construction != 0)
    params.ef_construction = std::clamp(field.index->ef_construction, params.m, kMaxEf);
  return params;
}

Result<VectorColumn> VectorColumn::Make(const SegmentView& view, std::size_t field) {
  VectorColumn column;
  column.type_ = view.schema().fields[field].type;
  column.dim_ = view.schema().fields[field].dimension;
  column.rows_ = view.row_count();
  for (std::uint32_t chunk = 0; chunk < view.chunk_count(); ++chunk) {
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

std::vector<float> VectorColumn::Sample(std::size_t most) const {
  std::vector<float> sample, buffer(dim_);
  const std::size_t wanted = std::min<std::size_t>(most, rows_);
  for (std::size_t i = 0; i < wanted; ++i) {
    const float* vector = Row(static_cast<std::uint32_t>(i * rows_ / wanted), buffer.data());
    if (vector != nullptr) sample.insert(sample.end(), vector, vector + dim_);
  }
  return sample;
}

Result<std::shared_ptr<hnsw::GraphBuilder>> BuildGraph(const SegmentView& target, std::size_t field,
                                                       std::span<const SegmentView* const> sources,
                                                       std::span<const RowRef> from,
                                                       cocozvec::ThreadPool* pool) {
  const FieldSchema& schema = target.schema().fields[field];
  ZVEC_ASSIGN_OR_RETURN(const VectorColumn column, VectorColumn::Make(target, field));
  const std::vector<float> sample =
      column.Sample(std::min(kSampleRows, kSampleFloats / schema.dimension + 1));
  if (sample.empty()) return std::shared_ptr<hnsw::GraphBuilder>();  // nothing but nulls
  const hnsw::Encoder encoder = hnsw::Encoder::Train(schema.metric(), schema.dimension, sample);
  if (hnsw::Fitness(encoder, sample) < hnsw::kLeastFitness) return std::shared_ptr<hnsw::GraphBuilder>();
  auto graph = std::make_shared<hnsw::GraphBuilder>(encoder, BuildParamsOf(schema), column.rows());
  std::vector<std::uint32_t> fresh;
  const std::size_t largest = LargestGraph(sources, field);
  const hnsw::GraphRef old =
      largest < sources.size() ? sources[largest]->Graph(field)->Current() : hnsw::GraphRef{};
  if (old.view.empty() || old.view.m != graph->params().m) {
    for (std::uint32_t row = 0; row < column.rows(); ++row) fresh.push_back(row);
  } else {
    std::vector<std::uint32_t> new_row(old.view.nodes, hnsw::kNoNode);
    for (std::uint32_t row = 0; row < from.size(); ++row) {
      if (from[row].source == largest && from[row].row < old.view.nodes)
        new_row[from[row].row] = row;
      else
        fresh.push_back(row);
    }
    ZVEC_RETURN_IF_ERROR(graph->Adopt(old.view, new_row, column.rows(), column.Source(), pool));
  }
  graph->Link(fresh, column.rows(), column.Source(), pool);
  graph->Finish(pool);
  return graph;
}

}  // namespace zvec::inline v0
