#include "zvec/index/sparse/lists.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/coding.h"
#include "base/fault.h"
#include "zvec/index/file/section_file.h"
#include "zvec/index/sparse/list_builder.h"

namespace zvec::inline v0::sparse {
namespace {

enum Part : std::size_t { kAbout, kTerms, kFirstEntry, kEntries, kRow, kValue, kPresent, kParts };
static_assert(kParts == kListsFile.sections);

/// More than rounding can add to a sum of kMaxSparseEntries (2^14) products: 2^14 * 2^-53 of what is added.
constexpr double kRounding = 0x1p-36;
/// Blocks that are scored first, by their bounds, so that the others meet a high mark.
constexpr std::size_t kFirstBlocks = 8;
/// Of a row that is scored by itself, in postings: finding it, and reading its terms.
constexpr std::uint64_t kRowCost = 16;

/// Nearest float; scores beyond the largest are infinite.
float Bound(double bound) {
  constexpr double kMost = std::numeric_limits<float>::max();
  const double safe = bound + bound * kRounding;
  return safe > kMost ? std::numeric_limits<float>::infinity() : static_cast<float>(safe);
}

class FileLists final : public hnsw::Graph, public Searcher {
 public:
  explicit FileLists(std::unique_ptr<index::SectionFile> file) : file_(std::move(file)) {}

  Status Check(const IndexEntry& expected, const hnsw::GraphPlace& place);

  hnsw::GraphRef Current() const override { return {}; }
  const Searcher* lists() const noexcept override { return this; }
  Status Verify() const override {
    for (std::size_t part = 0; part < kParts; ++part) ZVEC_RETURN_IF_ERROR(file_->TouchAll(part));
    for (std::uint32_t term = 0; term < terms_; ++term) ZVEC_RETURN_IF_ERROR(CheckTerm(term));
    return {};
  }

  Result<bool> ScanIsCheaper(std::span<const std::uint32_t> terms, std::uint64_t matches) const override;
  Status Find(std::span<const std::uint32_t> terms, std::span<const float> weights, const std::uint64_t* mask,
              Hits& hits, SearchCounts* counts) const override;
  Status MaskPresent(std::span<std::uint64_t> mask) const override {
    ZVEC_RETURN_IF_ERROR(file_->TouchAll(kPresent));
    const auto* present = reinterpret_cast<const std::uint64_t*>(file_->at(kPresent));
    for (std::size_t w = 0; w < mask.size(); ++w) mask[w] &= w < words_ ? present[w] : 0;
    return {};
  }

 private:
  friend class Search;
  const std::uint32_t* Terms() const { return reinterpret_cast<const std::uint32_t*>(file_->at(kTerms)); }
  const Entry* Entries() const { return reinterpret_cast<const Entry*>(file_->at(kEntries)); }
  std::uint32_t EntryOf(std::uint32_t term) const {
    return term < terms_ ? reinterpret_cast<const std::uint32_t*>(file_->at(kFirstEntry))[term] : entries_;
  }
  std::uint32_t PostingOf(std::uint32_t entry) const {
    return entry < entries_ ? Entries()[entry].first : postings_;
  }
  /// The entries of a term are verified and lead to rows and postings that are there.
  Status CheckTerm(std::uint32_t term) const;

