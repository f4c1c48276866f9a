// base/io/sim_disk.h: a file system in memory that knows what was synced and can lose the rest. For tests:
// what a program finds after a power cut at any point, what it does with a failing or full disk.
//
// What survives a cut is what POSIX promises and no more: contents of a file since its last Sync, and names
// since the last SyncDirectory of their directory, may be there or not, in any combination, sector by sector
// and name by name. Two promises of every journaling file system are kept: a sector of 512 bytes is written
// whole (kTearLastWrite breaks this one), and a rename happens or does not happen, also between two
// directories.
//
// Paths: "/a/b", "a/b" and "./a//b" are the same file. The root exists from the start. There are no symbolic
// links. (A file that ever had two names may have two after a cut that loses a rename of it and keeps the
// next one.)
// Threads: as FileSystem; the functions below may be called from any thread too. Files may outlive the
// SimDisk.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/io/file_system.h"

namespace cocozvec::inline v0 {

enum class PowerCutKind {
  kLoseUnsynced,    ///< nothing but what was synced
  kKeepEverything,  ///< also what a `kill -9` of the process leaves
  kTearLastWrite,   ///< everything, but the last unsynced write stops at a random byte
  kRandom,          ///< each unsynced sector as of a random moment, each unsynced name change made or not
  kOneName,         ///< as kLoseUnsynced, but the unsynced name change number `seed` (from 0) was made
  kAllButOneName,   ///< as kKeepEverything, but that one was not
};

enum class DiskFault {
  kNoSpace,  ///< ENOSPC: strikes calls that need space (create, write, extend, file sync)
  kIoError,  ///< EIO: strikes any call
};

/// Up to kLock they change nothing, unless kOpen creates a file.
enum class DiskOperation {
  kOpen,
  kStat,
  kList,
  kSize,
  kRead,
  kMap,
  kLock,
  kWrite,
  kTruncate,
  kSync,
  kCreateDirectory,
  kRename,
  kLink,
  kRemoveFile,
  kRemoveDirectory,
  kSyncDirectory,
};

/// A call that changed the disk's state; a sync is one too.
struct DiskChange {
  std::uint64_t number = 0;  ///< from 1
  DiskOperation operation = DiskOperation::kWrite;
  std::string path;
};

class SimDisk final : public FileSystem {
 public:
  SimDisk();
  ~SimDisk() override;

  Result<std::unique_ptr<File>> Open(PathView path, OpenMode mode) override;
  Result<FileInfo> Stat(PathView path) override;
  Result<std::vector<DirEntry>> List(PathView directory) override;
  Status CreateDirectory(PathView path) override;
  Status Rename(PathView from, PathView to) override;
  Status RenameNoReplace(PathView from, PathView to) override;
  Status Link(PathView from, PathView to) override;
  Status RemoveFile(PathView path) override;
  Status RemoveDirectory(PathView path) override;
  Status SyncDirectory(PathView path) override;

  /// A disk as it may be found after the power went off now; nothing on it is unsynced, locked, counted or
  /// faulty. The same calls and the same seed give the same disk. This disk goes on working.
  std::unique_ptr<SimDisk> PowerCut(PowerCutKind kind, std::uint64_t seed = 0) const;

  /// The disk as it stands after a `kill -9` of the process now: everything is there, nobody holds a lock,
  /// and what was unsynced still is.
  std::unique_ptr<SimDisk> ProcessKill() const;

  /// Changes of names that no directory sync covers yet: made, renamed, removed.
  std::uint64_t unsynced_names() const;

  std::uint64_t calls() const;    ///< all calls so far, on the disk and on its files
  std::uint64_t changes() const;  ///< those that changed something

  /// Fails the first call that `fault` can strike among the calls numbered `call` (from 1) and later; then
  /// every such call when `sticky`. A failed write leaves half of its bytes. After a failed file sync the
  /// unsynced sectors can still be read, but later syncs do not save them until they are written again (as
  /// Linux does).
  void FailAt(std::uint64_t call, DiskFault fault, bool sticky = false);
  /// The device works again; what failed stays failed.
  void ClearFault();
  /// How often a fault struck: a test that planted one checks this.
  std::uint64_t faults_struck() const;

  /// After `changes` changes (counted from the disk's creation) every call fails and changes nothing: cut the
  /// power then.
  void StopAfter(std::uint64_t changes);
  bool stopped() const;

  /// Called after each change, outside the disk's lock, by the thread that made it: PowerCut may be called in
  /// it.
  void OnChange(std::function<void(const DiskChange&)> hook);

  struct State;

 private:
  explicit SimDisk(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace cocozvec::inline v0
