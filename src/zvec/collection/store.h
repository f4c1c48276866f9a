// zvec/collection/store.h: the files of one open collection and its state in memory: log, segments, manifest.
// It knows rows and log records, not documents. Threads: Snapshot, LocateAll and Stats from any thread.
// Everything else needs the write lock, which the caller takes: the collection resolves a call against the
// state and commits it under one lock. Maintenance (store_maintain.cc) works without the lock on what it
// looked up under it, and takes it again to name what it made.
#pragma once

#include <atomic>
#include <chrono>
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
#include "zvec/collection/merge_policy.h"
#include "zvec/collection/tail_graphs.h"
#include "zvec/collection/version.h"
#include "zvec/collection/write_pace.h"
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
  std::uint64_t Generation() const ZVEC_EXCLUDES(state_mu_);
  /// Rows that queries scan and that should be in a graph.
  std::uint64_t UnlinkedRows() const ZVEC_EXCLUDES(state_mu_) { return UnlinkedSince(0); }
  bool maintaining() const { return linker_.busy() || merger_.busy(); }
  MergeProgress Progress() const;
  /// How often it was worked out whether something is to be merged.
  std::uint64_t policy_runs() const { return policy_runs_; }
  /// Of a segment that lacks its graph deleted rows are removed once it has one, which is under way.
  bool WasteLacksGraphs() const ZVEC_EXCLUDES(state_mu_);
  /// Why the last piece of maintenance failed; OK when a later one came off and no segment is set aside.
  Status MaintenanceError() const ZVEC_EXCLUDES(state_mu_);

  /// A query begins; a call has written so many rows: for WaitForRoom.
  void NoteQuery() noexcept { pace_.NoteQuery(); }
  void NoteRows(std::uint64_t rows) { pace_.NoteRows(rows); }
  /// Before a write call: waits while there are too many unlinked rows (fewer while somebody asks) and
  /// somebody is linking them, or deleted rows take too much of the disk and somebody is at work on that.
  void WaitForRoom() ZVEC_EXCLUDES(write_mu_);
  /// After a write call: rows may want a graph.
  void WakeMaintenance() ZVEC_EXCLUDES(write_mu_);
  /// Before Close; what is half done is begun again at the next opening.
  void StopMaintenance() ZVEC_EXCLUDES(write_mu_);
  /// Seals, merges what can be merged, gives every segment its graphs. Writers go on but for the seal and the
  /// moments in which results are named; what they write meanwhile is left as it comes. `concurrency`:
  /// threads that build graphs; 0: all cores.
  Status Optimize(std::uint32_t concurrency) ZVEC_EXCLUDES(write_mu_, optimize_mu_);

  cocozvec::Mutex& write_mu() ZVEC_RETURN_CAPABILITY(write_mu_) { return write_mu_; }

  /// kClosed, kFailedPrecondition (read-only, or an earlier failure).
  Status CheckWritable() const ZVEC_REQUIRES(write_mu_);
  /// Logs the records (kRecordHeaderBytes free bytes and a batch, row.h), syncs once, applies them one by
  /// one. `statuses` are per record: when one could not be written, it and all after it have not happened.
  void Commit(std::span<std::string> records, std::span<Status> statuses) ZVEC_REQUIRES(write_mu_);
  /// Seals when the mutable segment has become large, or the log would with so many bytes more. A failure is
  /// logged and tried again later: the rows are in the log.
  void SealIfLarge(std::uint64_t coming_log_bytes = 0) ZVEC_REQUIRES(write_mu_);
  Status Flush() ZVEC_REQUIRES(write_mu_);
  Status SetMark(std::string_view mark) ZVEC_REQUIRES(write_mu_);
  Status Close() ZVEC_REQUIRES(write_mu_);

  // Read-only handles (store_follow.cc).
  /// To the newest committed state: true when that is another one. On a writer's handle: false.
  Result<bool> Refresh() ZVEC_REQUIRES(write_mu_);
  Result<bool> WaitForChange(std::uint32_t timeout_ms) ZVEC_EXCLUDES(write_mu_);

 private:
  struct Recovery;
  struct Follower;
  Store(cocozvec::FileSystem& fs, std::string directory, const CollectionOptions& options);

  // Opening (store_open.cc).
  Status Load(std::unique_ptr<DirectoryLock> lock, Recovery& recovery);
  Status ReadLock(Recovery& recovery);
  Status LoadManifest(Recovery& recovery);
  /// `generation`: of the manifest that the work with the outcome `status` was on.
  bool MayLookAgain(const Status& status, std::uint64_t generation) const;
  bool IsSuperseded(std::uint64_t generation) const;
  Status LoadSegments();
  Status ReplayLog(Recovery& recovery);
  Result<cocozvec::FileInfo> IdOfOpen(const Result<cocozvec::FileInfo>& before,
                                      const std::string& path) const;
  Status BecomeWriter(Recovery& recovery);
  /// Makes durable what a relaxed Create left to be done; nothing when that was done. Before anything else is
  /// made durable. A failure fences the handle.
  Status Settle();
  /// The graphs of a segment; what cannot be used is left out, and logged.
  Result<std::shared_ptr<Graphs>> OpenGraphs(const SegmentEntry& entry, const Manifest& manifest) const;

  // Following (store_follow.cc).
  /// Which of the manifests that are there is read, and its pin.
  Status ChooseGeneration(Recovery& recovery);
  /// How much of the log is committed; where nobody publishes, all that is there.
  Result<std::uint64_t> CommittedEnd(const Recovery& recovery) const;
  void KeepLog(Recovery& recovery);
  struct Known;
  Status CheckFollows(const Manifest& manifest) const;
  std::shared_ptr<const SealedView> KnownView(const SegmentFile& file) const;
  std::shared_ptr<const hnsw::Graph> KnownGraph(const SegmentFile& file, const IndexEntry& index) const;
  struct Newest;
  Result<Newest> FindNewest() ZVEC_REQUIRES(write_mu_);
  /// Of the manifests that are there.
  Result<std::uint64_t> NewestGeneration() const;
  /// `generation`: of the manifest that it came to, or up to which a look is known to find nothing else.
  Result<bool> FollowOnce(std::uint64_t* generation) ZVEC_REQUIRES(write_mu_);
  /// Whether the log that is open is still the one of that name: else only reloading helps.
  void LookForLog(const Manifest& manifest) ZVEC_REQUIRES(write_mu_);
  Result<bool> FollowLog(const Newest& newest) ZVEC_REQUIRES(write_mu_);
  Result<bool> FollowFiles(std::uint64_t end) ZVEC_REQUIRES(write_mu_);
  /// `more`: the log's end is still to be read.
  Status Reload(bool* more, std::uint64_t* generation) ZVEC_REQUIRES(write_mu_);
  Status TakeGraphs(Store& next, std::shared_ptr<const Manifest> manifest) ZVEC_REQUIRES(write_mu_);
  void TakeOver(Store& next) ZVEC_REQUIRES(write_mu_);
  Result<bool> HasChanged() ZVEC_EXCLUDES(write_mu_);
  struct LockWatch;
  LockWatch TakeWatch() ZVEC_EXCLUDES(write_mu_);
  /// Tells readers in other processes (lock.h). What cannot be told fences the handle.
  void PublishCommit(const LogPosition& at);
  Status TellReaders(const LogPosition& at);
  /// Older manifests that somebody reads, with what they name, are added to `keep`; the others are removed.
  /// False: nothing may be removed now.
  bool KeepPinned(std::span<const cocozvec::DirEntry> entries, std::set<std::string>& keep);

  // What readers in other processes get of graphs that grow (store_share.cc).
  /// Somebody reads in another process, or by a handle of its own: looked up a few times a second.
  bool IsReadElsewhere() ZVEC_EXCLUDES(read_mu_);
  /// The linker's, between two steps: the graphs over the mutable segment, when they have grown enough.
  void ShareTail(const Version& version) ZVEC_EXCLUDES(write_mu_);
  /// Those over a segment that was sealed a moment ago.
  void ShareHeritage(std::uint64_t segment, const Graphs& graphs) ZVEC_EXCLUDES(write_mu_);
  /// `of`: log or segment; `still` (under the write lock) false: nobody wants them any more.
  Status Share(std::uint64_t of, const Graphs& graphs, const std::function<bool()>& still)
      ZVEC_EXCLUDES(write_mu_);
  void RemoveShared(std::uint64_t first) ZVEC_REQUIRES(write_mu_);
  std::size_t GraphFields() const;
  /// A reader's: those that the writer speaks of, as far as they can be opened.
  void TakeShared(std::uint64_t first) ZVEC_REQUIRES(write_mu_);
  /// The graphs of the rows in memory go on serving the segment that they were sealed into.
  void Inherit(Store& next, const FileHeader& log) ZVEC_REQUIRES(write_mu_);
  /// Where no file has one yet.
  void KeepGrowing(const SegmentFile& file, Graphs& graphs) const;

  // Applying (store.cc).
  void CommitChecked(std::span<std::string> records, std::span<Status> statuses) ZVEC_REQUIRES(write_mu_);
  /// A record's rows and deletions, worked out but seen by nobody yet.
  struct Prepared;
  Status Prepare(std::string_view payload, bool trusted, Prepared* prepared);
  Status Show(Prepared& prepared) ZVEC_EXCLUDES(state_mu_);
  Status Apply(std::string_view payload, bool trusted);
  void Publish(std::shared_ptr<const Version> version) ZVEC_EXCLUDES(state_mu_);
  /// Syncs it, and notes how far it has come.
  Status CloseLog() ZVEC_REQUIRES(write_mu_);

  // Sealing (store_rewrite.cc).
  struct Rewrite;
  /// The mutable segment becomes a sealed one, the log starts anew. Segments without a live row go.
  Status Seal() ZVEC_REQUIRES(write_mu_);
  void SetSealLimits(std::uint64_t tail_bytes, std::uint64_t log_bytes, std::uint64_t rows);
  std::uint64_t TakeNumber() { return next_number_++; }
  Status BuildOutputs(Rewrite& rewrite) ZVEC_REQUIRES(write_mu_);
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
                               std::uint64_t number, std::uint64_t collection, const BuildHelp& help) const;
  Result<std::shared_ptr<const hnsw::Graph>> OpenGraphOf(const SegmentEntry& segment, const IndexEntry& index,
                                                         std::uint64_t collection) const;
  /// There should be one, and none is there but perhaps one that is growing.
  bool LacksGraph(const SealedView& view, std::size_t field) const;
  bool LacksGraphs(const SealedView& view) const;
  /// Makes a manifest the newest that names the same log; `version` becomes the current one (null: it stays).
  Status Replace(Manifest next, std::shared_ptr<const Version> version) ZVEC_REQUIRES(write_mu_);
  Status WriteChangedDeletes(Rewrite& rewrite) ZVEC_REQUIRES(write_mu_);
  Status StartLog(Rewrite& rewrite);
  Status Install(Rewrite& rewrite) ZVEC_REQUIRES(write_mu_);
  void ForgetHeritages() ZVEC_REQUIRES(write_mu_);
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
  /// A segment, and its fields that are to get a graph.
  struct LinkWish {
    std::uint64_t segment = 0;
    std::vector<std::size_t> fields;
  };
  /// `wish`: null, the first segment that lacks some. `*aside` true: it failed and was set aside, because its
  /// vectors cannot be read: others can be linked.
  Status LinkSegment(const BuildHelp& base, const LinkWish* wish, bool* aside) ZVEC_EXCLUDES(write_mu_);
  static bool LacksVectors(const LinkJob& job);
  bool PlanLink(LinkJob& job, const LinkWish* wish) ZVEC_REQUIRES(write_mu_);
  Status MakeGraphs(LinkJob& job, const BuildHelp& help) ZVEC_EXCLUDES(write_mu_);
  Status InstallGraphs(LinkJob& job) ZVEC_REQUIRES(write_mu_);
  void ShowTailGraphs() ZVEC_REQUIRES(write_mu_);
  void ShowHeritage(std::uint64_t segment, const Heritage& heritage) ZVEC_REQUIRES(write_mu_);
  /// `rows`: of the mutable segment, as they are in the only new segment.
  void Bequeath(Rewrite& rewrite, std::span<const RowRef> rows) ZVEC_REQUIRES(write_mu_);
  /// `paused`: what is put off after a failure; null: nothing.
  void SettleMaintenance(const Status& status, std::atomic<bool>* paused) ZVEC_EXCLUDES(state_mu_);
  /// Of the segments that are there one is set aside, as long as nobody optimizes.
  bool HasSetAside() const ZVEC_REQUIRES_SHARED(state_mu_);

  // Merging (store_merge.cc, store_optimize.cc).
  struct MergeJob;
  /// Numbers of the segments that an Optimize works on, and of those among them that it made.
  struct Mine {
    std::set<std::uint64_t> segments, made;
  };
  struct AtomicProgress {
    std::atomic<std::uint64_t> segments{0}, rows{0}, rows_done{0}, bytes{0};
    void Begin(std::uint64_t merged_segments, std::uint64_t merged_rows);
    void Clear() { Begin(0, 0); }
  };
  bool MergeStep(const cocozvec::Cancel& cancel) ZVEC_EXCLUDES(write_mu_);
  MergeLimits LimitsOf(MergeGoal goal) const;
  /// `only`: of these segments; null: of those that are fit for it.
  SegmentShape ShapeOf(const SealedView& view) const;
  std::vector<SegmentShape> ShapesOf(const Version& version, const Mine* only) const ZVEC_EXCLUDES(state_mu_);
  /// What the answer that nothing is to be merged rests on.
  struct Asked {
    std::uint64_t layout = 0, marks = 0, set_aside = 0;  ///< marks: the sum of MarkOf; unmergeable_changes_
    std::size_t lacking = 0;                             ///< segments without a graph that they should have
    bool operator==(const Asked&) const = default;
  };
  bool WantsMerge(const Version& version) const ZVEC_EXCLUDES(state_mu_, asked_mu_);
  bool TooMuchWaste() const ZVEC_EXCLUDES(state_mu_);
  /// One merge; `*done` false: there is nothing to merge, or the failure was no segment's. What it made is
  /// put into `only`.
  Status MergeOnce(MergeGoal goal, const BuildHelp& help, Mine* only, bool* done) ZVEC_EXCLUDES(write_mu_);
  bool PlanMerge(MergeGoal goal, const Mine* only, MergeJob& job) ZVEC_REQUIRES(write_mu_);
  Status MakeMerged(MergeJob& job, const BuildHelp& base) ZVEC_EXCLUDES(write_mu_);
  Status MergeGraphs(MergeJob& job, const SealedView& view, std::span<const SegmentView* const> sources,
                     std::span<const RowRef> rows, SegmentEntry& entry, Graphs& graphs, const BuildHelp& help)
      ZVEC_EXCLUDES(write_mu_);
  Status FinishMerge(MergeJob& job, Status status) ZVEC_REQUIRES(write_mu_);
  Status InstallMerged(MergeJob& job) ZVEC_REQUIRES(write_mu_);
  static Status CarryDeaths(MergeJob& job, const Version& now);
  std::uint64_t NameWork(MergeJob& job, std::string (*name)(std::uint64_t number)) ZVEC_EXCLUDES(write_mu_);
  std::uint64_t CountIndexes() const;
  /// False: all can be read.
  bool SetDamagedAside(const MergeJob& job) ZVEC_EXCLUDES(state_mu_);
  Status Compact(std::uint32_t concurrency, const cocozvec::Cancel& cancel) ZVEC_EXCLUDES(write_mu_);
  Status ClosedMeanwhile() const;
  Status SealIfChanged() ZVEC_REQUIRES(write_mu_);
  /// The graphs that a segment lacks, and those whose files are damaged.
  std::vector<LinkWish> LinkWishes(const std::set<std::uint64_t>& segments) const ZVEC_EXCLUDES(state_mu_);

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
  std::uint64_t seal_at_rows_ = 0;       ///< as many as a graph may have
  /// Segment number -> where its graphs may come from.
  std::map<std::uint64_t, std::shared_ptr<const Heritage>> heritage_;
  std::uint64_t made_here_ = 0;      ///< number of the first file that this handle may make; as opened
  std::set<std::string> in_work_;    ///< files that maintenance is making: no manifest names them yet
  std::set<std::uint64_t> merging_;  ///< segments that are being merged: no seal drops them
  Status fence_;                     ///< why no write is taken any more
  /// Inside a step after which files and memory agree again. It stays set when the step ends by an exception
  /// (no memory): then no write is taken any more.
  bool in_doubt_ = false;
  bool closed_ = false;
  bool pinned_left_ = false;  ///< files that only readers need were left: look again later
  std::uint64_t shared_ = 0;  ///< number of the first file with graphs that grow; 0: none
  bool unsettled_ = false;    ///< files and names of a relaxed Create (birth.h) that need not be durable

  mutable cocozvec::SharedMutex state_mu_;
  std::shared_ptr<const Version> version_ ZVEC_GUARDED_BY(state_mu_);
  std::shared_ptr<const Manifest> manifest_ ZVEC_GUARDED_BY(state_mu_);
  Status maintenance_error_ ZVEC_GUARDED_BY(state_mu_);
  Status aside_error_ ZVEC_GUARDED_BY(state_mu_);  ///< why the first of these two sets is left out
  /// Segments whose vectors are damaged or cannot be read: no graph is tried until Optimize.
  std::set<std::uint64_t> unlinkable_ ZVEC_GUARDED_BY(state_mu_);
  /// Segments with rows that are damaged or cannot be read: not merged until Optimize, which says so.
  std::set<std::uint64_t> unmergeable_ ZVEC_GUARDED_BY(state_mu_);
  std::uint64_t unmergeable_changes_ ZVEC_GUARDED_BY(state_mu_) = 0;

  // After a failure, until the next seal; merges, which cost more, until so many seals have come.
  std::atomic<bool> segments_paused_{false}, tail_paused_{false}, merges_paused_{false};
  std::atomic<std::uint32_t> merge_failures_{0}, seals_to_wait_{0};
  AtomicProgress progress_;
  WritePace pace_;
  std::atomic<std::uint32_t> shared_rows_{0};  ///< of the mutable segment, in shared graphs
  cocozvec::Mutex read_mu_;
  std::chrono::steady_clock::time_point look_again_ ZVEC_GUARDED_BY(read_mu_){};  ///< for readers elsewhere
  std::chrono::steady_clock::time_point read_until_ ZVEC_GUARDED_BY(read_mu_){};
  mutable cocozvec::Mutex asked_mu_;
  mutable std::optional<Asked> nothing_to_merge_ ZVEC_GUARDED_BY(asked_mu_);
  mutable std::atomic<std::uint64_t> policy_runs_{0};
  std::atomic<bool> optimize_links_{false};     ///< an Optimize has merged, so that no writer waits for it
  std::unique_ptr<cocozvec::ThreadPool> pool_;  ///< of the linker's steps
  // Of a read-only handle.
  std::unique_ptr<Follower> follower_;
  std::shared_ptr<const GenerationPin> pin_;  ///< while opening; then the version has it
  std::unique_ptr<const Known> known_;        ///< of the handle that this one is opened for
  cocozvec::Mutex optimize_mu_;               ///< before the write lock: one Optimize at a time
  Background linker_;                         ///< gives rows their graphs
  Background merger_;  ///< merges beside it, so that no writer waits for the linking behind a long merge
};

/// A log is sealed, whatever the mutable segment holds, before it passes this; a larger one has one call.
inline std::uint64_t LogLimit(const CollectionOptions& options) {
  constexpr std::uint64_t kLeast = 1 << 20;
  if (options.log_bytes != 0) return options.log_bytes;
  return options.seal_bytes > kLeast ? options.seal_bytes : kLeast;
}

/// Of those that build graphs.
inline constexpr std::uint32_t kMostThreads = 256;

/// The names of the files that a manifest needs, its own among them.
std::set<std::string> NamedFiles(const Manifest& manifest);

}  // namespace zvec::inline v0