  const std::unique_ptr<index::SectionFile> file_;
  std::uint32_t rows_ = 0, blocks_ = 0, terms_ = 0, entries_ = 0, postings_ = 0;
  std::size_t words_ = 0;
};

Status FileLists::Check(const IndexEntry& expected, const hnsw::GraphPlace& place) {
  ZVEC_RETURN_IF_ERROR(file_->TouchAll(kAbout));
  cocozvec::Reader in(std::span(file_->at(kAbout), file_->size(kAbout)));
  const auto segment = in.Read<std::uint64_t>();
  const auto field = in.Read<std::uint32_t>();
  for (std::uint32_t* count : {&terms_, &entries_, &postings_}) *count = in.Read<std::uint32_t>();
  if (!in.done() || segment != place.segment || field != place.field || expected.nodes >= UINT32_MAX)
    return file_->Damage(kAbout, "these are not the lists of this field and segment");
  rows_ = static_cast<std::uint32_t>(expected.nodes);
  blocks_ = (rows_ + kBlockRows - 1) / kBlockRows;
  words_ = std::size_t{rows_} / 64 + 1;
  const std::uint64_t terms = terms_, entries = entries_, postings = postings_;
  if (file_->size(kTerms) != terms * 4 || file_->size(kFirstEntry) != terms * 4 ||
      file_->size(kEntries) != entries * sizeof(Entry) || file_->size(kRow) != postings ||
      file_->size(kValue) != postings * 4 || file_->size(kPresent) != words_ * 8)
    return file_->Damage(kAbout, "the sizes of the sections do not fit the lists");
  return {};
}

Status FileLists::CheckTerm(std::uint32_t term) const {
  if (cocozvec::FaultPlanted("trust_sizes")) return {};
  const std::uint32_t begin = EntryOf(term), end = EntryOf(term + 1);
  if (begin >= end || end > entries_)
    return file_->Damage(kFirstEntry, "the entries of a term are not there");
  const std::uint64_t seen = std::min<std::uint64_t>(end - begin + 1, entries_ - begin);  // one behind, too
  ZVEC_RETURN_IF_ERROR(file_->Touch(kEntries, begin * sizeof(Entry), seen * sizeof(Entry)));
  const Entry* entries = Entries();
  for (std::uint32_t e = begin; e < end; ++e) {
    const std::uint32_t next = PostingOf(e + 1);
    if (entries[e].block >= blocks_ || (e > begin && entries[e].block <= entries[e - 1].block) ||
        entries[e].first >= next || next > postings_ || next - entries[e].first > kBlockRows)
      return file_->Damage(kEntries, "an entry leads to where it cannot");
  }
  const std::uint32_t first = entries[begin].first, count = PostingOf(end) - first;
  ZVEC_RETURN_IF_ERROR(file_->Touch(kRow, first, count));
  return file_->Touch(kValue, std::uint64_t{first} * 4, std::uint64_t{count} * 4);
}

Result<bool> FileLists::ScanIsCheaper(std::span<const std::uint32_t> terms, std::uint64_t matches) const {
  ZVEC_RETURN_IF_ERROR(file_->TouchAll(kTerms));
  ZVEC_RETURN_IF_ERROR(file_->TouchAll(kFirstEntry));
  std::uint64_t entries = 0;
  for (const std::uint32_t term : terms) {
    const std::uint32_t* at = std::lower_bound(Terms(), Terms() + terms_, term);
    if (at == Terms() + terms_ || *at != term) continue;
    const auto number = static_cast<std::uint32_t>(at - Terms());
    entries += EntryOf(number + 1) - EntryOf(number);
  }
  return matches * (postings_ / std::max(rows_, 1u) + kRowCost) < entries;
}

struct Cursor {
  double weight = 0;
  std::uint32_t at = 0, end = 0;  ///< entries
};

struct Scratch {
  std::vector<Cursor> cursors;
  std::vector<double> bounds;
  std::vector<std::uint32_t> order;
};

class Search {
 public:
  Search(const FileLists& lists, const std::uint64_t* mask, Hits& hits, SearchCounts* counts,
         Scratch& scratch)
      : lists_(lists),
        entries_(lists.Entries()),
        row_(reinterpret_cast<const std::uint8_t*>(lists.file_->at(kRow))),
        value_(reinterpret_cast<const float*>(lists.file_->at(kValue))),
        mask_(mask),
        hits_(hits),
        counts_(counts),
        scratch_(scratch) {}

  Status AddTerms(std::span<const std::uint32_t> terms, std::span<const float> weights) {
    ZVEC_RETURN_IF_ERROR(lists_.file_->TouchAll(kTerms));
    ZVEC_RETURN_IF_ERROR(lists_.file_->TouchAll(kFirstEntry));
    scratch_.cursors.clear();
    scratch_.bounds.assign(lists_.blocks_, 0);
    const std::uint32_t *from = lists_.Terms(), *end = from + lists_.terms_;
    for (std::size_t t = 0; t < terms.size(); ++t) {
      if (weights[t] == 0) continue;
      from = std::lower_bound(from, end, terms[t]);
      if (from == end) break;
      if (*from != terms[t]) continue;
      const auto number = static_cast<std::uint32_t>(from - lists_.Terms());
      const Cursor cursor{weights[t], lists_.EntryOf(number), lists_.EntryOf(number + 1)};
      if (!lists_.file_->complete()) ZVEC_RETURN_IF_ERROR(lists_.CheckTerm(number));
      if (cursor.end > lists_.entries_ || !AddBounds(cursor))
        return lists_.file_->Damage(kEntries, "an entry leads to where it cannot");
    }
    return {};
  }

  void Run() {
    RunFirst();
    for (std::uint32_t block = 0; block < lists_.blocks_; ++block) {
      if (mask_[block] == 0 || scratch_.bounds[block] < 0) continue;
      if (Bound(scratch_.bounds[block]) < hits_.Least()) continue;
      for (Cursor& cursor : scratch_.cursors) cursor.at = Seek(cursor, block);
      Score(block);
    }
  }

