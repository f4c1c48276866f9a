#include "zvec/collection/store.h"

#include <algorithm>
#include <new>
#include <utility>

#include "base/fault.h"
#include "cocozvec/base/log.h"
#include "zvec/collection/recovery.h"
#include "zvec/storage/cell.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/id_table.h"
#include "zvec/storage/mark.h"

namespace zvec::inline v0 {

using cocozvec::FileSystem;
using cocozvec::JoinPath;

namespace {

/// Made before it is needed.
const Status no_memory(StatusCode::kResourceExhausted,
                       "there was no memory to close the collection in order");

/// Rows that a record replaces or deletes, by segment of the version.
class Deaths {
 public:
  explicit Deaths(const Version& version) : version_(version), changed_(version.size()) {}

  void Add(const Location& at) {
    auto& bitmap = changed_[at.segment];
    if (!bitmap) {
      const auto& old = version_.At(at.segment).dead();
      bitmap = old ? std::make_shared<Bitmap>(*old) : std::make_shared<Bitmap>();
    }
    bitmap->Add(at.row);
  }
  bool Changed(std::size_t segment) const { return changed_[segment] != nullptr; }
  std::shared_ptr<const Bitmap> Dead(std::size_t segment) const {
    return changed_[segment] ? changed_[segment] : version_.At(segment).dead();
  }

