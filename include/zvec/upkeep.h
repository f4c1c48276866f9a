// zvec/upkeep.h: a collection's directory from outside: is it whole, what can be saved, copies of it, what it
// takes. Guide: docs/operations.md.
// Threads: plain functions. All of them may run beside a writer, in this process or another, but Repair,
// which refuses (kBusy). Nothing but the destination is written. Beside a writer they see one committed
// state, with everything that was acknowledged before the call. Options: `file_system` and, for what is made,
// how it is opened; durability and read_only are not looked at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cocozvec/base/path.h"
#include "cocozvec/base/status.h"
#include "zvec/options.h"
#include "zvec/schema.h"

namespace zvec::inline v0 {

using cocozvec::PathView;

/// What a finding endangers, worst first.
enum class Harm {
  kDocuments,  ///< documents or writes cannot be read, or are not known to be right
  kMark,       ///< the application's mark; the engine writes the collection anew
  kSpeed,      ///< an index: queries scan, Optimize builds it anew
  kReserve,    ///< the generation before the newest, which Repair may need and nothing else reads
};

struct Finding {
  Harm harm = Harm::kDocuments;
  std::string file;          ///< its path
  std::uint64_t offset = 0;  ///< where the damage, or what is damaged, begins
  std::uint64_t size = 0;    ///< of the damaged block, record or part; 0: unknown
  std::string what;
};

struct VerifyReport {
  std::vector<Finding> findings;
  std::uint64_t generation = 0;        ///< of the newest manifest that can be read
  std::uint64_t files = 0;             ///< that were read
  std::uint64_t bytes = 0;             ///< of them
  std::uint64_t blocks = 0;            ///< checksums that were compared, records excepted
  std::uint64_t records = 0;           ///< of logs
  std::uint64_t documents = 0;         ///< live; without findings of kDocuments: all there are
  std::uint64_t deleted_rows = 0;      ///< in sealed segments, as the manifest's files say
  std::uint64_t unfinished_bytes = 0;  ///< a write that a crash, or a writer at work, left at the log's end:
                                       ///< no finding, it was never acknowledged
  /// Of ours, that no manifest names whose generation is kept or read: the next writer removes them.
  std::uint64_t leftover_files = 0;
  std::uint64_t foreign_files = 0;  ///< not of ours, and never touched

  bool clean() const noexcept { return findings.empty(); }
  /// Nothing worse than `harm`.
  bool only(Harm harm) const noexcept {
    for (const Finding& finding : findings)
      if (finding.harm < harm) return false;
    return true;
  }
};

/// Reads all of it: both manifests, every record, every block of every segment, deletions and index file, the
/// mark; and looks whether every row of deletions exists, every id is live once, and graphs lead to rows that
/// are there. Goes on after a finding. Takes no lock and writes nothing.
/// Errors   kNotFound, kInvalidArgument (not a collection), kUnimplemented (a newer format: not ours to
///          judge), kIoError where not even the directory can be read, kPermissionDenied
///          and kResourceExhausted (descriptors) for any file. Damage is no error.
Result<VerifyReport> Verify(PathView path, const CollectionOptions& options = {});

/// A document that could not be saved, or of which nobody knows.
struct LostDocument {
  std::string id;
  std::string where;  ///< file and block
};

struct RepairReport {
  VerifyReport before;             ///< what was found
  std::uint64_t recovered = 0;     ///< documents in the new collection
  std::vector<LostDocument> lost;  ///< known by id, ascending
  /// Rows whose ids are lost with their block, and were not known to be deleted. Some of them may have been
  /// replaced or deleted by later writes, which are there.
  std::uint64_t lost_unnamed_rows = 0;
  std::uint64_t lost_calls = 0;  ///< write calls whose records are damaged; what they deleted may be back
  /// Calls are lost, unknown how many: the log ends before where it was closed, or inside its header, or is
  /// missing, or another one's; or LOCK cannot be read, so that nobody knows where it was closed.
  bool log_cut = false;
  bool deletions_lost = false;  ///< of a segment: documents that had been deleted may be back
  bool losses_unknown = false;  ///< an interrupted repair was finished: only the first run knew what is lost
  std::string source;           ///< "generation 7", or "generation 6 and its log" where 7 is damaged
  bool mark_kept = false;  ///< only when nothing was lost; without it the engine writes what it declares anew

