#include "zvec/collection/graph_check.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "zvec/collection/graphs.h"
#include "zvec/index/hnsw/walk.h"
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
/// Of so many rows one counts to those that the codes represent worst. The few last of a million are far from
/// everything: what is found near them says nothing about the graph.
constexpr std::size_t kRowsToOneWorst = 256;
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

/// Up to `count`, spread over all of them; the others stay.
std::vector<std::uint32_t> TakeEvenly(std::vector<std::uint32_t>& rows, std::size_t count) {
  std::vector<std::uint32_t> taken, others;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const bool next = taken.size() * rows.size() <= i * std::min(count, rows.size());
    (next ? taken : others).push_back(rows[i]);
  }
  rows = std::move(others);
  return taken;
}

using Losses = std::vector<std::pair<double, std::uint32_t>>;  ///< negative: the worst comes first

void KeepWorst(Losses& losses, std::size_t count) {
  std::sort(losses.begin(), losses.end());
  losses.resize(std::min(losses.size(), count));
}

/// A graph as it would be with another breadth.
class Broadened final : public hnsw::Graph {
 public:
  Broadened(hnsw::GraphRef ref, std::uint32_t breadth) : ref_(std::move(ref)) { ref_.view.breadth = breadth; }
  hnsw::GraphRef Current() const override { return ref_; }

 private:
  hnsw::GraphRef ref_;
};

/// The rows of another view, walked through the graph that is measured (null: none). A scan of it ends when
/// the build is cancelled.
class Measured final : public SegmentView {
 public:
  Measured(const SegmentView& base, std::size_t field, const hnsw::Graph* graph, const BuildHelp& help)
      : base_(base), field_(field), graph_(graph), help_(help) {}
  const CollectionSchema& schema() const noexcept override { return base_.schema(); }
  std::uint32_t row_count() const noexcept override { return base_.row_count(); }
  Result<ColumnChunk> Column(std::size_t field, std::uint32_t chunk) const override {
    ZVEC_RETURN_IF_ERROR(help_.Check());
    return base_.Column(field, chunk);
  }
  const hnsw::Graph* Graph(std::size_t field) const override { return field == field_ ? graph_ : nullptr; }
  std::uint64_t dead_count() const noexcept override { return base_.dead_count(); }
  bool IsDead(std::uint32_t row) const noexcept override { return base_.IsDead(row); }
  void ClearDead(std::uint32_t chunk, std::uint64_t* live) const noexcept override {
    base_.ClearDead(chunk, live);
  }

 private:
  const SegmentView& base_;
  const std::size_t field_;
  const hnsw::Graph* const graph_;
  const BuildHelp& help_;
};

/// Of this thread's searches, while it lives.
class LeftOut {
 public:
  explicit LeftOut(std::uint32_t row) { hnsw::Scratch::Local().avoid = row; }
  ~LeftOut() { hnsw::Scratch::Local().avoid = hnsw::kNoNode; }
  LeftOut(const LeftOut&) = delete;
  LeftOut& operator=(const LeftOut&) = delete;
};

class Check {
 public:
  Check(const SegmentView& view, std::size_t field, const VectorColumn& column, const hnsw::GraphRef& ref,
        const BuildHelp& help)
      : view_(view), schema_(view.schema()), field_(field), column_(column), ref_(ref), help_(help) {}

  Result<GraphQuality> Run() {
    ZVEC_ASSIGN_OR_RETURN(filter_, Filter::Parse("", schema_));
    const std::size_t count = view_.row_count() > kManyRows ? kQueries / 2 : kQueries;
    GraphQuality quality;
    ZVEC_RETURN_IF_ERROR(MeasureAny(count, quality));
    if (quality.any < kLeastRecall) return quality;
    ZVEC_RETURN_IF_ERROR(MeasureWorst(count, quality));
    return quality;
  }

 private:
  struct Question {
    std::uint32_t row = 0;
    VectorQuery query = {};
    std::vector<float> exact = {};  ///< scores of the nearest
    double share = 0;               ///< of them, those found
  };

  Status MeasureAny(std::size_t count, GraphQuality& quality) const {
    return Measure(Drawn(0, count), Drawn(count, 3 * count), kLeastRecall, quality.breadth, quality.any);
  }

  Status MeasureWorst(std::size_t count, GraphQuality& quality) const {
    const std::size_t tail = std::max<std::size_t>(count, view_.row_count() / kRowsToOneWorst);
    auto worst = WorstRows(view_, column_, *ref_.view.encoder, tail, help_);
    const auto first = TakeEvenly(worst, count);
    return Measure(first, TakeEvenly(worst, 3 * count), kLeastRecallOfWorst, quality.breadth, quality.worst);
  }

