#include "zvec/collection/tail_graphs.h"

#include <algorithm>
#include <new>
#include <numeric>
#include <string>

#include "cocozvec/base/log.h"
#include "zvec/collection/graph_check.h"

namespace zvec::inline v0 {
namespace {

using hnsw::kLinkBatch;

/// A graph begins anew at so many times the rows. From kGoodSample on its codes are fitted to a sample as
/// large as any (graphs.cc): there it does so later, unless it was refused, as all that it has would be
/// linked again.
constexpr std::uint32_t kGrowth = 4, kLaterGrowth = 16, kGoodSample = 16'384;
constexpr std::uint32_t kMostRows = 1u << 31;
/// Linked by one call at most; as often the codes are tried on the newest rows.
constexpr std::uint32_t kExamineRows = 4 * kLinkBatch;

std::uint32_t WholeBatches(std::uint32_t rows) { return rows / kLinkBatch * kLinkBatch; }

/// The first rows of a view, none of them deleted: the same whenever one looks.
class FirstRows final : public SegmentView {
 public:
  FirstRows(const SegmentView& base, std::uint32_t rows) : base_(base), rows_(rows) {}
  const CollectionSchema& schema() const noexcept override { return base_.schema(); }
  std::uint32_t row_count() const noexcept override { return rows_; }
  Result<ColumnChunk> Column(std::size_t field, std::uint32_t chunk) const override {
    return base_.Column(field, chunk);
  }
  std::uint64_t dead_count() const noexcept override { return 0; }
  bool IsDead(std::uint32_t) const noexcept override { return false; }
  void ClearDead(std::uint32_t, std::uint64_t*) const noexcept override {}

 private:
  const SegmentView& base_;
  const std::uint32_t rows_;
};

}  // namespace

TailGraphs::TailGraphs(std::shared_ptr<const CollectionSchema> schema, std::uint32_t least_rows)
    : schema_(std::move(schema)),
      least_rows_(WholeBatches(std::clamp(least_rows, 1u, kMostRows) + kLinkBatch - 1)) {
  for (std::size_t f = 0; f < schema_->fields.size(); ++f) {
    if (!WantsGraph(schema_->fields[f])) continue;
    fields_.emplace_back().field = f;
  }
  if (fields_.empty()) linked_ = UINT32_MAX;
}

/// How many rows the graph of so many is fitted to; 0: it has none yet.
std::uint32_t TailGraphs::BeginsAt(const Field& field, std::uint32_t rows) const noexcept {
  if (rows < least_rows_) return 0;
  const Growing& newest = field.next.begun_at != 0 ? field.next : field.shown;
  std::uint64_t at = least_rows_;
  for (;;) {
    const bool fits = at >= kGoodSample && !(newest.refused && at == newest.begun_at);
    const std::uint64_t next = at * (fits ? kLaterGrowth : kGrowth);
    if (next > rows) return static_cast<std::uint32_t>(at);
    at = next;
  }
}

bool TailGraphs::Wants(std::uint32_t rows, bool last) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [&](const Field& field) { return Lags(field, rows, last); });
}

bool TailGraphs::Lags(const Field& field, std::uint32_t rows, bool last) const {
  if (BeginsAt(field, rows) > std::max(field.shown.begun_at, field.next.begun_at)) return true;
  const std::uint32_t wanted = last ? rows : WholeBatches(rows);
  if (field.next.begun_at != 0) return field.next.LagsBehind(wanted);
  const Growing& shown = field.shown;
  return shown.begun_at != 0 && !shown.refused && shown.LagsBehind(wanted);
}

Result<bool> TailGraphs::Grow(const StoredView& view, bool last, const BuildHelp& help) {
  const std::uint32_t rows = view.row_count();
  Field* field = nullptr;  // of those that lag the one that lags most
  for (Field& other : fields_)
    if (Lags(other, rows, last) && (field == nullptr || Linked(other) < Linked(*field))) field = &other;
  if (field == nullptr) return false;
  if (const std::uint32_t at = BeginsAt(*field, rows);
      at > std::max(field->shown.begun_at, field->next.begun_at))
    ZVEC_RETURN_IF_ERROR(Begin(*field, view, at, help));
  const bool was_refused = field->shown.refused;
  Growing& growing = field->next.begun_at != 0 ? field->next : field->shown;
  if (!growing.refused) ZVEC_RETURN_IF_ERROR(LinkSome(*field, growing, view, last, help));
  bool show = field->shown.refused && !was_refused;
  // The older graph goes when the new one serves as many rows and has been measured.
  const Growing& next = field->next;
  if (next.begun_at != 0 &&
      (next.refused || (next.linked >= field->shown.linked && next.examined >= next.begun_at))) {
    field->shown = std::move(field->next);
    field->next = {};
    show = true;
  }
  CountLinked();
  if (show) Show();
  return show;
}

