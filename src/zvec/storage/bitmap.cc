#include "zvec/storage/bitmap.h"

#include <roaring/roaring.h>

namespace zvec::inline v0 {

struct Bitmap::Rep {
  roaring_bitmap_t* set;
};

Bitmap::Bitmap() : rep_(new Rep{roaring_bitmap_create()}) {}

Bitmap::~Bitmap() {
  if (rep_) roaring_bitmap_free(rep_->set);
}

Bitmap::Bitmap(const Bitmap& other) : rep_(new Rep{roaring_bitmap_copy(other.rep_->set)}) {}

Bitmap& Bitmap::operator=(const Bitmap& other) {
  if (this != &other) *this = Bitmap(other);
  return *this;
}

Bitmap::Bitmap(Bitmap&& other) noexcept : rep_(std::move(other.rep_)) { other.rep_.reset(); }

Bitmap& Bitmap::operator=(Bitmap&& other) noexcept {
  std::swap(rep_, other.rep_);
  return *this;
}

bool Bitmap::Add(std::uint32_t row) { return roaring_bitmap_add_checked(rep_->set, row); }

bool Bitmap::Contains(std::uint32_t row) const noexcept { return roaring_bitmap_contains(rep_->set, row); }

std::uint64_t Bitmap::Count() const noexcept { return roaring_bitmap_get_cardinality(rep_->set); }

void Bitmap::ClearIn(std::uint32_t first, std::uint32_t bits, std::uint64_t* words) const noexcept {
  roaring_uint32_iterator_t it;
  roaring_init_iterator(rep_->set, &it);
  if (!roaring_move_uint32_iterator_equalorlarger(&it, first)) return;
  const std::uint64_t end = std::uint64_t{first} + bits;
  while (it.has_value && it.current_value < end) {
    const std::uint32_t bit = it.current_value - first;
    words[bit / 64] &= ~(std::uint64_t{1} << (bit % 64));
    roaring_advance_uint32_iterator(&it);
  }
}

void Bitmap::ForEach(void (*visit)(void* context, std::uint32_t row), void* context) const {
  roaring_uint32_iterator_t it;
  roaring_init_iterator(rep_->set, &it);
  while (it.has_value) {
    visit(context, it.current_value);
    roaring_advance_uint32_iterator(&it);
  }
}

}  // namespace zvec::inline v0
