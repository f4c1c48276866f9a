#include "zvec/storage/id_table.h"

#include <algorithm>
#include <bit>

#include "base/checksum.h"

namespace zvec::inline v0 {

std::uint64_t HashId(std::string_view id) noexcept { return cocozvec::Checksum(id); }

std::uint64_t IdTableCapacity(std::uint64_t rows) noexcept {
  return std::bit_ceil(std::max<std::uint64_t>(8, rows + rows / 2 + 1));
}

IdTable::IdTable(std::uint64_t expected_rows)
    : slots_(IdTableCapacity(expected_rows)), mask_(slots_.size() - 1) {}

void IdTable::Grow() {
  decltype(slots_) bigger(slots_.size() * 2);
  const std::uint64_t mask = bigger.size() - 1;
  for (Placed& placed : hashes_) {
    std::uint64_t at = placed.hash & mask;
    while (bigger[at].row_plus_one != 0) at = (at + 1) & mask;
    bigger[at] = slots_[placed.slot];
    placed.slot = at;
  }
  slots_ = std::move(bigger);
  mask_ = mask;
}

}  // namespace zvec::inline v0