Status TailGraphs::Begin(Field& field, const StoredView& view, std::uint32_t rows, const BuildHelp& help) {
  const FirstRows first(view, rows);
  ZVEC_ASSIGN_OR_RETURN(const VectorColumn column, VectorColumn::Make(first, field.field));
  std::string why;
  ZVEC_ASSIGN_OR_RETURN(const auto encoder, TrainEncoder(first, field.field, column, help, &why));
  ZVEC_RETURN_IF_ERROR(help.Check());
  Growing next;
  if (encoder) {
    next.graph = std::make_shared<hnsw::GraphBuilder>(*encoder, BuildParamsOf(schema_->fields[field.field]),
                                                      rows + rows / 2);
  }
  next.begun_at = rows;
  next.refused = !encoder;
  field.next = std::move(next);
  return {};
}

Status TailGraphs::LinkSome(Field& field, Growing& growing, const StoredView& view, bool last,
                            const BuildHelp& help) {
  if (growing.examined < growing.linked) return Examine(field, growing, view, help);  // it was interrupted
  const std::uint32_t from = growing.linked;
  std::uint32_t to = std::min(view.row_count(), (from / kExamineRows + 1) * kExamineRows);
  for (const std::uint32_t stop : {growing.begun_at, 2 * growing.begun_at})
    if (from < stop) to = std::min(to, stop);
  if (!last || to < view.row_count()) to = WholeBatches(to);
  if (to <= from) return {};
  ZVEC_ASSIGN_OR_RETURN(const VectorColumn column, VectorColumn::Make(view, field.field));
  std::vector<std::uint32_t> rows(to - from);
  std::iota(rows.begin(), rows.end(), from);
  bool complete = false;
  try {
    complete = growing.graph->Link(rows, to, column.Source(), help.pool, help.cancel);
  } catch (const std::bad_alloc&) {  // some rows may be linked, and none may be twice
    growing = {};
    throw;
  }
  growing.linked = complete ? to : growing.graph->Current().view.nodes;
  if (!complete) return help.Check();
  return Examine(field, growing, view, help);
}

/// At numbers of rows that do not depend on how many were linked at once.
Status TailGraphs::Examine(Field& field, Growing& growing, const StoredView& view, const BuildHelp& help) {
  const std::uint32_t linked = growing.linked;
  growing.examined = 0;
  ZVEC_RETURN_IF_ERROR(ExamineAt(field, growing, view, help));
  growing.examined = linked;
  return {};
}

Status TailGraphs::ExamineAt(Field& field, Growing& growing, const StoredView& view, const BuildHelp& help) {
  const std::uint32_t linked = growing.linked;
  if (linked % kLinkBatch != 0) return {};
  std::string why;
  if (linked % kExamineRows == 0) {
    ZVEC_ASSIGN_OR_RETURN(const VectorColumn column, VectorColumn::Make(view, field.field));
    std::vector<std::uint32_t> newest(kExamineRows / 4);
    for (std::uint32_t i = 0; i < newest.size(); ++i) newest[i] = linked - kExamineRows + 4 * i;
    const double fitness = hnsw::Fitness(growing.graph->encoder(), column.Rows(newest));
    if (fitness < hnsw::kLeastFitness) why = "its codes do not fit the newest rows";
  }
  if (why.empty() && (linked == growing.begun_at || linked == 2 * growing.begun_at)) {
    const FirstRows first(view, linked);
    ZVEC_ASSIGN_OR_RETURN(const VectorColumn column, VectorColumn::Make(first, field.field));
    ZVEC_ASSIGN_OR_RETURN(const GraphQuality quality,
                          MeasureGraph(first, field.field, column, growing.graph, help));
    if (!quality.good()) why = "too few of the nearest are found through it";
    growing.graph->SetBreadth(quality.breadth);
  }
  if (why.empty()) return {};
  cocozvec::Log(cocozvec::LogLevel::kInfo,
                "field " + schema_->fields[field.field].name + ": no graph yet for the newest " +
                    std::to_string(view.row_count()) + " documents, queries scan them: " + why);
  growing.refused = true;
  growing.graph = nullptr;
  return {};
}

void TailGraphs::Show() {
  auto graphs = std::make_shared<Graphs>(schema_->fields.size());
  for (const Field& field : fields_) {
    (*graphs)[field.field] = field.shown.graph;
    if (field.shown.refused) (*graphs)[field.field] = RefusedGraph();
  }
  cocozvec::MutexLock lock(mu_);
  graphs_ = std::move(graphs);
}

std::shared_ptr<const Graphs> TailGraphs::graphs() const {
  cocozvec::MutexLock lock(mu_);
  return graphs_;
}

void TailGraphs::CountLinked() {
  std::uint32_t least = UINT32_MAX;
  for (const Field& field : fields_) {
    if (field.shown.refused) continue;
    least = std::min(least, field.shown.linked);
  }
  linked_.store(least, std::memory_order_relaxed);
}

}  // namespace zvec::inline v0
