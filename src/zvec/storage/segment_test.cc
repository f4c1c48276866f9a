// Rows in memory, and the same rows in a file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/io/recorder.h"
#include "base/io/sim_disk.h"
#include "zvec/storage/cell.h"
#include "zvec/storage/file_header.h"
#include "zvec/storage/mutable_segment.h"
#include "zvec/storage/sealed_segment.h"
#include "zvec/storage/segment_writer.h"

namespace zvec::inline v0 {
namespace {

using cocozvec::OpenMode;
using cocozvec::SimDisk;
using ::testing::HasSubstr;

std::shared_ptr<const CollectionSchema> Schema() {
  CollectionSchema schema;
  schema.name = "s";
  schema.fields = {{"text", DataType::kString, true, 0, {}},
                   {"n", DataType::kInt64, true, 0, {}},
                   {"tags", DataType::kArrayString, false, 0, {}},
                   {"v", DataType::kVectorFp32, false, 5, {}}};
  return std::make_shared<CollectionSchema>(std::move(schema));
}

/// Cells that depend on `n`; every third text and every fourth number is null.
struct Row {
  explicit Row(std::uint32_t n) : id("id" + std::to_string(n)) {
    const auto schema = Schema();
    const std::vector<Value> values = {std::string(n % 50, 't'), std::int64_t{n},
                                       std::vector<std::string>{"tag", std::to_string(n)},
                                       std::vector<float>{1, 2, 3, 4, static_cast<float>(n)}};
    for (std::size_t f = 0; f < 4; ++f) {
      cells.emplace_back();
      EXPECT_TRUE(EncodeCell(schema->fields[f], values[f], cells.back()).ok());
    }
    null[0] = n % 3 == 0;
    null[1] = n % 4 == 0;
  }
  RowCells View() const {
    RowCells row;
    row.id = id;
    for (std::size_t f = 0; f < 4; ++f)
      row.cells.push_back(null[f] ? std::string_view() : std::string_view(cells[f]));
    return row;
  }
  std::string id;
  std::vector<std::string> cells;
  bool null[4] = {};
};

void ExpectRow(const SegmentView& view, std::uint32_t row, std::uint32_t n) {
  const Row expected(n);
  const auto ids = view.Column(kIdColumn, row / kChunkRows).value();
  ASSERT_EQ(ids.Cell(row % kChunkRows), expected.id);
  for (std::size_t f = 0; f < 4; ++f) {
    const auto column = view.Column(f, row / kChunkRows).value();
    ASSERT_EQ(column.IsNull(row % kChunkRows), expected.null[f]) << "row " << row << " field " << f;
    if (!expected.null[f]) {
      ASSERT_EQ(column.Cell(row % kChunkRows), expected.cells[f]) << "row " << row << " field " << f;
    }
  }
}

std::shared_ptr<MutableSegment> Filled(std::uint32_t rows) {
  auto segment = std::make_shared<MutableSegment>(Schema());
  for (std::uint32_t n = 0; n < rows; ++n) {
    const Row row(n);
    EXPECT_EQ(segment->Append(row.View()), n);
    segment->Index(row.id, HashId(row.id), n);
  }
  return segment;
}

TEST(IdTable, GrowsAndKeepsEveryEntry) {
  IdTable table;
  constexpr std::uint32_t kRows = 5000;
  const auto is = [](std::uint32_t wanted) {
    return [wanted](std::uint32_t row) { return row % kRows == wanted; };
  };
  for (std::uint32_t row = 0; row < kRows; ++row)
    EXPECT_FALSE(table.Put(HashId(std::to_string(row)), row, is(row)));
  EXPECT_EQ(table.Put(HashId("77"), kRows + 77, is(77)), 77u);
  for (std::uint32_t row = 0; row < kRows; ++row)
    ASSERT_EQ(table.Find(HashId(std::to_string(row)), is(row)), row == 77 ? kRows + 77 : row);
  EXPECT_FALSE(table.Find(HashId("nobody"), [](std::uint32_t) { return false; }));
}

TEST(MutableSegment, AViewKeepsItsRowsWhileMoreCome) {
  auto segment = Filled(1500);
  const auto view = segment->Publish(nullptr);
  const auto column = view->Column(3, 1).value();
  const void* before = column.fixed;
  for (std::uint32_t n = 1500; n < 5000; ++n) segment->Append(Row(n).View());
  EXPECT_EQ(view->row_count(), 1500u);
  EXPECT_EQ(view->Column(3, 1).value().fixed, before);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(before) % 64, 0u);
  for (std::uint32_t n = 0; n < 1500; ++n) ExpectRow(*view, n, n);
  const auto later = segment->Publish(nullptr);
  for (std::uint32_t n = 0; n < 5000; ++n) ExpectRow(*later, n, n);
}

TEST(MutableSegment, FindsTheLastRowOfAnId) {
  auto segment = Filled(3000);
  const Row again(7);
  const std::uint32_t row = segment->Append(again.View());
  EXPECT_EQ(segment->Index(again.id, HashId(again.id), row), 7u);
  const auto view = segment->Publish(nullptr);
  EXPECT_EQ(view->Find("id7", HashId("id7")).value(), row);
  EXPECT_EQ(view->Find("id2999", HashId("id2999")).value(), 2999u);
  EXPECT_FALSE(view->Find("nobody", HashId("nobody")).value());
}

class SealedTest : public ::testing::TestWithParam<bool> {
 protected:
  Result<std::shared_ptr<const SealedSegment>> Open(const SegmentFile& file) {
    return SealedSegment::Open(disk_, "s", file, 5, Schema(), GetParam());
  }
  /// Every second row of `count`.
  SegmentFile WriteHalf(std::uint32_t count) {
    const auto view = Filled(count)->Publish(nullptr);
    std::vector<RowRef> rows;
    for (std::uint32_t n = 1; n < count; n += 2) rows.push_back({0, n});
    const SegmentView* sources[] = {view.get()};
    return WriteSegment(disk_, "s", 9, 5, sources, rows).value();
  }
  SimDisk disk_;
};

TEST_P(SealedTest, HoldsTheChosenRows) {
  const SegmentFile file = WriteHalf(5000);
  EXPECT_EQ(file.size_bytes, disk_.Stat("s").value().size);
  const auto segment = Open(file).value();
  EXPECT_TRUE(segment->VerifyAll().ok());
  const SealedView view(segment, nullptr);
  ASSERT_EQ(view.row_count(), 2500u);
  for (std::uint32_t row = 0; row < 2500; ++row) {
    const std::uint32_t n = 2 * row + 1;
    ExpectRow(view, row, n);
    const std::string id = "id" + std::to_string(n);
    ASSERT_EQ(view.Find(id, HashId(id)).value(), row);
  }
  EXPECT_FALSE(view.Find("id2", HashId("id2")).value());
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(view.Column(3, 0).value().fixed) % 8, 0u);
}

