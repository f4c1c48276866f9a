// zvec/collection.h: one collection of documents on disk and every operation on it.
// Threads: every operation may be called from any thread; writes are serialised inside. One handle in one
// process at a time holds the write lock of a directory.
// Forks: a child opens its own handle. Inherited ones answer kFailedPrecondition to everything (Stats:
// nothing) and may be destroyed; the parent notices nothing of it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cocozvec/base/path.h"
#include "cocozvec/base/status.h"
#include "zvec/doc.h"
#include "zvec/options.h"
#include "zvec/query.h"
#include "zvec/schema.h"

namespace zvec::inline v0 {

using cocozvec::PathView;

/// What one call of Insert, Upsert, Update or Delete did, document by document, in the order given.
struct WriteResult {
  /// kAlreadyExists (insert), kNotFound (update, delete), or OK. Later documents of a call see earlier ones.
  std::vector<Status> statuses;
  std::uint64_t applied = 0;  ///< how many are OK
};

struct CollectionStats {
  std::uint64_t doc_count = 0;      ///< live documents
  std::uint64_t deleted_count = 0;  ///< rows that still take room
  std::uint32_t sealed_segments = 0;
  std::uint64_t generation = 0;  ///< of the manifest that is shown: grows with each seal, merge, new graph
  std::uint64_t disk_bytes = 0;  ///< of all files named by the manifest and the log
  std::map<std::string, double> index_completeness;  ///< vector field -> share of live documents whose graph
                                                     ///< is built or refused (docs/search.md), 0 .. 1
  std::uint64_t unlinked_rows = 0;                   ///< that every query scans, until a graph holds them
  /// Of memory: codes that queries made of rows without a graph, to compare them by (docs/search.md); at most
  /// the dimension for each, in whole 64 bytes. A sealed segment has none any more once it has its graph.
  std::uint64_t scan_code_bytes = 0;
  bool maintaining = false;  ///< work in the background is under way (Maintenance::kBackground)
  /// Of the last piece of it that failed; OK again once one has come off, or (where a segment that cannot be
  /// read is left out of it) after the next Optimize.
  Status maintenance_error = {};
  MergeProgress merge;
};

class DocIterator {
 public:
  virtual ~DocIterator() = default;
  /// The next document of the state at the time the iterator was made; false at the end.
  virtual Result<bool> Next(Doc* doc) = 0;
};

class Collection {
 public:
  /// Makes the directory (parents too) and an empty collection in it: in a temporary sibling first, then
  /// renamed. Durable before it returns; with kRelaxed nothing is synced, and a power cut before the first
  /// Flush, Close or seal may leave no collection at all, never one that cannot be opened.
  /// Errors   kInvalidArgument (schema), kAlreadyExists (anything at `path` but an empty directory),
  /// kIoError.
  static Result<std::shared_ptr<Collection>> Create(PathView path, const CollectionSchema& schema,
                                                    const CollectionOptions& options = {});
  /// Errors   kNotFound (nothing there), kBusy (another writer: who and since when; to read: writers change
  /// it
  ///          faster than it can be looked at), kDataLoss (file and offset),
  ///          kInvalidArgument (not a collection), kUnimplemented (written by a newer format),
  ///          kFailedPrecondition (to write: a file of it has another name, a hard link).
  static Result<std::shared_ptr<Collection>> Open(PathView path, const CollectionOptions& options = {});
  /// Removes a collection that nobody has open: renamed to a tombstone first, so that a crash leaves all or
  /// nothing to see. kNotFound when nothing is there; kInvalidArgument when it is no collection: nothing is
  /// touched.
  static Status Destroy(PathView path, const CollectionOptions& options = {});
  /// Removes what killed Create and Destroy calls left beside collections in `parent`. Never touches anything
  /// else.
  static Status RemoveLeftovers(PathView parent, const CollectionOptions& options = {});
  /// True when `path` holds a complete collection (its manifest can be read). False also when that could not
  /// be found out: Open says why.
  static bool Exists(PathView path, const CollectionOptions& options = {});

  virtual ~Collection() = default;  ///< closes; a failure is logged
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;

  // Writes. A call is validated whole: one document that does not fit the schema (kInvalidArgument that names
  // id and field) and nothing of the call is written. What returned is durable as the options say.
  virtual Result<WriteResult> Insert(std::span<const Doc> docs) = 0;
  virtual Result<WriteResult> Upsert(std::span<const Doc> docs) = 0;
  virtual Result<WriteResult> Update(std::span<const Doc> docs) = 0;
  virtual Result<WriteResult> Delete(std::span<const std::string> ids) = 0;
  /// Upserts, then deletes, as one call: all of it or nothing is there after a crash.
  virtual Result<WriteResult> Apply(std::span<const Doc> upserts, std::span<const std::string> deletes) = 0;
  /// Returns how many were deleted. An empty or blank filter is kInvalidArgument.
  virtual Result<std::uint64_t> DeleteByFilter(std::string_view filter) = 0;

