// Repair: what is whole of a damaged collection, written as a new one.
#include <algorithm>
#include <map>

#include "base/fault.h"
#include "zvec/collection/collection_impl.h"
#include "zvec/collection/file_system_of.h"
#include "zvec/collection/new_directory.h"
#include "zvec/storage/cell.h"
#include "zvec/storage/file_names.h"
#include "zvec/upkeep.h"
#include "zvec/upkeep/collection_scan.h"

namespace zvec::inline v0 {

using cocozvec::File;
using cocozvec::FileSystem;

namespace {

constexpr std::size_t kBatch = 1024;

/// Which generation's segments are taken, and the logs behind them, in their order.
struct Plan {
  const ScannedGeneration* base = nullptr;
  std::vector<std::uint64_t> logs;
  std::string source;
  bool log_is_missing = false;  ///< of a manifest that is lost
};

/// There was a newer manifest than those that can be read.
bool NewestIsLost(const Source& source) {
  if (!source.generations().front().manifest || !source.LostManifests().empty()) return true;
  for (const std::string& name : source.odd_names())
    if (ParseName(name)->kind == NameKind::kManifest) return true;
  return false;
}

/// The older generation and its log are the same documents as the newest one's segments: where those are
/// damaged and it is not, nothing is lost.
bool StandsIn(const ScannedGeneration& older, const ScannedGeneration& newest) {
  if (!older.segments_are_whole() || !older.log) return false;
  if (older.manifest->log_number == newest.manifest->log_number) return true;
  return older.log->whole && newest.log && newest.log->first_sequence != 0 &&
         older.log->next_sequence == newest.log->first_sequence;
}

Plan MakePlan(const CollectionScan& scan) {
  const auto& generations = scan.generations();
  Plan plan;
  plan.base = &generations.front();
  if (!plan.base->segments_are_whole() && generations.size() > 1 && StandsIn(generations[1], generations[0]))
    plan.base = &generations[1];
  const Source& source = scan.source();
  const Manifest& newest = *generations.front().manifest;
  const std::uint64_t first = plan.base->manifest->log_number, last = newest.log_number;
  plan.logs.push_back(first);
  const bool lost = NewestIsLost(source);
  bool newer = false, unread = false;
  for (const std::uint64_t number : source.logs()) {
    if (number <= first || (!lost && number > last)) continue;
    const std::string name = LogName(number);
    if (source.Find(name) == nullptr) {
      unread |= !source.WhyMissing(name).IsNotFound();
      continue;
    }
    plan.logs.push_back(number);
    newer |= number > last;
  }
  // The note of the last Close says which log was the newest.
  const auto note = source.note(newest);
  if (lost)
    plan.log_is_missing =
        unread || (note && note->log >= last ? source.Find(LogName(note->log)) == nullptr : !newer);
  plan.source = "generation " + std::to_string(plan.base->manifest->generation);
  if (plan.logs.size() > 1) plan.source += " and the logs since";
  return plan;
}

class Salvage {
 public:
  Salvage(const CollectionScan& scan, const Plan& plan, Collection& target, RepairReport& report)
      : scan_(scan),
        plan_(plan),
        manifest_(*plan.base->manifest),
        schema_(manifest_.schema),
        layout_(schema_),
        target_(target),
        report_(report) {}

  Status Run() {
    for (std::size_t i = 0; i < plan_.base->segments.size(); ++i) {
      if (i == 0 && cocozvec::FaultPlanted("repair_drops_a_segment")) continue;
      ZVEC_RETURN_IF_ERROR(TakeSegment(plan_.base->segments[i]));
    }
    ZVEC_RETURN_IF_ERROR(Flush());
    report_.log_cut = plan_.log_is_missing || !scan_.source().lock_status().ok();
    std::uint64_t sequence = 0;
    for (const std::uint64_t number : plan_.logs) ZVEC_RETURN_IF_ERROR(TakeLog(number, &sequence));
    for (auto& [id, where] : lost_) report_.lost.push_back({id, where});
    return {};
  }

 private:
  Status TakeSegment(const ScannedSegment& segment) {
    report_.deletions_lost |= segment.deletions_lost;
    for (std::uint32_t chunk = 0; chunk < segment.rows->chunks(); ++chunk)
      ZVEC_RETURN_IF_ERROR(TakeChunk(segment, chunk));
    return {};
  }

