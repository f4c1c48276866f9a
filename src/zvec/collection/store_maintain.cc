// Maintenance: what makes queries quick and that no caller waits for. One step at a time: the rows of the
// mutable segment are linked where they lie; a sealed segment gets its graphs as files, named by a manifest
// that differs in nothing else. A step looks up what it works on, works without a lock on what cannot change,
// and takes the write lock to show what it made. A crash leaves files that no manifest names.
#include <algorithm>
#include <exception>
#include <new>
#include <thread>
#include <utility>

#include "cocozvec/base/log.h"
#include "zvec/collection/graphs.h"
#include "zvec/collection/paced_files.h"
#include "zvec/collection/rewrite.h"
#include "zvec/collection/store_merge.h"
#include "zvec/collection/tail_graphs.h"
#include "zvec/storage/file_names.h"

namespace zvec::inline v0 {

using cocozvec::MutexLock;

namespace {
// Made beforehand: there may be no memory for it when it is wanted.
const Status no_memory(StatusCode::kResourceExhausted, "there was no memory for maintenance");
}  // namespace

/// A sealed segment that lacks graphs, and what is made for it.
struct Store::LinkJob {
  std::shared_ptr<const SealedView> segment;
  SegmentEntry entry;
  std::uint64_t collection = 0;
  std::shared_ptr<const Heritage> heritage;  ///< null: the segment was found like this
  std::vector<std::size_t> fields;           ///< that lack one
  std::vector<std::uint64_t> numbers;        ///< of the files to come, as `fields`
  std::vector<NewGraph> made;                ///< as `fields`
};

void Store::WaitForRoom() {
  if (options_.maintenance != Maintenance::kBackground || options_.read_only) return;
  linker_.WaitWhile([this] { return WasteLacksGraphs() && TooMuchWaste(); });
  merger_.WaitWhile([this] { return !optimize_links_ && TooMuchWaste(); });
  linker_.WaitWhile([this] {
    const std::uint64_t unlinked = UnlinkedSince(made_here_);
    if (unlinked <= pace_.least()) return false;
    return unlinked > pace_.Limit(unlinked, IsReadElsewhere(), WritePace::Clock::now());
  });
}

void Store::WakeMaintenance() {
  if (options_.maintenance == Maintenance::kManual || options_.read_only) return;
  auto version = Snapshot();
  if (version && (Unlinked(*version->tail) >= hnsw::kLinkBatch || FirstLacking(*version) != SIZE_MAX)) {
    linker_.Wake();
    version = Snapshot();
  }
  // One that is at work asks once more itself. kInline: it is this thread's, or soon over.
  const bool at_work = options_.maintenance == Maintenance::kBackground && merger_.busy();
  if (version && (at_work || WantsMerge(*version))) merger_.Wake();
}

void Store::StopMaintenance() {
  linker_.BeginStop();
  merger_.BeginStop();
  linker_.Stop();
  merger_.Stop();
  std::unique_ptr<cocozvec::ThreadPool> pool;  // two threads may close
  MutexLock lock(write_mu_);
  pool.swap(pool_);
}

std::uint64_t Store::Unlinked(const SegmentView& view) const {
  std::uint64_t most = 0;
  for (std::size_t f = 0; f < schema_->fields.size(); ++f) {
    if (!WantsGraph(schema_->fields[f])) continue;
    const hnsw::Graph* graph = view.Graph(f);
    if (graph != nullptr && !graph->growing()) continue;  // finished, or refused
    const std::uint32_t nodes = graph != nullptr ? graph->Current().view.nodes : 0;
    most = std::max<std::uint64_t>(most, view.row_count() - std::min(nodes, view.row_count()));
  }
  return most;
}

std::uint64_t Store::UnlinkedSince(std::uint64_t first_segment) const {
  const auto version = Snapshot();
  if (!version) return 0;
  std::uint64_t rows = Unlinked(*version->tail);
  for (const auto& view : version->sealed)
    if (view->segment()->file().number >= first_segment && view->row_count() >= options_.index_min_rows)
      rows += Unlinked(*view);
  return rows;
}

Status Store::MaintenanceError() const {
  cocozvec::ReaderLock lock(state_mu_);
  return maintenance_error_;
}

bool Store::HasSetAside() const {
  for (const SegmentEntry& entry : manifest_->segments)
    if (unlinkable_.contains(entry.file.number) || unmergeable_.contains(entry.file.number)) return true;
  return false;
}

void Store::SettleMaintenance(const Status& status, std::atomic<bool>* paused) {
  if (status.code() == StatusCode::kCancelled ||
      (status.ok() && (segments_paused_ || tail_paused_ || merges_paused_)))
    return;
  {
    cocozvec::WriterLock lock(state_mu_);
    if (!HasSetAside()) {
      aside_error_ = {};
    } else if (aside_error_.ok() && IsUnreadable(status)) {
      aside_error_ = status;
    }
    // What passes must not hide what stays until Optimize.
    maintenance_error_ = status.ok() ? aside_error_ : status;
  }
  if (status.ok()) return;
  if (paused == nullptr) {
    cocozvec::Log(
        cocozvec::LogLevel::kWarning,
        "maintenance of " + directory_ + " leaves a segment out until Optimize: " + status.ToString());
    return;
  }
  *paused = true;
  const std::uint32_t seals = paused == &merges_paused_ ? std::max(1u, seals_to_wait_.load()) : 1;
  cocozvec::Log(cocozvec::LogLevel::kWarning,
                "maintenance of " + directory_ + " failed and is tried again after " +
                    (seals == 1 ? "the next seal: " : std::to_string(seals) + " seals: ") +
                    status.ToString());
}

const Status& NoMemoryForMaintenance() { return no_memory; }

namespace {

/// A refusal counts for the mutable segment: the sealed one is judged when its own graph is built.
std::shared_ptr<const Graphs> WithoutRefused(const std::shared_ptr<const Graphs>& graphs) {
  if (!graphs) return nullptr;
  auto kept = std::make_shared<Graphs>(*graphs);
  for (auto& graph : *kept)
    if (graph && !graph->growing()) graph = nullptr;
  return kept;
}

/// What `work` answers, or that memory did not suffice for it.
template <class Work>
Status Guarded(const Work& work) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return NoMemoryForMaintenance();
  }
}

}  // namespace