 private:
  const Version& version_;
  std::vector<std::shared_ptr<Bitmap>> changed_;
};

int NiceOf(const CollectionOptions& options) {
  return static_cast<int>(std::min(options.maintenance_nice, 19u));
}

struct Appended {
  std::string_view id;
  std::uint64_t hash;
  std::uint32_t row;
};

}  // namespace

Store::Store(FileSystem& fs, std::string directory, const CollectionOptions& options)
    : fs_(fs),
      directory_(std::move(directory)),
      options_(options),
      seal_at_bytes_(options.seal_bytes),
      seal_at_log_bytes_(LogLimit(options)),
      pace_(options.max_unlinked_rows, options.max_unlinked_rows_while_read),
      linker_(
          options.read_only ? Maintenance::kManual : options.maintenance,
          [this](const cocozvec::Cancel& cancel) { return LinkStep(cancel); }, NiceOf(options)),
      merger_(
          options.read_only ? Maintenance::kManual : options.maintenance,
          [this](const cocozvec::Cancel& cancel) { return MergeStep(cancel); }, NiceOf(options)) {}

Store::~Store() {
  if (inherited()) {  // a thread that is not here may have held the locks; the log is the parent's
    (void)pool_.release();
    return;
  }
  StopMaintenance();
  cocozvec::MutexLock lock(write_mu_);
  const Status status = Close();
  if (status.ok()) return;
  try {
    cocozvec::Log(cocozvec::LogLevel::kError, "closing " + directory_ + ": " + status.ToString());
  } catch (const std::bad_alloc&) {  // then nobody is told
  }
}

std::shared_ptr<const Version> Store::Snapshot() const {
  if (cocozvec::FaultPlanted("read_without_lock") && next_number_ == 0) return nullptr;
  cocozvec::ReaderLock lock(state_mu_);
  return version_;
}

void Store::Publish(std::shared_ptr<const Version> version) {
  cocozvec::WriterLock lock(state_mu_);
  version_.swap(version);
}

Result<std::vector<std::optional<Location>>> Store::LocateAll(std::span<const std::string> ids,
                                                              std::shared_ptr<const Version>* version) const {
  std::vector<std::optional<Location>> found(ids.size());
  std::vector<std::uint64_t> hashes(ids.size());
  for (std::size_t i = 0; i < ids.size(); ++i) hashes[i] = HashId(ids[i]);
  cocozvec::ReaderLock lock(state_mu_);
  *version = version_;
  if (!version_) return found;
  constexpr std::size_t kAhead = 8;  // slots and ids lie anywhere: ask for some before the first is needed
  const std::size_t steps = ids.size() > kAhead ? StoredView::kFindSteps : 0;
  for (std::size_t i = 0; i < ids.size() + steps * kAhead; ++i) {
    for (std::size_t step = 0; step < steps; ++step) {
      const std::size_t at = i - step * kAhead;  // wraps round to what is too large
      if (at >= ids.size()) continue;
      for (std::size_t s = 0; s < version_->size(); ++s)
        version_->At(s).PrefetchFind(hashes[at], static_cast<int>(step));
    }
    if (i < steps * kAhead) continue;
    const std::size_t at = i - steps * kAhead;
    ZVEC_ASSIGN_OR_RETURN(found[at], version_->Locate(ids[at], hashes[at]));
  }
  return found;
}

std::uint64_t Store::DiskBytes() const {
  std::shared_ptr<const Manifest> manifest;
  {
    cocozvec::ReaderLock lock(state_mu_);
    manifest = manifest_;
  }
  std::uint64_t bytes = 0;
  for (const std::string& name : NamedFiles(*manifest))
    // Until it is settled a newborn collection has its files under other names.
    for (const char* end : {"", ".tmp"})
      if (const auto info = fs_.Stat(PathOf(name) + end); info.ok()) {
        bytes += info->size;
        break;
      }
  return bytes;
}

Status Store::CheckWritable() const {
  if (closed_) return Status::Closed("collection " + directory_ + " is closed");
  if (options_.read_only)
    return Status::FailedPrecondition("collection " + directory_ + " is open read-only");
  if (!fence_.ok()) return fence_;
  if (in_doubt_ && !cocozvec::FaultPlanted("forget_doubt"))
    return Status::FailedPrecondition("collection " + directory_ +
                                      " must be reopened after a write that memory did not suffice for");
  return log_->broken();
}

void Store::Commit(std::span<std::string> records, std::span<Status> statuses) {
  if (const Status status = CheckWritable(); !status.ok())
    return std::fill(statuses.begin(), statuses.end(), status);
  std::uint64_t bytes = 0;
  for (const std::string& record : records) bytes += record.size();
  SealIfLarge(bytes);  // what is to come finds room in the log
  if (const Status status = CheckWritable(); !status.ok())
    return std::fill(statuses.begin(), statuses.end(), status);
  in_doubt_ = true;
  CommitChecked(records, statuses);
  in_doubt_ = false;
}

struct Store::Prepared {
  explicit Prepared(std::shared_ptr<const Version> version) : now(std::move(version)), deaths(*now) {}
  std::shared_ptr<const Version> now;
  Deaths deaths;
  std::vector<Appended> appended;
  std::uint32_t first = 0;  ///< of its rows in the mutable segment
};

void Store::CommitChecked(std::span<std::string> records, std::span<Status> statuses) {
  const bool durable = options_.durability == Durability::kDurable;
  const auto payload = [&](std::size_t i) { return std::string_view(records[i]).substr(kRecordHeaderBytes); };
  std::size_t written = 0;
  Status status;
  std::vector<LogPosition> ends(records.size());  // after each
  while (status.ok() && written < records.size()) {
    status = log_->Append(records[written], durable);
    if (status.ok()) ends[written++] = log_->position();
  }
  // While the disk writes, the first record is worked out; nobody sees it before the sync has succeeded.
  // After a failed one the log is broken, and the rows that were added to the mutable segment are never
  // shown.
  std::optional<Prepared> ahead;
  Status prepared;
  if (written != 0 && durable) {
    ahead.emplace(Snapshot());
    prepared = Prepare(payload(0), /*trusted=*/true, &*ahead);
    if (Status synced = log_->Sync(/*keep_unsynced=*/false); !synced.ok()) {
      status = std::move(synced);
      written = 0;
    }
  }
  for (std::size_t i = 0; i < written; ++i) {
    if (i != 0 || !ahead)
      statuses[i] = Apply(payload(i), /*trusted=*/true);
    else
      statuses[i] = prepared.ok() ? Show(*ahead) : prepared;
    if (statuses[i].ok()) continue;
    // Logged but not applied: memory no longer follows the log.
    fence_ = Status::FailedPrecondition("collection " + directory_ +
                                        " must be reopened after: " + statuses[i].ToString());
    status = statuses[i];
    written = i;
  }
  if (written != 0) PublishCommit(ends[written - 1]);
  for (std::size_t i = written; i < records.size(); ++i) statuses[i] = status;
}

Status Store::Prepare(std::string_view payload, bool trusted, Prepared* prepared) {
  const Version& now = *prepared->now;
  prepared->first = tail_->rows();
  BatchReader in(*layout_, payload);
  RowCells row;
  while (in.NextPut(&row)) {
    if (!trusted)
      if (const Status status = CheckRow(*schema_, *layout_, row); !status.ok())
        return Status::DataLoss(std::string(status.message()));
    const std::uint64_t hash = HashId(row.id);
    ZVEC_ASSIGN_OR_RETURN(const auto old, now.Locate(row.id, hash));
    if (old) prepared->deaths.Add(*old);
    prepared->appended.push_back({row.id, hash, tail_->Append(row)});
  }
  for (std::string_view id; in.NextDelete(&id);) {
    ZVEC_ASSIGN_OR_RETURN(const auto old, now.Locate(id, HashId(id)));
    if (old && !cocozvec::FaultPlanted("drop_a_delete")) prepared->deaths.Add(*old);
  }
  return in.ok() ? Status() : Status::DataLoss("the batch does not follow its format");
}

Status Store::Show(Prepared& prepared) {
  const Version& now = *prepared.now;
  auto next = std::make_shared<Version>(now);
  if (cocozvec::FaultPlanted("publish_in_two_steps")) {
    next->tail = tail_->Publish(now.tail->dead());
    Publish(std::make_shared<Version>(*next));
  }
  for (std::size_t i = 0; i < now.sealed.size(); ++i)
    if (prepared.deaths.Changed(i))
      next->sealed[i] =
          std::make_shared<SealedView>(*now.sealed[i], prepared.deaths.Dead(i), now.sealed[i]->graphs());
  next->tail = tail_->Publish(prepared.deaths.Dead(now.sealed.size()));
  bool twice = false;
  cocozvec::WriterLock lock(state_mu_);
  for (const Appended& a : prepared.appended) {
    const auto old = tail_->Index(a.id, a.hash, a.row);
    twice |= old && *old >= prepared.first;
  }
  version_ = std::move(next);
  return twice ? Status::DataLoss("an id stands twice in one batch") : Status();
}

Status Store::Apply(std::string_view payload, bool trusted) {
  Prepared prepared(Snapshot());
  ZVEC_RETURN_IF_ERROR(Prepare(payload, trusted, &prepared));
  return Show(prepared);
}

Status Store::Flush() {
  if (options_.read_only && !closed_) return {};
  ZVEC_RETURN_IF_ERROR(CheckWritable());
  ZVEC_RETURN_IF_ERROR(Settle());
  return log_->Sync(/*keep_unsynced=*/true);
}

Status Store::SetMark(std::string_view mark) {
  ZVEC_RETURN_IF_ERROR(CheckWritable());
  ZVEC_RETURN_IF_ERROR(Settle());
  // The mark says that the data is there: it must not survive a power cut that the data does not.
  ZVEC_RETURN_IF_ERROR(log_->Sync(/*keep_unsynced=*/true));
  Status status = WriteMark(fs_, directory_, mark);
  if (status.ok()) return status;
  // Seen and not durable: a reader would trust what a power cut takes back. Opening syncs the name.
  const auto seen = ReadMarkFile(fs_, directory_);
  if (seen.ok() ? *seen == mark : !seen.status().IsNotFound())
    fence_ = Status::FailedPrecondition("collection " + directory_ +
                                        " must be reopened after: " + status.ToString());
  return status;
}

Status Store::CloseLog() {
  ZVEC_RETURN_IF_ERROR(log_->Close());
  std::shared_ptr<const Manifest> manifest;
  {
    cocozvec::ReaderLock lock(state_mu_);
    manifest = manifest_;
  }
  if (!lock_) return {};
  // Readers go by the publication as long as the lock is held, and compare it with the note.
  if (TellReaders(log_->position()).ok())
    lock_->WriteClosed({manifest->log_number, log_->position().end}, manifest->collection);
  return {};
}

Status Store::Close() {
  if (closed_) return {};
  closed_ = true;
  Status status;
  try {
    if (log_ && fence_.ok() && !in_doubt_) status = Settle();
    if (log_ && status.ok()) status = CloseLog();
    if (status.ok()) status = fence_;
    if (status.ok() && in_doubt_)
      status = Status::Internal("collection " + directory_ + ": memory did not suffice for an earlier write");
  } catch (const std::bad_alloc&) {
    // Whoever closes, a destructor perhaps, gets an answer and lets go of everything.
    status = no_memory;
  }
  try {
    if (shared_ != 0 && lock_) RemoveShared(std::exchange(shared_, 0));
    if (pinned_left_ && lock_ && status.ok()) RemoveUnnamed();
  } catch (const std::bad_alloc&) {  // the next opening does it
  }
  Publish(nullptr);
  log_.reset();
  tail_.reset();
  follower_.reset();
  lock_.reset();
  return status;
}

std::set<std::string> NamedFiles(const Manifest& manifest) {
  std::set<std::string> names = {ManifestName(manifest.generation), LogName(manifest.log_number)};
  for (const SegmentEntry& entry : manifest.segments) {
    names.insert(SegmentName(entry.file.number));
    if (entry.deletes_number != 0) names.insert(DeletesName(entry.deletes_number));
    for (const IndexEntry& index : entry.indexes)
      if (!index.refused()) names.insert(IndexName(index.number));
  }
  return names;
}

}  // namespace zvec::inline v0
