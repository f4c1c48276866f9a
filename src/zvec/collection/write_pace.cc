#include "zvec/collection/write_pace.h"

#include <algorithm>

#include "zvec/index/hnsw/builder.h"

namespace zvec::inline v0 {
namespace {

/// Rows written for each that the backlog loses while somebody asks.
constexpr std::uint64_t kRowsForOne = 4;
/// What the linker may have linked since the last write without the limit following it: it links so many at
/// once.
constexpr std::uint64_t kLeastSlack = 8 * hnsw::kLinkBatch;

}  // namespace

WritePace::WritePace(std::uint64_t most, std::uint64_t most_while_read) noexcept
    : most_(most), most_while_read_(std::min(most, most_while_read)) {}

std::uint64_t WritePace::Limit(std::uint64_t unlinked, bool others_read, Clock::time_point now) {
  cocozvec::MutexLock lock(mu_);
  if (asked_.exchange(false, std::memory_order_relaxed)) asked_until_ = now + kAskedFor;
  const bool was_read = read_;
  read_ = others_read || now < asked_until_;
  if (!read_) return most_;
  if (!was_read) {
    limit_ = most_;
    rows_ = 0;
  }
  // From what is there it goes down; room that nobody used is not kept.
  const std::uint64_t slack = was_read ? std::max(most_while_read_, kLeastSlack) : 0;
  limit_ = std::clamp(std::min(limit_, unlinked + slack), most_while_read_, most_);
  return limit_;
}

void WritePace::NoteRows(std::uint64_t rows) {
  cocozvec::MutexLock lock(mu_);
  if (!read_) return;
  rows_ += rows;
  const std::uint64_t fewer = rows_ / kRowsForOne;
  rows_ -= fewer * kRowsForOne;
  limit_ = std::max(most_while_read_, limit_ - std::min(limit_, fewer));
}

}  // namespace zvec::inline v0
