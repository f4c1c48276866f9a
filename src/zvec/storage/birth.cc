#include "zvec/storage/birth.h"

#include <algorithm>

#include "base/fault.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/lock.h"

namespace zvec::inline v0 {

using cocozvec::DirEntry;
using cocozvec::FileKind;
using cocozvec::FileSystem;
using cocozvec::JoinPath;
using cocozvec::OpenMode;

namespace {

constexpr std::size_t kSector = 512;

bool IsBlank(std::string_view bytes) { return bytes.find_first_not_of('\0') == std::string_view::npos; }

/// What was never written reads as zeros, sector by sector, or is not there at all.
bool HasHole(std::string_view bytes) {
  for (std::size_t at = 0; at < bytes.size(); at += kSector)
    if (IsBlank(bytes.substr(at, kSector))) return true;
  return bytes.empty();
}

Result<bool> ManifestHasHole(FileSystem& fs, const std::string& path) {
  const auto bytes = cocozvec::ReadFile(fs, path, kMaxManifestBytes, StatusCode::kDataLoss);
  if (bytes.status().code() == StatusCode::kDataLoss) return false;  // too long for what Create writes
  ZVEC_RETURN_IF_ERROR(bytes.status());
  if (bytes->size() < kFileHeaderBytes) return true;
  const auto header = DecodeFileHeader(kManifestMagic, *bytes, kFirstGeneration, path, kManifestVersion);
  if (header.status().code() == StatusCode::kUnimplemented) return false;  // newer: not ours to judge
  if (header.ok() && bytes->size() - kFileHeaderBytes < header->a) return true;
  return !DecodeManifest(*bytes, kFirstGeneration, path).ok() && HasHole(*bytes);
}

Result<bool> LogStartHasHole(FileSystem& fs, const std::string& path) {
  ZVEC_ASSIGN_OR_RETURN(const auto file, fs.Open(path, OpenMode::kRead));
  std::string start(kFileHeaderBytes, '\0');
  ZVEC_ASSIGN_OR_RETURN(const std::size_t got, file->ReadAt(0, std::as_writable_bytes(std::span(start))));
  return got < kFileHeaderBytes || IsBlank(start);
}

/// A lock file of ours, or one whose text never reached the disk.
Result<bool> MayBeOurLock(FileSystem& fs, const std::string& path) {
  ZVEC_ASSIGN_OR_RETURN(const bool ours, IsLockFile(fs, path));
  if (ours) return true;
  const auto text = cocozvec::ReadFile(fs, path, kSector, StatusCode::kDataLoss);
  if (text.status().code() == StatusCode::kDataLoss) return false;  // longer than ours
  ZVEC_RETURN_IF_ERROR(text.status());
  return IsBlank(*text);
}

struct Found {
  bool manifest = false, log = false, settled_log = false, lock = false, foreign = false;
};

/// False: a directory that is not judged here.
bool Sort(const std::vector<DirEntry>& entries, Found* found) {
  const std::string manifest = UnsettledManifestName(), log = UnsettledLogName(),
                    settled = LogName(kFirstLog);
  for (const DirEntry& entry : entries) {
    const auto name = ParseName(entry.name);
    if (!name || entry.kind != FileKind::kFile) {
      found->foreign = true;
    } else if (entry.name == manifest || entry.name == log || entry.name == settled ||
               name->kind == NameKind::kLock) {
      found->manifest |= entry.name == manifest;
      found->log |= entry.name == log;
      found->settled_log |= entry.name == settled;
      found->lock |= name->kind == NameKind::kLock;
    } else if (name->kind == NameKind::kTemporary) {
      found->foreign = true;  // none that a newborn collection has
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

std::string UnsettledManifestName() { return ManifestName(kFirstGeneration) + ".tmp"; }
std::string UnsettledLogName() { return LogName(kFirstLog) + ".tmp"; }

Result<Birth> JudgeBirth(FileSystem& fs, const std::string& directory, const std::vector<DirEntry>& entries) {
  Found found;
  if (!Sort(entries, &found)) return Birth::kSettled;
  if (found.manifest) {
    ZVEC_ASSIGN_OR_RETURN(bool hole, ManifestHasHole(fs, JoinPath(directory, UnsettledManifestName())));
    if (!hole && !found.settled_log) {
      hole = !found.log;
      if (found.log) {
        ZVEC_ASSIGN_OR_RETURN(hole, LogStartHasHole(fs, JoinPath(directory, UnsettledLogName())));
      }
    }
    if (!hole) return Birth::kUnsettled;
  }
  // Something is missing. A log with its own name was durable once, and so was the manifest: that is damage.
  if (found.settled_log || found.foreign) return Birth::kSettled;
  if (!found.manifest && !found.log && found.lock) {
    ZVEC_ASSIGN_OR_RETURN(const bool ours, MayBeOurLock(fs, JoinPath(directory, kLockName)));
    if (!ours) return Birth::kSettled;
  }
  return Birth::kUnfinished;
}

Status WriteUnsettledManifest(FileSystem& fs, const std::string& directory, const Manifest& manifest) {
  ZVEC_ASSIGN_OR_RETURN(auto file,
                        fs.Open(JoinPath(directory, UnsettledManifestName()), OpenMode::kCreateNew));
  return file->WriteAt(0, AsBytes(EncodeManifest(manifest)));
}

Result<Manifest> ReadUnsettledManifest(FileSystem& fs, const std::string& directory) {
  const std::string path = JoinPath(directory, UnsettledManifestName());
  ZVEC_ASSIGN_OR_RETURN(const std::string bytes,
                        cocozvec::ReadFile(fs, path, kMaxManifestBytes, StatusCode::kDataLoss));
  return DecodeManifest(bytes, kFirstGeneration, path);
}

namespace {
/// Written over itself: a sync that failed in an earlier life may have left the bytes clean and absent. Never
/// cut: a process that dies here leaves the manifest whole.
Status SyncManifest(FileSystem& fs, const std::string& path, const Manifest& manifest) {
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, OpenMode::kReadWrite));
  ZVEC_RETURN_IF_ERROR(file->WriteAt(0, AsBytes(EncodeManifest(manifest))));
  return cocozvec::FaultPlanted("settle_unsynced") ? Status() : file->Sync();
}

Status RenameIfThere(FileSystem& fs, const std::string& from, const std::string& to) {
  const Status status = fs.Rename(from, to);
  return status.IsNotFound() ? fs.Stat(to).status() : status;
}
}  // namespace

Status SettleNames(FileSystem& fs, const std::string& directory, const Manifest& manifest) {
  const std::string manifest_path = JoinPath(directory, UnsettledManifestName());
  ZVEC_RETURN_IF_ERROR(SyncManifest(fs, manifest_path, manifest));
  // The first sync makes the old names durable, so that each rename has something to start from after a cut.
  ZVEC_RETURN_IF_ERROR(fs.SyncDirectory(directory));
  ZVEC_RETURN_IF_ERROR(
      RenameIfThere(fs, JoinPath(directory, UnsettledLogName()), JoinPath(directory, LogName(kFirstLog))));
  // A manifest of its own name says that everything was durable once: the log's name before it.
  ZVEC_RETURN_IF_ERROR(fs.SyncDirectory(directory));
  ZVEC_RETURN_IF_ERROR(fs.Rename(manifest_path, JoinPath(directory, ManifestName(kFirstGeneration))));
  if (!cocozvec::FaultPlanted("skip_directory_sync")) ZVEC_RETURN_IF_ERROR(fs.SyncDirectory(directory));
  // The path to the directory: what Create made of it, and its own name.
  const std::string parent = cocozvec::ParentPath(directory);
  if (!parent.empty()) ZVEC_RETURN_IF_ERROR(cocozvec::CreateDirectories(fs, parent));
  const Status synced = fs.SyncDirectory(parent.empty() ? "." : parent);
  return synced.code() == StatusCode::kPermissionDenied ? Status() : synced;
}

}  // namespace zvec::inline v0
