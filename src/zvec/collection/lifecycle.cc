// Making, opening and removing collections as a whole; what concerns a directory from outside.
#include <algorithm>
#include <random>

#include "zvec/collection.h"
#include "zvec/collection/collection_impl.h"
#include "zvec/collection/file_system_of.h"
#include "zvec/collection/new_directory.h"
#include "zvec/collection/store.h"
#include "zvec/storage/birth.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/look_again.h"
#include "zvec/storage/mark.h"

namespace zvec::inline v0 {

using cocozvec::DirEntry;
using cocozvec::FileInfo;
using cocozvec::FileKind;
using cocozvec::FileSystem;
using cocozvec::JoinPath;
using cocozvec::ParentPath;

namespace {

constexpr int kNameAttempts = 8;

std::string ParentOf(PathView path) {
  std::string parent = ParentPath(path);
  return parent.empty() ? "." : parent;
}

std::uint64_t RandomNumber() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

/// The directory's entries; kNotFound, or kInvalidArgument when it is something else than a directory.
Result<std::vector<DirEntry>> ListCollection(FileSystem& fs, const std::string& path) {
  if (path.empty()) return Status::InvalidArgument("the path of a collection is empty");
  auto info = fs.Stat(path);
  if (info.status().IsNotFound()) return Status::NotFound("collection " + path + " does not exist");
  ZVEC_RETURN_IF_ERROR(info.status());
  if (info->kind == FileKind::kFile) return Status::InvalidArgument(path + " is a file, not a collection");
  // A link to a directory is followed by the paths below it.
  return fs.List(path);
}

bool Has(const std::vector<DirEntry>& entries, NameKind kind) {
  return std::any_of(entries.begin(), entries.end(), [kind](const DirEntry& entry) {
    const auto name = ParseName(entry.name);
    return name && name->kind == kind;
  });
}

Status NotACollection(const std::string& path) {
  return Status::InvalidArgument(path + " is not a collection: it holds no LOCK and manifest");
}

/// LOCK or a manifest begins as ours do: what is damaged may still be removed, what is another program's may
/// not. An error: that could not be found out.
Result<bool> IsOurs(FileSystem& fs, const std::string& path, const std::vector<DirEntry>& entries) {
  Status unknown;
  for (const DirEntry& entry : entries) {
    const auto name = ParseName(entry.name);
    if (!name || entry.kind != FileKind::kFile) continue;
    const std::string file = JoinPath(path, entry.name);
    Result<bool> ours = false;
    if (name->kind == NameKind::kLock)
      ours = IsLockFile(fs, file);
    else if (name->kind == NameKind::kManifest || entry.name == UnsettledManifestName())
      ours = HasMagic(fs, file, kManifestMagic);
    if (ours.ok() && *ours) return true;
    if (!ours.ok() && !ours.status().IsNotFound() && unknown.ok()) unknown = ours.status();
  }
  if (!unknown.ok()) return unknown;
  return false;
}

/// What a relaxed Create has left in the directory. Beside its writer names may change between two calls.
Result<Birth> BirthOf(FileSystem& fs, const std::string& path) {
  for (int look = 1;; ++look) {
    ZVEC_ASSIGN_OR_RETURN(const auto entries, ListCollection(fs, path));
    auto birth = JudgeBirth(fs, path, entries);
    if (look == kLooks || !birth.status().IsNotFound()) return birth;
  }
}

Status NoCollection(const std::string& path) {
  return Status::NotFound("collection " + path +
                          " does not exist: the directory holds nothing, or what a power cut "
                          "left of a Create");
}

/// Nothing but files of ours, so that the directory may be removed; the name of a foreign entry otherwise.
std::string ForeignEntry(const std::vector<DirEntry>& entries) {
  for (const DirEntry& entry : entries)
    if (entry.kind != FileKind::kFile || !ParseName(entry.name)) return entry.name;
  return "";
}

/// What opening a directory without a manifest comes to; OK: it is a newborn collection.
Status CheckNewborn(FileSystem& fs, const std::string& path) {
  ZVEC_ASSIGN_OR_RETURN(const Birth birth, BirthOf(fs, path));
  if (birth == Birth::kUnsettled) return {};
  if (birth == Birth::kUnfinished) return NoCollection(path);
  ZVEC_ASSIGN_OR_RETURN(const auto entries, ListCollection(fs, path));
  if (Has(entries, NameKind::kManifest)) return {};  // settled meanwhile
  ZVEC_ASSIGN_OR_RETURN(const bool ours, IsOurs(fs, path, entries));
  return ours ? Status::DataLoss(path + ": its manifest is missing") : NotACollection(path);
}

/// Removes a directory of ours whose lock is held. The lock file goes last: without it nobody would know
/// whose it is.
Status RemoveOurs(FileSystem& fs, const std::string& path) {
  ZVEC_ASSIGN_OR_RETURN(const auto entries, fs.List(path));
  for (const DirEntry& entry : entries)
    if (entry.name != kLockName && ParseName(entry.name))
      ZVEC_RETURN_IF_ERROR(fs.RemoveFile(JoinPath(path, entry.name)));
  if (Status status = fs.RemoveFile(JoinPath(path, kLockName)); !status.ok() && !status.IsNotFound())
    return status;
  const Status status = fs.RemoveDirectory(path);
  return status.IsNotFound() ? Status() : status;  // somebody who tidied up was faster
}

/// An empty directory, or what a power cut left of a relaxed Create: makes room for the next one.
/// kAlreadyExists when it has become something meanwhile; kBusy.
Status RemoveUnfinished(FileSystem& fs, const std::string& path) {
  const Status taken = Status::AlreadyExists("collection " + path + ": something is there already");
  ZVEC_ASSIGN_OR_RETURN(const auto entries, fs.List(path));
  if (entries.empty()) {
    const Status status = fs.RemoveDirectory(path);
    if (status.ok() || status.IsNotFound()) return {};
    const auto again = fs.List(path);
    return again.ok() && !again->empty() ? taken : status;
  }
  ZVEC_ASSIGN_OR_RETURN(const auto lock, DirectoryLock::Acquire(fs, path, /*create=*/true));
  ZVEC_ASSIGN_OR_RETURN(const Birth birth, BirthOf(fs, path));
  return birth == Birth::kUnfinished ? RemoveOurs(fs, path) : taken;
}

/// Makes the directory above `path`, durably where it is made. Where it is there, a relaxed Create leaves its
/// name to the first durable act.
Status MakeParent(FileSystem& fs, const std::string& path, bool relaxed) {
  const std::string parent = ParentPath(path);
  if (parent.empty()) return {};
  if (relaxed && fs.List(parent).ok()) return {};
  return cocozvec::CreateDirectories(fs, parent);
}

/// Nothing may be at `path`, or it makes room.
Status CheckFree(FileSystem& fs, const std::string& path) {
  const auto there = fs.Stat(path);
  if (there.status().IsNotFound()) return {};
  ZVEC_RETURN_IF_ERROR(there.status());
  if (there->kind == FileKind::kDirectory) {
    const auto birth = BirthOf(fs, path);
    if (!birth.ok() && !birth.status().IsNotFound()) return birth.status();
    if (birth.ok() && *birth == Birth::kUnfinished) return RemoveUnfinished(fs, path);
  }
  return Status::AlreadyExists("collection " + path + ": something is there already");
}

/// A fresh directory beside `path`, and its lock.
Result<std::unique_ptr<DirectoryLock>> MakeSibling(FileSystem& fs, const std::string& path,
                                                   std::string* sibling) {
  Status status;
  for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
    *sibling = JoinPath(ParentPath(path), NewSiblingName(cocozvec::BaseName(path), RandomNumber()));
    status = fs.CreateDirectory(*sibling);
    if (status.code() == StatusCode::kAlreadyExists) continue;
    ZVEC_RETURN_IF_ERROR(status);
    auto lock = DirectoryLock::Acquire(fs, *sibling, /*create=*/true);
    if (lock.ok()) return lock;
    status = lock.status();
    (void)fs.RemoveFile(JoinPath(*sibling, kLockName));
    (void)fs.RemoveDirectory(*sibling);
    // Somebody who tidied up took the directory while it was still empty: again, under another name.
    if (!status.IsNotFound()) return status;
  }
  return status;
}

/// Removes one leftover unless it is in use or not ours.
Status RemoveLeftover(FileSystem& fs, const std::string& path) {
  auto entries = fs.List(path);
  if (!entries.ok()) return entries.status().IsNotFound() ? Status() : entries.status();
  if (!ForeignEntry(*entries).empty()) return {};
  if (entries->empty()) {
    const Status status = fs.RemoveDirectory(path);
    return status.IsNotFound() ? Status() : status;
  }
  // The lock file is made first and removed last: files without it are what a power cut left, and nobody's.
  if (!Has(*entries, NameKind::kLock)) return RemoveOurs(fs, path);
  auto lock = DirectoryLock::Acquire(fs, path, /*create=*/false);
  if (!lock.ok()) {
    const StatusCode code = lock.status().code();
    return code == StatusCode::kBusy || code == StatusCode::kNotFound ? Status() : lock.status();
  }
  return RemoveOurs(fs, path);
}

/// What killed calls left beside `path`: of this name only when `base` is given. The first error is returned.
Status RemoveLeftoversIn(FileSystem& fs, const std::string& directory, const std::string& base) {
  ZVEC_ASSIGN_OR_RETURN(const auto entries, fs.List(directory));
  Status first;
  for (const DirEntry& entry : entries) {
    if (entry.kind != FileKind::kDirectory || !IsSiblingName(entry.name)) continue;
    if (!base.empty() && !IsSiblingNameOf(entry.name, base)) continue;
    const Status status = RemoveLeftover(fs, JoinPath(directory, entry.name));
    if (first.ok()) first = status;
  }
  return first;
}

}  // namespace

