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
  mask->words.resize((std::size_t{chunks} + 1) * kChunkWords);
  const std::uint32_t first = known != nullptr ? known->rows / kChunkRows : 0;
  if (known != nullptr)
    std::copy_n(known->words.begin(), std::size_t{first} * kChunkWords, mask->words.begin());
  for (std::uint32_t chunk = first; chunk < chunks; ++chunk) {
    std::uint64_t* words = mask->words.data() + std::size_t{chunk} * kChunkWords;
    const std::uint32_t count = std::min(kChunkRows, rows - chunk * kChunkRows);
    std::fill_n(words, count / 64, ~std::uint64_t{0});
    if (count % 64 != 0) words[count / 64] = (std::uint64_t{1} << (count % 64)) - 1;
    ZVEC_RETURN_IF_ERROR(filter.Evaluate(segment, chunk, words));
  }
  mask->count = simd::ActiveMaskKernels().count(mask->words.data(), mask->words.size());
  return std::shared_ptr<const FilterMask>(std::move(mask));
}

}  // namespace zvec::inline v0
