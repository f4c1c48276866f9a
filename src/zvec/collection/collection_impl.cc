#include "zvec/collection/collection_impl.h"

#include <algorithm>

#include "base/fault.h"
#include "zvec/collection/graphs.h"
#include "zvec/query/filter.h"
#include "zvec/query/search.h"
#include "zvec/schema/text.h"
#include "zvec/storage/id_table.h"

namespace zvec::inline v0 {

using cocozvec::MutexLock;

// The store closes, and logs when that fails.
CollectionImpl::~CollectionImpl() {
  // A forked child has no such threads: waiting for them, or for a lock that one of the parent's held, would
  // never end; and one of them may have been changing the kept filters.
  if (!store_->inherited()) return;
  (void)threads_.release();
  (void)filters_.release();
}

Status CollectionImpl::Closed() const { return Status::Closed("collection " + path_ + " is closed"); }

Status CollectionImpl::CheckProcess() const {
  if (!store_->inherited()) return {};
  return Status::FailedPrecondition(
      "collection " + path_ +
      ": this handle belongs to the process that this one was forked from: open "
      "the collection here");
}

Status CollectionImpl::CheckOpenForWriting() const {
  if (options_.read_only) return Status::FailedPrecondition("collection " + path_ + " is open read-only");
  return Current().status();
}

Result<WriteResult> CollectionImpl::Insert(std::span<const Doc> docs) {
  return Write(WriteKind::kInsert, docs, {});
}
Result<WriteResult> CollectionImpl::Upsert(std::span<const Doc> docs) {
  return Write(WriteKind::kUpsert, docs, {});
}
Result<WriteResult> CollectionImpl::Update(std::span<const Doc> docs) {
  return Write(WriteKind::kUpdate, docs, {});
}
Result<WriteResult> CollectionImpl::Delete(std::span<const std::string> ids) {
  return Write(WriteKind::kUpsert, {}, ids);
}
Result<WriteResult> CollectionImpl::Apply(std::span<const Doc> upserts,
                                          std::span<const std::string> deletes) {
  return Write(WriteKind::kUpsert, upserts, deletes);
}

Result<WriteResult> CollectionImpl::Write(WriteKind kind, std::span<const Doc> docs,
                                          std::span<const std::string> deletes) {
  ZVEC_RETURN_IF_ERROR(CheckOpenForWriting());
  store_->WaitForRoom();
  WriteCall call;
  call.kind = kind;
  call.deletes = deletes;
  call.ids.reserve(docs.size());
  (kind == WriteKind::kUpdate ? call.patches.resize(docs.size()) : call.rows.resize(docs.size()));
  for (std::size_t i = 0; i < docs.size(); ++i) {
    call.ids.push_back(docs[i].id);
    ZVEC_RETURN_IF_ERROR(kind == WriteKind::kUpdate
                             ? EncodePatch(schema(), store_->layout(), docs[i], &call.patches[i])
                             : EncodeDoc(schema(), store_->layout(), docs[i], call.rows[i]));
  }
  auto result = Run(call);
  store_->NoteRows(docs.size());
  store_->WakeMaintenance();
  return result;
}

Result<WriteResult> CollectionImpl::Run(WriteCall& call) {
  {
    MutexLock lock(queue_mu_);
    queue_.push_back(&call);
  }
  MutexLock lock(store_->write_mu());
  if (!call.done) {
    RunQueue();
    store_->SealIfLarge();
  }
  // Whoever took the call may have died of an exception (no memory): never an acknowledgement.
  if (!call.done)
    return Status::Internal("collection " + path_ + ": a write was abandoned by the call that led it");
  if (!call.status.ok()) return call.status;
  return std::move(call.result);
}

void CollectionImpl::RunQueue() {
  std::vector<WriteCall*> calls;
  {
    MutexLock lock(queue_mu_);
    calls.swap(queue_);
  }
  Status writable = store_->CheckWritable();
  const auto version = store_->Snapshot();
  std::vector<std::string> records;
  std::vector<WriteCall*> owners;
  std::vector<std::pair<WriteCall*, std::size_t>> silent;  // wrote nothing; how many records it had seen
  if (writable.ok()) {
    Resolver resolver(*version, schema(), store_->layout());
    for (WriteCall* call : calls) {
      auto record = resolver.Resolve(*call);
      if (!record.ok()) {
        call->status = record.status();
      } else if (record->has_value()) {
        records.push_back(**std::move(record));
        owners.push_back(call);
      } else {
        silent.emplace_back(call, records.size());
      }
    }
  }
  std::vector<Status> statuses(records.size());
  if (!records.empty()) store_->Commit(records, statuses);
  for (std::size_t i = 0; i < owners.size(); ++i) owners[i]->status = statuses[i];
  // Records fail from one on to the last: an answer that rests on one that failed is none.
  for (const auto& [call, seen] : silent)
    if (seen != 0 && !statuses[seen - 1].ok()) call->status = statuses[seen - 1];
  for (WriteCall* call : calls) {
    if (!writable.ok()) call->status = writable;
    call->done = true;
  }
}

Result<std::uint64_t> CollectionImpl::DeleteByFilter(std::string_view filter) {
  ZVEC_RETURN_IF_ERROR(CheckOpenForWriting());
  ZVEC_ASSIGN_OR_RETURN(const auto parsed, Filter::Parse(filter, schema()));
  if (parsed->matches_all())
    return Status::InvalidArgument("collection " + Quoted(schema().name) +
                                   ": deleting by an empty filter would delete every document");
  store_->WaitForRoom();
  auto deleted = DeleteMatches(*parsed);
  store_->WakeMaintenance();
  return deleted;
}

Result<std::uint64_t> CollectionImpl::DeleteMatches(const Filter& filter) {
  MutexLock lock(store_->write_mu());
  RunQueue();  // calls that came before are seen
  ZVEC_RETURN_IF_ERROR(store_->CheckWritable());
  const auto version = store_->Snapshot();
  QueryStats stats;
  ZVEC_ASSIGN_OR_RETURN(const auto hits, ScanRows(version->Views(), filter, UINT64_MAX, &stats));
  if (hits.empty()) return std::uint64_t{0};
  BatchBuilder batch(kRecordHeaderBytes);
  DocReader reader(*version, {});
  Doc doc;
  for (const RowHit& hit : hits) {
    ZVEC_RETURN_IF_ERROR(reader.Read({hit.segment, hit.row}, &doc));
    // Applying looks the id up: what cannot be looked up must not reach the log, or no open could replay it.
    ZVEC_RETURN_IF_ERROR(version->Locate(doc.id, HashId(doc.id)).status());
    batch.Delete(doc.id);
  }
  std::string record = std::move(batch).Finish();
  Status status;
  store_->Commit({&record, 1}, {&status, 1});
  ZVEC_RETURN_IF_ERROR(status);
  store_->SealIfLarge();
  return std::uint64_t{hits.size()};
}

Result<std::shared_ptr<const Version>> CollectionImpl::Current() const {
  ZVEC_RETURN_IF_ERROR(CheckProcess());
  if (options_.read_only && cocozvec::FaultPlanted("refresh_unasked")) {
    MutexLock lock(store_->write_mu());
    (void)store_->Refresh();
  }
  auto version = store_->Snapshot();
  if (!version) return Closed();
  return version;
}

namespace {
/// An id that stands twice is fetched once, where it stands first.
void KeepFirst(std::vector<std::optional<Location>>& found) {
  if (found.size() < 2) return;
  std::vector<std::pair<std::uint64_t, std::size_t>> rows;  // the row, its place
  rows.reserve(found.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    if (found[i]) rows.emplace_back(std::uint64_t{found[i]->segment} << 32 | found[i]->row, i);
  std::sort(rows.begin(), rows.end());
  for (std::size_t i = 1; i < rows.size(); ++i)
    if (rows[i].first == rows[i - 1].first) found[rows[i].second].reset();
}
}  // namespace

Result<std::vector<Doc>> CollectionImpl::Fetch(std::span<const std::string> ids,
                                               const FetchOptions& options) const {
  ZVEC_RETURN_IF_ERROR(CheckProcess());
  ZVEC_ASSIGN_OR_RETURN(Projection projection,
                        MakeProjection(schema(), options.output_fields, options.include_vectors));
  std::shared_ptr<const Version> version;
  ZVEC_ASSIGN_OR_RETURN(auto found, store_->LocateAll(ids, &version));
  if (!version) return Closed();
  KeepFirst(found);
  std::erase(found, std::nullopt);
  std::vector<Doc> docs(found.size());
  DocReader reader(*version, std::move(projection));
  ZVEC_RETURN_IF_ERROR(reader.ReadEach(
      found.size(), [&](std::size_t i) { return *found[i]; }, [&](std::size_t i) { return &docs[i]; }));
  return docs;
}

namespace {

Status ReadHits(const Version& version, Projection projection, const std::vector<RowHit>& rows,
                HitList* out) {
  DocReader reader(version, std::move(projection));
  out->hits.resize(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) out->hits[i].score = rows[i].score;
  return reader.ReadEach(
      rows.size(), [&](std::size_t i) { return Location{rows[i].segment, rows[i].row}; },
      [&](std::size_t i) { return &out->hits[i].doc; });
}

/// Owns the state of the moment it was made.
class VersionIterator final : public DocIterator {
 public:
  VersionIterator(std::shared_ptr<const Version> version, Projection projection)
      : version_(std::move(version)), reader_(*version_, std::move(projection)) {}