Result<std::unique_ptr<NewDirectory>> NewDirectory::Make(FileSystem& fs, const std::string& target) {
  if (target.empty()) return Status::InvalidArgument("the path of a collection is empty");
  ZVEC_RETURN_IF_ERROR(CheckFree(fs, target));
  ZVEC_RETURN_IF_ERROR(MakeParent(fs, target, /*relaxed=*/false));
  (void)RemoveLeftoversIn(fs, ParentOf(target), cocozvec::BaseName(target));  // of killed attempts
  std::string sibling;
  ZVEC_ASSIGN_OR_RETURN(auto lock, MakeSibling(fs, target, &sibling));
  return std::unique_ptr<NewDirectory>(new NewDirectory(fs, target, std::move(sibling), std::move(lock)));
}

NewDirectory::~NewDirectory() {
  if (!published_) (void)RemoveOurs(fs_, path_);
}

Status NewDirectory::Publish() {
  ZVEC_RETURN_IF_ERROR(fs_.RenameNoReplace(path_, target_));
  published_ = true;
  return fs_.SyncDirectory(ParentOf(target_));
}

Result<std::shared_ptr<Collection>> Collection::Create(PathView path, const CollectionSchema& schema,
                                                       const CollectionOptions& options) {
  FileSystem& fs = FileSystemOf(options);
  const std::string target = path.str();
  if (target.empty()) return Status::InvalidArgument("the path of a collection is empty");
  if (options.read_only)
    return Status::InvalidArgument("collection " + target + " cannot be created read-only");
  ZVEC_RETURN_IF_ERROR(schema.Validate());
  const bool relaxed = options.durability == Durability::kRelaxed;
  ZVEC_RETURN_IF_ERROR(CheckFree(fs, target));
  ZVEC_RETURN_IF_ERROR(MakeParent(fs, target, relaxed));

  (void)RemoveLeftoversIn(fs, ParentOf(target), cocozvec::BaseName(target));  // of killed attempts

  std::string sibling;
  ZVEC_ASSIGN_OR_RETURN(auto lock, MakeSibling(fs, target, &sibling));
  lock->WriteHolder();
  Status status = Store::WriteEmpty(fs, sibling, schema, relaxed);
  if (status.ok()) status = fs.RenameNoReplace(sibling, target);
  if (!status.ok()) {
    (void)RemoveOurs(fs, sibling);
    return status.WithContext("collection " + target + " was not created");
  }
  if (!relaxed) ZVEC_RETURN_IF_ERROR(fs.SyncDirectory(ParentOf(target)));
  ZVEC_ASSIGN_OR_RETURN(auto store, Store::Open(fs, target, options, std::move(lock), /*fresh=*/true));
  return std::shared_ptr<Collection>(std::make_shared<CollectionImpl>(target, options, std::move(store)));
}

