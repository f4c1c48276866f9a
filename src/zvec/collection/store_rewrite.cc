// Sealing: the live rows of the mutable segment are written as a sealed one, the manifest is replaced, the
// log starts anew.
#include <algorithm>

#include "base/fault.h"
#include "cocozvec/base/log.h"
#include "zvec/collection/graphs.h"
#include "zvec/collection/rewrite.h"
#include "zvec/collection/store_merge.h"
#include "zvec/storage/deletes.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/mark.h"
#include "zvec/storage/segment_writer.h"

namespace zvec::inline v0 {

namespace {

constexpr std::size_t kMostHeritages = 4;

}  // namespace

RowRefs LiveRows(std::span<const SegmentView* const> sources) {
  RowRefs rows;
  for (std::uint32_t s = 0; s < sources.size(); ++s) {
    const SegmentView& view = *sources[s];
    for (std::uint32_t chunk = 0; chunk < view.chunk_count(); ++chunk) {
      std::uint64_t live[kChunkRows / 64];
      std::fill(std::begin(live), std::end(live), ~std::uint64_t{0});
      view.ClearDead(chunk, live);
      const std::uint32_t in_chunk = std::min(kChunkRows, view.row_count() - chunk * kChunkRows);
      for (std::uint32_t r = 0; r < in_chunk; ++r)
        if ((live[r / 64] >> (r % 64)) & 1) rows.push_back({s, chunk * kChunkRows + r});
    }
  }
  return rows;
}

std::uint64_t ListBytes(const FieldSchema& field, std::uint64_t cell_bytes) {
  return cell_bytes / (field.type == DataType::kSparseVectorFp16 ? 6 : 8) * kListBytesPerPosting;
}

namespace {

/// Adds a row of `view`: what its cells take, id included, and for each field what its lists hold.
Status AddRow(const SegmentView& view, std::uint32_t row, std::uint64_t& bytes,
              std::vector<std::uint64_t>& list_bytes) {
  const auto& fields = view.schema().fields;
  for (std::size_t f = 0; f <= fields.size(); ++f) {
    const std::size_t field = f == fields.size() ? kIdColumn : f;
    ZVEC_ASSIGN_OR_RETURN(const ColumnChunk chunk, view.Column(field, row / kChunkRows));
    if (chunk.IsNull(row % kChunkRows)) continue;
    const std::uint64_t cell = chunk.Cell(row % kChunkRows).size();
    bytes += cell;
    if (f < fields.size() && sparse::WantsLists(fields[f])) list_bytes[f] += ListBytes(fields[f], cell);
  }
  return {};
}

}  // namespace

Result<std::vector<std::size_t>> SplitRows(std::span<const SegmentView* const> sources,
                                           std::span<const RowRef> rows, const SegmentShape& total,
                                           const MergeLimits& limits) {
  std::vector<std::size_t> ends;
  std::size_t begin = 0;
  const bool by_bytes = total.bytes > limits.most_bytes || total.list_bytes > limits.most_list_bytes;
  const std::size_t fields = sources.empty() ? 0 : sources[0]->schema().fields.size();
  std::uint64_t bytes = 0;
  std::vector<std::uint64_t> lists(fields);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto add = [&] { return AddRow(*sources[rows[i].source], rows[i].row, bytes, lists); };
    if (by_bytes) ZVEC_RETURN_IF_ERROR(add());
    const bool full = bytes > limits.most_bytes || std::any_of(lists.begin(), lists.end(), [&](auto list) {
                        return list > limits.most_list_bytes;
                      });
    if (i == begin || (!full && i - begin != limits.most_rows)) continue;
    ends.push_back(i);
    begin = i;
    bytes = 0;
    lists.assign(fields, 0);
    if (by_bytes) ZVEC_RETURN_IF_ERROR(add());
  }
  if (begin < rows.size()) ends.push_back(rows.size());
  return ends;
}

Status Store::Seal() {
  ZVEC_RETURN_IF_ERROR(CheckWritable());
  ZVEC_RETURN_IF_ERROR(Settle());
  Rewrite rewrite;
  rewrite.from = Snapshot();
  for (const auto& view : rewrite.from->sealed)
    rewrite.gone.push_back(view->live_count() == 0 && !merging_.contains(view->segment()->file().number));
  {
    cocozvec::ReaderLock lock(state_mu_);
    rewrite.manifest = *manifest_;
  }
  rewrite.manifest.generation += 1;
  rewrite.manifest.segments.clear();
  Status status = WriteChangedDeletes(rewrite);
  if (status.ok()) status = BuildOutputs(rewrite);
  if (status.ok()) status = StartLog(rewrite);
  if (status.ok()) {
    in_doubt_ = true;
    status = Install(rewrite);
    in_doubt_ = false;
  }
  if (status.ok()) return status;
  if (!rewrite.uncertain) {
    rewrite.log.reset();
    Abandon(rewrite);
    return status;
  }
  // Either manifest may be the newest one after the next start: a write now could go to a log that is not
  // looked at.
  fence_ = Status::FailedPrecondition("collection " + directory_ +
                                      " must be reopened after: " + status.ToString());
  return status;
}

