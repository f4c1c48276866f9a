// Sealing and merging: live rows are written as new segments, the manifest is replaced, the log starts anew.
#include <algorithm>

#include "base/fault.h"
#include "cocozvec/base/log.h"
#include "zvec/collection/rewrite.h"
#include "zvec/storage/deletes.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/mark.h"
#include "zvec/storage/segment_writer.h"

namespace zvec::inline v0 {

namespace {

/// A sealed segment ends before its cells pass this: blocks of variable cells have offsets of 32 bits.
constexpr std::uint64_t kMaxSegmentBytes = std::uint64_t{2} << 30;
constexpr std::size_t kMaxSegmentRows = 10'000'000;
/// Optimize merges segments below this.
constexpr std::size_t kMostHeritages = 4;
constexpr std::uint64_t kSmallSegmentBytes = std::uint64_t{256} << 20;

std::vector<RowRef> LiveRows(std::span<const SegmentView* const> sources) {
  std::vector<RowRef> rows;
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

/// What a row's cells take, ids included.
Result<std::uint64_t> RowBytes(const SegmentView& view, std::uint32_t row) {
  std::uint64_t bytes = 0;
  for (std::size_t f = 0; f <= view.schema().fields.size(); ++f) {
    const std::size_t field = f == view.schema().fields.size() ? kIdColumn : f;
    ZVEC_ASSIGN_OR_RETURN(const ColumnChunk chunk, view.Column(field, row / kChunkRows));
    if (!chunk.IsNull(row % kChunkRows)) bytes += chunk.Cell(row % kChunkRows).size();
  }
  return bytes;
}

/// Where each output ends. `total_bytes` is an upper bound of all cells: mostly it says that one output is
/// enough.
Result<std::vector<std::size_t>> SplitRows(std::span<const SegmentView* const> sources,
                                           std::span<const RowRef> rows, std::uint64_t total_bytes) {
  std::vector<std::size_t> ends;
  std::uint64_t bytes = 0;
  std::size_t begin = 0;
  const bool by_bytes = total_bytes > kMaxSegmentBytes;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (by_bytes) {
      ZVEC_ASSIGN_OR_RETURN(const std::uint64_t row_bytes, RowBytes(*sources[rows[i].source], rows[i].row));
      bytes += row_bytes;
    }
    if (i > begin && (bytes > kMaxSegmentBytes || i - begin == kMaxSegmentRows)) {
      ends.push_back(i);
      begin = i;
      bytes = 0;
    }
  }
  if (begin < rows.size()) ends.push_back(rows.size());
  return ends;
}

}  // namespace

Status Store::RewriteSegments(const std::vector<bool>& chosen, std::uint32_t concurrency, bool complete) {
  ZVEC_RETURN_IF_ERROR(CheckWritable());
  ZVEC_RETURN_IF_ERROR(Settle());
  Rewrite rewrite;
  rewrite.from = Snapshot();
  rewrite.chosen = chosen;
  rewrite.concurrency = concurrency;
  rewrite.complete = complete;
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
    if (rewrite.chosen[i]) continue;
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
    ZVEC_RETURN_IF_ERROR(KeepSegment(rewrite, view, std::move(entry)));
  }
  return {};
}

Status Store::BuildOutputs(Rewrite& rewrite) {
  std::vector<const SegmentView*> sources;
  std::uint64_t bytes = tail_->bytes();
  for (std::size_t i = 0; i < rewrite.from->sealed.size(); ++i) {
    if (!rewrite.chosen[i]) continue;
    sources.push_back(rewrite.from->sealed[i].get());
    bytes += rewrite.from->sealed[i]->segment()->file().size_bytes;
  }
  sources.push_back(rewrite.from->tail.get());
  const std::vector<RowRef> rows = LiveRows(sources);
  ZVEC_ASSIGN_OR_RETURN(const auto ends, SplitRows(sources, rows, bytes));
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
    const SealedView bare(std::move(segment), nullptr);
    SegmentEntry entry{.file = file};
    auto graphs = std::make_shared<Graphs>(schema_->fields.size());
    if (rewrite.complete) ZVEC_RETURN_IF_ERROR(BuildGraphs(rewrite, bare, sources, part, entry, *graphs));
    rewrite.version->sealed.push_back(
        std::make_shared<SealedView>(bare.segment(), nullptr, std::move(graphs)));
    rewrite.manifest.segments.push_back(std::move(entry));
    begin = end;
  }
  // Of other sources, no live row.
  if (!rewrite.complete && ends.size() == 1 && rows.front().source + 1 == sources.size())
    Bequeath(rewrite, rows);
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
  // Each keeps its rows in memory. Without one a graph is made from the sealed rows.
  while (heritage_.size() > kMostHeritages) heritage_.erase(heritage_.begin());
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
  SetSealLimits(options_.seal_bytes, LogLimit(options_));
  segments_paused_ = tail_paused_ = false;
  PublishCommit(log_->position());
  RemoveUnnamed();
  return {};
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
    // What stays is removed by a later seal or open.
    if (const Status status = fs_.RemoveFile(PathOf(entry.name)); !status.ok())
      cocozvec::Log(cocozvec::LogLevel::kWarning, status.ToString());
  }
}

void Store::SetSealLimits(std::uint64_t tail_bytes, std::uint64_t log_bytes) {
  seal_at_bytes_ = tail_bytes;
  seal_at_log_bytes_ = log_bytes;
}

void Store::SealIfLarge() {
  if (!CheckWritable().ok()) return;
  const std::uint64_t log_bytes = log_->position().end;
  if (tail_->bytes() < seal_at_bytes_ && log_bytes < seal_at_log_bytes_) return;
  std::vector<bool> chosen;  // a segment without a live row costs nothing to rewrite: it goes
  for (const auto& view : Snapshot()->sealed) chosen.push_back(view->live_count() == 0);
  const Status status = RewriteSegments(chosen, /*concurrency=*/0, /*complete=*/false);
  if (status.ok()) return;
  const std::uint64_t later = options_.seal_bytes / 4;
  SetSealLimits(tail_->bytes() + later, log_bytes + later);
  cocozvec::Log(cocozvec::LogLevel::kWarning, "sealing " + directory_ + ": " + status.ToString());
}

Status Store::Optimize(std::uint32_t concurrency) {
  ZVEC_RETURN_IF_ERROR(CheckWritable());
  if (pinned_left_) RemoveUnnamed();
  {
    cocozvec::WriterLock lock(state_mu_);
    unlinkable_.clear();
  }
  ZVEC_RETURN_IF_ERROR(Settle());
  ZVEC_RETURN_IF_ERROR(CompleteTail(concurrency));
  const auto version = Snapshot();
  std::vector<bool> chosen(version->sealed.size());
  std::size_t count = 0;
  bool dead = false, lacking = false;
  for (std::size_t i = 0; i < chosen.size(); ++i) {
    const SealedView& view = *version->sealed[i];
    chosen[i] = view.dead_count() != 0 || view.segment()->file().size_bytes < kSmallSegmentBytes;
    count += chosen[i];
    dead |= view.dead_count() != 0;
    lacking |= LacksGraphs(view);
  }
  if (version->tail->row_count() == 0 && !dead && count <= 1) {
    if (!lacking) return ForgetOlderGeneration();
    chosen.assign(chosen.size(), false);  // their rows are as they should be
  }
  ZVEC_RETURN_IF_ERROR(RewriteSegments(chosen, concurrency, /*complete=*/true));
  return ForgetOlderGeneration();
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
