// zvec/storage/stored_view.h: a segment at one moment, as the collection holds it: what a query sees
// (segment_view.h), and where an id is.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "zvec/storage/bitmap.h"
#include "zvec/storage/segment_view.h"

namespace zvec::inline v0 {

/// By field; null where a field has none. Without entries: no field has.
using Graphs = std::vector<std::shared_ptr<const hnsw::Graph>>;

/// Immutable but for the mutable segment's id table (see Find).
class StoredView : public SegmentView {
 public:
  explicit StoredView(std::shared_ptr<const Bitmap> dead)
      : dead_(std::move(dead)), dead_count_(dead_ ? dead_->Count() : 0) {}

  /// The last row of the id, dead ones included, among the rows of this view; kDataLoss.
  /// In the mutable segment this needs the store's state lock, or the write lock.
  virtual Result<std::optional<std::uint32_t>> Find(std::string_view id, std::uint64_t hash) const = 0;

  /// Asks for the memory that Find will look at: in step 0 the slot, in 1 where the id lies, in 2 the id. A
  /// step finds nothing to ask for where the one before has not been taken, some time ago.
  static constexpr int kFindSteps = 3;
  virtual void PrefetchFind(std::uint64_t hash, int step) const noexcept { (void)hash, (void)step; }

  /// Of memory: codes that scans made of its rows (coded_chunk.h).
  virtual std::uint64_t code_bytes() const noexcept = 0;

  bool IsDead(std::uint32_t row) const noexcept override { return dead_count_ != 0 && dead_->Contains(row); }
  const std::shared_ptr<const Bitmap>& dead() const noexcept { return dead_; }  ///< null: none
  std::uint64_t dead_count() const noexcept override { return dead_count_; }
  std::uint64_t live_count() const noexcept { return row_count() - dead_count_; }
  void ClearDead(std::uint32_t chunk, std::uint64_t* live) const noexcept override {
    if (dead_count_ != 0) dead_->ClearIn(chunk * kChunkRows, kChunkRows, live);
  }

 private:
  std::shared_ptr<const Bitmap> dead_;
  std::uint64_t dead_count_;
};

}  // namespace zvec::inline v0
