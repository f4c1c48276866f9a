// zvec/storage/publication.h: what a writer tells readers in other processes: how far the collection is
// committed. docs/format/collection.md, "LOCK". 64 bytes in LOCK, written anew after each commit and before
// it is acknowledged. They count while their writer holds a shared lock on LOCK; an exclusive one says that
// somebody writes and publishes nothing. Threads: const functions from any.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/io/file_system.h"
#include "zvec/schema.h"

namespace zvec::inline v0 {

struct Publication {
  std::uint64_t collection = 0;
  std::uint64_t generation = 0;  ///< of the newest manifest
  std::uint64_t log = 0;         ///< number of its log
  std::uint64_t end = 0;         ///< bytes of it that are committed
  std::uint64_t sequence = 0;    ///< of the next record
  /// Of the first file with graphs that grow: one for each field that wants one, of consecutive numbers, as
  /// far as there are some. 0: none.
  std::uint64_t graphs = 0;
  bool operator==(const Publication&) const = default;
};

inline constexpr std::uint64_t kPublicationOffset = 256;  ///< in LOCK
inline constexpr std::size_t kPublicationBytes = 64;

/// Allocates nothing.
Status WritePublication(cocozvec::File& lock_file, const Publication& publication);

/// Nothing: nobody publishes, so all whole records of the log count. `lock_file`: open for reading. What does
/// not match its checksum is being written, by somebody who may not run just now: it is read again, for
/// `patience_ms`.
/// Errors   kDataLoss (file and offset), kIoError.
Result<std::optional<Publication>> ReadPublication(const cocozvec::File& lock_file,
                                                   std::uint32_t patience_ms = 1000);

/// After `log` was read up to `size`, which was all of it, while nobody published, with the outcome `read`;
/// `published`: what is published now. `read`, or kBusy: a writer began meanwhile, who may have changed what
/// was read.
Status CheckNobodyBegan(const std::optional<Publication>& published, const cocozvec::File& log,
                        std::uint64_t size, const Status& read);

}  // namespace zvec::inline v0