  bool IsDead(const ScannedSegment& segment, std::uint32_t row) const {
    return segment.dead != nullptr && segment.dead->Contains(row);
  }

  Status TakeChunk(const ScannedSegment& segment, std::uint32_t chunk) {
    const SegmentScan& rows = *segment.rows;
    const std::uint32_t first = chunk * kChunkRows;
    const std::uint32_t count = std::min(kChunkRows, rows.rows() - first);
    SegmentScan::Column ids;
    if (!rows.Load(kIdColumn, chunk, &ids)) {
      for (std::uint32_t r = 0; r < count; ++r) report_.lost_unnamed_rows += !IsDead(segment, first + r);
      return {};
    }
    std::vector<SegmentScan::Column> columns(schema_.fields.size());
    std::string lost_field;
    for (std::size_t f = 0; f < columns.size(); ++f)
      if (!rows.Load(f, chunk, &columns[f])) lost_field = schema_.fields[f].name;
    for (std::uint32_t r = 0; r < count; ++r) {
      if (IsDead(segment, first + r)) continue;
      const std::string id(ids.cells.Cell(r));
      if (!lost_field.empty()) {
        lost_[id] = SegmentName(rows.expected().number) + ", field " + lost_field + ", rows " +
                    std::to_string(first) + " to " + std::to_string(first + count - 1);
        continue;
      }
      Doc doc(id);
      Status status;
      for (std::size_t f = 0; f < columns.size() && status.ok(); ++f)
        if (!columns[f].cells.IsNull(r)) status = AddField(f, columns[f].cells.Cell(r), &doc);
      if (status.ok())
        ZVEC_RETURN_IF_ERROR(Take(std::move(doc)));
      else
        lost_[id] = SegmentName(rows.expected().number) + ", " + std::string(status.message());
    }
    return {};
  }

  Status AddField(std::size_t field, std::string_view cell, Doc* doc) const {
    ZVEC_ASSIGN_OR_RETURN(Value value, DecodeCell(schema_.fields[field], cell));
    doc->fields.push_back({schema_.fields[field].name, std::move(value)});
    return {};
  }

  Status Take(Doc doc) {
    if (!lost_.empty()) lost_.erase(doc.id);
    batch_.push_back(std::move(doc));
    return batch_.size() < kBatch ? Status() : Flush();
  }

  Status Flush() {
    const std::vector<Doc> docs = std::exchange(batch_, {});
    return docs.empty() ? Status() : Write(docs, {});
  }

  /// A document that is refused is lost, the others of its batch are not.
  Status Write(const std::vector<Doc>& docs, const std::vector<std::string>& deletes) {
    const Status status = target_.Apply(docs, deletes).status();
    if (status.code() != StatusCode::kInvalidArgument) return status;
    for (const Doc& doc : docs) {
      const Status one = target_.Upsert({&doc, 1}).status();
      if (one.code() == StatusCode::kInvalidArgument)
        lost_[doc.id] = std::string(one.message());
      else
        ZVEC_RETURN_IF_ERROR(one);
    }
    return deletes.empty() ? Status() : target_.Delete(deletes).status();
  }

  Status TakeCall(std::string_view payload) {
    BatchReader in(layout_, payload);
    RowCells row;
    std::vector<Doc> docs;
    std::vector<std::string> deletes;
    while (in.NextPut(&row)) {
      Doc& doc = docs.emplace_back(std::string(row.id));
      for (std::size_t f = 0; f < row.cells.size(); ++f) {
        if (row.cells[f].data() == nullptr) continue;
        if (layout_.width(f) == 0 && !CheckCell(schema_.fields[f], row.cells[f]).ok())
          return Status::DataLoss("a cell does not follow its format");
        ZVEC_RETURN_IF_ERROR(AddField(f, row.cells[f], &doc));
      }
    }
    for (std::string_view id; in.NextDelete(&id);) deletes.emplace_back(id);
    if (!in.ok()) return Status::DataLoss("the batch does not follow its format");
    for (const Doc& doc : docs) lost_.erase(doc.id);
    for (const std::string& id : deletes) lost_.erase(id);
    return Write(docs, deletes);
  }

