// zvec/simd/supported.h: the tables of one kind that this CPU can run. Not for files that are compiled for
// one kind of CPU: what is inline there may run elsewhere.
#pragma once

#include <array>
#include <cstddef>
#include <span>

namespace zvec::inline v0::simd {

/// Plain first, best last. Without an allocation: the first call that wants them may come when there is no
/// memory.
template <class Table>
class Supported {
 public:
  explicit Supported(const Table* plain) : tables_{plain} {}
  void push_back(const Table* better) { tables_[count_++] = better; }
  std::span<const Table* const> tables() const noexcept { return {tables_.data(), count_}; }

 private:
  std::array<const Table*, 4> tables_;
  std::size_t count_ = 1;
};

}  // namespace zvec::inline v0::simd
