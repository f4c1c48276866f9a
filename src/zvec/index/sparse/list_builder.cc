#include "zvec/index/sparse/list_builder.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/coding.h"
#include "zvec/index/file/section_file.h"
#include "zvec/storage/cell.h"

namespace zvec::inline v0::sparse {
namespace {

struct Posting {
  std::uint32_t term, row;
  float value;
};

template <class T>
T Load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

void AddRow(std::string_view cell, bool half, std::uint32_t row, std::vector<Posting>& out) {
  const SparseCell view = ViewSparse(cell);
  for (std::size_t i = 0; i < view.count; ++i) {
    const float value =
        half ? FromHalf({Load<std::uint16_t>(view.values + 2 * i)}) : Load<float>(view.values + 4 * i);
    // A zero adds nothing to any product.
    if (value != 0) out.push_back({Load<std::uint32_t>(view.indices + 4 * i), row, value});
  }
}

/// By term, and within a term as they were: by row. Digits that all have in common are passed over.
void SortByTerm(std::vector<Posting>& postings) {
  constexpr std::uint32_t kBits = 11, kDigits = 1u << kBits;
  std::vector<Posting> other(postings.size());
  for (std::uint32_t shift = 0; shift < 32; shift += kBits) {
    std::array<std::size_t, kDigits> place{};
    for (const Posting& p : postings) ++place[(p.term >> shift) % kDigits];
    if (std::find(place.begin(), place.end(), postings.size()) != place.end()) continue;
    std::size_t sum = 0;
    for (std::size_t& at : place) sum += std::exchange(at, sum);
    for (const Posting& p : postings) other[place[(p.term >> shift) % kDigits]++] = p;
    postings.swap(other);
  }
}

}  // namespace

Result<std::optional<Lists>> BuildLists(const SegmentView& view, std::size_t field) {
  Lists lists;
  lists.rows = view.row_count();
  lists.present.assign(std::size_t{lists.rows} / 64 + 1, 0);
  const bool half = view.schema().fields[field].type == DataType::kSparseVectorFp16;
  std::vector<Posting> postings;
  for (std::uint32_t chunk = 0; chunk < view.chunk_count(); ++chunk) {
    ZVEC_ASSIGN_OR_RETURN(const ColumnChunk column, view.Column(field, chunk));
    for (std::uint32_t r = 0; r < column.rows; ++r) {
      const std::uint32_t row = chunk * kChunkRows + r;
      if (column.IsNull(r)) continue;
      lists.present[row / 64] |= std::uint64_t{1} << (row % 64);
      if (!view.IsDead(row)) AddRow(column.Cell(r), half, row, postings);
    }
    if (postings.size() >= UINT32_MAX) return std::optional<Lists>();
  }
  SortByTerm(postings);
  lists.row.reserve(postings.size());
  lists.value.reserve(postings.size());
  for (const Posting& p : postings) {
    const bool new_term = lists.terms.empty() || lists.terms.back() != p.term;
    if (new_term) {
      lists.terms.push_back(p.term);
      lists.first_entry.push_back(static_cast<std::uint32_t>(lists.entries.size()));
    }
    if (new_term || lists.entries.back().block != p.row / kBlockRows)
      lists.entries.push_back(
          {p.row / kBlockRows, static_cast<std::uint32_t>(lists.row.size()), p.value, p.value});
    Entry& entry = lists.entries.back();
    entry.most = std::max(entry.most, p.value);
    entry.least = std::min(entry.least, p.value);
    lists.row.push_back(static_cast<std::uint8_t>(p.row % kBlockRows));
    lists.value.push_back(p.value);
  }
  return std::optional<Lists>(std::move(lists));
}

Result<IndexEntry> WriteLists(cocozvec::FileSystem& fs, const std::string& path, std::uint64_t number,
                              const hnsw::GraphPlace& place, const Lists& lists) {
  using cocozvec::PutFixed;
  ZVEC_ASSIGN_OR_RETURN(auto out, index::SectionWriter::Create(fs, path, number, place.collection));
  std::string about;
  PutFixed(about, place.segment);
  PutFixed(about, place.field);
  PutFixed(about, static_cast<std::uint32_t>(lists.terms.size()));
  PutFixed(about, static_cast<std::uint32_t>(lists.entries.size()));
  PutFixed(about, static_cast<std::uint32_t>(lists.row.size()));
  const auto put = [&](const auto& array) -> Status {
    ZVEC_RETURN_IF_ERROR(out.Begin());
    return out.Put(array.data(), array.size() * sizeof(array[0]));
  };
  ZVEC_RETURN_IF_ERROR(put(about));
  ZVEC_RETURN_IF_ERROR(put(lists.terms));
  ZVEC_RETURN_IF_ERROR(put(lists.first_entry));
  ZVEC_RETURN_IF_ERROR(put(lists.entries));
  ZVEC_RETURN_IF_ERROR(put(lists.row));
  ZVEC_RETURN_IF_ERROR(put(lists.value));
  ZVEC_RETURN_IF_ERROR(put(lists.present));
  IndexEntry entry;
  entry.field = place.field;
  ZVEC_RETURN_IF_ERROR(out.Finish(kSparseMagic, lists.rows, &entry));
  return entry;
}

}  // namespace zvec::inline v0::sparse