  /// As the generation that names the log has it; nothing when that manifest is lost.
  std::optional<std::uint64_t> ChecksumOf(std::uint64_t log) const {
    for (const ScannedGeneration& generation : scan_.generations())
      if (generation.manifest->log_number == log) return generation.manifest->log_checksum;
    return std::nullopt;
  }

  /// `sequence`: after the last record so far; 0: unknown.
  Status TakeLog(std::uint64_t number, std::uint64_t* sequence) {
    const File* file = scan_.source().Find(LogName(number));
    if (file == nullptr) {
      report_.log_cut = true;
      return {};
    }
    const LogPlace place{number, manifest_.collection, ChecksumOf(number), scan_.ClosedAt(manifest_, number)};
    ZVEC_ASSIGN_OR_RETURN(const LogScan before, ScanLogHeader(*file, place));
    // Another collection's of that number, or of another time: none of it belongs here.
    if (before.foreign || (before.first_sequence != 0 && before.first_sequence < *sequence)) {
      report_.log_cut = true;
      return {};
    }
    ZVEC_ASSIGN_OR_RETURN(const LogScan log, ScanLog(*file, place, nullptr, [this](std::string_view payload) {
                            return TakeCall(payload);
                          }));
    if (*sequence != 0 && log.first_sequence > *sequence)
      report_.lost_calls += log.first_sequence - *sequence;
    report_.lost_calls += log.lost_calls;
    report_.log_cut |= log.cut;
    *sequence = log.next_sequence;
    return {};
  }