  Result<bool> Next(Doc* doc) override {
    for (; at_.segment < version_->size(); ++at_.segment, at_.row = 0) {
      const StoredView& view = version_->At(at_.segment);
      while (at_.row < view.row_count() && view.IsDead(at_.row)) ++at_.row;
      if (at_.row >= view.row_count()) continue;
      ZVEC_RETURN_IF_ERROR(reader_.Read(at_, doc));
      ++at_.row;
      return true;
    }
    return false;
  }

 private:
  const std::shared_ptr<const Version> version_;
  DocReader reader_;
  Location at_;
};

}  // namespace

Result<HitList> CollectionImpl::Query(const VectorQuery& query) const {
  store_->NoteQuery();
  ZVEC_ASSIGN_OR_RETURN(const auto version, Current());
  ZVEC_ASSIGN_OR_RETURN(Projection projection,
                        MakeProjection(schema(), query.output_fields, query.include_vectors));
  ZVEC_ASSIGN_OR_RETURN(const auto filter, filters_->Get(query.filter, schema()));
  HitList out;
  ZVEC_ASSIGN_OR_RETURN(const auto rows,
                        SearchVectors(version->Views(), schema(), query, *filter, &out.stats));
  ZVEC_RETURN_IF_ERROR(ReadHits(*version, std::move(projection), rows, &out));
  return out;
}

Result<RowHitList> CollectionImpl::QueryRows(const VectorQuery& query) const {
  store_->NoteQuery();
  ZVEC_ASSIGN_OR_RETURN(const auto version, Current());
  ZVEC_ASSIGN_OR_RETURN(const auto filter, filters_->Get(query.filter, schema()));
  RowHitList out;
  out.layout = version->layout;
  ZVEC_ASSIGN_OR_RETURN(const auto hits,
                        SearchVectors(version->Views(), schema(), query, *filter, &out.stats));
  std::vector<std::uint64_t> first(version->size());  // number of each segment's first row
  for (std::size_t s = 1; s < first.size(); ++s) first[s] = first[s - 1] + version->At(s - 1).row_count();
  out.rows.reserve(hits.size());
  out.scores.reserve(hits.size());
  for (const RowHit& hit : hits) {
    out.rows.push_back(first[hit.segment] + hit.row);
    out.scores.push_back(hit.score);
  }
  return out;
}

Result<std::vector<std::optional<std::string>>> CollectionImpl::IdsOfRows(std::span<const std::uint64_t> rows,
                                                                          std::uint64_t layout) const {
  ZVEC_ASSIGN_OR_RETURN(const auto version, Current());
  if (layout != version->layout)
    return Status::FailedPrecondition("collection " + path_ + ": row numbers of layout " +
                                      std::to_string(layout) + " are asked for, the rows now have layout " +
                                      std::to_string(version->layout) + ": query again");
  std::vector<std::optional<std::string>> ids(rows.size());
  DocReader reader(*version, {});
  Doc doc;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    std::uint64_t row = rows[i];
    std::uint32_t segment = 0;
    while (segment < version->size() && row >= version->At(segment).row_count())
      row -= version->At(segment++).row_count();
    if (segment == version->size()) continue;
    const Location at{segment, static_cast<std::uint32_t>(row)};
    if (version->At(segment).IsDead(at.row)) continue;
    ZVEC_RETURN_IF_ERROR(reader.Read(at, &doc));
    ids[i] = doc.id;
  }
  return ids;
}

Result<HitList> CollectionImpl::Scan(const ScanQuery& query) const {
  ZVEC_ASSIGN_OR_RETURN(const auto version, Current());
  ZVEC_ASSIGN_OR_RETURN(Projection projection,
                        MakeProjection(schema(), query.output_fields, query.include_vectors));
  ZVEC_ASSIGN_OR_RETURN(const auto filter, filters_->Get(query.filter, schema()));
  HitList out;
  ZVEC_ASSIGN_OR_RETURN(const auto rows, ScanRows(version->Views(), *filter, query.limit, &out.stats));
  ZVEC_RETURN_IF_ERROR(ReadHits(*version, std::move(projection), rows, &out));
  return out;
}

Result<std::unique_ptr<DocIterator>> CollectionImpl::Iterate(const FetchOptions& options) const {
  ZVEC_ASSIGN_OR_RETURN(auto version, Current());
  ZVEC_ASSIGN_OR_RETURN(Projection projection,
                        MakeProjection(schema(), options.output_fields, options.include_vectors));
  return std::unique_ptr<DocIterator>(
      std::make_unique<VersionIterator>(std::move(version), std::move(projection)));
}

Status CollectionImpl::Flush() {
  ZVEC_RETURN_IF_ERROR(CheckProcess());
  MutexLock lock(store_->write_mu());
  return store_->Flush();
}

Status CollectionImpl::Optimize(const OptimizeOptions& options) {
  ZVEC_RETURN_IF_ERROR(CheckProcess());
  return store_->Optimize(options.concurrency);
}

Status CollectionImpl::Close() {
  ZVEC_RETURN_IF_ERROR(CheckProcess());
  store_->StopMaintenance();
  MutexLock lock(store_->write_mu());
  return store_->Close();
}

Result<bool> CollectionImpl::Refresh() {
  ZVEC_RETURN_IF_ERROR(CheckProcess());
  MutexLock lock(store_->write_mu());
  return store_->Refresh();
}

Result<bool> CollectionImpl::WaitForChange(std::uint32_t timeout_ms) {
  ZVEC_RETURN_IF_ERROR(CheckProcess());
  return store_->WaitForChange(timeout_ms);
}

Status CollectionImpl::SetMark(std::string_view mark) {
  if (mark.size() > kMaxMarkBytes)
    return Status::InvalidArgument("collection " + path_ + ": a mark of " + std::to_string(mark.size()) +
                                   " bytes, at most " + std::to_string(kMaxMarkBytes) + " are allowed");
  ZVEC_RETURN_IF_ERROR(CheckProcess());
  MutexLock lock(store_->write_mu());
  return store_->SetMark(mark);
}

double CollectionImpl::IndexedShare(const Version& version, const FieldSchema& field) const {
  const std::uint64_t live = version.live_count();
  if (live == 0 || !WantsIndex(field)) return 1;
  const auto place = static_cast<std::size_t>(&field - schema().fields.data());
  std::uint64_t indexed = 0;
  for (const auto& view : version.sealed)
    if (const hnsw::Graph* graph = view->Graph(place);
        (graph != nullptr && !graph->growing()) || view->row_count() < options_.index_min_rows)
      indexed += view->live_count();
  return static_cast<double>(indexed) / static_cast<double>(live);
}

CollectionStats CollectionImpl::Stats() const {
  CollectionStats stats;
  if (store_->inherited()) return stats;
  const auto version = store_->Snapshot();
  if (!version) return stats;
  stats.doc_count = version->live_count();
  stats.deleted_count = version->dead_count();
  stats.sealed_segments = static_cast<std::uint32_t>(version->sealed.size());
  stats.generation = store_->Generation();
  stats.disk_bytes = store_->DiskBytes();
  stats.unlinked_rows = store_->UnlinkedRows();
  for (std::size_t i = 0; i < version->size(); ++i) stats.scan_code_bytes += version->At(i).code_bytes();
  stats.maintaining = store_->maintaining();
  stats.maintenance_error = store_->MaintenanceError();
  stats.merge = store_->Progress();
  for (const FieldSchema& field : schema().fields) {
    if (!IsVector(field.type)) continue;
    stats.index_completeness[field.name] = IndexedShare(*version, field);
  }
  return stats;
}

}  // namespace zvec::inline v0