Result<std::shared_ptr<Collection>> Collection::Open(PathView path, const CollectionOptions& options) {
  FileSystem& fs = FileSystemOf(options);
  const std::string target = path.str();
  ZVEC_ASSIGN_OR_RETURN(const auto entries, ListCollection(fs, target));
  if (!Has(entries, NameKind::kManifest)) ZVEC_RETURN_IF_ERROR(CheckNewborn(fs, target));
  std::unique_ptr<DirectoryLock> lock;
  if (!options.read_only) {
    // The lock file holds nothing that is needed: one that somebody removed is made again.
    ZVEC_ASSIGN_OR_RETURN(lock, DirectoryLock::Acquire(fs, target, /*create=*/true));
  }
  ZVEC_ASSIGN_OR_RETURN(auto store, Store::Open(fs, target, options, std::move(lock)));
  if (options.maintenance == Maintenance::kBackground) store->WakeMaintenance();  // graphs may be lacking
  return std::shared_ptr<Collection>(std::make_shared<CollectionImpl>(target, options, std::move(store)));
}

Status Collection::Destroy(PathView path, const CollectionOptions& options) {
  FileSystem& fs = FileSystemOf(options);
  const std::string target = path.str();
  ZVEC_ASSIGN_OR_RETURN(const auto entries, ListCollection(fs, target));
  if (!Has(entries, NameKind::kManifest)) {
    ZVEC_ASSIGN_OR_RETURN(const Birth birth, BirthOf(fs, target));
    if (birth == Birth::kUnfinished)
      return entries.empty() ? NoCollection(target) : RemoveUnfinished(fs, target);
  }
  ZVEC_ASSIGN_OR_RETURN(const bool ours, IsOurs(fs, target, entries));
  if (!ours) return NotACollection(target);
  if (const std::string foreign = ForeignEntry(entries); !foreign.empty())
    return Status::FailedPrecondition("collection " + target + " holds " + foreign +
                                      ", which is not part of it: nothing was removed");
  ZVEC_ASSIGN_OR_RETURN(auto lock, DirectoryLock::Acquire(fs, target, /*create=*/true));
  const std::string tombstone =
      JoinPath(ParentPath(target), OldSiblingName(cocozvec::BaseName(target), RandomNumber()));
  ZVEC_RETURN_IF_ERROR(fs.RenameNoReplace(target, tombstone));
  ZVEC_RETURN_IF_ERROR(fs.SyncDirectory(ParentOf(target)));
  return RemoveOurs(fs, tombstone);
}

