// zvec/storage/id_table.h: finds the row of an id: open addressing over (tag, row + 1) pairs of 8 bytes, the
// same in memory and in a sealed segment's file (docs/format/segment.md). The ids themselves stay in the id
// column.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/array.h"

namespace zvec::inline v0 {

struct IdSlot {
  std::uint32_t tag = 0;           ///< upper half of the id's hash
  std::uint32_t row_plus_one = 0;  ///< 0: free
};
static_assert(sizeof(IdSlot) == 8);

std::uint64_t HashId(std::string_view id) noexcept;

/// A power of two with at least a third of the slots free.
std::uint64_t IdTableCapacity(std::uint64_t rows) noexcept;

/// Threads: none of its own.
class IdTable {
 public:
  explicit IdTable(std::uint64_t expected_rows = 0);

  /// The row of an entry for which `same(row)` holds.
  template <class Same>
  std::optional<std::uint32_t> Find(std::uint64_t hash, Same&& same) const {
    for (std::uint64_t at = hash & mask_;; at = (at + 1) & mask_) {
      const IdSlot& slot = slots_[at];
      if (slot.row_plus_one == 0) return std::nullopt;
      if (slot.tag == Tag(hash) && same(slot.row_plus_one - 1)) return slot.row_plus_one - 1;
    }
  }
  /// Points the entry for which `same(row)` holds to `row`, or adds one; returns the row it pointed to.
  template <class Same>
  std::optional<std::uint32_t> Put(std::uint64_t hash, std::uint32_t row, Same&& same) {
    if ((used_ + 1) * 3 > slots_.size() * 2) Grow();
    for (std::uint64_t at = hash & mask_;; at = (at + 1) & mask_) {
      IdSlot& slot = slots_[at];
      if (slot.row_plus_one == 0) {
        slot = {Tag(hash), row + 1};
        hashes_.push_back({hash, at});
        ++used_;
        return std::nullopt;
      }
      if (slot.tag == Tag(hash) && same(slot.row_plus_one - 1)) {
        const std::uint32_t old = slot.row_plus_one - 1;
        slot.row_plus_one = row + 1;
        return old;
      }
    }
  }
  std::span<const IdSlot> slots() const noexcept { return slots_; }
  static std::uint32_t Tag(std::uint64_t hash) noexcept { return static_cast<std::uint32_t>(hash >> 32); }

 private:
  struct Placed {
    std::uint64_t hash;
    std::uint64_t slot;
  };
  void Grow();

  // Doubled again and again: what they leave behind goes back to the system.
  std::vector<IdSlot, cocozvec::ArrayAllocator<IdSlot>> slots_;
  std::vector<Placed, cocozvec::ArrayAllocator<Placed>>
      hashes_;  ///< of the used slots, so that growing needs no ids
  std::uint64_t mask_ = 0;
  std::uint64_t used_ = 0;
};

}  // namespace zvec::inline v0