  bool complete() const noexcept {
    return lost.empty() && lost_unnamed_rows == 0 && lost_calls == 0 && !log_cut && !deletions_lost &&
           !losses_unknown;
  }
};

/// Makes a new collection at `destination` of everything that is whole in the one at `damaged`, which stays
/// as it is. What is taken: documents none of whose bytes lie in a damaged block or record; of a damaged log
/// the whole records, also those behind the damage, in their order. Tables and headers that are damaged are
/// worked out anew from the rest, one damaged byte of a manifest, header or deletions file from its checksum.
/// Graphs are built anew. Durable, and complete or absent under its name. Errors   kNotFound,
/// kInvalidArgument (no collection at `damaged`), kAlreadyExists (something at
///          `destination`), kBusy (somebody writes to `damaged`), kDataLoss (no manifest can be read: there
///          is no schema), kUnimplemented (a newer format), kIoError, kResourceExhausted.
Result<RepairReport> Repair(PathView damaged, PathView destination, const CollectionOptions& options = {});

/// The same in its place: `path` + ".repaired" is made, `path` becomes `path` + ".before-repair", which is
/// kept, and the new one gets the name. A crash between the last two leaves no collection at `path`: the next
/// call goes on there. Errors   as Repair; kAlreadyExists also when, but after such a crash, one of the two
///          names is taken; kPermissionDenied when `path` may not be written to.
Result<RepairReport> RepairInPlace(PathView path, const CollectionOptions& options = {});

struct CopyReport {
  std::uint64_t generation = 0;
  std::uint64_t files = 0, bytes = 0;  ///< of the copy
  std::uint64_t linked_bytes = 0;      ///< of them, shared with the original by hard links
  std::uint64_t documents = 0;
};

struct CopyOptions {
  CollectionOptions collection;
  /// The copy is verified before it gets its name; false: only what is needed to open it.
  bool verify = true;
};

/// A copy on the same file system that shares the sealed files, which never change, by hard links: quick, and
/// almost no room. Both go on as collections of their own. A damaged block of a shared file is damaged in
/// both: a snapshot is no backup. Where files cannot be linked they are copied. Errors   as Backup.
Result<CopyReport> Snapshot(PathView collection, PathView destination, const CopyOptions& options = {});

/// A copy that shares nothing, anywhere: one committed state, synced before it gets its name, so that under
/// `destination` there is a whole collection or nothing. It is a collection like any other. What is committed
/// the writer says (docs/readers.md): a call whose sync fails is not in the copy. Beside one that cannot say
/// it, a call that is written and not acknowledged yet may be, whole, also when its sync then fails.
/// Errors   kAlreadyExists (anything at `destination` but an empty directory), kNotFound, kInvalidArgument,
///          kDataLoss (what is copied is damaged: file and offset), kUnimplemented, kPermissionDenied,
///          kIoError, kResourceExhausted.
Result<CopyReport> Backup(PathView collection, PathView destination, const CopyOptions& options = {});

/// A collection from a backup, which stays. The same as Backup the other way round: never overwrites.
/// For the engine it is an older state: docs/operations.md.
inline Result<CopyReport> Restore(PathView backup, PathView destination, const CopyOptions& options = {}) {
  return Backup(backup, destination, options);
}

struct SegmentStats {
  std::uint64_t number = 0;
  std::uint64_t rows = 0, deleted_rows = 0;  ///< deletions that are still in the log not counted
  std::uint64_t bytes = 0, index_bytes = 0;
};

/// What a collection takes on the disk, by part, and what there is to do.
struct StorageStats {
  std::uint64_t generation = 0;
  std::uint64_t documents = 0;
  std::uint64_t deleted_rows = 0;  ///< that still take room
  std::uint64_t log_bytes = 0, segment_bytes = 0, deletes_bytes = 0, index_bytes = 0, manifest_bytes = 0;
  std::uint64_t other_bytes = 0;    ///< LOCK and MARK
  std::uint64_t reserve_bytes = 0;  ///< of files that only older generations need: the one before the newest,
                                    ///< and those that are being read
  std::uint64_t leftover_bytes = 0;  ///< of files that no manifest names
  std::uint64_t unlinked_rows = 0;   ///< that queries scan, and that should be in a graph
  std::vector<SegmentStats> segments;

  std::uint64_t total_bytes() const noexcept {
    return log_bytes + segment_bytes + deletes_bytes + index_bytes + manifest_bytes + other_bytes +
           reserve_bytes + leftover_bytes;
  }
  /// Of segments and indexes what live rows take, by their share of the rows; all of the log, the newest
  /// manifest, LOCK and MARK.
  std::uint64_t live_bytes = 0;
  /// Total over live bytes, at least 1; 0 when there is no document.
  double amplification() const noexcept {
    return documents == 0 || live_bytes == 0
               ? 0
               : static_cast<double>(total_bytes()) / static_cast<double>(live_bytes);
  }
};

/// Opens the collection read-only. Beside a writer files and counts are those of one generation (a writer
/// that makes new ones all the time gives none of five tries: then the counts are newer), and `documents` may
/// have some that came into the log after it was measured. Errors   those of Collection::Open.
Result<StorageStats> MeasureStorage(PathView path, const CollectionOptions& options = {});

}  // namespace zvec::inline v0
