// zvec/collection/version.h: the whole collection at one moment.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "zvec/storage/mutable_segment.h"
#include "zvec/storage/pin.h"
#include "zvec/storage/sealed_segment.h"

namespace zvec::inline v0 {

class TailGraphs;

/// A row: the segment's place in the version, and the row's in the segment.
struct Location {
  std::uint32_t segment = 0;
  std::uint32_t row = 0;
};

/// Immutable; shared by the readers that began while it was the newest. At most one row of an id is live in
/// it.
struct Version {
  std::vector<std::shared_ptr<const SealedView>> sealed;
  std::shared_ptr<const MutableView> tail;
  std::shared_ptr<TailGraphs> growing;  ///< over the mutable segment; maintenance works on them
  /// How often this handle has rewritten segments: row numbers of one layout mean nothing in another.
  std::uint64_t layout = 0;
  /// Of a read-only handle: its files stay while a query or an iterator looks at them. Null: nothing is
  /// pinned.
  std::shared_ptr<const GenerationPin> pin;

  std::size_t size() const noexcept { return sealed.size() + 1; }
  /// In storage order; the mutable segment is the last.
  const StoredView& At(std::size_t segment) const noexcept {
    return segment < sealed.size() ? static_cast<const StoredView&>(*sealed[segment]) : *tail;
  }
  std::vector<const SegmentView*> Views() const;
  std::uint64_t live_count() const noexcept;
  std::uint64_t dead_count() const noexcept;
  /// The live row of the id. Needs the store's state lock, or the write lock.
  Result<std::optional<Location>> Locate(std::string_view id, std::uint64_t hash) const;
};

}  // namespace zvec::inline v0
