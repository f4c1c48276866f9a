#include "zvec/collection/graph_check.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "zvec/collection/graphs.h"
#include "zvec/query/filter.h"
#include "zvec/query/search.h"

namespace zvec::inline v0 {
namespace {

constexpr std::uint32_t kNear = 10;
/// All of them are scored exactly: the graph cannot miss one.
constexpr std::uint32_t kTooFew = 20;
/// Scans of more rows are dear: half as many queries.
constexpr std::uint32_t kManyRows = 500'000;
constexpr std::size_t kQueries = 32;
/// A mean of so few queries that is that near to the bound is asked again, with three times as many more.
constexpr double kUnsure = 0.025;

std::uint64_t Mixed(std::uint64_t z) {  // splitmix64
  z = (z + 1) * 0x9E3779B97F4A7C15;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

void Parallel(cocozvec::ThreadPool* pool, std::size_t count, const std::function<void(std::size_t)>& body) {
  if (pool != nullptr) return pool->ParallelFor(count, body);
  for (std::size_t i = 0; i < count; ++i) body(i);
}

using Losses = std::vector<std::pair<double, std::uint32_t>>;  ///< negative: the worst comes first

void KeepWorst(Losses& losses, std::size_t count) {
  std::sort(losses.begin(), losses.end());
  losses.resize(std::min(losses.size(), count));
}

/// The rows of another view, walked through the graph that is measured.
class Measured final : public SegmentView {
 public:
  Measured(const SegmentView& base, std::size_t field, const hnsw::Graph& graph)
      : base_(base), field_(field), graph_(graph) {}
  const CollectionSchema& schema() const noexcept override { return base_.schema(); }
  std::uint32_t row_count() const noexcept override { return base_.row_count(); }
  Result<ColumnChunk> Column(std::size_t field, std::uint32_t chunk) const override {
    return base_.Column(field, chunk);
  }
  const hnsw::Graph* Graph(std::size_t field) const override { return field == field_ ? &graph_ : nullptr; }
  std::uint64_t dead_count() const noexcept override { return base_.dead_count(); }
  bool IsDead(std::uint32_t row) const noexcept override { return base_.IsDead(row); }
  void ClearDead(std::uint32_t chunk, std::uint64_t* live) const noexcept override {
    base_.ClearDead(chunk, live);
  }

 private:
  const SegmentView& base_;
  const std::size_t field_;
  const hnsw::Graph& graph_;
};

class Check {
 public:
  Check(const SegmentView& view, std::size_t field, const VectorColumn& column, const BuildHelp& help)
      : view_(view), schema_(view.schema()), field_(field), column_(column), help_(help) {}

  Result<GraphQuality> Run(const hnsw::Encoder& encoder) {
    ZVEC_ASSIGN_OR_RETURN(filter_, Filter::Parse("", schema_));
    const std::size_t count = view_.row_count() > kManyRows ? kQueries / 2 : kQueries;
    GraphQuality quality;
    ZVEC_ASSIGN_OR_RETURN(quality.any, Recall(Drawn(0, count)));
    if (std::fabs(quality.any - kLeastRecall) < kUnsure) {
      ZVEC_ASSIGN_OR_RETURN(const double more, Recall(Drawn(count, 3 * count)));
      quality.any = (quality.any + 3 * more) / 4;
    }
    if (quality.any < kLeastRecall) return quality;
    ZVEC_ASSIGN_OR_RETURN(quality.worst, Recall(WorstRows(view_, column_, encoder, count, help_.pool)));
    return quality;
  }

 private:
  /// Rows from..from + count of an order that depends on nothing but the number of rows; without those that
  /// have no vector.
  std::vector<std::uint32_t> Drawn(std::size_t from, std::size_t count) const {
    std::vector<std::uint32_t> rows;
    std::vector<float> buffer(schema_.fields[field_].dimension);
    for (std::size_t i = from; i < from + count; ++i) {
      const auto row = static_cast<std::uint32_t>(Mixed(i) % view_.row_count());
      if (!view_.IsDead(row) && column_.Row(row, buffer.data()) != nullptr) rows.push_back(row);
    }
    return rows;
  }

  Result<double> Recall(const std::vector<std::uint32_t>& rows) const {
    std::vector<Result<double>> shares(rows.size(), 0.0);
    Parallel(help_.pool, rows.size(), [&](std::size_t i) { shares[i] = RecallOf(rows[i]); });
    double sum = 0;
    for (const auto& share : shares) {
      ZVEC_RETURN_IF_ERROR(share.status());
      sum += *share;
    }
    return rows.empty() ? 1 : sum / static_cast<double>(rows.size());
  }

  Result<double> RecallOf(std::uint32_t row) const {
    ZVEC_RETURN_IF_ERROR(help_.Check());
    VectorQuery query;
    query.field = schema_.fields[field_].name;
    query.topk = kNear + 1;  // and the row itself
    std::vector<float> buffer(schema_.fields[field_].dimension);
    const float* vector = column_.Row(row, buffer.data());
    query.vector = std::vector<float>(vector, vector + buffer.size());
    if (schema_.fields[field_].type == DataType::kVectorInt8)
      query.vector = std::vector<std::int8_t>(vector, vector + buffer.size());
    ZVEC_ASSIGN_OR_RETURN(const auto found, Scores(query, row));
    query.exact = true;
    ZVEC_ASSIGN_OR_RETURN(const auto exact, Scores(query, row));
    if (exact.empty()) return 1.0;
    const bool larger = schema_.fields[field_].metric() == MetricType::kIp;
    const auto hits = std::count_if(found.begin(), found.end(), [&](float score) {
      return larger ? score >= exact.back() : score <= exact.back();
    });
    return static_cast<double>(hits) / static_cast<double>(exact.size());
  }

  /// Of at most kNear rows, without `row`.
  Result<std::vector<float>> Scores(const VectorQuery& query, std::uint32_t row) const {
    const SegmentView* const segments[] = {&view_};
    ZVEC_ASSIGN_OR_RETURN(const auto hits, SearchVectors(segments, schema_, query, *filter_, nullptr));
    std::vector<float> scores;
    for (const RowHit& hit : hits)
      if (hit.row != row && scores.size() < kNear) scores.push_back(hit.score);
    return scores;
  }

  const SegmentView& view_;
  const CollectionSchema& schema_;
  const std::size_t field_;
  const VectorColumn& column_;
  const BuildHelp& help_;
  std::shared_ptr<const Filter> filter_;
};

}  // namespace

std::vector<std::uint32_t> WorstRows(const SegmentView& view, const VectorColumn& column,
                                     const hnsw::Encoder& encoder, std::size_t count,
                                     cocozvec::ThreadPool* pool) {
  std::vector<Losses> parts(view.chunk_count());
  Parallel(pool, parts.size(), [&](std::size_t part) {
    std::vector<float> buffer(encoder.dim());
    const auto first = static_cast<std::uint32_t>(part) * kChunkRows;
    for (std::uint32_t row = first; row < std::min(first + kChunkRows, view.row_count()); ++row) {
      const float* vector = view.IsDead(row) ? nullptr : column.Row(row, buffer.data());
      const double loss = vector == nullptr ? 0 : encoder.Loss(vector);
      if (loss > 0) parts[part].emplace_back(-loss, row);
    }
    KeepWorst(parts[part], count);
  });
  Losses all;
  for (const Losses& part : parts) all.insert(all.end(), part.begin(), part.end());
  KeepWorst(all, count);
  std::vector<std::uint32_t> rows;
  for (const auto& [loss, row] : all) rows.push_back(row);
  return rows;
}

Result<GraphQuality> MeasureGraph(const SegmentView& view, std::size_t field, const VectorColumn& column,
                                  std::shared_ptr<const hnsw::Graph> graph, const BuildHelp& help) {
  if (view.row_count() <= kTooFew) return GraphQuality{};
  const hnsw::GraphRef ref = graph->Current();
  if (ref.view.empty()) return GraphQuality{};
  return Check(Measured(view, field, *graph), field, column, help).Run(*ref.view.encoder);
}

}  // namespace zvec::inline v0
