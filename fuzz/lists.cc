// fuzz/lists.cc: any bytes as the inverted lists of a sparse field; place, rows and header checksum are those
// that the file says.
#include "zvec/index/sparse/lists.h"

#include <limits>

#include "fuzz.h"
#include "seal.h"
#include "zvec/index/sparse/list_builder.h"
#include "zvec/query/testing/fake_segment.h"

namespace fuzz {
namespace {

constexpr zvec::hnsw::GraphPlace kPlace{77, 5, 0};

std::string ListsFile(std::uint32_t rows) {
  zvec::CollectionSchema schema;
  schema.name = "fuzz";
  schema.fields = {
      {"s", zvec::DataType::kSparseVectorFp32, true, 0, zvec::IndexParams::Hnsw(zvec::MetricType::kIp)}};
  std::vector<zvec::Doc> docs;
  for (std::uint32_t i = 0; i < rows; ++i) {
    docs.emplace_back("d" + std::to_string(i));
    if (i % 5 != 4)
      docs.back().Set("s", zvec::SparseVector{{i % 3, 7, 10 + i % 9}, {1, -2, static_cast<float>(i)}});
  }
  const zvec::testing::FakeSegment segment(schema, docs);
  const auto lists = zvec::sparse::BuildLists(segment, 0).value().value();
  return Written([&](cocozvec::FileSystem& fs, const std::string& path) {
    (void)zvec::sparse::WriteLists(fs, path, 9, kPlace, lists).value();
  });
}

class Largest final : public zvec::sparse::Hits {
 public:
  explicit Largest(std::uint64_t rows) : rows_(rows) {}
  float Least() const noexcept override { return least_; }
  void Offer(std::uint32_t row, float score) override {
    Require(row < rows_, "a row that the segment does not have");
    if (++offered_ > 8 && score > least_) least_ = score;
  }

 private:
  const std::uint64_t rows_;
  float least_ = -std::numeric_limits<float>::infinity();
  int offered_ = 0;
};

void Search(const zvec::sparse::Searcher& lists, std::uint64_t rows) {
  const std::vector<std::uint32_t> terms = {0, 7, 10, 4'000'000'000};
  const std::vector<float> weights = {1, -0.5F, 1e30F, 2};
  // A word for each block; rows behind the last one are not asked for.
  std::vector<std::uint64_t> mask((rows + 63) / 64, ~std::uint64_t{0});
  if (rows % 64 != 0) mask.back() = (std::uint64_t{1} << rows % 64) - 1;
  (void)lists.ScanIsCheaper(terms, rows / 2);
  Largest hits(rows);
  zvec::sparse::SearchCounts counts;
  (void)lists.Find(terms, weights, mask.data(), hits, &counts);
  Require(counts.rows <= rows, "more rows were scored than there are");
  (void)lists.MaskPresent(mask);
}

}  // namespace

std::vector<std::string> Seeds() { return {ListsFile(1), ListsFile(30), ListsFile(150)}; }

void Run(std::string_view input) {
  OneFile disk(input);
  const auto about = static_cast<std::size_t>(Get<std::uint64_t>(input, Get<std::uint64_t>(input, 40)));
  zvec::IndexEntry entry;
  entry.number = Get<std::uint64_t>(input, 24);
  entry.size_bytes = input.size();
  entry.nodes = Get<std::uint64_t>(input, 32);
  entry.header_checksum = Get<std::uint64_t>(input, 56);
  const zvec::hnsw::GraphPlace place{Get<std::uint64_t>(input, 16), Get<std::uint64_t>(input, about),
                                     Get<std::uint32_t>(input, about + 8)};
  const auto lists = zvec::sparse::OpenLists(disk, "l", entry, place, input.size() % 2 == 0);
  if (!lists.ok()) return;
  Require(entry.nodes / 8 <= input.size(), "more rows than bits");
  const zvec::sparse::Searcher* searcher = (*lists)->lists();
  Search(*searcher, entry.nodes);
  (void)(*lists)->Verify();
  Search(*searcher, entry.nodes);
}

void Vary(std::string& input, std::size_t most, Random& random) { VaryBytes(input, most, random); }
void Seal(std::string& input) { SealIndex(input); }

}  // namespace fuzz
