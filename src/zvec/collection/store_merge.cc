// Merging sealed segments (merge_policy.h says which): their live rows are written as new ones, with graphs,
// while readers and writers go on; only naming the result takes the write lock. A row that dies meanwhile is
// carried over as dead, so a result never brings back what was deleted or replaced. A crash leaves files that
// no manifest names.
#include "zvec/collection/store_merge.h"

#include <algorithm>
#include <new>

#include "base/fault.h"
#include "cocozvec/base/log.h"
#include "zvec/collection/graphs.h"
#include "zvec/collection/paced_files.h"
#include "zvec/collection/rewrite.h"
#include "zvec/storage/deletes.h"
#include "zvec/storage/file_names.h"

namespace zvec::inline v0 {

using cocozvec::MutexLock;

namespace {

/// The rows of one new segment: [begin, end) of those that are merged.
struct Part {
  std::size_t begin = 0, end = 0;
};

struct Merged {
  Part part;
  SegmentEntry entry;
  std::shared_ptr<const SealedSegment> segment;
  std::shared_ptr<Graphs> graphs;
  std::shared_ptr<Bitmap> dead;  ///< died while it was made; null: none
};

}  // namespace

struct Store::MergeJob {
  MergeGoal goal = MergeGoal::kGood;
  std::vector<std::shared_ptr<const SealedView>> sources;  ///< as they were when it began
  std::uint64_t collection = 0;
  RowRefs rows;  ///< of them, that were live then
  std::vector<Merged> made;
  std::vector<std::string> names;  ///< of files that it makes
};

namespace {

/// The rows of `view` that are dead and were not in `before`.
template <class Visit>
void VisitNewlyDead(const StoredView& view, const StoredView& before, Visit visit) {
  if (view.dead() == nullptr || view.dead_count() == before.dead_count()) return;
  struct Context {
    const StoredView& before;
    Visit& visit;
  } context{before, visit};
  view.dead()->ForEach(
      [](void* c, std::uint32_t row) {
        Context& context = *static_cast<Context*>(c);
        if (!context.before.IsDead(row)) context.visit(row);
      },
      &context);
}

bool Before(const RowRef& a, const RowRef& b) {
  return a.source != b.source ? a.source < b.source : a.row < b.row;
}

}  // namespace

MergeLimits Store::LimitsOf(MergeGoal goal) const {
  // Beside the writers, linking new rows needs memory too. Optimize has the linker stand still.
  std::uint64_t budget = options_.maintenance_memory_bytes / (goal == MergeGoal::kGood ? 2 : 1);
  if (cocozvec::FaultPlanted("forget_the_budget")) budget = UINT64_MAX;
  MergeLimits limits;
  limits.most_rows = SegmentRowsWithin(*schema_, budget);
  limits.most_bytes = kMaxSegmentBytes;
  limits.most_list_bytes = budget;
  // Two that were just sealed fit, although the call that gave rise to a seal made it larger.
  const std::uint64_t two_seals = std::min(options_.seal_bytes, kMaxSegmentBytes) / 2 * 5;
  for (const FieldSchema& field : schema_->fields)
    if (sparse::WantsLists(field))
      limits.most_list_bytes = std::max(limits.most_list_bytes, ListBytes(field, two_seals));
  limits.least_waste_bytes = options_.seal_bytes / 64;
  return limits;
}

SegmentShape Store::ShapeOf(const SealedView& view) const {
  const SegmentFile& file = view.segment()->file();
  SegmentShape shape{file.number, file.rows, view.dead_count(), file.size_bytes, true, 0};
  for (std::size_t f = 0; f < schema_->fields.size(); ++f) {
    if (!sparse::WantsLists(schema_->fields[f])) continue;
    const std::uint64_t column = view.segment()->ColumnBytes(f), offsets = 4 * file.rows;
    shape.list_bytes =
        std::max(shape.list_bytes, ListBytes(schema_->fields[f], column - std::min(column, offsets)));
  }
  return shape;
}

std::vector<SegmentShape> Store::ShapesOf(const Version& version, const Mine* only) const {
  std::vector<SegmentShape> shapes;
  cocozvec::ReaderLock lock(state_mu_);
  for (const auto& view : version.sealed) {
    const SegmentFile& file = view->segment()->file();
    SegmentShape shape = ShapeOf(*view);
    if (only != nullptr) {
      shape.ready = only->segments.contains(file.number) && !unmergeable_.contains(file.number);
      // What died since it was made is no reason to make it again, or a writer could keep Optimize for ever.
      if (only->made.contains(file.number)) shape.dead = 0;
    } else {
      shape.ready = !unmergeable_.contains(file.number);
      // First it gets its graph, which may be the one that is taken over.
      for (std::size_t f = 0; f < schema_->fields.size(); ++f) shape.ready &= !LacksGraph(*view, f);
    }
    shapes.push_back(shape);
  }
  return shapes;
}

bool Store::WantsMerge(const Version& version) const {
  if (merges_paused_ || version.sealed.empty()) return false;
  const MergeLimits limits = LimitsOf(MergeGoal::kGood);
  // Every write call asks: that nothing is to be done is remembered for as long as it must be so.
  Asked asked;
  asked.layout = version.layout;
  for (const auto& view : version.sealed) {
    asked.marks += MarkOf(ShapeOf(*view), limits);
    asked.lacking += LacksGraphs(*view);
  }
  {
    cocozvec::ReaderLock lock(state_mu_);
    asked.set_aside = unmergeable_changes_;
  }
  {
    MutexLock lock(asked_mu_);
    if (asked == nothing_to_merge_) return false;
  }
  ++policy_runs_;
  if (!ChooseMerge(ShapesOf(version, nullptr), limits, MergeGoal::kGood).empty()) return true;
  MutexLock lock(asked_mu_);
  nothing_to_merge_ = asked;
  return false;
}

bool Store::MergeStep(const cocozvec::Cancel& cancel) {
  bool done = false;
  Status status;
  try {
    const auto version = Snapshot();
    if (!version || !WantsMerge(*version)) return false;
    std::unique_ptr<cocozvec::ThreadPool> pool;
    if (MaintenanceThreads() > 1) pool = std::make_unique<cocozvec::ThreadPool>(MaintenanceThreads() - 1);
    status = MergeOnce(MergeGoal::kGood, {pool.get(), &cancel}, nullptr, &done);
  } catch (const std::bad_alloc&) {
    status = NoMemoryForMaintenance();
  }
  if (status.ok()) {
    merge_failures_ = 0;
  } else if (status.code() != StatusCode::kCancelled) {
    seals_to_wait_ = 1u << std::min<std::uint32_t>(merge_failures_, 6);
    if (merge_failures_ < 6) ++merge_failures_;
  }
  SettleMaintenance(status, &merges_paused_);
  return status.ok() ? done : status.code() == StatusCode::kCancelled;
}

Status Store::MergeOnce(MergeGoal goal, const BuildHelp& help, Mine* only, bool* done) {
  MergeJob job;
  *done = false;
  {
    MutexLock lock(write_mu_);
    ZVEC_RETURN_IF_ERROR(CheckWritable());
    try {
      if (!PlanMerge(goal, only, job)) return {};
    } catch (const std::bad_alloc&) {
      merging_.clear();  // there is one merge at a time
      return NoMemoryForMaintenance();
    }
  }
  Status status;
  try {
    status = MakeMerged(job, help);
  } catch (const std::bad_alloc&) {
    status = NoMemoryForMaintenance();
  }
  {
    MutexLock lock(write_mu_);
    status = FinishMerge(job, std::move(status));
  }
  if (IsUnreadable(status)) *done = SetDamagedAside(job);
  ZVEC_RETURN_IF_ERROR(status);
  *done = true;
  if (only != nullptr)
    for (const Merged& merged : job.made) {
      only->segments.insert(merged.entry.file.number);
      only->made.insert(merged.entry.file.number);
    }
  MutexLock lock(write_mu_);
  status = CheckWritable();
  if (status.ok())
    status = ForgetOlderGeneration();  // else what was merged would take room until the next seal
  *done = status.ok();
  return status;
}

Status Store::FinishMerge(MergeJob& job, Status status) {
  if (status.ok()) status = CheckWritable();
  try {
    if (status.ok()) status = InstallMerged(job);
  } catch (const std::bad_alloc&) {
    status = NoMemoryForMaintenance();
  }
  for (const auto& source : job.sources) merging_.erase(source->segment()->file().number);
  for (const std::string& name : job.names) in_work_.erase(name);
  progress_.Clear();
  // Of a manifest that may or may not be there, the files stay.
  if (status.ok() || !fence_.ok() || in_doubt_) return status;
  try {
    for (const std::string& name : job.names) (void)fs_.RemoveFile(PathOf(name));
  } catch (const std::bad_alloc&) {  // the next manifest removes them
  }
  return status;
}

void Store::AtomicProgress::Begin(std::uint64_t merged_segments, std::uint64_t merged_rows) {
  segments = merged_segments;
  rows = merged_rows;
  rows_done = bytes = 0;
}

MergeProgress Store::Progress() const {
  MergeProgress now;
  now.segments = static_cast<std::uint32_t>(progress_.segments.load());
  now.rows = progress_.rows;
  now.rows_done = std::min<std::uint64_t>(progress_.rows_done, now.rows);
  now.bytes_written = progress_.bytes;
  return now;
}

bool Store::TooMuchWaste() const {
  const auto version = Snapshot();
  if (!version) return false;
  std::uint64_t live = 0, dead = 0;
  for (const auto& view : version->sealed) {
    const SegmentShape shape = ShapeOf(*view);
    live += shape.live_bytes();
    dead += shape.bytes - shape.live_bytes();
  }
  // Merging may take as much again as lives: the sum is to stay within 2.5 times that.
  return dead > live / 10 * 3 + options_.seal_bytes;
}

bool Store::WasteLacksGraphs() const {
  if (segments_paused_) return false;  // nobody makes them now
  const auto version = Snapshot();
  if (!version) return false;
  cocozvec::ReaderLock lock(state_mu_);
  // Of segments that were there before, as UnlinkedSince: to link a large old one may take minutes.
  for (const auto& view : version->sealed) {
    const std::uint64_t number = view->segment()->file().number;
    if (number >= made_here_ && view->dead_count() >= (view->row_count() + 4) / 5 && LacksGraphs(*view) &&
        !unlinkable_.contains(number))
      return true;
  }
  return false;
}

bool Store::PlanMerge(MergeGoal goal, const Mine* only, MergeJob& job) {
  job.goal = goal;
  const auto version = Snapshot();
  const auto chosen = ChooseMerge(ShapesOf(*version, only), LimitsOf(goal), goal);
  if (chosen.empty()) return false;
  {
    cocozvec::ReaderLock lock(state_mu_);
    job.collection = manifest_->collection;
  }
  std::uint64_t rows = 0;
  for (const std::size_t place : chosen) {
    job.sources.push_back(version->sealed[place]);
    rows += version->sealed[place]->live_count();
  }
  // As long as it is named here, a seal keeps a segment although nothing in it is alive any more.
  for (const auto& source : job.sources) merging_.insert(source->segment()->file().number);
  progress_.Begin(job.sources.size(), rows * (1 + CountIndexes()));
  return true;
}

std::uint64_t Store::CountIndexes() const {
  return static_cast<std::uint64_t>(
      std::count_if(schema_->fields.begin(), schema_->fields.end(), WantsIndex));
}

std::uint64_t Store::NameWork(MergeJob& job, std::string (*name)(std::uint64_t number)) {
  MutexLock lock(write_mu_);
  const std::uint64_t number = TakeNumber();
  job.names.push_back(name(number));
  in_work_.insert(job.names.back());
  return number;
}

Status Store::MakeMerged(MergeJob& job, const BuildHelp& base) {
  const std::uint64_t rate = job.goal == MergeGoal::kGood ? options_.maintenance_bytes_per_second : 0;
  PacedFiles files(fs_, rate, base.cancel, &progress_.bytes);
  BuildHelp help = base;
  help.files = &files;
  help.linked = &progress_.rows_done;
  std::vector<const SegmentView*> sources;
  SegmentShape total;
  for (const auto& source : job.sources) {
    sources.push_back(source.get());
    const SegmentShape shape = ShapeOf(*source);
    total.bytes += shape.bytes;
    total.list_bytes += shape.list_bytes;
  }
  job.rows = LiveRows(sources);
  // A segment that was made under larger limits than today's becomes several.
  ZVEC_ASSIGN_OR_RETURN(const auto ends, SplitRows(sources, job.rows, total, LimitsOf(job.goal)));
  for (std::size_t begin = 0; const std::size_t end : ends) {
    ZVEC_RETURN_IF_ERROR(help.Check());
    Merged& merged = job.made.emplace_back();
    merged.part = {begin, end};
    const auto rows = std::span(job.rows).subspan(begin, end - begin);
    const std::uint64_t number = NameWork(job, SegmentName);
    const std::string path = PathOf(SegmentName(number));
    ZVEC_ASSIGN_OR_RETURN(merged.entry.file,
                          WriteSegment(files, path, number, job.collection, sources, rows));
    ZVEC_ASSIGN_OR_RETURN(merged.segment, SealedSegment::Open(fs_, path, merged.entry.file, job.collection,
                                                              schema_, options_.enable_mmap));
    progress_.rows_done += rows.size();
    merged.graphs = std::make_shared<Graphs>(schema_->fields.size());
    ZVEC_RETURN_IF_ERROR(MergeGraphs(job, SealedView(merged.segment, nullptr), sources, rows, merged.entry,
                                     *merged.graphs, help));
    begin = end;
  }
  return {};
}

Status Store::MergeGraphs(MergeJob& job, const SealedView& view, std::span<const SegmentView* const> sources,
                          std::span<const RowRef> rows, SegmentEntry& entry, Graphs& graphs,
                          const BuildHelp& help) {
  for (std::size_t f = 0; f < schema_->fields.size(); ++f) {
    if (!LacksGraph(view, f)) continue;
    const std::uint64_t number = NameWork(job, IndexName);
    const std::uint64_t done = progress_.rows_done;
    ZVEC_ASSIGN_OR_RETURN(NewGraph made,
                          MakeGraph(view, entry, f, sources, rows, number, job.collection, help));
    progress_.rows_done = done + rows.size();  // also where nothing, or more than once, was linked
    graphs[f] = std::move(made.graph);
    entry.indexes.push_back(made.entry);
  }
  return {};
}

Status Store::CarryDeaths(MergeJob& job, const Version& now) {
  for (std::uint32_t s = 0; s < job.sources.size(); ++s) {
    const std::uint64_t number = job.sources[s]->segment()->file().number;
    const auto at = std::find_if(now.sealed.begin(), now.sealed.end(), [number](const auto& view) {
      return view->segment()->file().number == number;
    });
    if (at == now.sealed.end()) return Status::Cancelled("a segment that is being merged is gone");
    if (cocozvec::FaultPlanted("merge_forgets_deletes")) continue;
    VisitNewlyDead(**at, *job.sources[s], [&](std::uint32_t row) {
      const auto found = std::lower_bound(job.rows.begin(), job.rows.end(), RowRef{s, row}, Before);
      const auto place = static_cast<std::size_t>(found - job.rows.begin());
      for (Merged& merged : job.made) {
        if (place < merged.part.begin || place >= merged.part.end) continue;
        if (!merged.dead) merged.dead = std::make_shared<Bitmap>();
        merged.dead->Add(static_cast<std::uint32_t>(place - merged.part.begin));
      }
    });
  }
  return {};
}

Status Store::InstallMerged(MergeJob& job) {
  // A manifest must not leave out the old row of a document whose new one only an unsynced log holds.
  ZVEC_RETURN_IF_ERROR(Settle());
  if (options_.durability == Durability::kRelaxed && !cocozvec::FaultPlanted("merge_without_log_sync"))
    ZVEC_RETURN_IF_ERROR(log_->Sync(/*keep_unsynced=*/true));
  const auto now = Snapshot();
  ZVEC_RETURN_IF_ERROR(CarryDeaths(job, *now));
  auto version = std::make_shared<Version>(*now);
  version->layout += 1;
  Manifest manifest;
  {
    cocozvec::ReaderLock lock(state_mu_);
    manifest = *manifest_;
  }
  const auto is_source = [&](std::uint64_t number) {
    return std::any_of(job.sources.begin(), job.sources.end(),
                       [number](const auto& source) { return source->segment()->file().number == number; });
  };
  std::erase_if(version->sealed, [&](const auto& view) { return is_source(view->segment()->file().number); });
  std::erase_if(manifest.segments, [&](const SegmentEntry& entry) { return is_source(entry.file.number); });
  auto persisted = persisted_dead_;
  for (const auto& source : job.sources) persisted.erase(source->segment()->file().number);
  for (Merged& merged : job.made) {
    const SegmentFile& file = merged.entry.file;
    const std::uint64_t dead = merged.dead ? merged.dead->Count() : 0;
    if (dead == file.rows) continue;  // its files are named by nobody
    if (dead != 0) {
      merged.entry.deletes_number = TakeNumber();
      job.names.push_back(DeletesName(merged.entry.deletes_number));
      ZVEC_ASSIGN_OR_RETURN(merged.entry.deletes_checksum,
                            WriteDeletes(fs_, PathOf(job.names.back()), merged.entry.deletes_number,
                                         job.collection, file.number, *merged.dead));
      persisted[file.number] = dead;
    }
    version->sealed.push_back(
        std::make_shared<SealedView>(merged.segment, merged.dead, std::move(merged.graphs)));
    manifest.segments.push_back(merged.entry);
  }
  ZVEC_RETURN_IF_ERROR(Replace(std::move(manifest), std::move(version)));
  persisted_dead_.swap(persisted);
  for (const auto& source : job.sources) heritage_.erase(source->segment()->file().number);
  return {};
}

bool Store::SetDamagedAside(const MergeJob& job) {
  bool any = false;
  for (const auto& source : job.sources) {
    if (source->segment()->VerifyAll().ok()) continue;
    cocozvec::WriterLock lock(state_mu_);
    unmergeable_.insert(source->segment()->file().number);
    ++unmergeable_changes_;
    any = true;
  }
  return any;
}

}  // namespace zvec::inline v0
