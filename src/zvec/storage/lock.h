// zvec/storage/lock.h: one writer per directory: an exclusive lock on the file LOCK, owned by the open file,
// beside a registry of the directories that this process writes. It becomes a shared one while the writer
// publishes (publication.h): other writers want an exclusive one, readers want none. The kernel drops the
// lock of a process that died. Forking: the child's copy of a lock is empty (pthread_atfork), so that it
// neither keeps the parent's lock alive nor hides one of its own. Threads: Acquire may be called from any
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/io/file_system.h"
#include "zvec/schema.h"
#include "zvec/storage/publication.h"

namespace zvec::inline v0 {

/// How far a log had come, and was synced, when its collection was closed in order: one that ends before has
/// lost its end. A later log makes it void.
struct ClosedNote {
  std::uint64_t log = 0;
  std::uint64_t end = 0;  ///< bytes
};

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
  /// After what it says was synced. Best effort, and not synced: without it a cut log shows an earlier state.
  void WriteClosed(const ClosedNote& note, std::uint64_t collection);

  /// Tells readers how far is committed. Where that cannot be written, readers are told so (the lock becomes
  /// an exclusive one again) and go by the files alone: a success too. Errors   neither could be told:
  /// readers in other processes may miss what is committed.
  Status Publish(const Publication& publication);

 private:
  struct Registry;
  DirectoryLock(cocozvec::FileSystem& fs, cocozvec::FileInfo id, std::unique_ptr<cocozvec::File> file)
      : fs_(fs), id_(id), file_(std::move(file)) {}

  cocozvec::FileSystem& fs_;
  cocozvec::FileInfo id_;
  std::unique_ptr<cocozvec::File> file_;
  bool publishing_ = false;  ///< the lock is a shared one, which excludes other writers as well
};

/// True when the file says that it is one of our lock files. kNotFound, kIoError ...: it could not be looked
/// at.
Result<bool> IsLockFile(cocozvec::FileSystem& fs, const std::string& path);

/// The text of `directory`/LOCK; "" when it is not there. Who compares the note with a log that somebody
/// may be writing reads the note first.
Result<std::string> ReadLockText(cocozvec::FileSystem& fs, const std::string& directory);
Result<std::string> ReadLockText(const cocozvec::File& lock_file);
/// The note in it; nothing when there is none, or one that is damaged or of another collection.
std::optional<ClosedNote> ClosedNoteIn(std::string_view lock_text, std::uint64_t collection);
/// The third line of LOCK. docs/format/collection.md
std::string EncodeClosedNote(const ClosedNote& note, std::uint64_t collection);

}  // namespace zvec::inline v0
