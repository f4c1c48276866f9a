#include "zvec/storage/cell.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

namespace zvec {
namespace {

using testing::HasSubstr;
using enum DataType;

FieldSchema F(DataType type, std::uint32_t dimension = 0) {
  FieldSchema field;
  field.name = "x";
  field.type = type;
  field.dimension = dimension;
  return field;
}

std::string Encoded(const FieldSchema& field, const Value& value) {
  std::string cell;
  const Status status = EncodeCell(field, value, cell);
  EXPECT_TRUE(status.ok()) << status.ToString();
  return cell;
}

std::string Problem(const FieldSchema& field, const Value& value) {
  std::string cell = "before";
  const Status status = EncodeCell(field, value, cell);
  EXPECT_EQ(status.code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(cell, "before") << "an error leaves the output alone";
  return std::string(status.message());
}

struct Sample {
  FieldSchema field;
  Value value;
  std::size_t bytes;
};

std::vector<Sample> Samples() {
  const SparseVector sparse{{3, 7, 4'294'967'295u}, {1.5f, 0.0f, -2.0f}};
  return {
      {F(kString), std::string("h\xC3\xA9llo\0!", 8), 8},
      {F(kString), std::string(), 0},
      {F(kBool), true, 1},
      {F(kInt32), std::int32_t{-5}, 4},
      {F(kInt64), std::numeric_limits<std::int64_t>::min(), 8},
      {F(kUint32), std::uint32_t{4'000'000'000u}, 4},
      {F(kUint64), std::numeric_limits<std::uint64_t>::max(), 8},
      {F(kFloat), 0.1f, 4},
      {F(kDouble), 0.1, 8},
      {F(kVectorFp32, 3), std::vector<float>{1, -2, 3}, 12},
      {F(kVectorFp16, 2), std::vector<Half>{ToHalf(1), ToHalf(-2)}, 4},
      {F(kVectorInt8, 3), std::vector<std::int8_t>{-128, 0, 127}, 3},
      {F(kSparseVectorFp32), sparse, 28},
      {F(kSparseVectorFp16), sparse, 22},
      {F(kSparseVectorFp32), SparseVector{}, 4},
      {F(kArrayString), std::vector<std::string>{"", "ab", "c"}, 4 + 16 + 3},
      {F(kArrayString), std::vector<std::string>{}, 8},
      {F(kArrayBool), std::vector<bool>{true, false, true}, 3},
      {F(kArrayInt32), std::vector<std::int32_t>{1, -2}, 8},
      {F(kArrayInt64), std::vector<std::int64_t>{1}, 8},
      {F(kArrayUint32), std::vector<std::uint32_t>{}, 0},
      {F(kArrayUint64), std::vector<std::uint64_t>{1, 2}, 16},
      {F(kArrayFloat), std::vector<float>{1, 2, 3}, 12},
      {F(kArrayDouble), std::vector<double>{1}, 8},
  };
}

TEST(Cell, EveryTypeComesBack) {
  for (const Sample& s : Samples()) {
    const std::string cell = Encoded(s.field, s.value);
    EXPECT_EQ(cell.size(), s.bytes) << DataTypeName(s.field.type);
    EXPECT_TRUE(CellWidth(s.field) == 0 || CellWidth(s.field) == s.bytes) << DataTypeName(s.field.type);
    const Result<Value> back = DecodeCell(s.field, cell);
    ASSERT_TRUE(back.ok()) << back.status().ToString();
    EXPECT_EQ(*back, s.value) << DataTypeName(s.field.type);
  }
}

TEST(Cell, EveryOtherTypeOfValueIsRefused) {
  const std::vector<Sample> samples = Samples();
  for (const Sample& s : samples) {
    for (const Sample& other : samples) {
      if (other.value.index() == s.value.index()) continue;
      if (s.field.type == kVectorFp16 && std::holds_alternative<std::vector<float>>(other.value)) continue;
      std::string out;
      EXPECT_FALSE(EncodeCell(s.field, other.value, out).ok())
          << DataTypeName(s.field.type) << " took " << DataTypeName(other.field.type);
    }
  }
  EXPECT_EQ(Problem(F(kInt64), std::int32_t{1}), "field \"x\": type INT64 expected, INT32 given");
  EXPECT_EQ(Problem(F(kString), std::monostate()), "field \"x\": type STRING expected, null given");
}

// Every prefix of a cell and every cell with a byte more is either refused or read without going past its
// end.
TEST(Cell, CutAndExtendedCellsAreDataLossOrReadable) {
  for (const Sample& s : Samples()) {
    const std::string cell = Encoded(s.field, s.value);
    for (std::size_t size = 0; size <= cell.size() + 1; ++size) {
      const std::string changed = size <= cell.size() ? cell.substr(0, size) : cell + '\1';
      const std::vector<char> exact(changed.begin(), changed.end());  // its own allocation, for the sanitizer
      const Result<Value> value = DecodeCell(s.field, {exact.data(), exact.size()});
      EXPECT_THAT(value.status().code(), testing::AnyOf(StatusCode::kOk, StatusCode::kDataLoss));
      EXPECT_TRUE(CellWidth(s.field) == 0 || value.ok() == (size == cell.size()));
    }
  }
}

TEST(Cell, VectorsHaveTheDimensionOfTheField) {
  EXPECT_EQ(Problem(F(kVectorFp32, 3), std::vector<float>{1, 2}),
            "field \"x\": dimension 3 expected, 2 elements given");
  EXPECT_THAT(Problem(F(kVectorInt8, 1), std::vector<std::int8_t>{1, 2}),
              HasSubstr("dimension 1 expected, 2"));
}

TEST(Cell, VectorsAreFinite) {
  const float inf = std::numeric_limits<float>::infinity(), nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(Problem(F(kVectorFp32, 3), std::vector<float>{1, nan, 3}), HasSubstr("element 1 is nan"));
  EXPECT_THAT(Problem(F(kVectorFp32, 2), std::vector<float>{1, -inf}), HasSubstr("element 1 is -inf"));
  EXPECT_THAT(Problem(F(kVectorFp16, 1), std::vector<float>{70'000}), HasSubstr("element 0 is 70000"));
  EXPECT_THAT(Problem(F(kVectorFp16, 1), std::vector<Half>{Half{0x7C00}}), HasSubstr("element 0 is inf"));
  EXPECT_THAT(Problem(F(kSparseVectorFp32), SparseVector{{1}, {nan}}), HasSubstr("element 0 is nan"));
  EXPECT_EQ(Encoded(F(kVectorFp32, 2), std::vector<float>{3e38f, -3e38f}).size(), 8u);
  EXPECT_EQ(Encoded(F(kFloat), inf).size(), 4u) << "scalars may be infinite";
}

TEST(Cell, FloatsAreRoundedForHalfVectors) {
  const FieldSchema field = F(kVectorFp16, 2);
  const Result<Value> back = DecodeCell(field, Encoded(field, std::vector<float>{0.1f, 2048.6f}));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(std::get<std::vector<Half>>(*back), (std::vector<Half>{ToHalf(0.1f), ToHalf(2048)}));
}

TEST(Cell, SparseVectorsAreSortedAndUnique) {
  const FieldSchema field = F(kSparseVectorFp32);
  const Result<Value> back = DecodeCell(field, Encoded(field, SparseVector{{9, 2, 5}, {9, 2, 5}}));
  ASSERT_TRUE(back.ok());
  EXPECT_EQ(std::get<SparseVector>(*back), (SparseVector{{2, 5, 9}, {2, 5, 9}}));
  EXPECT_THAT(Problem(field, SparseVector{{5, 2, 5}, {1, 2, 3}}),
              HasSubstr("index 5 is given twice, with 1.0"));
  EXPECT_THAT(Problem(field, SparseVector{{1, 2}, {1}}), HasSubstr("2 indices and 1 values"));
  SparseVector large;
  for (std::uint32_t i = 0; i <= kMaxSparseEntries; ++i) large.indices.push_back(i);
  large.values.resize(large.indices.size());
  EXPECT_THAT(Problem(field, large), HasSubstr("16385 sparse entries given, at most 16384"));
}

TEST(Cell, TextIsUtf8) {
  EXPECT_THAT(Problem(F(kString), std::string("a\xFF")), HasSubstr("\"a\\xff\" is not valid UTF-8"));
  EXPECT_THAT(Problem(F(kArrayString), std::vector<std::string>{"a", "\xC0"}), HasSubstr("element 1"));
}

std::string Words(std::initializer_list<std::uint32_t> words, std::string_view tail = {}) {
  std::string cell;
  for (const std::uint32_t w : words) cell.append(reinterpret_cast<const char*>(&w), sizeof(w));
  return cell += tail;
}

TEST(Cell, DamagedStructureIsDataLoss) {
  const auto problem = [](DataType type, const std::string& cell) {
    const Status status = CheckCell(F(type), cell);
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    return std::string(status.message());
  };
  EXPECT_THAT(problem(kSparseVectorFp32, Words({0xFFFFFFFF})), HasSubstr("at most 16384"));
  EXPECT_THAT(problem(kSparseVectorFp32, Words({2, 5, 5, 0, 0})), HasSubstr("index 5 follows 5"));
  EXPECT_THAT(problem(kSparseVectorFp32, Words({2, 5, 6, 0})),
              HasSubstr("16 bytes, 20 expected for 2 entries"));
  EXPECT_THAT(problem(kArrayString, Words({0xFFFFFFFF, 0, 0})), HasSubstr("too few"));
  EXPECT_THAT(problem(kArrayString, Words({1, 1, 1}, "a")), HasSubstr("offset 0 is 1"));
  EXPECT_THAT(problem(kArrayString, Words({2, 0, 2, 1}, "ab")), HasSubstr("offset 2 is 1, after 2"));
  EXPECT_THAT(problem(kArrayString, Words({1, 0, 3}, "ab")), HasSubstr("offsets end at 3, the text at 2"));
  EXPECT_THAT(problem(kArrayInt32, "12345"), HasSubstr("5 bytes are no multiple of 4"));
  EXPECT_THAT(problem(kArrayBool, "\2"), HasSubstr("byte 2 is neither 0 nor 1"));
  EXPECT_THAT(problem(kUndefined, ""), HasSubstr("no cell has this type"));
}

}  // namespace
}  // namespace zvec
