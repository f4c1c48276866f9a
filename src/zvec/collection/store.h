// zvec/collection/store.h: the files of one open collection and its state in memory: log, segments, manifest.
// It knows rows and log records, not documents. Threads: Snapshot, LocateAll and Stats from any thread.
// Everything else needs the write lock, which the caller takes: the collection resolves a call against the
// state and commits it under one lock. Maintenance (store_maintain.cc) works without the lock on what it
// looked up under it, and takes it again to name what it made.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "base/fault.h"
#include "base/fork.h"
#include "base/io/file_system.h"
#include "base/mutex.h"
#include "base/thread_pool.h"
#include "zvec/collection/background.h"
#include "zvec/collection/tail_graphs.h"
#include "zvec/collection/version.h"
#include "zvec/options.h"
#include "zvec/storage/lock.h"
#include "zvec/storage/log.h"
#include "zvec/storage/manifest.h"
#include "zvec/storage/mutable_segment.h"

namespace zvec::inline v0 {

class Store {
 public:
  /// Writes the files of an empty collection into `directory`, which exists and is locked. Names and data are
  /// durable, or nothing is (`relaxed`, birth.h).
  static Status WriteEmpty(cocozvec::FileSystem& fs, const std::string& directory,
                           const CollectionSchema& schema, bool relaxed);
  /// `lock`: the directory's; null: taken here, unless read-only. `fresh`: made a moment ago by WriteEmpty,
  /// under this lock.
  static Result<std::unique_ptr<Store>> Open(cocozvec::FileSystem& fs, const std::string& directory,
                                             const CollectionOptions& options,
                                             std::unique_ptr<DirectoryLock> lock, bool fresh = false);
  ~Store();

  /// True in a process that was forked since: nothing of this object may be used then but its destructor,
  /// which then leaves files and locks alone.
  bool inherited() const noexcept { return process_.inherited() && !cocozvec::FaultPlanted("ignore_fork"); }

  const CollectionSchema& schema() const noexcept { return *schema_; }
  const RowLayout& layout() const noexcept { return *layout_; }
  const CollectionOptions& options() const noexcept { return options_; }

  /// Null after Close.
  std::shared_ptr<const Version> Snapshot() const ZVEC_EXCLUDES(state_mu_);
  /// The live rows of the ids, all at one moment, and the version that they are rows of (null after Close).
  Result<std::vector<std::optional<Location>>> LocateAll(std::span<const std::string> ids,
                                                         std::shared_ptr<const Version>* version) const
      ZVEC_EXCLUDES(state_mu_);
  std::uint64_t DiskBytes() const ZVEC_EXCLUDES(state_mu_);
  /// Rows that queries scan and that should be in a graph.
  std::uint64_t UnlinkedRows() const ZVEC_EXCLUDES(state_mu_) { return UnlinkedSince(0); }
  bool maintaining() const { return linker_.busy(); }
  /// Why the last piece of maintenance failed; OK when a later one came off.
  Status MaintenanceError() const ZVEC_EXCLUDES(state_mu_);

  /// Before a write call: waits while there are too many unlinked rows and somebody is linking them.
  void WaitForRoom() ZVEC_EXCLUDES(write_mu_);
  /// After a write call: rows may want a graph.
  void WakeMaintenance() ZVEC_EXCLUDES(write_mu_);
  /// Before Close; what is half done is begun again at the next opening.
  void StopMaintenance() ZVEC_EXCLUDES(write_mu_);
  /// While one lives there is no maintenance. Optimize wants that.
  class Quiet {
   public:
    explicit Quiet(Store& store) : linker_(store.linker_) {}

   private:
    Background::Quiet linker_;
  };

  cocozvec::Mutex& write_mu() ZVEC_RETURN_CAPABILITY(write_mu_) { return write_mu_; }

  /// kClosed, kFailedPrecondition (read-only, or an earlier failure).
  Status CheckWritable() const ZVEC_REQUIRES(write_mu_);
  /// Logs the records (kRecordHeaderBytes free bytes and a batch, row.h), syncs once, applies them one by
  /// one. `statuses` are per record: when one could not be written, it and all after it have not happened.
  void Commit(std::span<std::string> records, std::span<Status> statuses) ZVEC_REQUIRES(write_mu_);
  /// Seals when the mutable segment has become large. A failure is logged and tried again later: the rows are
  /// in the log.
  void SealIfLarge() ZVEC_REQUIRES(write_mu_);
  /// While a Quiet lives. `concurrency`: threads that build graphs; 0: all cores.
  Status Optimize(std::uint32_t concurrency) ZVEC_REQUIRES(write_mu_);
  Status Flush() ZVEC_REQUIRES(write_mu_);
  Status SetMark(std::string_view mark) ZVEC_REQUIRES(write_mu_);
  Status Close() ZVEC_REQUIRES(write_mu_);