Status Store::WriteChangedDeletes(Rewrite& rewrite) {
  std::map<std::uint64_t, SegmentEntry> old;
  {
    cocozvec::ReaderLock lock(state_mu_);
    for (const SegmentEntry& entry : manifest_->segments) old[entry.file.number] = entry;
  }
  for (std::size_t i = 0; i < rewrite.from->sealed.size(); ++i) {
    if (rewrite.gone[i]) continue;
    const auto& view = rewrite.from->sealed[i];
    const std::uint64_t segment = view->segment()->file().number;
    SegmentEntry entry = old[segment];
    const auto persisted = persisted_dead_.find(segment);
    const std::uint64_t known = persisted == persisted_dead_.end() ? 0 : persisted->second;
    if (view->dead_count() != known) {
      entry.deletes_number = TakeNumber();
      const std::string path = PathOf(DeletesName(entry.deletes_number));
      rewrite.made.push_back(path);
      ZVEC_ASSIGN_OR_RETURN(
          entry.deletes_checksum,
          WriteDeletes(fs_, path, entry.deletes_number, rewrite.manifest.collection, segment, *view->dead()));
    }
    if (view->dead_count() != 0) rewrite.persisted_dead[segment] = view->dead_count();
    rewrite.manifest.segments.push_back(std::move(entry));
    rewrite.version->sealed.push_back(view);
  }
  return {};
}

Status Store::BuildOutputs(Rewrite& rewrite) {
  const SegmentView* const sources[] = {rewrite.from->tail.get()};
  const RowRefs rows = LiveRows(sources);
  SegmentShape total{.bytes = tail_->bytes()};
  for (const FieldSchema& field : schema_->fields)
    if (sparse::WantsLists(field))
      total.list_bytes = std::max(total.list_bytes, ListBytes(field, tail_->bytes()));
  ZVEC_ASSIGN_OR_RETURN(const auto ends, SplitRows(sources, rows, total, LimitsOf(MergeGoal::kGood)));
  std::size_t begin = 0;
  for (const std::size_t end : ends) {
    const std::uint64_t number = TakeNumber();
    const std::string path = PathOf(SegmentName(number));
    rewrite.made.push_back(path);
    const auto part = std::span(rows).subspan(begin, end - begin);
    ZVEC_ASSIGN_OR_RETURN(const SegmentFile file,
                          WriteSegment(fs_, path, number, rewrite.manifest.collection, sources, part));
    ZVEC_ASSIGN_OR_RETURN(auto segment, SealedSegment::Open(fs_, path, file, rewrite.manifest.collection,
                                                            schema_, options_.enable_mmap));
    rewrite.version->sealed.push_back(std::make_shared<SealedView>(
        std::move(segment), nullptr, std::make_shared<Graphs>(schema_->fields.size())));
    rewrite.manifest.segments.push_back({.file = file});
    begin = end;
  }
  if (ends.size() == 1) Bequeath(rewrite, rows);
  return {};
}

Status Store::StartLog(Rewrite& rewrite) {
  FileHeader header{.collection = rewrite.manifest.collection,
                    .number = TakeNumber(),
                    .a = log_->position().sequence,
                    .b = rewrite.manifest.generation};
  const std::string path = PathOf(LogName(header.number));
  rewrite.made.push_back(path);
  ZVEC_ASSIGN_OR_RETURN(rewrite.log, LogWriter::Create(fs_, path, header));
  rewrite.manifest.log_number = header.number;
  rewrite.manifest.log_checksum = rewrite.log->position().previous;
  return {};
}

Status Store::Install(Rewrite& rewrite) {
  rewrite.manifest.next_number = next_number_;
  if (cocozvec::FaultPlanted("retire_early")) (void)fs_.RemoveFile(log_->path());
  ZVEC_RETURN_IF_ERROR(InstallManifest(fs_, directory_, rewrite.manifest, &rewrite.uncertain));
  auto tail = std::make_shared<MutableSegment>(schema_);
  rewrite.version->tail = tail->Publish(nullptr);
  rewrite.version->growing = std::make_shared<TailGraphs>(schema_, options_.index_min_rows);
  std::erase_if(heritage_, [&](const auto& item) {
    return std::none_of(rewrite.manifest.segments.begin(), rewrite.manifest.segments.end(),
                        [&](const SegmentEntry& entry) { return entry.file.number == item.first; });
  });
  if (rewrite.heritage) heritage_[rewrite.manifest.segments.back().file.number] = std::move(rewrite.heritage);
  ForgetHeritages();
  {
    cocozvec::WriterLock lock(state_mu_);
    previous_ = *manifest_;
    manifest_ = std::make_shared<Manifest>(std::move(rewrite.manifest));
    rewrite.version->layout = version_->layout + 1;
    version_ = std::move(rewrite.version);
  }
  tail_ = std::move(tail);
  log_ = std::move(rewrite.log);
  persisted_dead_ = std::move(rewrite.persisted_dead);
  SetSealLimits(options_.seal_bytes, LogLimit(options_), LimitsOf(MergeGoal::kGood).most_rows);
  segments_paused_ = tail_paused_ = false;
  const std::uint64_t shared = std::exchange(shared_, 0);
  shared_rows_ = 0;
  PublishCommit(log_->position());
  if (shared != 0) RemoveShared(shared);
  if (seals_to_wait_ != 0) --seals_to_wait_;
  if (seals_to_wait_ == 0) merges_paused_ = false;
  RemoveUnnamed();
  return {};
}

