#include "zvec/collection/version.h"

namespace zvec::inline v0 {

std::vector<const SegmentView*> Version::Views() const {
  std::vector<const SegmentView*> views;
  views.reserve(size());
  for (std::size_t i = 0; i < size(); ++i) views.push_back(&At(i));
  return views;
}

std::uint64_t Version::live_count() const noexcept {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < size(); ++i) count += At(i).live_count();
  return count;
}

std::uint64_t Version::dead_count() const noexcept {
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < size(); ++i) count += At(i).dead_count();
  return count;
}

Result<std::optional<Location>> Version::Locate(std::string_view id, std::uint64_t hash) const {
  for (std::size_t i = size(); i-- > 0;) {
    const StoredView& view = At(i);
    ZVEC_ASSIGN_OR_RETURN(const std::optional<std::uint32_t> row, view.Find(id, hash));
    if (row && !view.IsDead(*row)) return std::optional<Location>({static_cast<std::uint32_t>(i), *row});
  }
  return std::optional<Location>();
}

}  // namespace zvec::inline v0