  const CollectionScan& scan_;
  const Plan& plan_;
  const Manifest& manifest_;
  const CollectionSchema& schema_;
  const RowLayout layout_;
  Collection& target_;
  RepairReport& report_;
  std::vector<Doc> batch_;
  std::map<std::string, std::string> lost_;
};

/// Fills `target`, which nobody sees yet.
Status WriteCollection(const CollectionScan& scan, const Plan& plan, NewDirectory& target,
                       const CollectionOptions& options, RepairReport& report) {
  CollectionOptions making = options;
  making.read_only = false;
  making.durability = Durability::kRelaxed;  // made durable as a whole
  making.maintenance = Maintenance::kManual;
  FileSystem& fs = FileSystemOf(options);
  ZVEC_RETURN_IF_ERROR(Store::WriteEmpty(fs, target.path(), plan.base->manifest->schema, /*relaxed=*/false));
  ZVEC_ASSIGN_OR_RETURN(auto store,
                        Store::Open(fs, target.path(), making, target.TakeLock(), /*fresh=*/true));
  CollectionImpl collection(target.path(), making, std::move(store));
  ZVEC_RETURN_IF_ERROR(Salvage(scan, plan, collection, report).Run());
  ZVEC_RETURN_IF_ERROR(collection.Optimize({}));
  report.recovered = collection.Stats().doc_count;
  // A mark says that everything is there.
  if (report.complete() && scan.source().mark().ok()) {
    ZVEC_RETURN_IF_ERROR(collection.SetMark(*scan.source().mark()));
    report.mark_kept = true;
  }
  ZVEC_RETURN_IF_ERROR(collection.Flush());
  // Named while it is locked, so that nobody takes it for a leftover.
  ZVEC_RETURN_IF_ERROR(target.Publish());
  return collection.Close();
}

/// Nobody may write to what is read. Where no lock can be had because we may not write, it is enough that
/// nobody has one.
Result<std::unique_ptr<DirectoryLock>> LockIfPossible(FileSystem& fs, const std::string& path) {
  auto lock = DirectoryLock::Acquire(fs, path, /*create=*/false);
  if (lock.ok()) return lock;
  const bool none =
      lock.status().IsNotFound() && fs.Stat(cocozvec::JoinPath(path, kLockName)).status().IsNotFound();
  if (none) return std::unique_ptr<DirectoryLock>();
  if (lock.status().code() != StatusCode::kPermissionDenied) return lock;
  ZVEC_ASSIGN_OR_RETURN(const auto file,
                        fs.Open(cocozvec::JoinPath(path, kLockName), cocozvec::OpenMode::kRead));
  ZVEC_ASSIGN_OR_RETURN(const cocozvec::HeldLock held, file->OtherLock());
  if (held != cocozvec::HeldLock::kNone)
    return Status::Busy("collection " + path + " is open for writing elsewhere");
  return std::unique_ptr<DirectoryLock>();
}

Result<RepairReport> RepairLocked(const std::string& damaged, const std::string& destination,
                                  const CollectionOptions& options) {
  FileSystem& fs = FileSystemOf(options);
  ZVEC_ASSIGN_OR_RETURN(const Source source, Source::Open(fs, damaged));
  ZVEC_ASSIGN_OR_RETURN(const auto scan, CollectionScan::Run(source));
  RepairReport report;
  report.before = scan->report();
  if (scan->generations().empty())
    return Status::DataLoss(damaged +
                            ": no manifest can be read, so there is no schema to read documents with");
  const Plan plan = MakePlan(*scan);
  report.source = plan.source;
  ZVEC_ASSIGN_OR_RETURN(const auto target, NewDirectory::Make(fs, destination));
  ZVEC_RETURN_IF_ERROR(WriteCollection(*scan, plan, *target, options, report));
  return report;
}

}  // namespace

Result<RepairReport> Repair(PathView damaged, PathView destination, const CollectionOptions& options) {
  FileSystem& fs = FileSystemOf(options);
  ZVEC_ASSIGN_OR_RETURN(const auto lock, LockIfPossible(fs, damaged.str()));
  return RepairLocked(damaged.str(), destination.str(), options);
}

namespace {

std::string ParentOf(const std::string& path) {
  std::string parent = cocozvec::ParentPath(path);
  return parent.empty() ? "." : parent;
}

/// The last step: the place of the original is free.
Status PutInPlace(FileSystem& fs, const std::string& repaired, const std::string& path) {
  ZVEC_RETURN_IF_ERROR(fs.RenameNoReplace(repaired, path));
  return fs.SyncDirectory(ParentOf(path));
}

Result<RepairReport> FinishInPlace(FileSystem& fs, const std::string& repaired, const std::string& path,
                                   const CollectionOptions& options) {
  ZVEC_RETURN_IF_ERROR(PutInPlace(fs, repaired, path));
  RepairReport report;
  CollectionOptions reading = options;
  reading.read_only = true;
  ZVEC_ASSIGN_OR_RETURN(const auto collection, Collection::Open(path, reading));
  report.source = "a repair that was interrupted";
  report.losses_unknown = true;
  report.recovered = collection->Stats().doc_count;
  report.mark_kept = Collection::ReadMark(path, reading).ok();
  return report;
}

}  // namespace

Result<RepairReport> RepairInPlace(PathView path, const CollectionOptions& options) {
  FileSystem& fs = FileSystemOf(options);
  const std::string base = cocozvec::BaseName(path);
  if (base.empty() || base == "." || base == "..")
    return Status::InvalidArgument("repair in place: " + path.str() +
                                   " does not end with a collection's name");
  // Without a slash at its end.
  const std::string target = cocozvec::JoinPath(cocozvec::ParentPath(path), base);
  const std::string before = target + ".before-repair", repaired = target + ".repaired";
  const bool kept = fs.Stat(before).ok(), made = fs.Stat(repaired).ok();
  if (fs.Stat(target).status().IsNotFound() && kept && made)
    return FinishInPlace(fs, repaired, target, options);
  for (const auto& [there, name] : {std::pair(kept, before), std::pair(made, repaired)})
    if (there)
      return Status::AlreadyExists("repair of " + target + ": " + name +
                                   " is there, from an earlier repair: look at it, then move it away");
  ZVEC_ASSIGN_OR_RETURN(const auto lock, DirectoryLock::Acquire(fs, target, /*create=*/true));
  ZVEC_ASSIGN_OR_RETURN(RepairReport report, RepairLocked(target, repaired, options));
  ZVEC_RETURN_IF_ERROR(fs.RenameNoReplace(target, before));
  ZVEC_RETURN_IF_ERROR(fs.SyncDirectory(ParentOf(target)));
  ZVEC_RETURN_IF_ERROR(PutInPlace(fs, repaired, target));
  return report;
}

}  // namespace zvec::inline v0
