// base/io/sim_disk_state.h: the inside of SimDisk: nodes, what is pending on each, and what a power cut makes
// of them.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/io/sim_disk.h"
#include "base/mutex.h"

namespace cocozvec::inline v0 {

/// A write or a truncation that no sync has covered yet.
struct PendingWrite {
  std::uint64_t sequence = 0;  ///< order among the writes of the whole disk
  bool truncate = false;       ///< to `offset`
  std::uint64_t offset = 0;
  std::string data;
};

struct SimNode {
  std::uint64_t id = 0;
  FileKind kind = FileKind::kFile;

  // A file. `current` is `durable` with all of `pending` applied, except for `forgotten` sectors.
  std::string current, durable;
  std::vector<PendingWrite> pending;
  std::set<std::uint64_t> forgotten;  ///< unsynced when a sync failed: the next sync does not write them
  bool linked = false;                ///< it has, or had, several names
  const void* exclusive = nullptr;    ///< the file handle that holds the lock
  std::set<const void*> shared;

  // A directory.
  std::map<std::string, std::shared_ptr<SimNode>, std::less<>> entries, durable_entries;
};
using SimNodePtr = std::shared_ptr<SimNode>;

/// A change of names that no directory sync has covered yet. One of `from_directory`, `to_directory` may be
/// missing: then something was made, linked or removed. Both: a rename.
struct PendingName {
  SimNodePtr from_directory, to_directory;
  std::string from, to;
  SimNodePtr node;

  bool Touches(const SimNode* directory) const {
    return from_directory.get() == directory || to_directory.get() == directory;
  }
};

struct SimDisk::State {
  State();

  mutable Mutex mu;
  const std::uint64_t device;
  std::uint64_t next_id ZVEC_GUARDED_BY(mu) = 1;
  std::uint64_t next_sequence ZVEC_GUARDED_BY(mu) = 1;
  SimNodePtr root ZVEC_GUARDED_BY(mu);
  std::vector<PendingName> names ZVEC_GUARDED_BY(mu);

  std::uint64_t calls ZVEC_GUARDED_BY(mu) = 0;
  std::uint64_t changes ZVEC_GUARDED_BY(mu) = 0;
  std::uint64_t stop_after ZVEC_GUARDED_BY(mu) = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t fail_at ZVEC_GUARDED_BY(mu) = 0;  ///< 0: never
  std::uint64_t faults_struck ZVEC_GUARDED_BY(mu) = 0;
  DiskFault fault ZVEC_GUARDED_BY(mu) = DiskFault::kIoError;
  bool sticky ZVEC_GUARDED_BY(mu) = false;
  std::function<void(const DiskChange&)> hook ZVEC_GUARDED_BY(mu);

  SimNodePtr NewNode(FileKind kind) ZVEC_REQUIRES(mu);
  void SyncFile(SimNode& file) ZVEC_REQUIRES(mu);
  /// What a failed sync leaves.
  void ForgetUnsynced(SimNode& file) ZVEC_REQUIRES(mu);
  void SyncNames(const SimNodePtr& directory) ZVEC_REQUIRES(mu);
  /// Writes to the current contents and remembers it as pending.
  void Apply(SimNode& file, PendingWrite write) ZVEC_REQUIRES(mu);
  /// Changes the current names and remembers it as pending.
  void Apply(PendingName change) ZVEC_REQUIRES(mu);

  std::shared_ptr<State> PowerCut(PowerCutKind kind, std::uint64_t seed) const ZVEC_REQUIRES(mu);
  std::shared_ptr<State> ProcessKill() const ZVEC_REQUIRES(mu);
};

}  // namespace cocozvec::inline v0
