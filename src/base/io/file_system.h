// base/io/file_system.h: every byte of the database goes through here; there is no open(2) anywhere else.
// Back ends: POSIX (PosixFileSystem below) and an in-memory simulated disk that can lose power (sim_disk.h).
// Threads: a FileSystem may be used from any thread; a File's ReadAt may run beside anything, its writes are
// the caller's to serialise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cocozvec/base/path.h"
#include "cocozvec/base/status.h"

namespace cocozvec::inline v0 {

enum class OpenMode {
  kRead,       ///< must exist
  kReadWrite,  ///< must exist
  kCreateNew,  ///< must not exist; read and write
  kCreate,     ///< read and write, made when missing
};

/// Bytes of a file mapped read-only; unmapped when destroyed. Only for files that are complete and synced.
class Mapping {
 public:
  virtual ~Mapping() = default;
  virtual std::span<const std::byte> bytes() const noexcept = 0;
  /// Makes bytes [offset, offset + size) present, before their first use: kIoError where the disk, or a file
  /// that became shorter, refuses them; reading them would be the end of the process. What the system takes
  /// back later, for want of memory, it reads again without asking here.
  virtual Status Populate(std::uint64_t offset, std::uint64_t size) const = 0;
  /// A hint: nobody will need these bytes soon; the memory that holds them may go. Reading them is as before.
  virtual void Release(std::uint64_t offset, std::uint64_t size) const noexcept {
    (void)offset;
    (void)size;
  }
};

/// What others hold on a file.
enum class HeldLock { kNone, kShared, kExclusive };

/// Waits for changes of one file.
class FileWatch {
 public:
  virtual ~FileWatch() = default;
  /// True when the file was written, renamed or removed since the last call (or since the watch was made): at
  /// once, or within the time. Sometimes true without a change. One caller at a time.
  virtual bool Wait(std::uint32_t timeout_ms) = 0;
};

/// An open file. Closing (destruction) does not sync. Regular files only, symbolic links are not followed; to
/// write, only files with one name.
class File {
 public:
  virtual ~File() = default;
  virtual const std::string& path() const noexcept = 0;
  virtual Result<std::uint64_t> Size() const = 0;
  /// Fills `out` from `offset`; returns the bytes read, fewer only at the end of the file. EINTR and short
  /// reads are retried.
  virtual Result<std::size_t> ReadAt(std::uint64_t offset, std::span<std::byte> out) const = 0;
  /// Writes all of `data` at `offset`, extending the file; a hole reads as zeros. On an error any prefix may
  /// be there.
  virtual Status WriteAt(std::uint64_t offset, std::span<const std::byte> data) = 0;
  virtual Status Truncate(std::uint64_t size) = 0;
  /// Data and size are durable afterwards (fdatasync). After a failure nothing is known about what is on
  /// disk.
  virtual Status Sync() = 0;
  /// A hint: bytes [offset, offset + size) will be synced soon, so the device may begin with them now.
  /// Promises nothing; an error of the write shows in Sync.
  virtual void StartWriteback(std::uint64_t offset, std::uint64_t size) {
    (void)offset;
    (void)size;
  }
  /// Maps bytes [0, size) with size <= Size(). The file must not shrink while the mapping lives.
  virtual Result<std::unique_ptr<Mapping>> Map(std::uint64_t size) const = 0;
  /// A whole-file advisory lock owned by this File (open-file description): exclusive, or shared; does not
  /// wait. kBusy when another holder has it. Dropped by Unlock, by closing, by the death of the process.
  virtual Status TryLock(bool exclusive) = 0;
  virtual Status Unlock() = 0;
  /// What another handle holds, here or in another process; takes nothing. kExclusive where there is one.
  /// kNone where the file system has no locks, too.
  virtual Result<HeldLock> OtherLock() const = 0;
};

enum class FileKind { kFile, kDirectory, kOther };

struct FileInfo {
  FileKind kind = FileKind::kOther;
  std::uint64_t size = 0;
  std::uint64_t device = 0, inode = 0;  ///< identity, for registries keyed by file
};

struct DirEntry {
  std::string name;
  FileKind kind = FileKind::kOther;
};

class FileSystem {
 public:
  virtual ~FileSystem() = default;
  virtual Result<std::unique_ptr<File>> Open(PathView path, OpenMode mode) = 0;
  /// kNotFound when nothing is there. Does not follow a final symbolic link (that is kOther).
  virtual Result<FileInfo> Stat(PathView path) = 0;
  /// In name order, without "." and "..".
  virtual Result<std::vector<DirEntry>> List(PathView directory) = 0;
  /// One level; kAlreadyExists when the name is taken.
  virtual Status CreateDirectory(PathView path) = 0;
  /// Replaces an existing file; a directory may only replace nothing or an empty directory.
  virtual Status Rename(PathView from, PathView to) = 0;
  /// Like Rename, but kAlreadyExists when `to` is there.
  virtual Status RenameNoReplace(PathView from, PathView to) = 0;
  /// A second name for a file that nobody changes any more. A symbolic link is not followed. kAlreadyExists;
  /// kUnimplemented where this is not possible: another file system, or one without hard links.
  virtual Status Link(PathView from, PathView to) {
    return Status::Unimplemented("link " + from.str() + " to " + to.str() + ": not on this file system");
  }
  virtual Status RemoveFile(PathView path) = 0;
  /// Must be empty.
  virtual Status RemoveDirectory(PathView path) = 0;
  /// Names made, renamed and removed in this directory are durable afterwards.
  virtual Status SyncDirectory(PathView path) = 0;
  /// kUnimplemented, kResourceExhausted: who waits has to look from time to time.
  virtual Result<std::unique_ptr<FileWatch>> Watch(PathView path) {
    return Status::Unimplemented("watch " + path.str() + ": not on this file system");
  }
};

/// The operating system's file system; lives for the whole process.
FileSystem& PosixFileSystem();

/// Bytes cannot be had: they are damaged, or the disk does not read them.
inline bool IsUnreadable(const Status& status) noexcept {
  return status.code() == StatusCode::kDataLoss || status.code() == StatusCode::kIoError;
}

/// For back ends: why a file of so many names is not opened to write.
Status RefuseManyNames(PathView path, std::uint64_t names);

// Helpers over the interface, for any back end.
/// With all parents; each new level, and the deepest that was there, is synced into its parent.
/// kAlreadyExists when a file has the name.
Status CreateDirectories(FileSystem& fs, PathView path);
/// Depth first; kNotFound is success; never follows links. The parent directory is the caller's to sync.
Status RemoveTree(FileSystem& fs, PathView path);
/// `too_large`: the code for a file larger than `max_size`.
Result<std::string> ReadFile(FileSystem& fs, PathView path, std::uint64_t max_size,
                             StatusCode too_large = StatusCode::kResourceExhausted);
/// Durable replacement: temporary sibling `path`.tmp, sync, rename, sync of the directory. One writer at a
/// time; a temporary left by a crash is replaced by the next call.
Status WriteFileAtomically(FileSystem& fs, PathView path, std::string_view content);

}  // namespace cocozvec::inline v0
