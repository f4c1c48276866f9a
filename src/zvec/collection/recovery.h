// zvec/collection/recovery.h: what an opening has found so far. Only store_*.cc include it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "zvec/collection/store.h"
#include "zvec/storage/publication.h"

namespace zvec::inline v0 {

struct Store::Recovery {
  std::vector<std::uint64_t> generations;  ///< of the manifests that are there, ascending
  std::vector<std::uint64_t> logs;         ///< numbers of the logs that are there
  std::string lock_text;                   ///< read before all that it is compared with
  std::uint64_t generation = 0;            ///< the one that is opened
  std::optional<Publication> published;    ///< what a living writer says; read-only
  std::unique_ptr<cocozvec::File> log_file;
  LogContent log;
  cocozvec::FileInfo log_id;  ///< of log_file; read-only
  bool fresh = false;         ///< made a moment ago by this process, which has kept the lock since
};

/// Device and inode.
using FileId = std::optional<std::pair<std::uint64_t, std::uint64_t>>;

/// What a handle has open that a newer state may still name.
struct Store::Known {
  std::shared_ptr<const CollectionSchema> schema;
  std::shared_ptr<const Version> version;
  std::shared_ptr<const Manifest> manifest;
};

struct Store::LockWatch {
  FileId lock;  ///< the file that had the name LOCK a moment before the watch was made
  std::unique_ptr<cocozvec::FileWatch> watch;
};

/// Where a read-only handle stands.
struct Store::Follower {
  std::unique_ptr<cocozvec::File> lock_file;  ///< LOCK; null: there was none
  FileId lock_id;                             ///< of the file that has its name; nothing: none, or not known
  std::unique_ptr<cocozvec::File> log_file;
  cocozvec::FileInfo log_id;  ///< of it, when it was opened
  LogContent log;             ///< as far as it was read
  std::uint64_t seen = 0;     ///< bytes of it that were looked at: what is torn does not look like a change
  /// Only reloading helps: a record was applied in part, to rows that nobody sees; or the log that is open is
  /// no longer the collection's, or shorter than what is shown.
  bool spoilt = false;
  /// LOCK was opened anew, and whether the log is still the one beside it was not looked at yet.
  bool unsure = false;
  /// The newest generation whose manifest was there before a look that met damage: another look at what is
  /// shown tells nothing new until there is a newer one, or until this state is replaced (Reload).
  std::uint64_t judged = 0;
  /// What the writer says was damaged when it was last read, for as long as a write may take.
  bool unreadable = false;
  std::uint64_t graphs = 0;        ///< Publication::graphs, looked at
  std::vector<LockWatch> watches;  ///< that nobody waits with just now

  /// Where it is not there, or not to be read, nobody is asked.
  Status OpenLock(cocozvec::FileSystem& fs, const std::string& path) {
    auto file = fs.Open(path, cocozvec::OpenMode::kRead);
    const StatusCode code = file.status().code();
    lock_file = file.ok() ? *std::move(file) : nullptr;
    unsure = true;
    unreadable = false;
    lock_id.reset();
    if (const auto info = fs.Stat(path); info.ok()) lock_id = {info->device, info->inode};
    const bool can_do_without = code == StatusCode::kNotFound || code == StatusCode::kPermissionDenied;
    return can_do_without ? Status() : file.status();
  }
  Result<std::optional<Publication>> Published() {
    if (!lock_file) return std::optional<Publication>();
    auto published = unreadable ? ReadPublication(*lock_file, 0) : ReadPublication(*lock_file);
    unreadable = published.status().code() == StatusCode::kDataLoss;
    return published;
  }
  Status CheckNobodyBegan(const cocozvec::File& log, std::uint64_t size, const Status& read) {
    ZVEC_ASSIGN_OR_RETURN(const auto published, Published());
    return zvec::CheckNobodyBegan(published, log, size, read);
  }
};

/// What a living writer has committed is there.
inline Status CheckReached(const std::string& log, std::uint64_t end, std::uint64_t committed) {
  if (end == committed) return {};
  return DamageAt(log, end, "the writer has committed " + std::to_string(committed) + " bytes of this log");
}

}  // namespace zvec::inline v0
