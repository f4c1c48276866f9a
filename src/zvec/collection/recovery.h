// zvec/collection/recovery.h: what an opening has found so far. Only store_*.cc include it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
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
  bool fresh = false;  ///< made a moment ago by this process, which has kept the lock since
};

/// What a handle has open that a newer state may still name.
struct Store::Known {
  std::shared_ptr<const CollectionSchema> schema;
  std::shared_ptr<const Version> version;
  std::shared_ptr<const Manifest> manifest;
};

/// Where a read-only handle stands.
struct Store::Follower {
  std::unique_ptr<cocozvec::File> lock_file;  ///< LOCK; null: there was none
  std::unique_ptr<cocozvec::File> log_file;
  cocozvec::FileInfo log_id;  ///< of it, when it was opened
  LogContent log;             ///< as far as it was read
  std::uint64_t seen = 0;     ///< bytes of it that were looked at: what is torn does not look like a change
  bool spoilt = false;  ///< a record was applied in part, to rows that nobody sees: only reloading helps
  std::vector<std::unique_ptr<cocozvec::FileWatch>> watches;  ///< that nobody waits with just now

  /// Where it is not there, or not to be read, nobody is asked.
  Status OpenLock(cocozvec::FileSystem& fs, const std::string& path) {
    auto file = fs.Open(path, cocozvec::OpenMode::kRead);
    const StatusCode code = file.status().code();
    lock_file = file.ok() ? *std::move(file) : nullptr;
    const bool can_do_without = code == StatusCode::kNotFound || code == StatusCode::kPermissionDenied;
    return can_do_without ? Status() : file.status();
  }
  Result<std::optional<Publication>> Published() const {
    if (!lock_file) return std::optional<Publication>();
    return ReadPublication(*lock_file);
  }
};

/// What a living writer has committed is there.
inline Status CheckReached(const std::string& log, std::uint64_t end, std::uint64_t committed) {
  if (end == committed) return {};
  return DamageAt(log, end, "the writer has committed " + std::to_string(committed) + " bytes of this log");
}

}  // namespace zvec::inline v0
