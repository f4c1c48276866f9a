// zvec/storage/lock.h: one writer per directory: an exclusive lock on the file LOCK, owned by the open file,
// beside a registry of the directories that this process writes. The kernel drops the lock of a process that
// died. Forking: the child's copy of a lock is empty (pthread_atfork), so that it neither keeps the parent's
// lock alive nor hides one of its own. Threads: Acquire may be called from any thread.
#pragma once

#include <memory>
#include <string>

#include "base/io/file_system.h"
#include "zvec/schema.h"

namespace zvec::inline v0 {

class DirectoryLock {
 public:
  /// Locks `directory`/LOCK; makes the file when `create` is set. kBusy says who holds it and since when;
  /// kNotFound.
  static Result<std::unique_ptr<DirectoryLock>> Acquire(cocozvec::FileSystem& fs,
                                                        const std::string& directory, bool create);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

  /// Writes this process and the time into the file, for the messages of others. Best effort: no truth
  /// depends on it.
  void WriteHolder();

 private:
  struct Registry;
  DirectoryLock(cocozvec::FileSystem& fs, cocozvec::FileInfo id, std::unique_ptr<cocozvec::File> file)
      : fs_(fs), id_(id), file_(std::move(file)) {}

  cocozvec::FileSystem& fs_;
  cocozvec::FileInfo id_;
  std::unique_ptr<cocozvec::File> file_;
};

/// True when the file says that it is one of our lock files. kNotFound, kIoError ...: it could not be looked
/// at.
Result<bool> IsLockFile(cocozvec::FileSystem& fs, const std::string& path);

}  // namespace zvec::inline v0
