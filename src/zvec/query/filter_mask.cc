#include "zvec/query/filter_mask.h"

#include <algorithm>

#include "zvec/query/chunk_rows.h"
#include "zvec/simd/mask_kernels.h"

namespace zvec::inline v0 {

Result<std::shared_ptr<const FilterMask>> MakeFilterMask(const SegmentView& segment, const Filter& filter,
                                                         std::uint32_t rows, const FilterMask* known) {
  auto mask = std::make_shared<FilterMask>();
  const std::uint32_t chunks = rows / kChunkRows + (rows % kChunkRows != 0);
  mask->rows = rows;
  mask->words.reserve(std::size_t{chunks} * kChunkWords);
  if (known != nullptr) mask->words = known->words;
  const auto first = static_cast<std::uint32_t>(mask->words.size() / kChunkWords);
  mask->words.resize(std::size_t{chunks} * kChunkWords, ~std::uint64_t{0});
  for (std::uint32_t chunk = first; chunk < chunks; ++chunk) {
    std::uint64_t* words = mask->words.data() + std::size_t{chunk} * kChunkWords;
    if (const std::uint32_t left = rows - chunk * kChunkRows; left < kChunkRows) {
      std::fill(words + left / 64, words + kChunkWords, 0);
      if (left % 64 != 0) words[left / 64] = (std::uint64_t{1} << (left % 64)) - 1;
    }
    ZVEC_RETURN_IF_ERROR(filter.Evaluate(segment, chunk, words));
  }
  mask->count = simd::ActiveMaskKernels().count(mask->words.data(), mask->words.size());
  return std::shared_ptr<const FilterMask>(std::move(mask));
}

}  // namespace zvec::inline v0