Status Collection::RemoveLeftovers(PathView parent, const CollectionOptions& options) {
  return RemoveLeftoversIn(FileSystemOf(options), parent.empty() ? "." : parent.str(), "");
}

bool Collection::Exists(PathView path, const CollectionOptions& options) {
  FileSystem& fs = FileSystemOf(options);
  const std::string target = path.str();
  for (int look = 1; look <= kLooks; ++look) {
    const auto entries = ListCollection(fs, target);
    if (!entries.ok()) return false;
    std::uint64_t newest = 0;
    for (const DirEntry& entry : *entries)
      if (const auto name = ParseName(entry.name); name && name->kind == NameKind::kManifest)
        newest = std::max(newest, name->number);
    if (newest == 0) {
      const auto birth = BirthOf(fs, target);
      if (birth.ok() && *birth == Birth::kUnsettled) return true;
      const auto again = ListCollection(fs, target);  // it may have been settled between the two
      if (!again.ok() || !Has(*again, NameKind::kManifest)) return false;
      continue;
    }
    const auto manifest = ReadManifest(fs, target, newest);
    if (!manifest.status().IsNotFound()) return manifest.ok();
  }
  return false;
}

Result<std::string> Collection::ReadMark(PathView path, const CollectionOptions& options) {
  return ReadMarkFile(FileSystemOf(options), path.str());
}

}  // namespace zvec::inline v0
