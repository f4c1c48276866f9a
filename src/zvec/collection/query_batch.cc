// Many queries in one call: what each would have answered, shared out to threads.
#include <algorithm>
#include <atomic>
#include <limits>
#include <set>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "zvec/collection/collection_impl.h"
#include "zvec/collection/doc_codec.h"
#include "zvec/query/filter.h"
#include "zvec/query/query_vector.h"
#include "zvec/query/search.h"

namespace zvec::inline v0 {
namespace {

void Add(const QueryStats& one, QueryStats* sum) {
  sum->documents += one.documents;
  sum->matches += one.matches;
  sum->distances += one.distances;
  sum->code_distances += one.code_distances;
  sum->nodes += one.nodes;
  sum->unlinked += one.unlinked;
  sum->kept_filters = std::max(sum->kept_filters, one.kept_filters);
  sum->refused = std::max(sum->refused, one.refused);
  sum->segments = std::max(sum->segments, one.segments);
}

/// The vectors of a batch, one by one.
class Vectors {
 public:
  static Result<Vectors> Make(const CollectionSchema& schema, const BatchQuery& batch) {
    Vectors vectors(batch);
    VectorQuery none;
    none.field = batch.field;
    const FieldSchema* field = schema.Find(batch.field);
    // Without a vector field or a vector: what Query says.
    if (field == nullptr || !IsVector(field->type) || std::holds_alternative<std::monostate>(batch.vectors))
      return QueryVector::Make(schema, none).status();
    if (IsDenseVector(field->type) && !std::holds_alternative<std::span<const SparseVector>>(batch.vectors))
      vectors.width_ = field->dimension;
    const std::size_t elements = vectors.Elements();
    if (elements % vectors.width_ != 0)
      return Status::InvalidArgument(
          "query: " + std::to_string(elements) + " elements are no whole number of vectors of dimension " +
          std::to_string(vectors.width_) + ", that of field \"" + batch.field + "\"");
    vectors.count_ = elements / vectors.width_;
    if (vectors.count_ > kMaxBatchHits / batch.topk)
      return Status::InvalidArgument("query: " + std::to_string(vectors.count_) + " queries of topk " +
                                     std::to_string(batch.topk) + " ask for more hits than " +
                                     std::to_string(kMaxBatchHits) + ", the most of one batch");
    return vectors;
  }

  std::size_t count() const noexcept { return count_; }
  /// Into `query`, whose memory is used again from one to the next.
  void Take(std::size_t q, VectorQuery& query) const {
    std::visit(
        [&](const auto& all) {
          using All = std::decay_t<decltype(all)>;
          if constexpr (std::is_same_v<All, std::span<const SparseVector>>) {
            query.vector = all[q];
          } else if constexpr (!std::is_same_v<All, std::monostate>) {
            using Vector = std::vector<std::remove_const_t<typename All::element_type>>;
            if (!std::holds_alternative<Vector>(query.vector)) query.vector.emplace<Vector>();
            const auto part = all.subspan(q * width_, width_);
            std::get<Vector>(query.vector).assign(part.begin(), part.end());
          }
        },
        batch_.vectors);
  }

 private:
  explicit Vectors(const BatchQuery& batch) : batch_(batch) {}
  std::size_t Elements() const {
    return std::visit(
        [](const auto& all) -> std::size_t {
          if constexpr (std::is_same_v<std::decay_t<decltype(all)>, std::monostate>)
            return 0;
          else
            return all.size();
        },
        batch_.vectors);
  }

  const BatchQuery& batch_;
  std::size_t width_ = 1, count_ = 0;
};

class Batch {
 public:
  Batch(const Version& version, const CollectionSchema& schema, const BatchQuery& query,
        const Vectors& vectors, const Filter& filter)
      : version_(version),
        views_(version.Views()),
        schema_(schema),
        query_(query),
        vectors_(vectors),
        filter_(filter),
        first_(version.size()),
        answers_(vectors.count()) {
    for (std::size_t s = 1; s < first_.size(); ++s) first_[s] = first_[s - 1] + version.At(s - 1).row_count();
  }

  /// Queries that nobody has taken yet, until there are none. On any number of threads.
  void Work() {
    VectorQuery one;
    one.field = query_.field, one.topk = query_.topk, one.ef = query_.ef;
    one.radius = query_.radius, one.exact = query_.exact;
    DocReader reader(version_, {});
    for (std::size_t q; (q = next_.fetch_add(1, std::memory_order_relaxed)) < answers_.size();) {
      // Whatever the threads do, the first query that fails is the one that is reported.
      if (q > failed_.load(std::memory_order_relaxed)) return;
      vectors_.Take(q, one);
      answers_[q].status = Ask(one, reader, answers_[q]);
      if (answers_[q].status.ok()) continue;
      std::size_t earliest = failed_.load(std::memory_order_relaxed);
      while (q < earliest && !failed_.compare_exchange_weak(earliest, q, std::memory_order_relaxed)) {
      }
    }
  }