 private:
  struct Recovery;
  Store(cocozvec::FileSystem& fs, std::string directory, const CollectionOptions& options);

  // Opening (store_open.cc).
  Status Load(std::unique_ptr<DirectoryLock> lock, bool fresh);
  Status LoadManifest(Recovery& recovery);
  bool IsSuperseded() const;
  Status LoadSegments();
  Status ReplayLog(Recovery& recovery);
  Status BecomeWriter(Recovery& recovery);
  /// Makes durable what a relaxed Create left to be done; nothing when that was done. Before anything else is
  /// made durable. A failure fences the handle.
  Status Settle();

  // Applying (store.cc).
  void CommitChecked(std::span<std::string> records, std::span<Status> statuses) ZVEC_REQUIRES(write_mu_);
  /// A record's rows and deletions, worked out but seen by nobody yet.
  struct Prepared;
  Status Prepare(std::string_view payload, bool trusted, Prepared* prepared);
  Status Show(Prepared& prepared) ZVEC_EXCLUDES(state_mu_);
  Status Apply(std::string_view payload, bool trusted);
  Status CheckRow(const RowCells& row) const;
  void Publish(std::shared_ptr<const Version> version) ZVEC_EXCLUDES(state_mu_);
  /// Syncs it, and notes how far it has come.
  Status CloseLog() ZVEC_REQUIRES(write_mu_);

  // Rewriting (store_rewrite.cc).
  struct Rewrite;
  /// `complete`: segments that are kept get the graphs that they lack.
  Status RewriteSegments(const std::vector<bool>& chosen, std::uint32_t concurrency, bool complete)
      ZVEC_REQUIRES(write_mu_);
  void SetSealLimits(std::uint64_t tail_bytes, std::uint64_t log_bytes);
  std::uint64_t TakeNumber() { return next_number_++; }
  Status BuildOutputs(Rewrite& rewrite) ZVEC_REQUIRES(write_mu_);
  Status KeepSegment(Rewrite& rewrite, const std::shared_ptr<const SealedView>& view, SegmentEntry entry)
      ZVEC_REQUIRES(write_mu_);
  /// Builds, writes and opens the graphs that `view` should have and `entry` does not name.
  Status BuildGraphs(Rewrite& rewrite, const SealedView& view, std::span<const SegmentView* const> sources,
                     std::span<const RowRef> from, SegmentEntry& entry, Graphs& graphs)
      ZVEC_REQUIRES(write_mu_);
  struct NewGraph {
    IndexEntry entry;
    std::shared_ptr<const hnsw::Graph> graph;
  };
  /// Of one field; `number` is its file's. Takes no lock.
  Result<NewGraph> MakeGraph(const SealedView& view, const SegmentEntry& segment, std::size_t field,
                             std::span<const SegmentView* const> sources, std::span<const RowRef> from,
                             std::uint64_t number, std::uint64_t collection, const BuildHelp& help);
  /// Of a sparse field of a sealed segment: its file.
  Result<IndexEntry> MakeLists(const SealedView& view, std::size_t field, const SegmentEntry& segment,
                               std::uint64_t number, std::uint64_t collection) const;
  Result<std::shared_ptr<const hnsw::Graph>> OpenGraphOf(const SegmentEntry& segment, const IndexEntry& index,
                                                         std::uint64_t collection) const;
  /// There should be one, and none is there but perhaps one that is growing.
  bool LacksGraph(const SealedView& view, std::size_t field) const;
  /// Damaged ones count as lacking.
  bool LacksGraphs(const SealedView& view) const;
  /// Makes a manifest the newest that names the same log; `version` becomes the current one (null: it stays).
  Status Replace(Manifest next, std::shared_ptr<const Version> version) ZVEC_REQUIRES(write_mu_);
  /// Of the mutable segment, before it is merged.
  Status CompleteTail(std::uint32_t concurrency) ZVEC_REQUIRES(write_mu_);
  Status WriteChangedDeletes(Rewrite& rewrite) ZVEC_REQUIRES(write_mu_);
  Status StartLog(Rewrite& rewrite);
  Status Install(Rewrite& rewrite);
  void Abandon(const Rewrite& rewrite);
  Status ForgetOlderGeneration() ZVEC_REQUIRES(write_mu_);
  void RemoveUnnamed();