// So that a file system may hold each piece on a huge page.
TEST(SegmentWriter, WritesWholePiecesOfTwoMebibytes) {
  auto schema = std::make_shared<CollectionSchema>();
  schema->name = "s";
  schema->fields = {{"v", DataType::kVectorFp32, false, 700, {}}};
  auto segment = std::make_shared<MutableSegment>(schema);
  std::vector<RowRef> rows;
  for (std::uint32_t n = 0; n < 3'000; ++n) {
    std::string cell;
    EXPECT_TRUE(EncodeCell(schema->fields[0], std::vector<float>(700, static_cast<float>(n)), cell).ok());
    const std::string id = std::to_string(n);
    RowCells row;
    row.id = id;
    row.cells = {cell};
    segment->Append(row);
    rows.push_back({0, n});
  }
  const auto view = segment->Publish(nullptr);
  const SegmentView* sources[] = {view.get()};
  SimDisk disk;
  cocozvec::Recorder recorder(disk);
  const SegmentFile file = WriteSegment(recorder, "s", 9, 5, sources, rows).value();
  constexpr std::uint64_t kPiece = 2 << 20;
  std::uint64_t whole = 0;
  for (const cocozvec::IoEvent& event : recorder.Take()) {
    if (event.operation != cocozvec::DiskOperation::kWrite) continue;
    EXPECT_LE(event.offset % kPiece + event.size, kPiece);
    whole += event.size == kPiece;
  }
  EXPECT_EQ(whole, file.size_bytes / kPiece);
  const auto sealed = SealedSegment::Open(disk, "s", file, 5, schema, false).value();
  EXPECT_TRUE(sealed->VerifyAll().ok());
}

TEST_P(SealedTest, EveryByteIsGuardedOrPadding) {
  const SegmentFile file = WriteHalf(40);
  const std::string bytes = cocozvec::ReadFile(disk_, "s", 1 << 20).value();
  auto out = disk_.Open("s", OpenMode::kReadWrite).value();
  std::size_t harmless = 0;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    ASSERT_TRUE(out->WriteAt(at, AsBytes(std::string(1, static_cast<char>(bytes[at] ^ 1)))).ok());
    const auto segment = Open(file);
    const Status status = segment.ok() ? (*segment)->VerifyAll() : segment.status();
    if (status.ok()) {
      ++harmless;
      EXPECT_EQ(bytes[at], 0) << "a byte that means something is not guarded: " << at;
    } else {
      EXPECT_EQ(status.code(), StatusCode::kDataLoss);
      EXPECT_THAT(std::string(status.message()), HasSubstr("s: at byte "));
    }
    ASSERT_TRUE(out->WriteAt(at, AsBytes(std::string(1, bytes[at]))).ok());
  }
  EXPECT_LT(harmless, 5 * kVectorAlignment);
}

