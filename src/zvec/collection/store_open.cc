// Opening: newest manifest, its segments, the log; a writer then makes durable what it is about to trust.
#include <algorithm>
#include <random>

#include "base/fault.h"
#include "cocozvec/base/log.h"
#include "zvec/collection/recovery.h"
#include "zvec/collection/store.h"
#include "zvec/storage/birth.h"
#include "zvec/storage/deletes.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/look_again.h"

namespace zvec::inline v0 {

using cocozvec::FileInfo;
using cocozvec::FileKind;
using cocozvec::FileSystem;
using cocozvec::JoinPath;
using cocozvec::OpenMode;

namespace {

std::uint64_t RandomNumber() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

/// The log is at least as long as it was when it was closed in order, and no manifest has been lost since.
Status CheckClosedNote(const std::string& lock_text, const std::string& directory, const Manifest& manifest,
                       const std::string& log_path, std::uint64_t log_end) {
  const auto note = ClosedNoteIn(lock_text, manifest.collection);
  if (!note || cocozvec::FaultPlanted("forget_closed_log")) return {};
  if (note->log > manifest.log_number)
    return Status::DataLoss(JoinPath(directory, LogName(note->log)) + " was closed at byte " +
                            std::to_string(note->end) + ", and manifest " +
                            std::to_string(manifest.generation) +
                            " does not know it: a newer manifest is missing");
  if (note->log == manifest.log_number && log_end < note->end)
    return DamageAt(log_path, log_end,
                    "the log ends here, and it was closed at byte " + std::to_string(note->end));
  return {};
}

}  // namespace

Status Store::WriteEmpty(FileSystem& fs, const std::string& directory, const CollectionSchema& schema,
                         bool relaxed) {
  Manifest manifest;
  manifest.collection = RandomNumber();
  manifest.generation = kFirstGeneration;
  manifest.log_number = kFirstLog;
  manifest.next_number = kFirstLog + 1;
  manifest.schema = schema;
  FileHeader header{
      .collection = manifest.collection, .number = manifest.log_number, .a = 1, .b = manifest.generation};
  const std::string log = JoinPath(directory, relaxed ? UnsettledLogName() : LogName(kFirstLog));
  ZVEC_RETURN_IF_ERROR(LogWriter::Create(fs, log, header, /*sync=*/!relaxed).status());
  EncodeFileHeader(kLogMagic, header);
  manifest.log_checksum = header.checksum;
  return relaxed ? WriteUnsettledManifest(fs, directory, manifest)
                 : WriteFirstManifest(fs, directory, manifest);
}

Result<std::unique_ptr<Store>> Store::Open(FileSystem& fs, const std::string& directory,
                                           const CollectionOptions& options,
                                           std::unique_ptr<DirectoryLock> lock, bool fresh) {
  for (int look = 1;; ++look) {
    std::unique_ptr<Store> store(new Store(fs, directory, options));
    Recovery recovery;
    recovery.fresh = fresh || cocozvec::FaultPlanted("trust_unsynced_names");
    const Status status = store->Load(std::move(lock), recovery);
    if (status.ok()) return store;
    store->closed_ = true;
    if (options.read_only && look < kLooks && store->MayLookAgain(status, recovery.generation)) {
      PauseAfterLook(look);
      continue;
    }
    if (!status.IsNotFound()) return status;
    const auto there = fs.Stat(directory);
    if (there.ok())
      return Status::DataLoss("a file that the manifest names is missing: " + std::string(status.message()));
    return there.status().IsNotFound() ? status : there.status();
  }
}

Status Store::Load(std::unique_ptr<DirectoryLock> lock, Recovery& recovery) {
  if (!options_.read_only && !lock) {
    ZVEC_ASSIGN_OR_RETURN(lock, DirectoryLock::Acquire(fs_, directory_, /*create=*/false));
  }
  lock_ = std::move(lock);
  ZVEC_RETURN_IF_ERROR(ReadLock(recovery));
  ZVEC_RETURN_IF_ERROR(LoadManifest(recovery));
  ZVEC_RETURN_IF_ERROR(LoadSegments());
  ZVEC_RETURN_IF_ERROR(ReplayLog(recovery));
  if (!options_.read_only) return BecomeWriter(recovery);
  KeepLog(recovery);
  return {};
}

/// A reader goes by one file LOCK, and without where it may not read it.
Status Store::ReadLock(Recovery& recovery) {
  if (!options_.read_only) {
    ZVEC_ASSIGN_OR_RETURN(recovery.lock_text, ReadLockText(fs_, directory_));
    return {};
  }
  follower_ = std::make_unique<Follower>();
  ZVEC_RETURN_IF_ERROR(follower_->OpenLock(fs_, PathOf(std::string(kLockName))));
  if (!follower_->lock_file) return {};
  ZVEC_ASSIGN_OR_RETURN(recovery.lock_text, ReadLockText(*follower_->lock_file));
  return {};
}

Status Store::LoadManifest(Recovery& recovery) {
  ZVEC_ASSIGN_OR_RETURN(const auto entries, fs_.List(directory_));
  for (const auto& entry : entries) {
    const auto name = ParseName(entry.name);
    if (!name) continue;
    if (entry.kind != FileKind::kFile) return Status::DataLoss(PathOf(entry.name) + ": not a plain file");
    if (name->kind == NameKind::kManifest) recovery.generations.push_back(name->number);
    if (entry.name == UnsettledManifestName()) unsettled_ = true;
    if (name->kind == NameKind::kLog) recovery.logs.push_back(name->number);
  }
  if (!recovery.generations.empty()) unsettled_ = false;  // a leftover
  if (recovery.generations.empty() && !unsettled_)
    return Status::InvalidArgument(directory_ + " is not a collection: it has no manifest");
  std::sort(recovery.generations.begin(), recovery.generations.end());
  recovery.generation = unsettled_ ? kFirstGeneration : recovery.generations.back();
  if (options_.read_only) ZVEC_RETURN_IF_ERROR(ChooseGeneration(recovery));
  ZVEC_ASSIGN_OR_RETURN(Manifest manifest, unsettled_ ? ReadUnsettledManifest(fs_, directory_)
                                                      : ReadManifest(fs_, directory_, recovery.generation));
  if (known_) ZVEC_RETURN_IF_ERROR(CheckFollows(manifest));
  schema_ = known_ ? known_->schema : std::make_shared<const CollectionSchema>(manifest.schema);
  layout_.emplace(*schema_);
  seal_at_rows_ = LimitsOf(MergeGoal::kGood).most_rows;
  made_here_ = next_number_ = manifest.next_number;
  cocozvec::WriterLock lock(state_mu_);
  manifest_ = std::make_shared<Manifest>(std::move(manifest));
  return {};
}

/// Beside a writer names change between two calls, and what looks damaged may belong to the next manifest. An
/// error before a generation was chosen (0) does not.
bool Store::MayLookAgain(const Status& status, std::uint64_t generation) const {
  return status.IsNotFound() || status.code() == StatusCode::kBusy ||
         (IsUnreadable(status) && generation != 0 && IsSuperseded(generation));
}

/// A newer manifest is there, or that cannot be found out.
bool Store::IsSuperseded(std::uint64_t generation) const {
  const auto entries = fs_.List(directory_);
  return !entries.ok() || std::any_of(entries->begin(), entries->end(), [generation](const auto& entry) {
    const auto name = ParseName(entry.name);
    return name && name->kind == NameKind::kManifest && name->number > generation;
  });
}

Status Store::LoadSegments() {
  std::shared_ptr<const Manifest> manifest;
  {
    cocozvec::ReaderLock lock(state_mu_);
    manifest = manifest_;
  }
  auto version = std::make_shared<Version>();
  for (const SegmentEntry& entry : manifest->segments) {
    const std::shared_ptr<const SealedView> known = KnownView(entry.file);
    std::shared_ptr<const SealedSegment> segment;
    if (!known) {
      ZVEC_ASSIGN_OR_RETURN(segment,
                            SealedSegment::Open(fs_, PathOf(SegmentName(entry.file.number)), entry.file,
                                                manifest->collection, schema_, options_.enable_mmap));
    }
    std::shared_ptr<const Bitmap> dead;
    if (entry.deletes_number != 0) {
      ZVEC_ASSIGN_OR_RETURN(
          Bitmap read,
          ReadDeletes(fs_, PathOf(DeletesName(entry.deletes_number)), entry.deletes_number,
                      manifest->collection, entry.file.number, entry.file.rows, entry.deletes_checksum));
      persisted_dead_[entry.file.number] = read.Count();
      dead = std::make_shared<Bitmap>(std::move(read));
    }
    ZVEC_ASSIGN_OR_RETURN(auto graphs, OpenGraphs(entry, *manifest));
    version->sealed.push_back(
        known ? SealedView::After(*known, std::move(dead), std::move(graphs))
              : std::make_shared<SealedView>(std::move(segment), std::move(dead), std::move(graphs)));
  }
  tail_ = std::make_shared<MutableSegment>(schema_);
  version->tail = tail_->Publish(nullptr);
  version->growing = std::make_shared<TailGraphs>(schema_, options_.index_min_rows);
  version->pin = std::move(pin_);
  Publish(std::move(version));
  return {};
}

Result<std::shared_ptr<Graphs>> Store::OpenGraphs(const SegmentEntry& entry, const Manifest& manifest) const {
  auto graphs = std::make_shared<Graphs>(schema_->fields.size());
  for (const IndexEntry& index : entry.indexes) {
    (*graphs)[index.field] = KnownGraph(entry.file, index);
    if ((*graphs)[index.field]) continue;
    auto graph = OpenGraphOf(entry, index, manifest.collection);
    if (graph.ok()) {
      (*graphs)[index.field] = *std::move(graph);
      continue;
    }
    const Status& status = graph.status();
    // Without a graph the rows are scanned. (A reader beside a writer may only be late.)
    if ((!status.IsNotFound() && !IsUnreadable(status)) ||
        (options_.read_only && IsSuperseded(manifest.generation)))
      return status;
    cocozvec::Log(cocozvec::LogLevel::kWarning,
                  "a graph is missing, damaged or unreadable, queries scan until Optimize builds it anew: " +
                      status.ToString());
  }
  KeepGrowing(entry.file, *graphs);
  return graphs;
}

/// Of the file that was opened at `path` after `before` was asked: the same at both ends, so it was the same
/// then. kBusy: another one took its place, or it has got another name.
Result<FileInfo> Store::IdOfOpen(const Result<FileInfo>& before, const std::string& path) const {
  const auto after = fs_.Stat(path);
  for (const auto* info : {&before, &after})
    if (!info->ok() && !info->status().IsNotFound()) return info->status();
  if (before.ok() && after.ok() && after->device == before->device && after->inode == before->inode)
    return after;
  return Status::Busy(path + " was replaced while it was opened");
}

Status Store::ReplayLog(Recovery& recovery) {
  std::shared_ptr<const Manifest> manifest;
  {
    cocozvec::ReaderLock lock(state_mu_);
    manifest = manifest_;
  }
  const OpenMode mode = options_.read_only ? OpenMode::kRead : OpenMode::kReadWrite;
  std::string path = PathOf(LogName(manifest->log_number));
  auto id = fs_.Stat(path);
  auto opened = fs_.Open(path, mode);
  if (unsettled_ && opened.status().IsNotFound()) {
    path = PathOf(UnsettledLogName());
    id = fs_.Stat(path);
    opened = fs_.Open(path, mode);
  }
  ZVEC_ASSIGN_OR_RETURN(recovery.log_file, std::move(opened));
  std::uint64_t committed = UINT64_MAX;
  if (options_.read_only) {
    ZVEC_ASSIGN_OR_RETURN(recovery.log_id, IdOfOpen(id, path));
    ZVEC_ASSIGN_OR_RETURN(committed, CommittedEnd(recovery));
  }
  auto read = ReadLog(
      *recovery.log_file, manifest->log_number, manifest->collection,
      [this](std::string_view payload) { return Apply(payload, /*trusted=*/false); }, committed);
  if (options_.read_only && !recovery.published)
    ZVEC_RETURN_IF_ERROR(follower_->CheckNobodyBegan(*recovery.log_file, committed, read.status()));
  ZVEC_ASSIGN_OR_RETURN(recovery.log, std::move(read));
  if (recovery.log.header.checksum != manifest->log_checksum)
    return DamageAt(path, 56, "this is not the log that the manifest names, but another one of that number");
  ZVEC_RETURN_IF_ERROR(
      CheckClosedNote(recovery.lock_text, directory_, *manifest, path, recovery.log.position.end));
  if (recovery.published) return CheckReached(path, recovery.log.position.end, committed);
  for (const std::uint64_t number : recovery.logs) {
    if (number <= manifest->log_number) continue;
    // A newer log gets its first record after the manifest that names it is durable: with records, that
    // manifest is gone.
    const auto info = fs_.Stat(PathOf(LogName(number)));
    if (!info.ok() && !info.status().IsNotFound()) return info.status();
    if (info.ok() && info->size > kFileHeaderBytes)
      return Status::DataLoss(PathOf(LogName(number)) + ": holds writes that manifest " +
                              std::to_string(manifest->generation) +
                              " does not know: a newer manifest is missing");
  }
  return {};
}

Status Store::BecomeWriter(Recovery& recovery) {
  if (unsettled_ && recovery.fresh) {
    log_ = LogWriter::ContinueUnsynced(std::move(recovery.log_file), recovery.log);
    PublishCommit(log_->position());
    return {};
  }
  // What is trusted from here on is made durable first; only then anything is removed.
  recovery.log.unsettled = unsettled_;
  ZVEC_ASSIGN_OR_RETURN(log_, LogWriter::Continue(std::move(recovery.log_file), recovery.log));
  ZVEC_RETURN_IF_ERROR(Settle());
  if (!recovery.fresh) {
    ZVEC_RETURN_IF_ERROR(fs_.SyncDirectory(directory_));
    // The Create that made this directory may have died, or failed, before its name was durable.
    const std::string parent = cocozvec::ParentPath(directory_);
    const Status synced = fs_.SyncDirectory(parent.empty() ? "." : parent);
    if (!synced.ok() && synced.code() != StatusCode::kPermissionDenied) return synced;
  }
  bool unread = false;
  if (recovery.generations.size() > 1) {
    auto older = ReadManifest(fs_, directory_, recovery.generations[recovery.generations.size() - 2]);
    if (older.ok()) previous_ = *std::move(older);
    // One that cannot be read today may be whole: what it names stays until the next manifest.
    unread = !older.ok() && older.status().code() != StatusCode::kDataLoss;
  }
  if (!unread) RemoveUnnamed();
  lock_->WriteHolder();
  PublishCommit(log_->position());
  return {};
}

Status Store::Settle() {
  if (!unsettled_) return {};
  std::shared_ptr<const Manifest> manifest;
  {
    cocozvec::ReaderLock lock(state_mu_);
    manifest = manifest_;
  }
  in_doubt_ = true;
  Status status = log_->Sync(/*keep_unsynced=*/true);
  if (status.ok()) status = SettleNames(fs_, directory_, *manifest);
  if (status.ok()) status = log_->Reopen(fs_, PathOf(LogName(kFirstLog)));
  in_doubt_ = false;
  if (status.ok()) {
    unsettled_ = false;
    return status;
  }
  fence_ = Status::FailedPrecondition("collection " + directory_ +
                                      " must be reopened after: " + status.ToString());
  return status;
}

}  // namespace zvec::inline v0