  // Maintenance (store_maintain.cc).
  struct Heritage;
  struct LinkJob;
  bool LinkStep(const cocozvec::Cancel& cancel) ZVEC_EXCLUDES(write_mu_);
  std::size_t FirstLacking(const Version& version) const ZVEC_EXCLUDES(state_mu_);
  /// Of the mutable segment and of the sealed ones from that number on.
  std::uint64_t UnlinkedSince(std::uint64_t first_segment) const ZVEC_EXCLUDES(state_mu_);
  std::uint64_t Unlinked(const SegmentView& view) const;
  std::size_t MaintenanceThreads() const;
  Status GrowTail(const Version& version, const BuildHelp& help) ZVEC_EXCLUDES(write_mu_);
  Status Complete(TailGraphs& graphs, const StoredView& view, const BuildHelp& help,
                  const std::function<void()>& show);
  Status LinkSegment(const BuildHelp& help) ZVEC_EXCLUDES(write_mu_);
  bool PlanLink(LinkJob& job) ZVEC_REQUIRES(write_mu_);
  Status MakeGraphs(LinkJob& job, const BuildHelp& help) ZVEC_EXCLUDES(write_mu_);
  Status InstallGraphs(LinkJob& job) ZVEC_REQUIRES(write_mu_);
  void ShowTailGraphs() ZVEC_REQUIRES(write_mu_);
  void ShowHeritage(std::uint64_t segment, const Heritage& heritage) ZVEC_REQUIRES(write_mu_);
  /// `rows`: of the mutable segment, as they are in the only new segment.
  void Bequeath(Rewrite& rewrite, std::span<const RowRef> rows) ZVEC_REQUIRES(write_mu_);
  void SettleMaintenance(const Status& status, std::atomic<bool>& paused) ZVEC_EXCLUDES(state_mu_);

  std::string PathOf(const std::string& name) const { return cocozvec::JoinPath(directory_, name); }

  cocozvec::FileSystem& fs_;
  const std::string directory_;
  const CollectionOptions options_;
  const cocozvec::BornHere process_;
  std::shared_ptr<const CollectionSchema> schema_;
  std::optional<RowLayout> layout_;

  cocozvec::Mutex write_mu_;
  // Changed under the write lock (or while opening).
  std::unique_ptr<DirectoryLock> lock_;
  std::unique_ptr<LogWriter> log_;
  std::shared_ptr<MutableSegment> tail_;
  std::optional<Manifest> previous_;  ///< the older generation that is kept
  std::map<std::uint64_t, std::uint64_t>
      persisted_dead_;  ///< segment number -> deleted rows that the manifest knows
  std::uint64_t next_number_ =
      0;  ///< for the next file; never goes back, also when a rewrite came to nothing
  std::uint64_t seal_at_bytes_ = 0;      ///< of the mutable segment
  std::uint64_t seal_at_log_bytes_ = 0;  ///< of the log: deletions fill it too
  /// Segment number -> where its graphs may come from.
  std::map<std::uint64_t, std::shared_ptr<const Heritage>> heritage_;
  std::uint64_t made_here_ = 0;    ///< number of the first file that this handle may make; as opened
  std::set<std::string> in_work_;  ///< files that maintenance is making: no manifest names them yet
  Status fence_;                   ///< why no write is taken any more
  /// Inside a step after which files and memory agree again. It stays set when the step ends by an exception
  /// (no memory): then no write is taken any more.
  bool in_doubt_ = false;
  bool closed_ = false;
  bool unsettled_ = false;  ///< files and names of a relaxed Create (birth.h) that need not be durable

  mutable cocozvec::SharedMutex state_mu_;
  std::shared_ptr<const Version> version_ ZVEC_GUARDED_BY(state_mu_);
  std::shared_ptr<const Manifest> manifest_ ZVEC_GUARDED_BY(state_mu_);
  Status maintenance_error_ ZVEC_GUARDED_BY(state_mu_);
  /// Segments whose vectors are damaged: no graph is tried until Optimize.
  std::set<std::uint64_t> unlinkable_ ZVEC_GUARDED_BY(state_mu_);

  // After a failure, until the next seal.
  std::atomic<bool> segments_paused_{false}, tail_paused_{false};
  std::unique_ptr<cocozvec::ThreadPool> pool_;  ///< of the linker's steps
  Background linker_;
};

/// A log as large as this is sealed whatever the mutable segment holds.
inline std::uint64_t LogLimit(const CollectionOptions& options) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 62;  // "never" must not wrap round
  return 2 * (options.seal_bytes < kMost ? options.seal_bytes : kMost) + (1 << 20);
}

/// Of those that build graphs.
inline constexpr std::uint32_t kMostThreads = 256;

/// The names of the files that a manifest needs, its own among them.
std::set<std::string> NamedFiles(const Manifest& manifest);

}  // namespace zvec::inline v0
