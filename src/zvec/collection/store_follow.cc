// Readers in other processes. The writer publishes how far it has committed (storage/publication.h) and
// removes no file that a reader pins (storage/pin.h). A read-only handle goes by the publication while there
// is one, else by what lies in the directory; Refresh reads the new end of the log, or opens the newer
// manifest beside the state that is shown, takes over what both name, and shows the result at once.
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/fault.h"
#include "cocozvec/base/log.h"
#include "zvec/collection/recovery.h"
#include "zvec/storage/birth.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/look_again.h"

namespace zvec::inline v0 {

using cocozvec::FileInfo;
using cocozvec::MutexLock;
using cocozvec::OpenMode;
using Clock = std::chrono::steady_clock;

namespace {

/// How often a waiting handle looks: some events are not told (a writer that publishes nothing), and
/// elsewhere none.
constexpr std::chrono::milliseconds kLookAgain{50}, kLookUnwatched{2};

}  // namespace

struct Store::Newest {
  bool other_generation = false;
  std::uint64_t end = 0;     ///< of the log, when the generation is the same
  bool published = false;    ///< all of it is committed; else it may end torn
  std::uint64_t graphs = 0;  ///< Publication::graphs
};

// Opening.

Status Store::ChooseGeneration(Recovery& recovery) {
  ZVEC_ASSIGN_OR_RETURN(recovery.published, follower_->Published());
  if (recovery.published) recovery.generation = recovery.published->generation;
  const std::string name = unsettled_ && recovery.generation == kFirstGeneration
                               ? UnsettledManifestName()
                               : ManifestName(recovery.generation);
  auto pin = GenerationPin::Take(fs_, PathOf(name));
  if (pin.status().IsNotFound() && fs_.Stat(PathOf(name)).ok())
    return Status::Busy(std::string(pin.status().message()));
  ZVEC_ASSIGN_OR_RETURN(pin_, std::move(pin));
  return {};
}

Result<std::uint64_t> Store::CommittedEnd(const Recovery& recovery) const {
  cocozvec::ReaderLock lock(state_mu_);
  if (recovery.published) {
    const Publication& published = *recovery.published;
    if (published.collection == manifest_->collection && published.log == manifest_->log_number)
      return published.end;
    return DamageAt(PathOf(std::string(kLockName)), kPublicationOffset,
                    "the writer speaks of log " + std::to_string(published.log) + ", manifest " +
                        std::to_string(manifest_->generation) + " of log " +
                        std::to_string(manifest_->log_number));
  }
  return recovery.log_file->Size();
}

void Store::KeepLog(Recovery& recovery) {
  follower_->log_id = recovery.log_id;
  follower_->seen = recovery.log.file_size;
  follower_->log_file = std::move(recovery.log_file);
  follower_->log = recovery.log;
  known_.reset();
}

Status Store::CheckFollows(const Manifest& manifest) const {
  if (manifest.collection != known_->manifest->collection)
    return Status::FailedPrecondition(
        "collection " + directory_ + " was destroyed, and another one made in its place: open that one anew");
  if (manifest.schema != *known_->schema)
    return Status::FailedPrecondition("collection " + directory_ + ": its schema has changed: open it anew");
  return {};
}

std::shared_ptr<const SealedView> Store::KnownView(const SegmentFile& file) const {
  if (!known_) return nullptr;
  for (const auto& view : known_->version->sealed)
    if (view->segment()->file() == file) return view;
  return nullptr;
}

std::shared_ptr<const hnsw::Graph> Store::KnownGraph(const SegmentFile& file, const IndexEntry& index) const {
  if (!known_) return nullptr;
  for (std::size_t i = 0; i < known_->manifest->segments.size(); ++i) {
    const SegmentEntry& entry = known_->manifest->segments[i];
    if (entry.file != file ||
        std::find(entry.indexes.begin(), entry.indexes.end(), index) == entry.indexes.end())
      continue;
    const auto& graphs = known_->version->sealed[i]->graphs();
    return graphs && index.field < graphs->size() ? (*graphs)[index.field] : nullptr;
  }
  return nullptr;
}

// Following.

Result<bool> Store::Refresh() {
  if (closed_) return Status::Closed("collection " + directory_ + " is closed");
  if (!options_.read_only) return false;
  for (int look = 1;; ++look) {
    std::uint64_t generation = 0;
    auto moved = FollowOnce(&generation);
    const Status& status = moved.status();
    if (status.ok()) return moved;
    if (status.IsNotFound() && fs_.Stat(directory_).status().IsNotFound())
      return Status::NotFound("collection " + directory_ + " was removed or renamed");
    if (look < kLooks && MayLookAgain(status, generation)) {
      if (IsUnreadable(status)) follower_->judged = NewestGeneration().value_or(generation);
      PauseAfterLook(look);
      continue;
    }
    if (!status.IsNotFound()) return moved;
    return Status::DataLoss("a file that the manifest names is missing: " + std::string(status.message()));
  }
}

Result<bool> Store::FollowOnce(std::uint64_t* generation) {
  bool moved = false;
  for (int look = 1;; ++look) {
    *generation = std::max(Generation(), follower_->judged);
    ZVEC_ASSIGN_OR_RETURN(const Newest newest, FindNewest());
    if (!newest.other_generation) {
      ZVEC_ASSIGN_OR_RETURN(const bool longer, FollowLog(newest));
      if (newest.graphs != 0 && newest.graphs != follower_->graphs) TakeShared(newest.graphs);
      return moved || longer;
    }
    bool more = false;
    ZVEC_RETURN_IF_ERROR(Reload(&more, generation));
    moved = true;
    if (!more || look == kLooks) return moved;
  }
}

Result<Store::Newest> Store::FindNewest() {
  std::shared_ptr<const Manifest> manifest;
  {
    cocozvec::ReaderLock lock(state_mu_);
    manifest = manifest_;
  }
  ZVEC_ASSIGN_OR_RETURN(auto published, follower_->Published());
  if (!published) {
    // The lock file may be another one by now, and with it all that the directory holds.
    ZVEC_RETURN_IF_ERROR(follower_->OpenLock(fs_, PathOf(std::string(kLockName))));
    ZVEC_ASSIGN_OR_RETURN(published, follower_->Published());
  }
  if (follower_->unsure) LookForLog(*manifest);
  const std::uint64_t shown = follower_->log.position.end;
  if (published) {
    const bool same =
        published->collection == manifest->collection && published->generation == manifest->generation;
    follower_->spoilt |= same && published->end < shown;
    return Newest{!same || follower_->spoilt, published->end, true, published->graphs};
  }

  ZVEC_ASSIGN_OR_RETURN(const std::uint64_t generation, NewestGeneration());
  if (follower_->spoilt || generation != manifest->generation) return Newest{.other_generation = true};
  ZVEC_ASSIGN_OR_RETURN(const std::uint64_t size, follower_->log_file->Size());
  // A writer that publishes nothing took back what it could not sync.
  follower_->spoilt |= size < shown;
  return Newest{.other_generation = follower_->spoilt, .end = size};
}

Result<std::uint64_t> Store::NewestGeneration() const {
  ZVEC_ASSIGN_OR_RETURN(const auto entries, fs_.List(directory_));
  std::uint64_t generation = 0;
  for (const auto& entry : entries) {
    const auto name = ParseName(entry.name);
    if (name && name->kind == NameKind::kManifest) generation = std::max(generation, name->number);
    if (entry.name == UnsettledManifestName()) generation = std::max(generation, kFirstGeneration);
  }
  return generation;
}

void Store::LookForLog(const Manifest& manifest) {
  auto id = fs_.Stat(PathOf(LogName(manifest.log_number)));
  if (id.status().IsNotFound() && manifest.log_number == kFirstLog) id = fs_.Stat(PathOf(UnsettledLogName()));
  const FileInfo& mine = follower_->log_id;
  if (id.ok() && id->device == mine.device && id->inode == mine.inode)
    follower_->unsure = false;
  else
    follower_->spoilt = true;
}

Result<bool> Store::FollowLog(const Newest& newest) {
  LogContent& log = follower_->log;
  if (newest.end <= log.position.end || cocozvec::FaultPlanted("stale_reader")) {
    follower_->seen = newest.end;
    return false;
  }
  if (!newest.published) return FollowFiles(newest.end);
  bool moved = false;
  follower_->spoilt = true;  // until the end is reached in order, without an exception too
  ZVEC_RETURN_IF_ERROR(ContinueLog(*follower_->log_file, &log, newest.end, [&](std::string_view payload) {
    const Status applied = Apply(payload, /*trusted=*/false);
    moved |= applied.ok();
    return applied;
  }));
  ZVEC_RETURN_IF_ERROR(CheckReached(follower_->log_file->path(), log.position.end, newest.end));
  follower_->spoilt = false;
  follower_->seen = newest.end;
  return moved;
}

Result<bool> Store::FollowFiles(std::uint64_t end) {
  LogContent log = follower_->log;
  std::vector<std::string> payloads;  // not shown before it is known that nobody wrote beside the reading
  const Status read = ContinueLog(*follower_->log_file, &log, end, [&](std::string_view payload) {
    payloads.emplace_back(payload);
    return Status();
  });
  const Status judged = follower_->CheckNobodyBegan(*follower_->log_file, end, read);
  // What is shown may have been taken back and replaced: the next look judges the whole log.
  if (judged.code() == StatusCode::kDataLoss) follower_->spoilt = true;
  ZVEC_RETURN_IF_ERROR(judged);
  follower_->spoilt = true;
  for (const std::string& payload : payloads) ZVEC_RETURN_IF_ERROR(Apply(payload, /*trusted=*/false));
  follower_->spoilt = false;
  follower_->log = log;
  follower_->seen = end;
  return !payloads.empty();
}

namespace {

/// The two differ in their indexes only.
bool SameRows(const Manifest& a, const Manifest& b) {
  return a.log_number == b.log_number && a.log_checksum == b.log_checksum &&
         std::equal(a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
                    [](const SegmentEntry& x, const SegmentEntry& y) {
                      return x.file == y.file && x.deletes_number == y.deletes_number &&
                             x.deletes_checksum == y.deletes_checksum;
                    });
}

}  // namespace

Status Store::Reload(bool* more, std::uint64_t* generation) {
  const auto next = std::unique_ptr<Store>(new Store(fs_, directory_, options_));
  next->closed_ = true;  // it is never used as a handle
  auto known = std::make_unique<Known>();
  known->schema = schema_;
  {
    cocozvec::ReaderLock lock(state_mu_);
    known->version = version_;
    known->manifest = manifest_;
  }
  const std::shared_ptr<const Manifest> mine = known->manifest;
  next->known_ = std::move(known);
  Recovery recovery;
  ZVEC_RETURN_IF_ERROR(next->ReadLock(recovery));
  const Status loaded = next->LoadManifest(recovery);
  if (recovery.generation != 0) *generation = recovery.generation;
  ZVEC_RETURN_IF_ERROR(loaded);
  std::shared_ptr<const Manifest> theirs;
  {
    cocozvec::ReaderLock lock(next->state_mu_);
    theirs = next->manifest_;
  }
  if (SameRows(*mine, *theirs) && mine->generation != theirs->generation && !follower_->spoilt) {
    *more = true;
    return TakeGraphs(*next, std::move(theirs));
  }
  ZVEC_RETURN_IF_ERROR(next->LoadSegments());
  ZVEC_RETURN_IF_ERROR(next->ReplayLog(recovery));
  Inherit(*next, recovery.log.header);
  next->KeepLog(recovery);
  TakeOver(*next);
  return {};
}

Status Store::TakeGraphs(Store& next, std::shared_ptr<const Manifest> manifest) {
  auto version = std::make_shared<Version>(*Snapshot());
  for (std::size_t i = 0; i < version->sealed.size(); ++i) {
    ZVEC_ASSIGN_OR_RETURN(auto graphs, next.OpenGraphs(manifest->segments[i], *manifest));
    auto& view = version->sealed[i];
    view = SealedView::After(*view, view->dead(), std::move(graphs));
  }
  version->pin = std::move(next.pin_);
  std::shared_ptr<const Version> old;  // let go of after the lock: that can take long
  cocozvec::WriterLock lock(state_mu_);
  manifest_.swap(manifest);
  old = std::exchange(version_, std::move(version));
  return {};
}

void Store::TakeOver(Store& next) {
  std::shared_ptr<Version> version;
  std::shared_ptr<const Manifest> manifest;
  {
    cocozvec::ReaderLock lock(next.state_mu_);
    version = std::make_shared<Version>(*next.version_);
    manifest = next.manifest_;
  }
  next.follower_->watches = std::move(follower_->watches);
  follower_ = std::move(next.follower_);
  tail_ = std::move(next.tail_);
  persisted_dead_ = std::move(next.persisted_dead_);
  std::shared_ptr<const Version> old;  // as above
  cocozvec::WriterLock lock(state_mu_);
  version->layout = version_->layout + 1;
  old = std::exchange(version_, std::move(version));
  manifest_.swap(manifest);
}

// Waiting.

Result<bool> Store::HasChanged() {
  MutexLock lock(write_mu_);
  if (closed_) return Status::Closed("collection " + directory_ + " is closed");
  auto newest = FindNewest();
  if (newest.ok()) return newest->other_generation || newest->end != follower_->seen;
  if (newest.status().IsNotFound() && fs_.List(directory_).ok()) return true;  // names are changing
  return newest.status();
}

Store::LockWatch Store::TakeWatch() {
  MutexLock lock(write_mu_);
  if (closed_) return {};
  for (auto& idle = follower_->watches; !idle.empty();) {
    LockWatch taken = std::move(idle.back());
    idle.pop_back();
    if (taken.lock && taken.lock == follower_->lock_id) return taken;  // else it may watch another file
  }
  auto watch = fs_.Watch(PathOf(std::string(kLockName)));
  if (!watch.ok()) return {};
  return {follower_->lock_id, *std::move(watch)};
}

Result<bool> Store::WaitForChange(std::uint32_t timeout_ms) {
  if (!options_.read_only)
    return Status::FailedPrecondition(
        "collection " + directory_ +
        " is open for writing: this handle shows every change, none is to be awaited");
  const auto until = Clock::now() + std::chrono::milliseconds(timeout_ms);
  LockWatch taken = TakeWatch();
  const auto& watch = taken.watch;
  Result<bool> changed = false;
  for (;;) {
    changed = HasChanged();
    if (!changed.ok() || *changed) break;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
    if (left.count() <= 0) break;
    const auto slice = std::min(left, watch ? kLookAgain : kLookUnwatched);
    if (watch)
      (void)watch->Wait(static_cast<std::uint32_t>(slice.count()));
    else
      std::this_thread::sleep_for(slice);
  }
  MutexLock lock(write_mu_);
  if (!closed_ && watch) follower_->watches.push_back(std::move(taken));
  return changed;
}

std::uint64_t Store::Generation() const {
  cocozvec::ReaderLock lock(state_mu_);
  return manifest_->generation;
}

// The writer's side.

Status Store::TellReaders(const LogPosition& at) {
  Publication publication{.end = at.end, .sequence = at.sequence, .graphs = shared_};
  {
    cocozvec::ReaderLock lock(state_mu_);
    publication.collection = manifest_->collection;
    publication.generation = manifest_->generation;
    publication.log = manifest_->log_number;
  }
  return lock_->Publish(publication);
}

void Store::PublishCommit(const LogPosition& at) {
  const Status told = TellReaders(at);
  if (told.ok()) return;
  fence_ = Status::FailedPrecondition(
      "collection " + directory_ +
      " must be reopened: readers in other processes could not be told of a write: " + told.ToString());
}

bool Store::KeepPinned(std::span<const cocozvec::DirEntry> entries, std::set<std::string>& keep) {
  pinned_left_ = false;
  for (const auto& entry : entries) {
    const auto name = ParseName(entry.name);
    if (!name || name->kind != NameKind::kManifest || !keep.insert(entry.name).second) continue;
    const auto gone = RetireManifest(fs_, PathOf(entry.name));
    if (gone.ok() && *gone) continue;
    pinned_left_ = true;
    if (!gone.ok()) cocozvec::Log(cocozvec::LogLevel::kWarning, gone.status().ToString());
    const auto manifest = ReadManifest(fs_, directory_, name->number);
    // Whoever reads it knows what it names; we do not.
    if (!manifest.ok() && !manifest.status().IsNotFound()) return false;
    if (manifest.ok()) keep.merge(NamedFiles(*manifest));
  }
  return true;
}

}  // namespace zvec::inline v0
