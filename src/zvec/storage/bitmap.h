// zvec/storage/bitmap.h: a set of row numbers: the deleted rows of a segment.
// Threads: a value; const operations may run together. Copies are deep (the library's shared containers are
// not safe across threads).
#pragma once

#include <cstdint>
#include <memory>

namespace zvec::inline v0 {

class Bitmap {
 public:
  Bitmap();
  ~Bitmap();
  Bitmap(const Bitmap& other);
  Bitmap& operator=(const Bitmap& other);
  Bitmap(Bitmap&& other) noexcept;
  Bitmap& operator=(Bitmap&& other) noexcept;

  /// True when the row was not there before.
  bool Add(std::uint32_t row);
  bool Contains(std::uint32_t row) const noexcept;
  std::uint64_t Count() const noexcept;
  bool empty() const noexcept { return Count() == 0; }
  /// Clears in `words` (bit r: row first + r, `bits` of them) the rows of this set.
  void ClearIn(std::uint32_t first, std::uint32_t bits, std::uint64_t* words) const noexcept;
  /// Calls `visit(void* context, row)` in ascending order.
  void ForEach(void (*visit)(void* context, std::uint32_t row), void* context) const;

 private:
  struct Rep;
  std::unique_ptr<Rep> rep_;
};

}  // namespace zvec::inline v0