 private:
  /// False: the file has a checksum for bytes that are no lists.
  bool AddBounds(const Cursor& cursor) {
    scratch_.cursors.push_back(cursor);
    double* bounds = scratch_.bounds.data();
    for (std::uint32_t e = cursor.at; e < cursor.end; ++e) {
      if (entries_[e].block >= lists_.blocks_ && !cocozvec::FaultPlanted("trust_sizes")) return false;
      const double a = cursor.weight * entries_[e].most, b = cursor.weight * entries_[e].least;
      // A row without the term gets 0 from it.
      bounds[entries_[e].block] += std::max({a, b, 0.0}) + std::max(std::fabs(a), std::fabs(b)) * kRounding;
    }
    return true;
  }

  /// The blocks with the highest bounds; they are marked as done.
  void RunFirst() {
    std::vector<std::uint32_t>& order = scratch_.order;
    order.clear();
    for (std::uint32_t block = 0; block < lists_.blocks_; ++block)
      if (mask_[block] != 0 && scratch_.bounds[block] > 0) order.push_back(block);
    const std::size_t count = std::min(kFirstBlocks, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                      [&](std::uint32_t a, std::uint32_t b) {
                        return std::pair(-scratch_.bounds[a], a) < std::pair(-scratch_.bounds[b], b);
                      });
    order.resize(count);
    std::vector<Cursor> begin = scratch_.cursors;
    for (const std::uint32_t block : order) {
      for (std::size_t c = 0; c < begin.size(); ++c) scratch_.cursors[c].at = Seek(begin[c], block);
      Score(block);
      scratch_.bounds[block] = -1;
    }
    scratch_.cursors.swap(begin);
  }

  /// The first entry of the cursor's term at or behind the block: near ones in a few steps.
  std::uint32_t Seek(const Cursor& cursor, std::uint32_t block) const {
    std::uint32_t low = cursor.at, step = 1;
    while (low < cursor.end && entries_[low].block < block) {
      const std::uint32_t next = std::min(cursor.end, low + step);
      if (next == cursor.end || entries_[next].block >= block) {
        const Entry* found =
            std::lower_bound(entries_ + low + 1, entries_ + next, block,
                             [](const Entry& entry, std::uint32_t wanted) { return entry.block < wanted; });
        return static_cast<std::uint32_t>(found - entries_);
      }
      low = next;
      step *= 2;
    }
    return low;
  }

  /// Terms ascend, so each row's products are added as a scan adds them.
  void Score(std::uint32_t block) {
    double sums[kBlockRows] = {};
    for (const Cursor& cursor : scratch_.cursors) {
      if (cursor.at >= cursor.end || entries_[cursor.at].block != block) continue;
      const std::uint32_t begin = entries_[cursor.at].first,
                          end = std::min(lists_.PostingOf(cursor.at + 1), lists_.postings_);
      for (std::uint32_t p = begin; p < end; ++p)
        sums[row_[p] % kBlockRows] += cursor.weight * static_cast<double>(value_[p]);
      counts_->postings += end > begin ? end - begin : 0;
    }
    ++counts_->blocks;
    counts_->rows += static_cast<std::uint64_t>(std::popcount(mask_[block]));
    float least = hits_.Least();
    for (std::uint64_t left = mask_[block]; left != 0; left &= left - 1) {
      const auto row = static_cast<std::uint32_t>(std::countr_zero(left));
      const auto score = static_cast<float>(sums[row]);
      if (score < least) continue;
      hits_.Offer(block * kBlockRows + row, score);
      least = hits_.Least();
    }
  }

  const FileLists& lists_;
  const Entry* const entries_;
  const std::uint8_t* const row_;
  const float* const value_;
  const std::uint64_t* const mask_;
  Hits& hits_;
  SearchCounts* const counts_;
  Scratch& scratch_;
};

Status FileLists::Find(std::span<const std::uint32_t> terms, std::span<const float> weights,
                       const std::uint64_t* mask, Hits& hits, SearchCounts* counts) const {
  static thread_local Scratch scratch;
  Search search(*this, mask, hits, counts, scratch);
  ZVEC_RETURN_IF_ERROR(search.AddTerms(terms, weights));
  search.Run();
  return {};
}

}  // namespace

Result<std::shared_ptr<const hnsw::Graph>> OpenLists(cocozvec::FileSystem& fs, const std::string& path,
                                                     const IndexEntry& expected,
                                                     const hnsw::GraphPlace& place, bool map) {
  ZVEC_ASSIGN_OR_RETURN(auto file,
                        index::SectionFile::Open(fs, path, kListsFile, expected, place.collection, map));
  auto lists = std::make_shared<FileLists>(std::move(file));
  ZVEC_RETURN_IF_ERROR(lists->Check(expected, place));
  return std::shared_ptr<const hnsw::Graph>(std::move(lists));
}

}  // namespace zvec::inline v0::sparse