bool Store::LinkStep(const cocozvec::Cancel& cancel) {
  const auto version = Snapshot();
  if (!version) return false;
  if (!pool_ && MaintenanceThreads() > 1)
    pool_ = std::make_unique<cocozvec::ThreadPool>(MaintenanceThreads() - 1);
  const BuildHelp help{pool_.get(), &cancel};
  if (!segments_paused_ && FirstLacking(*version) != SIZE_MAX) {
    bool aside = false;
    const Status status = Guarded([&] { return LinkSegment(help, nullptr, &aside); });
    SettleMaintenance(status, aside ? nullptr : &segments_paused_);
    // With its graph a segment may be merged.
    const auto now = Snapshot();
    if (options_.maintenance == Maintenance::kBackground && status.ok() && now && WantsMerge(*now))
      merger_.Wake();  // kInline: whoever woke this does
    return status.ok() || aside || status.code() == StatusCode::kCancelled;
  }
  if (tail_paused_ || !version->growing->Wants(version->tail->row_count(), /*last=*/false)) return false;
  const Status status = Guarded([&] { return GrowTail(*version, help); });
  SettleMaintenance(status, &tail_paused_);
  if (status.ok()) ShareTail(*version);
  return status.ok() || status.code() == StatusCode::kCancelled;
}

std::size_t Store::MaintenanceThreads() const {
  if (options_.maintenance_threads != 0) return std::min(options_.maintenance_threads, kMostThreads);
  return std::max(1u, std::thread::hardware_concurrency() / 2);
}

/// The first sealed segment without a graph that it should have.
std::size_t Store::FirstLacking(const Version& version) const {
  cocozvec::ReaderLock lock(state_mu_);
  for (std::size_t i = 0; i < version.sealed.size(); ++i)
    for (std::size_t f = 0; f < schema_->fields.size(); ++f)
      if (LacksGraph(*version.sealed[i], f) &&
          !unlinkable_.contains(version.sealed[i]->segment()->file().number))
        return i;
  return SIZE_MAX;
}

Status Store::GrowTail(const Version& version, const BuildHelp& help) {
  ZVEC_ASSIGN_OR_RETURN(const bool show, version.growing->Grow(*version.tail, /*last=*/false, help));
  if (!show) return {};
  MutexLock lock(write_mu_);
  if (const auto now = Snapshot(); now && now->growing == version.growing) ShowTailGraphs();
  return {};
}

void Store::ShowTailGraphs() {
  // The mutable segment may hold rows of a write whose sync failed: no reader is to see them.
  if (!CheckWritable().ok()) return;
  auto next = std::make_shared<Version>(*Snapshot());
  tail_->SetGraphs(next->growing->graphs());
  next->tail = tail_->Publish(next->tail->dead());
  Publish(std::move(next));
}