  /// The recall of some questions, and of `more` when it is near the bound; with the least breadth, from the
  /// given one on, with which the bound is reached.
  Status Measure(const std::vector<std::uint32_t>& rows, const std::vector<std::uint32_t>& more, double bound,
                 std::uint32_t& breadth, double& recall) const {
    std::vector<Question> questions;
    ZVEC_RETURN_IF_ERROR(Ask(rows, questions));
    for (bool sure = more.empty();; breadth *= 2) {
      ZVEC_ASSIGN_OR_RETURN(recall, Recall(questions, breadth));
      if (!sure && std::fabs(recall - bound) < kUnsure) {
        sure = true;
        ZVEC_RETURN_IF_ERROR(Ask(more, questions));
        ZVEC_ASSIGN_OR_RETURN(recall, Recall(questions, breadth));
      }
      if (recall >= bound || breadth == hnsw::kMostBreadth) return {};
    }
  }

  /// Rows from..from + count of an order that depends on nothing but the number of rows; without those that
  /// have no vector, and those on upper levels, where a walk would come by them.
  std::vector<std::uint32_t> Drawn(std::size_t from, std::size_t count) const {
    const hnsw::GraphView& graph = ref_.view;
    std::vector<std::uint32_t> rows;
    std::vector<float> buffer(schema_.fields[field_].dimension);
    for (std::size_t i = from; i < from + count; ++i) {
      const auto row = static_cast<std::uint32_t>(Mixed(i) % view_.row_count());
      if (view_.IsDead(row) || column_.Row(row, buffer.data()) == nullptr) continue;
      if (std::find(graph.slot_node, graph.slot_node + graph.slots, row) == graph.slot_node + graph.slots)
        rows.push_back(row);
    }
    return rows;
  }

  /// Appends what is nearest to each row.
  Status Ask(const std::vector<std::uint32_t>& rows, std::vector<Question>& questions) const {
    const std::size_t first = questions.size();
    for (const std::uint32_t row : rows) questions.push_back({.row = row, .query = QueryOf(row)});
    std::vector<Status> statuses(rows.size());
    Parallel(help_.pool, rows.size(), [&](std::size_t i) {
      Question& question = questions[first + i];
      VectorQuery query = question.query;
      query.exact = true;
      auto exact = Scores(Measured(view_, field_, nullptr, help_), query, question.row);
      statuses[i] = exact.status();
      if (exact.ok()) question.exact = *std::move(exact);
    });
    for (const Status& status : statuses) ZVEC_RETURN_IF_ERROR(status);
    return {};
  }

  VectorQuery QueryOf(std::uint32_t row) const {
    VectorQuery query;
    query.field = schema_.fields[field_].name;
    query.topk = kNear + 1;  // and the row itself
    std::vector<float> buffer(schema_.fields[field_].dimension);
    const float* vector = column_.Row(row, buffer.data());
    query.vector = std::vector<float>(vector, vector + buffer.size());
    if (schema_.fields[field_].type == DataType::kVectorInt8)
      query.vector = std::vector<std::int8_t>(vector, vector + buffer.size());
    return query;
  }

  /// The mean over the questions.
  Result<double> Recall(std::vector<Question>& questions, std::uint32_t breadth) const {
    const Broadened graph(ref_, breadth);
    const Measured measured(view_, field_, &graph, help_);
    std::vector<Status> statuses(questions.size());
    Parallel(help_.pool, questions.size(),
             [&](std::size_t i) { statuses[i] = RecallOf(measured, questions[i]); });
    double sum = 0;
    for (std::size_t i = 0; i < questions.size(); ++i) {
      ZVEC_RETURN_IF_ERROR(statuses[i]);
      sum += questions[i].share;
    }
    return questions.empty() ? 1 : sum / static_cast<double>(questions.size());
  }

  Status RecallOf(const Measured& measured, Question& question) const {
    const LeftOut left_out(question.row);
    ZVEC_ASSIGN_OR_RETURN(const auto found, Scores(measured, question.query, question.row));
    question.share = 1;
    if (question.exact.empty()) return {};
    const bool larger = schema_.fields[field_].metric() == MetricType::kIp;
    const float last = question.exact.back();
    const auto hits = std::count_if(found.begin(), found.end(),
                                    [&](float score) { return larger ? score >= last : score <= last; });
    question.share = static_cast<double>(hits) / static_cast<double>(question.exact.size());
    return {};
  }

  /// Of at most kNear rows, without `row`.
  Result<std::vector<float>> Scores(const SegmentView& view, const VectorQuery& query,
                                    std::uint32_t row) const {
    ZVEC_RETURN_IF_ERROR(help_.Check());
    const SegmentView* const segments[] = {&view};
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
  const hnsw::GraphRef& ref_;
  const BuildHelp& help_;
  std::shared_ptr<const Filter> filter_;
};

}  // namespace

std::vector<std::uint32_t> WorstRows(const SegmentView& view, const VectorColumn& column,
                                     const hnsw::Encoder& encoder, std::size_t count, const BuildHelp& help) {
  std::vector<Losses> parts(view.chunk_count());
  Parallel(help.pool, parts.size(), [&](std::size_t part) {
    if (!help.Check().ok()) return;
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
  return Check(view, field, column, ref, help).Run();
}

}  // namespace zvec::inline v0
