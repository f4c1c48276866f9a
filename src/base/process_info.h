// base/process_info.h: who holds a lock, for messages: "process 4711, started 2026-11-23T04:37:12Z".
// Never used to decide whether a lock may be taken: the kernel drops the locks of the dead.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace cocozvec::inline v0 {

struct ProcessInfo {
  std::int64_t pid = 0;
  std::string started;  ///< UTC, ISO 8601, whole seconds; empty when the system does not tell

  std::string ToString() const;  ///< "process 4711, started 2026-11-23T04:37:12Z"
};

ProcessInfo OwnProcess();

/// The process that has the number now; nullopt when none has, or only a zombie. A number is used again after
/// a while: compare `started` (LivesStill does) before calling it the same process.
std::optional<ProcessInfo> FindProcess(std::int64_t pid);

/// Whether this very process still runs. True in doubt (a start time is unknown).
bool LivesStill(const ProcessInfo& process);

}  // namespace cocozvec::inline v0