/// Links all rows: what is taken over then does not depend on how many had been linked before.
Status Store::Complete(TailGraphs& graphs, const StoredView& view, const BuildHelp& help,
                       const std::function<void()>& show) {
  while (graphs.Wants(view.row_count(), /*last=*/true)) {
    ZVEC_RETURN_IF_ERROR(help.Check());
    ZVEC_ASSIGN_OR_RETURN(const bool changed, graphs.Grow(view, /*last=*/true, help));
    if (changed) show();
    linker_.Progress();
  }
  return {};
}

/// Of the columns that its graphs are made of a block cannot be read.
bool Store::LacksVectors(const LinkJob& job) {
  const std::uint32_t chunks = (job.segment->row_count() + kChunkRows - 1) / kChunkRows;
  for (const std::size_t field : job.fields)
    for (std::uint32_t chunk = 0; chunk < chunks; ++chunk)
      if (IsUnreadable(job.segment->Column(field, chunk).status())) return true;
  return false;
}

Status Store::LinkSegment(const BuildHelp& base, const LinkWish* wish, bool* aside) {
  LinkJob job;
  PacedFiles files(fs_, 0, base.cancel, nullptr);  // no faster or slower: Close does not wait for a large one
  BuildHelp help = base;
  help.files = &files;
  {
    MutexLock lock(write_mu_);
    ZVEC_RETURN_IF_ERROR(CheckWritable());
    if (!PlanLink(job, wish)) return {};
  }
  Status status = Guarded([&] { return MakeGraphs(job, help); });
  // The segments behind it shall not wait for it. (An error of the disk may be one of writing.)
  try {
    *aside = status.code() == StatusCode::kDataLoss || (IsUnreadable(status) && LacksVectors(job));
  } catch (const std::bad_alloc&) {
    *aside = false;
  }
  MutexLock lock(write_mu_);
  if (status.ok()) status = CheckWritable();
  try {  // not Guarded: the analysis does not see in a lambda that the lock is held
    if (status.ok()) status = InstallGraphs(job);
  } catch (const std::bad_alloc&) {
    status = NoMemoryForMaintenance();
  }
  if (!status.ok() && status.code() != StatusCode::kCancelled) heritage_.erase(job.entry.file.number);
  if (*aside) {
    cocozvec::WriterLock state(state_mu_);
    unlinkable_.insert(job.entry.file.number);
  }
  for (const std::uint64_t number : job.numbers) in_work_.erase(IndexName(number));
  // Of a manifest that may or may not be there, the files stay.
  if (!status.ok() && fence_.ok() && !in_doubt_)
    for (const std::uint64_t number : job.numbers) (void)fs_.RemoveFile(PathOf(IndexName(number)));
  return status;
}

bool Store::PlanLink(LinkJob& job, const LinkWish* wish) {
  const auto version = Snapshot();
  std::size_t at = wish == nullptr ? FirstLacking(*version) : 0;
  if (wish != nullptr)
    while (at < version->sealed.size() && version->sealed[at]->segment()->file().number != wish->segment)
      ++at;
  if (at >= version->sealed.size()) return false;
  job.segment = version->sealed[at];
  {
    cocozvec::ReaderLock lock(state_mu_);
    job.entry = manifest_->segments[at];
    job.collection = manifest_->collection;
  }
  if (const auto it = heritage_.find(job.entry.file.number); it != heritage_.end()) job.heritage = it->second;
  for (std::size_t f = 0; f < schema_->fields.size(); ++f) {
    const bool wanted = wish == nullptr
                            ? LacksGraph(*job.segment, f)
                            : std::find(wish->fields.begin(), wish->fields.end(), f) != wish->fields.end();
    if (!wanted) continue;
    job.fields.push_back(f);
    job.numbers.push_back(TakeNumber());
    in_work_.insert(IndexName(job.numbers.back()));
  }
  return true;
}

