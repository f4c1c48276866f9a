// zvec/collection/write_pace.h: how many unlinked rows a write call may find, which every query scans. While
// nobody asks, many: a burst goes at full speed. While somebody does, few, so that writers go at the speed of
// the linker, which in the long run is theirs anyway. What a burst has left is worked off meanwhile: for four
// rows written five are linked, so that nobody waits long at once. Threads: any.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/mutex.h"

namespace zvec::inline v0 {

class WritePace {
 public:
  using Clock = std::chrono::steady_clock;
  /// So long after a query more of them are expected.
  static constexpr std::chrono::seconds kAskedFor{1};

  /// Rows: while nobody asks, and while somebody does (never more than `most`).
  WritePace(std::uint64_t most, std::uint64_t most_while_read) noexcept;

  /// A query begins.
  void NoteQuery() noexcept {
    if (!asked_.load(std::memory_order_relaxed)) asked_.store(true, std::memory_order_relaxed);
  }
  /// With fewer unlinked rows no write waits, whoever asks.
  std::uint64_t least() const noexcept { return most_while_read_; }
  /// How many there may be when a write begins that finds `unlinked`. `others_read`: somebody reads whose
  /// queries are not noted.
  std::uint64_t Limit(std::uint64_t unlinked, bool others_read, Clock::time_point now) ZVEC_EXCLUDES(mu_);
  /// A call has written so many rows.
  void NoteRows(std::uint64_t rows) ZVEC_EXCLUDES(mu_);

 private:
  const std::uint64_t most_, most_while_read_;
  std::atomic<bool> asked_{false};
  cocozvec::Mutex mu_;
  Clock::time_point asked_until_ ZVEC_GUARDED_BY(mu_){};
  bool read_ ZVEC_GUARDED_BY(mu_) = false;
  std::uint64_t limit_ ZVEC_GUARDED_BY(mu_) = 0;  ///< while read_
  std::uint64_t rows_ ZVEC_GUARDED_BY(mu_) = 0;   ///< written since limit_ was lowered for some
};

}  // namespace zvec::inline v0
