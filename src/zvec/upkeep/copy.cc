// Snapshot and Backup: one committed state of a collection as another one.
#include <algorithm>

#include "zvec/collection.h"
#include "zvec/collection/file_system_of.h"
#include "zvec/collection/new_directory.h"
#include "zvec/collection/store.h"
#include "zvec/storage/file_names.h"
#include "zvec/storage/look_again.h"
#include "zvec/storage/mark.h"
#include "zvec/upkeep.h"
#include "zvec/upkeep/source.h"

namespace zvec::inline v0 {

using cocozvec::File;
using cocozvec::FileSystem;
using cocozvec::JoinPath;
using cocozvec::OpenMode;

namespace {

constexpr std::uint64_t kPiece = 1 << 20;

/// Synced.
Status CopyBytes(FileSystem& fs, const File& from, std::uint64_t size, const std::string& to) {
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(to, OpenMode::kCreateNew));
  std::string piece;
  for (std::uint64_t at = 0; at < size; at += kPiece) {
    piece.resize(std::min(kPiece, size - at));
    ZVEC_ASSIGN_OR_RETURN(const std::size_t got, from.ReadAt(at, std::as_writable_bytes(std::span(piece))));
    if (got != piece.size()) return DamageAt(from.path(), at + got, "the file ended while it was copied");
    ZVEC_RETURN_IF_ERROR(file->WriteAt(at, AsBytes(piece)));
    file->StartWriteback(at, piece.size());
  }
  return file->Sync();
}

Status WriteWhole(FileSystem& fs, const std::string& path, std::string_view bytes) {
  ZVEC_ASSIGN_OR_RETURN(auto file, fs.Open(path, OpenMode::kCreateNew));
  ZVEC_RETURN_IF_ERROR(file->WriteAt(0, AsBytes(bytes)));
  return file->Sync();
}

class Copier {
 public:
  Copier(const Source& source, NewDirectory& target, bool link)
      : source_(source), fs_(source.fs()), target_(target), link_(link) {}

  Result<CopyReport> Run() {
    ZVEC_RETURN_IF_ERROR(CheckManifests());
    const Manifest& manifest = *source_.newest();
    report_.generation = manifest.generation;
    for (const std::string& name : NamedFiles(manifest)) {
      const NameKind kind = ParseName(name)->kind;
      if (kind == NameKind::kSegment || kind == NameKind::kDeletes || kind == NameKind::kIndex)
        ZVEC_RETURN_IF_ERROR(CopySealed(name, kind));
    }
    ZVEC_RETURN_IF_ERROR(CopyLog(manifest));
    if (source_.mark().ok()) ZVEC_RETURN_IF_ERROR(WriteMark(fs_, target_.path(), *source_.mark()));
    const std::string& bytes = source_.generations().front().bytes;
    ZVEC_RETURN_IF_ERROR(WriteWhole(fs_, JoinPath(target_.path(), ManifestName(manifest.generation)), bytes));
    Count(bytes.size());
    ZVEC_RETURN_IF_ERROR(fs_.SyncDirectory(target_.path()));
    return report_;
  }

 private:
  void Count(std::uint64_t bytes) {
    ++report_.files;
    report_.bytes += bytes;
  }

  /// The newest state is known, and whole as far as names say.
  Status CheckManifests() const {
    if (source_.generations().empty())
      return Status::DataLoss(source_.directory() + ": its manifest is missing");
    const Generation& newest = source_.generations().front();
    if (!newest.status.ok()) return newest.status;
    if (!source_.mark().ok() && !source_.mark().status().IsNotFound()) return source_.mark().status();
    ZVEC_RETURN_IF_ERROR(source_.lock_status());
    if (!source_.odd_names().empty())
      return Status::DataLoss(source_.PathOf(source_.odd_names().front()) + ": not a plain file");
    if (const auto lost = source_.LostManifests(); !lost.empty() && !source_.Superseded())
      return DamageAt(source_.PathOf(lost.front().name), lost.front().offset, lost.front().why);
    return {};
  }

  Status CopySealed(const std::string& name, NameKind kind) {
    const File* file = source_.Find(name);
    if (file == nullptr) {
      // Without an index its segment is scanned, here as there.
      if (kind == NameKind::kIndex) return {};
      return Status::DataLoss("a file that the manifest names is missing: " +
                              std::string(source_.WhyMissing(name).message()));
    }
    ZVEC_ASSIGN_OR_RETURN(const std::uint64_t size, file->Size());
    const std::string to = JoinPath(target_.path(), name);
    if (link_) {
      const Status linked = fs_.Link(source_.PathOf(name), to);
      if (linked.ok()) {
        Count(size);
        report_.linked_bytes += size;
        return {};
      }
      // A writer may have removed the name meanwhile; the open file has the bytes.
      if (linked.code() != StatusCode::kUnimplemented && !linked.IsNotFound()) return linked;
    }
    const Status copied = CopyBytes(fs_, *file, size, to);
    const bool unusable = copied.code() == StatusCode::kIoError || copied.code() == StatusCode::kDataLoss;
    if (kind == NameKind::kIndex && unusable) return fs_.RemoveFile(to);  // it costs time only
    if (copied.ok()) Count(size);
    return copied;
  }