Status Store::MakeGraphs(LinkJob& job, const BuildHelp& help) {
  // Deleted rows are linked too: which of them are gone by now is a matter of time.
  const SealedView view(job.segment->segment(), nullptr);
  std::shared_ptr<const MutableView> source;
  std::vector<const SegmentView*> sources;
  std::span<const RowRef> from;
  RowRefs same_rows;
  if (job.heritage) {
    const Heritage& heritage = *job.heritage;
    const auto show = [&] {
      MutexLock lock(write_mu_);
      ShowHeritage(job.entry.file.number, heritage);
    };
    ZVEC_RETURN_IF_ERROR(Complete(*heritage.graphs, *heritage.segment->Publish(nullptr), help, show));
    heritage.segment->SetGraphs(heritage.graphs->graphs());  // nobody else looks at it any more
    if (const auto graphs = heritage.graphs->graphs(); graphs && heritage.same_rows)
      ShareHeritage(job.entry.file.number, *graphs);
    source = heritage.segment->Publish(nullptr);
    sources.push_back(source.get());
    from = heritage.rows;
  } else if (std::any_of(job.fields.begin(), job.fields.end(), [&](std::size_t f) {
               return job.segment->Graph(f) != nullptr && job.segment->Graph(f)->growing();
             })) {  // its rows are no longer in memory, the graph that grew over them is
    same_rows.resize(view.row_count());
    for (std::uint32_t row = 0; row < same_rows.size(); ++row) same_rows[row].row = row;
    sources.push_back(job.segment.get());
    from = same_rows;
  }
  for (std::size_t i = 0; i < job.fields.size(); ++i) {
    ZVEC_ASSIGN_OR_RETURN(job.made.emplace_back(), MakeGraph(view, job.entry, job.fields[i], sources, from,
                                                             job.numbers[i], job.collection, help));
  }
  return {};
}

Status Store::InstallGraphs(LinkJob& job) {
  auto version = std::make_shared<Version>(*Snapshot());
  Manifest manifest;
  {
    cocozvec::ReaderLock lock(state_mu_);
    manifest = *manifest_;
  }
  const std::uint64_t segment = job.entry.file.number;
  const auto at = std::find_if(manifest.segments.begin(), manifest.segments.end(),
                               [&](const SegmentEntry& entry) { return entry.file.number == segment; });
  if (at == manifest.segments.end())  // it has been merged, or nothing in it was alive
    return Status::Cancelled("the segment is gone");
  auto& view = version->sealed[static_cast<std::size_t>(at - manifest.segments.begin())];
  auto graphs = view->graphs() ? std::make_shared<Graphs>(*view->graphs())
                               : std::make_shared<Graphs>(schema_->fields.size());
  for (std::size_t i = 0; i < job.fields.size(); ++i) {
    std::erase_if(at->indexes, [&](const IndexEntry& index) { return index.field == job.fields[i]; });
    at->indexes.push_back(job.made[i].entry);
    (*graphs)[job.fields[i]] = job.made[i].graph;
  }
  view = std::make_shared<SealedView>(view->segment(), view->dead(), std::move(graphs));  // without codes
  ZVEC_RETURN_IF_ERROR(Replace(std::move(manifest), std::move(version)));
  heritage_.erase(segment);
  if (const std::uint64_t shared = job.heritage ? std::exchange(shared_, 0) : 0; shared != 0)
    RemoveShared(shared);  // what readers elsewhere had of the segment
  return {};
}

/// What was the mutable segment is a sealed one without graphs of its own. While no row of it was deleted,
/// the graphs that were growing go on serving it.
void Store::Bequeath(Rewrite& rewrite, std::span<const RowRef> rows) {
  if (options_.maintenance == Maintenance::kManual || !LacksGraphs(*rewrite.version->sealed.back())) return;
  if (std::none_of(schema_->fields.begin(), schema_->fields.end(), WantsGraph)) return;  // sparse lists only
  auto heritage = std::make_shared<Heritage>();
  heritage->segment = tail_;
  heritage->graphs = rewrite.from->growing;
  heritage->rows.assign(rows.begin(), rows.end());
  for (RowRef& row : heritage->rows) row.source = 0;
  heritage->same_rows = rows.size() == tail_->rows();
  if (heritage->same_rows) {
    auto& view = rewrite.version->sealed.back();
    view = std::make_shared<SealedView>(*view, view->dead(), WithoutRefused(rewrite.from->tail->graphs()));
  }
  rewrite.heritage = std::move(heritage);
}

void Store::ShowHeritage(std::uint64_t segment, const Heritage& heritage) {
  const auto now = Snapshot();
  if (!heritage.same_rows || !now) return;
  auto next = std::make_shared<Version>(*now);
  for (auto& view : next->sealed)
    if (view->segment()->file().number == segment)
      view = std::make_shared<SealedView>(*view, view->dead(), WithoutRefused(heritage.graphs->graphs()));
  Publish(std::move(next));
}

}  // namespace zvec::inline v0
