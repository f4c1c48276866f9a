// zvec/upkeep/log_scan.h: reads a log to its end, whatever is damaged on the way.
// Threads: plain functions.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/io/file_system.h"
#include "zvec/storage/log.h"
#include "zvec/upkeep/notes.h"

namespace zvec::inline v0 {

struct LogScan {
  std::uint64_t bytes = 0;             ///< of the file
  std::uint64_t first_sequence = 0;    ///< of the first record; 0: the header is damaged
  std::uint64_t next_sequence = 0;     ///< after the last whole record; 0: unknown
  std::uint64_t end = 0;               ///< after the last whole record
  std::uint64_t records = 0;           ///< whole ones
  std::uint64_t lost_calls = 0;        ///< at least; by the gaps in the numbers
  std::uint64_t unfinished_bytes = 0;  ///< forgiven: a write that a crash left in part
  bool cut = false;                    ///< it ends before where it was closed, or inside its header
  bool foreign = false;  ///< its header is whole, and not the one that the manifest names: not applied
  bool whole = true;     ///< nothing is damaged
};

struct LogPlace {
  std::uint64_t number = 0, collection = 0;
  std::optional<std::uint64_t> header_checksum;  ///< as the manifest has it
  std::uint64_t closed_at = 0;                   ///< 0: nobody knows
};

/// Only whether it is foreign, and its first sequence. Errors   kUnimplemented (a newer format).
Result<LogScan> ScanLogHeader(const cocozvec::File& file, const LogPlace& place);

/// Hands every whole batch to `apply` (kDataLoss from it: the record is damaged). `notes`: may be null.
/// Errors   kUnimplemented (a newer format), those of `apply` but kDataLoss; kIoError is a finding.
Result<LogScan> ScanLog(const cocozvec::File& file, const LogPlace& place, Notes* notes,
                        const std::function<Status(std::string_view payload)>& apply);

}  // namespace zvec::inline v0