  /// As far as it is committed: what a writer says of it; where none does, up to its last whole record.
  Result<LogContent> ReadCommitted(const File& file, const Manifest& manifest) const {
    for (int look = 1;; ++look) {
      auto log = LookAtCommitted(file, manifest);
      if (log.status().code() != StatusCode::kBusy || look == kLooks) return log;
      PauseAfterLook(look);
    }
  }

  /// kBusy: a writer began meanwhile.
  Result<LogContent> LookAtCommitted(const File& file, const Manifest& manifest) const {
    ZVEC_ASSIGN_OR_RETURN(const auto published, source_.Published());
    const bool speaks_of_it =
        published && published->collection == manifest.collection && published->log == manifest.log_number;
    ZVEC_ASSIGN_OR_RETURN(const std::uint64_t size, file.Size());
    const std::uint64_t end = speaks_of_it ? published->end : size;
    auto log = ReadLog(
        file, manifest.log_number, manifest.collection, [](std::string_view) { return Status(); }, end);
    if (!published) {
      ZVEC_ASSIGN_OR_RETURN(const auto now, source_.Published());
      ZVEC_RETURN_IF_ERROR(CheckNobodyBegan(now, file, size, log.status()));
    }
    ZVEC_RETURN_IF_ERROR(log.status());
    if (speaks_of_it && log->position.end != end)
      return DamageAt(file.path(), log->position.end,
                      "the writer has committed " + std::to_string(end) + " bytes of this log");
    return log;
  }

  Status CopyLog(const Manifest& manifest) {
    const std::string name = LogName(manifest.log_number);
    const File* file = source_.Find(name);
    if (file == nullptr)
      return Status::DataLoss("a file that the manifest names is missing: " +
                              std::string(source_.WhyMissing(name).message()));
    ZVEC_ASSIGN_OR_RETURN(const LogContent log, ReadCommitted(*file, manifest));
    if (log.header.checksum != manifest.log_checksum)
      return DamageAt(file->path(), 56, "this is not the log that the manifest names");
    const auto note = source_.note(manifest);
    if (note && note->log == manifest.log_number && log.position.end < note->end)
      return DamageAt(file->path(), log.position.end,
                      "the log ends here, and it was closed at byte " + std::to_string(note->end));
    Count(log.position.end);
    ZVEC_RETURN_IF_ERROR(CopyBytes(fs_, *file, log.position.end, JoinPath(target_.path(), name)));
    target_.lock().WriteHolder();
    target_.lock().WriteClosed({manifest.log_number, log.position.end}, manifest.collection);
    return {};
  }

  const Source& source_;
  FileSystem& fs_;
  NewDirectory& target_;
  const bool link_;
  CopyReport report_;
};

/// What is in the copy is what shall be: nothing but indexes may be damaged.
Status CheckCopy(const Source& source, const NewDirectory& target, const CopyOptions& options,
                 CopyReport* report) {
  if (options.verify) {
    ZVEC_ASSIGN_OR_RETURN(const VerifyReport found, Verify(target.path(), options.collection));
    report->documents = found.documents;
    if (found.only(Harm::kSpeed)) return {};
    const Finding& worst = found.findings.front();
    return Status::DataLoss(
        "the copy is not whole, so its original is not: " + source.PathOf(cocozvec::BaseName(worst.file)) +
        ": at byte " + std::to_string(worst.offset) + ": " + worst.what);
  }
  CollectionOptions reading = options.collection;
  reading.read_only = true;
  ZVEC_ASSIGN_OR_RETURN(const auto opened, Collection::Open(target.path(), reading));
  report->documents = opened->Stats().doc_count;
  return {};
}

Result<CopyReport> Copy(PathView from, PathView to, const CopyOptions& options, bool link) {
  FileSystem& fs = FileSystemOf(options.collection);
  ZVEC_ASSIGN_OR_RETURN(const Source source, Source::Open(fs, from.str()));
  ZVEC_ASSIGN_OR_RETURN(const auto target, NewDirectory::Make(fs, to.str()));
  ZVEC_ASSIGN_OR_RETURN(CopyReport report, Copier(source, *target, link).Run());
  ZVEC_RETURN_IF_ERROR(CheckCopy(source, *target, options, &report));
  ZVEC_RETURN_IF_ERROR(target->Publish());
  return report;
}

}  // namespace

Result<CopyReport> Snapshot(PathView collection, PathView destination, const CopyOptions& options) {
  return Copy(collection, destination, options, /*link=*/true);
}

Result<CopyReport> Backup(PathView collection, PathView destination, const CopyOptions& options) {
  return Copy(collection, destination, options, /*link=*/false);
}

}  // namespace zvec::inline v0