  // Reads. Each sees every write that returned before it began.
  /// Unknown ids are left out; the order is that of `ids`, repeated ids once.
  virtual Result<std::vector<Doc>> Fetch(std::span<const std::string> ids,
                                         const FetchOptions& options = {}) const = 0;
  /// Errors   kInvalidArgument (dimension, topk, NaN, filter syntax with a caret), kNotFound (field).
  virtual Result<HitList> Query(const VectorQuery& query) const = 0;
  virtual Result<HitList> Scan(const ScanQuery& query) const = 0;
  /// As Query, but the numbers of the rows in place of the documents: for the ids of few of many hits. A
  /// row's number counts stored rows, deleted ones too, in storage order; it means something on this
  /// handle until segments are sealed or merged; on a read-only handle until Refresh.
  virtual Result<RowHitList> QueryRows(const VectorQuery& query) const = 0;
  /// The ids of rows; nothing for numbers beyond the last row and for deleted rows. `layout`: of the query
  /// that gave them. Errors   kFailedPrecondition: the rows have been rewritten since.
  virtual Result<std::vector<std::optional<std::string>>> IdsOfRows(std::span<const std::uint64_t> rows,
                                                                    std::uint64_t layout) const = 0;
  /// What Query answers to each of many queries, all on the same state, as arrays and without documents. The
  /// queries are shared out to the handle's own threads, which start with the first batch that wants them.
  /// All or nothing: Errors   as Query, of the first query that has one, whose number the message says;
  /// kInvalidArgument: the elements are not a whole number of vectors, too many hits.
  virtual Result<BatchHitList> QueryBatch(const BatchQuery& query) const = 0;
  /// Documents in storage order, a snapshot; `options` as in Fetch.
  virtual Result<std::unique_ptr<DocIterator>> Iterate(const FetchOptions& options = {}) const = 0;

  /// Makes everything written so far durable, whatever the durability option.
  virtual Status Flush() = 0;
  /// Seals the mutable segment, then merges segments into as few as CollectionOptions allow, without their
  /// deleted rows, and gives each the graphs that it lacks. Of what was written before the call; writers and
  /// readers go on meanwhile. Calls queue up. Errors   kClosed: Close ended it, what was done stays done;
  /// kDataLoss, kIoError: a segment cannot be read; with the others all was done (kIoError of a write: not).
  virtual Status Optimize(const OptimizeOptions& options = {}) = 0;
  /// Durable; afterwards every operation answers kClosed. Idempotent.
  virtual Status Close() = 0;

  // Readers beside a writer in another process (or another handle of this one): docs/readers.md.
  /// Moves a read-only handle to the newest committed state: every write that was acknowledged before this
  /// call, whole calls only. True when the handle shows something else than before. Cheap when nothing has
  /// changed (two system calls beside a writer, some ten without) and in proportion to the change otherwise.
  /// What a writer can by no means tell (its handle then takes no more writes) is seen once that is closed.
  /// Running queries and iterators keep their state; layouts of QueryRows may change. A handle that writes
  /// always shows the newest state: false.
  /// Errors   kNotFound (the collection was removed or renamed), kFailedPrecondition (another one stands in
  /// its
  ///          place), kBusy (writers change it faster than it can be looked at: try again), kDataLoss (file
  ///          and offset), kIoError, kClosed. What was shown stays, and can be read.
  virtual Result<bool> Refresh() = 0;
  /// Waits until Refresh would find something new, or `timeout_ms` milliseconds: true when there seems to be,
  /// false at the end of the time. Beside a living writer within a few milliseconds of its commit. Writes
  /// nothing. Errors   as Refresh; kFailedPrecondition on a handle that writes.
  virtual Result<bool> WaitForChange(std::uint32_t timeout_ms) = 0;

  virtual CollectionStats Stats() const = 0;
  virtual const CollectionSchema& schema() const noexcept = 0;
  virtual const std::string& path() const noexcept = 0;
  virtual const CollectionOptions& options() const noexcept = 0;

  // A mark: a few bytes of the application that travel with the directory, so that it can tell a lost or
  // restored collection from its own without opening it.
  static constexpr std::size_t kMaxMarkBytes = 128;
  /// Durable replacement. kInvalidArgument when longer than kMaxMarkBytes.
  virtual Status SetMark(std::string_view mark) = 0;
  /// Takes no lock, opens nothing else. kNotFound when there is no collection or it has no mark; kDataLoss.
  static Result<std::string> ReadMark(PathView path, const CollectionOptions& options = {});

 protected:
  Collection() = default;
};

}  // namespace zvec::inline v0