  Result<BatchHitList> Take() {
    if (const std::size_t q = failed_.load(std::memory_order_relaxed); q < answers_.size())
      return answers_[q].status.WithContext("query " + std::to_string(q) + " of " +
                                            std::to_string(answers_.size()));
    BatchHitList out;
    out.layout = version_.layout;
    out.begin.reserve(answers_.size() + 1);
    out.begin.push_back(0);
    for (const Answer& answer : answers_) out.begin.push_back(out.begin.back() + answer.hits.size());
    out.rows.reserve(out.begin.back());
    out.scores.reserve(out.begin.back());
    if (query_.ids) out.ids.reserve(out.begin.back());
    std::set<std::string> strategies;
    for (Answer& answer : answers_) {
      for (const RowHit& hit : answer.hits) {
        out.rows.push_back(first_[hit.segment] + hit.row);
        out.scores.push_back(hit.score);
      }
      std::move(answer.ids.begin(), answer.ids.end(), std::back_inserter(out.ids));
      Add(answer.stats, &out.stats);
      strategies.insert(std::move(answer.stats.strategy));
    }
    for (const std::string& strategy : strategies)
      out.stats.strategy += (out.stats.strategy.empty() ? "" : ", ") + strategy;
    return out;
  }

 private:
  struct Answer {
    Status status;
    std::vector<RowHit> hits;
    std::vector<std::string> ids;
    QueryStats stats;
  };

  Status Ask(const VectorQuery& one, DocReader& reader, Answer& answer) const {
    ZVEC_ASSIGN_OR_RETURN(answer.hits, SearchVectors(views_, schema_, one, filter_, &answer.stats));
    if (!query_.ids) return {};
    std::vector<Doc> docs(answer.hits.size());
    ZVEC_RETURN_IF_ERROR(reader.ReadEach(
        docs.size(), [&](std::size_t i) { return Location{answer.hits[i].segment, answer.hits[i].row}; },
        [&](std::size_t i) { return &docs[i]; }));
    answer.ids.reserve(docs.size());
    for (Doc& doc : docs) answer.ids.push_back(std::move(doc.id));
    return {};
  }

  const Version& version_;
  const std::vector<const SegmentView*> views_;
  const CollectionSchema& schema_;
  const BatchQuery& query_;
  const Vectors& vectors_;
  const Filter& filter_;
  std::vector<std::uint64_t> first_;  ///< number of each segment's first row
  std::vector<Answer> answers_;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::size_t> failed_{std::numeric_limits<std::size_t>::max()};
};

}  // namespace

cocozvec::ThreadPool& CollectionImpl::QueryThreads() const {
  cocozvec::MutexLock lock(threads_mu_);
  if (!threads_) {
    const std::size_t cores = std::max(1u, std::thread::hardware_concurrency());
    threads_ = std::make_unique<cocozvec::ThreadPool>(std::max<std::size_t>(cores, 2) - 1);
  }
  return *threads_;
}

Result<BatchHitList> CollectionImpl::QueryBatch(const BatchQuery& query) const {
  store_->NoteQuery();
  ZVEC_ASSIGN_OR_RETURN(const auto version, Current());
  VectorQuery numbers;
  numbers.topk = query.topk, numbers.ef = query.ef, numbers.radius = query.radius;
  ZVEC_RETURN_IF_ERROR(CheckNumbers(numbers));
  ZVEC_ASSIGN_OR_RETURN(const auto filter, filters_->Get(query.filter, schema()));
  ZVEC_ASSIGN_OR_RETURN(const Vectors vectors, Vectors::Make(schema(), query));
  std::unique_ptr<Filter> evaluated;
  if (vectors.count() > 1) {
    ZVEC_ASSIGN_OR_RETURN(evaluated, EvaluateOnce(version->Views(), *filter));
  }
  Batch batch(*version, schema(), query, vectors, evaluated ? *evaluated : *filter);
  const std::size_t most = query.threads != 0 ? query.threads : SIZE_MAX;
  if (most == 1 || vectors.count() <= 1) {
    batch.Work();
  } else {
    cocozvec::ThreadPool& threads = QueryThreads();
    threads.ParallelFor(std::min({threads.size() + 1, vectors.count(), most}),
                        [&](std::size_t) { batch.Work(); });
  }
  return batch.Take();
}

}  // namespace zvec::inline v0
