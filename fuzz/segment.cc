// fuzz/segment.cc: any bytes as a sealed segment of one schema; size, rows and header checksum of the
// manifest's entry are those that the file says. Every cell is read and every id looked for.
#include "fuzz.h"
#include "seal.h"
#include "zvec/query/testing/fake_segment.h"
#include "zvec/schema.h"
#include "zvec/storage/id_table.h"
#include "zvec/storage/sealed_segment.h"

namespace fuzz {
namespace {

using zvec::DataType;

std::shared_ptr<const zvec::CollectionSchema> Schema() {
  static const auto schema = [] {
    auto made = std::make_shared<zvec::CollectionSchema>();
    made->name = "fuzz";
    made->fields = {{"n", DataType::kInt64, true, 0, {}},
                    {"text", DataType::kString, true, 0, {}},
                    {"tags", DataType::kArrayString, true, 0, {}},
                    {"v", DataType::kVectorFp32, false, 3, {}},
                    {"s", DataType::kSparseVectorFp32, true, 0, {}}};
    return made;
  }();
  return schema;
}

std::string Segment(int rows) {
  std::vector<zvec::Doc> docs;
  for (int i = 0; i < rows; ++i) {
    const auto x = static_cast<float>(i);
    zvec::Doc& doc = docs.emplace_back("id " + std::to_string(i));
    doc.Set("v", std::vector<float>{x, 1, -x});
    if (i % 3 != 0) doc.Set("n", std::int64_t{i});
    if (i % 4 != 0) doc.Set("text", "text " + std::to_string(i));
    if (i % 5 != 0) doc.Set("tags", std::vector<std::string>{"a", std::to_string(i)});
    if (i % 2 != 0) doc.Set("s", zvec::SparseVector{{1, 7U + static_cast<std::uint32_t>(i)}, {x, 0.5F}});
  }
  const zvec::testing::FakeSegment source(*Schema(), docs);
  const zvec::SegmentView* sources[] = {&source};
  std::vector<zvec::RowRef> all;
  for (int i = 0; i < rows; ++i) all.push_back({0, static_cast<std::uint32_t>(i)});
  return Written([&](cocozvec::FileSystem& fs, const std::string& path) {
    (void)zvec::WriteSegment(fs, path, 5, 77, sources, all).value();
  });
}

/// Of one column; reading them is what a sanitizer watches.
unsigned SumOfCells(const zvec::SealedSegment& segment, std::size_t field, std::size_t width,
                    std::uint64_t most) {
  unsigned sum = 0;
  for (std::uint32_t chunk = 0; chunk * std::uint64_t{zvec::kChunkRows} < segment.rows(); ++chunk) {
    const auto column = segment.Column(field, chunk);
    if (!column.ok()) continue;
    for (std::uint32_t row = 0; row < column->rows; ++row) {
      if (column->IsNull(row)) continue;
      const std::string_view cell = column->Cell(row);
      Require(cell.size() <= most && (width == 0 || cell.size() == width), "a cell larger than the file");
      for (const char c : cell) sum += static_cast<unsigned char>(c);
      if (field != zvec::kIdColumn || chunk > 1) continue;
      const auto found = segment.Find(cell, zvec::HashId(cell));
      Require(!found.ok() || !*found || **found < segment.rows(), "an id of a row that is not there");
    }
  }
  return sum;
}

}  // namespace

std::vector<std::string> Seeds() { return {Segment(1), Segment(5), Segment(40)}; }

void Run(std::string_view input) {
  OneFile disk(input);
  zvec::SegmentFile expected{Get<std::uint64_t>(input, 24), input.size(), Get<std::uint64_t>(input, 32),
                             Get<std::uint64_t>(input, 56)};
  const bool map = input.size() % 2 == 0;
  const auto segment =
      zvec::SealedSegment::Open(disk, "s", expected, Get<std::uint64_t>(input, 16), Schema(), map);
  if (!segment.ok()) return;
  Require((*segment)->rows() <= input.size(), "more rows than bytes");
  volatile unsigned sum = SumOfCells(**segment, zvec::kIdColumn, 0, input.size());
  for (std::size_t f = 0; f < Schema()->fields.size(); ++f)
    sum = sum + SumOfCells(**segment, f, zvec::CellWidth(Schema()->fields[f]), input.size());
  (void)(*segment)->VerifyAll();
  for (const std::string_view id : {"id 0", "id 17", "none"})
    if (const auto found = (*segment)->Find(id, zvec::HashId(id)); found.ok() && *found)
      Require(**found < (*segment)->rows(), "an id of a row that is not there");
}

void Vary(std::string& input, std::size_t most, Random& random) { VaryBytes(input, most, random); }
void Seal(std::string& input) { SealSegment(input); }

}  // namespace fuzz