/// Each keeps its rows in memory, and graphs. Without one a graph is made from the sealed rows.
void Store::ForgetHeritages() {
  const std::uint64_t row = GraphBytesPerRow(*schema_);
  std::uint64_t bytes = 0;
  for (const auto& [segment, heritage] : heritage_)
    bytes += heritage->segment->bytes() + heritage->segment->rows() * row;
  while (heritage_.size() > kMostHeritages ||
         (heritage_.size() > 1 && bytes > options_.maintenance_memory_bytes / 2)) {
    const Heritage& oldest = *heritage_.begin()->second;
    bytes -= oldest.segment->bytes() + oldest.segment->rows() * row;
    heritage_.erase(heritage_.begin());
  }
}

void Store::Abandon(const Rewrite& rewrite) {
  for (const std::string& path : rewrite.made) (void)fs_.RemoveFile(path);
  (void)fs_.RemoveFile(PathOf(ManifestName(rewrite.manifest.generation)) + ".tmp");
}

void Store::RemoveUnnamed() {
  std::set<std::string> keep;
  {
    cocozvec::ReaderLock lock(state_mu_);
    keep = NamedFiles(*manifest_);
  }
  if (previous_) keep.merge(NamedFiles(*previous_));
  const auto entries = fs_.List(directory_);
  if (!entries.ok() || !KeepPinned(*entries, keep)) return;
  for (const auto& entry : *entries) {
    const auto name = ParseName(entry.name);
    if (!name || name->kind == NameKind::kLock || name->kind == NameKind::kMark ||
        keep.contains(entry.name) || in_work_.contains(entry.name))
      continue;
    if (name->kind == NameKind::kSegment && cocozvec::FaultPlanted("never_remove_segments")) continue;
    // What stays is removed by a later seal or open.
    if (const Status status = fs_.RemoveFile(PathOf(entry.name)); !status.ok())
      cocozvec::Log(cocozvec::LogLevel::kWarning, status.ToString());
  }
}

void Store::SetSealLimits(std::uint64_t tail_bytes, std::uint64_t log_bytes, std::uint64_t rows) {
  seal_at_bytes_ = tail_bytes;
  seal_at_log_bytes_ = log_bytes;
  seal_at_rows_ = rows;
}

void Store::SealIfLarge(std::uint64_t coming_log_bytes) {
  if (!CheckWritable().ok()) return;
  const std::uint64_t log_bytes = log_->position().end;
  const bool log_is_full = log_bytes > kFileHeaderBytes && log_bytes + coming_log_bytes >= seal_at_log_bytes_;
  if (tail_->bytes() < seal_at_bytes_ && tail_->rows() < seal_at_rows_ && !log_is_full) return;
  const Status status = Seal();
  if (status.ok()) return;
  const std::uint64_t later = options_.seal_bytes / 4;
  SetSealLimits(tail_->bytes() + later, log_bytes + later, tail_->rows() + seal_at_rows_ / 4 + 1);
  cocozvec::Log(cocozvec::LogLevel::kWarning, "sealing " + directory_ + ": " + status.ToString());
}

Status Store::ForgetOlderGeneration() {
  Manifest next;
  {
    cocozvec::ReaderLock lock(state_mu_);
    if (!previous_) return {};
    std::set<std::string> older = NamedFiles(*previous_);
    for (const std::string& name : NamedFiles(*manifest_)) older.erase(name);
    if (older.size() <= 1) return {};  // nothing but its manifest
    next = *manifest_;
  }
  return Replace(std::move(next), nullptr);
}

Status Store::Replace(Manifest next, std::shared_ptr<const Version> version) {
  ZVEC_RETURN_IF_ERROR(Settle());
  next.generation += 1;
  next.next_number = next_number_;
  std::optional<Manifest> previous;
  {
    cocozvec::ReaderLock lock(state_mu_);
    previous = *manifest_;
  }
  bool uncertain = false;
  in_doubt_ = true;
  if (Status status = InstallManifest(fs_, directory_, next, &uncertain); !status.ok()) {
    if (uncertain)
      fence_ = Status::FailedPrecondition("collection " + directory_ +
                                          " must be reopened after: " + status.ToString());
    in_doubt_ = false;
    return status;
  }
  auto shared = std::make_shared<const Manifest>(std::move(next));
  previous_.swap(previous);
  {
    cocozvec::WriterLock lock(state_mu_);
    manifest_.swap(shared);
    if (version) version_.swap(version);
  }
  in_doubt_ = false;
  PublishCommit(log_->position());
  try {
    RemoveUnnamed();
  } catch (const std::bad_alloc&) {  // what was asked for is done; the next manifest removes them
  }
  return {};
}

}  // namespace zvec::inline v0