TEST_P(SealedTest, ANewerManifestsOrAnotherSchemasSegmentIsRefused) {
  SegmentFile file = WriteHalf(40);
  ++file.header_checksum;
  EXPECT_EQ(Open(file).status().code(), StatusCode::kDataLoss);
  --file.header_checksum;
  auto other = std::make_shared<CollectionSchema>(*Schema());
  other->fields[3].dimension = 6;
  EXPECT_EQ(SealedSegment::Open(disk_, "s", file, 5, other, GetParam()).status().code(),
            StatusCode::kDataLoss);
  other->fields.pop_back();
  EXPECT_EQ(SealedSegment::Open(disk_, "s", file, 5, other, GetParam()).status().code(),
            StatusCode::kDataLoss);
}

INSTANTIATE_TEST_SUITE_P(Access, SealedTest, ::testing::Bool(),
                         [](const auto& info) { return info.param ? "Mapped" : "Read"; });

// What a hostile section table may claim, under right checksums.
TEST(SegmentFormat, SizesThatCannotBeAreRefused) {
  const auto schema = Schema();
  SimDisk disk;
  const auto view = Filled(2000)->Publish(nullptr);
  std::vector<RowRef> rows;
  for (std::uint32_t n = 0; n < 2000; ++n) rows.push_back({0, n});
  const SegmentView* sources[] = {view.get()};
  ASSERT_TRUE(WriteSegment(disk, "s", 9, 5, sources, rows).ok());
  const std::string bytes = cocozvec::ReadFile(disk, "s", 1 << 20).value();
  const FileHeader header = DecodeFileHeader(kSegmentMagic, bytes, 9, "s").value();
  const auto good =
      DecodeSections(std::string_view(bytes).substr(header.b), *schema, 2000, header.b, "s").value();
  const auto refused = [&](auto change) {
    for (std::size_t i = 0; i < good.size(); ++i) {
      auto sections = good;
      if (!change(sections[i])) continue;
      EXPECT_EQ(DecodeSections(EncodeSections(sections), *schema, 2000, header.b, "s").status().code(),
                StatusCode::kDataLoss)
          << "section " << i;
    }
  };
  refused([&](Section& s) { return s.offset = header.b + 64, true; });
  refused([](Section& s) { return s.offset = UINT64_MAX - 63, true; });
  refused([](Section& s) { return s.offset = 0, true; });
  refused([](Section& s) { return s.size = UINT64_MAX, true; });
  refused([](Section& s) { return s.size -= 8, true; });
  refused([](Section& s) { return s.offset += 4, true; });
  refused([](Section& s) { return s.block_bytes += 1, true; });
  refused([](Section& s) { return s.checksums.pop_back(), true; });
  refused([](Section& s) { return s.field += 100, true; });
  refused([](Section& s) { return s.kind = static_cast<SectionKind>(99), true; });
  refused([](Section& s) { return !s.block_ends.empty() && (s.block_ends[0] = 8, true); });
  refused([](Section& s) { return !s.block_ends.empty() && (s.block_ends[0] = UINT64_MAX - 7, true); });
  auto twice = good;
  twice.push_back(good.back());
  EXPECT_FALSE(DecodeSections(EncodeSections(twice), *schema, 2000, header.b, "s").ok());
  for (std::size_t i = 0; i < good.size(); ++i) {
    if (good[i].kind == SectionKind::kValid) continue;
    auto missing = good;
    missing.erase(missing.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(DecodeSections(EncodeSections(missing), *schema, 2000, header.b, "s").ok()) << i;
  }
}

TEST(RowFormat, BatchesComeBackAndRefuseEveryCut) {
  const RowLayout layout(*Schema());
  BatchBuilder builder(16);
  std::string encoded;
  for (std::uint32_t n = 0; n < 3; ++n) {
    encoded.clear();
    const Row row(n);
    EncodeRow(layout, row.View(), encoded);
    builder.Put(encoded);
  }
  builder.Delete("gone");
  const std::string record = std::move(builder).Finish();
  const std::string payload = record.substr(16);
  BatchReader reader(layout, payload);
  RowCells cells;
  for (std::uint32_t n = 0; n < 3; ++n) {
    ASSERT_TRUE(reader.NextPut(&cells));
    const Row row(n);
    EXPECT_EQ(cells.id, row.id);
    EXPECT_EQ(cells.cells, row.View().cells);
    EXPECT_EQ(cells.cells[0].data() == nullptr, row.null[0]);
  }
  EXPECT_FALSE(reader.NextPut(&cells));
  std::string_view id;
  ASSERT_TRUE(reader.NextDelete(&id));
  EXPECT_EQ(id, "gone");
  EXPECT_TRUE(reader.ok());
  for (std::size_t length = 0; length < payload.size(); ++length) {
    BatchReader cut(layout, std::string_view(payload).substr(0, length));
    while (cut.NextPut(&cells)) {
    }
    while (cut.NextDelete(&id)) {
    }
    EXPECT_FALSE(cut.ok()) << length;
  }
}

}  // namespace
}  // namespace zvec::inline v0
