// Every row of the type table: which column a field's C++ type becomes, and what is stored for its value.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <deque>
#include <filesystem>
#include <list>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <variant>

#include "cocoindex/cocoindex.h"
#include "cocoindex/connectors/zvec.h"

namespace coco = cocoindex;
namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::VectorSchema;
using testing::AllOf;
using testing::HasSubstr;
using zc::DataType;
using namespace std::chrono;

namespace {

struct Stored {
  zc::Column column;
  ::zvec::Value value;
  std::string text() const {
    const auto* v = std::get_if<std::string>(&value);
    return v != nullptr ? *v : "no text";
  }
  template <class T>
  T as() const {
    return std::get<T>(value);
  }
  bool is_null() const { return std::holds_alternative<std::monostate>(value); }
};

/// The column of a field of type T, and what is stored for `field`.
template <class T>
Stored Store(T field, zc::ColumnOverrides overrides = {}) {
  struct Row {
    std::string id;
    T field;
  };
  const auto schema = zc::CollectionSchema<Row>::from_class(
      {.primary_key = {"id"}, .column_overrides = std::move(overrides)});
  std::string id;
  const auto encoded = schema.encode(Row{"row 1", std::move(field)}, "docs", &id);
  const ::zvec::Doc doc = zc::decode_row(*schema.core(), id, encoded->bytes());
  const auto* value = doc.Find("field");
  return {schema.columns().at(1), value != nullptr ? *value : ::zvec::Value{}};
}

template <class T>
std::string ErrorOf(T field, zc::ColumnOverrides overrides = {}) {
  try {
    Store(std::move(field), std::move(overrides));
  } catch (const coco::RowError& e) {
    return std::string("row: ") + e.what();
  } catch (const coco::SchemaError& e) {
    return std::string("schema: ") + e.what();
  }
  return "no error";
}

coco::Bytes BytesOf(std::string_view s) {
  const auto* p = reinterpret_cast<const std::byte*>(s.data());
  return {p, p + s.size()};
}

// Covers: R41
TEST(TypeTable, BoolIsBool) {
  const auto v = Store(true);
  EXPECT_EQ(v.column.type, DataType::BOOL);
  EXPECT_EQ(v.as<bool>(), true);
}

template <class T>
void ExpectInteger() {
  for (const T edge : {std::numeric_limits<T>::min(), T{7}}) {
    const auto v = Store(edge);
    EXPECT_EQ(v.column.type, DataType::INT64);
    EXPECT_EQ(v.template as<std::int64_t>(), static_cast<std::int64_t>(edge));
  }
}

// Covers: R42
TEST(TypeTable, IntegersAreInt64) {
  ExpectInteger<signed char>();
  ExpectInteger<unsigned char>();
  ExpectInteger<short>();
  ExpectInteger<unsigned short>();
  ExpectInteger<int>();
  ExpectInteger<unsigned>();
  ExpectInteger<long>();
  ExpectInteger<unsigned long>();
  ExpectInteger<long long>();
  ExpectInteger<unsigned long long>();
  EXPECT_EQ(Store(std::numeric_limits<std::int64_t>::max()).as<std::int64_t>(), INT64_MAX);
  EXPECT_THAT(ErrorOf(std::uint64_t{1} << 63), AllOf(HasSubstr("9223372036854775808"), HasSubstr("INT64")));
  EXPECT_EQ(Store(Annotated<std::uint64_t, zc::ZvecType{DataType::UINT64}>(UINT64_MAX)).as<std::uint64_t>(),
            UINT64_MAX);
}

// Covers: R43
TEST(TypeTable, FloatsAreDoubleAndKeepNanAndInfinity) {
  EXPECT_EQ(Store(0.1).column.type, DataType::DOUBLE);
  EXPECT_EQ(Store(0.1).as<double>(), 0.1);
  EXPECT_EQ(Store(0.1f).as<double>(), static_cast<double>(0.1f));
  EXPECT_EQ(Store(0.5L).as<double>(), 0.5);
  EXPECT_EQ(Store(coco::half(0.5f)).as<double>(), 0.5);
  EXPECT_TRUE(std::isnan(Store(std::nan("")).as<double>()));
  EXPECT_EQ(Store(-std::numeric_limits<double>::infinity()).as<double>(),
            -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::signbit(Store(-0.0).as<double>()));
}

// Covers: R44
TEST(TypeTable, TextIsString) {
  struct Name {
    operator std::string_view() const { return "converted"; }  // NOLINT: that is the point
  };
  EXPECT_EQ(Store(std::string("é")).column.type, DataType::STRING);
  EXPECT_EQ(Store(std::string("é")).text(), "é");
  EXPECT_EQ(Store(std::string_view("view")).text(), "view");
  EXPECT_EQ(Store(static_cast<const char*>("c")).text(), "c");
  EXPECT_EQ(Store(Name{}).text(), "converted");
  EXPECT_EQ(Store(std::string("a\0b", 3)).text(), std::string("a\0b", 3));
  EXPECT_THAT(ErrorOf(std::string("\xed\xa0\x80")),
              AllOf(HasSubstr("UTF-8"), HasSubstr("'field'"), HasSubstr("row 1")));
}

// Covers: R45
TEST(TypeTable, BytesAreBase64) {
  EXPECT_EQ(Store(BytesOf("hello")).column.type, DataType::STRING);
  EXPECT_EQ(Store(BytesOf("hello")).text(), "aGVsbG8=");
  EXPECT_EQ(Store(BytesOf("")).text(), "");
  const auto bytes = BytesOf("\xfb\xff\xfe");
  EXPECT_EQ(Store(std::span<const std::byte>(bytes)).text(), "+//+");
  EXPECT_EQ(Store(std::array<std::byte, 1>{std::byte{0x61}}).text(), "YQ==");
}

// Covers: R46, R47
TEST(TypeTable, UuidsAndDecimalsAreText) {
  coco::Uuid uuid;
  uuid.bytes = {0x12, 0x34};
  EXPECT_EQ(Store(uuid).column.type, DataType::STRING);
  EXPECT_EQ(Store(uuid).text(), "12340000-0000-0000-0000-000000000000");
  EXPECT_EQ(Store(coco::Decimal("3.50")).column.type, DataType::STRING);
  EXPECT_EQ(Store(coco::Decimal("3.50")).text(), "3.50");
  EXPECT_EQ(Store(coco::Decimal("0.0000001")).text(), "1E-7");
}

// Covers: R48
TEST(TypeTable, DatesAndTimesAreIso8601) {
  const auto day = 2020y / January / 2;
  EXPECT_EQ(Store(day).column.type, DataType::STRING);
  EXPECT_EQ(Store(day).text(), "2020-01-02");
  EXPECT_EQ(Store(sys_days(day)).text(), "2020-01-02");
  EXPECT_EQ(Store(local_days(day)).text(), "2020-01-02");
  EXPECT_EQ(Store(coco::TimeOfDay{3h + 6us}).text(), "03:00:00.000006");
  EXPECT_EQ(Store(coco::TimeOfDay{3h, 0us}).text(), "03:00:00+00:00");
  EXPECT_EQ(Store(hh_mm_ss(90s)).text(), "00:01:30");
  EXPECT_EQ(Store(local_days(day) + 3h).text(), "2020-01-02T03:00:00");
  EXPECT_EQ(Store(sys_days(day) + 3h).text(), "2020-01-02T03:00:00+00:00");
  EXPECT_EQ(Store(system_clock::time_point(sys_days(day) + 1999ns)).text(),
            "2020-01-02T00:00:00.000001+00:00");
  EXPECT_EQ(Store(sys_time<nanoseconds>(-1ns)).text(), "1969-12-31T23:59:59.999999+00:00");
  EXPECT_EQ(Store(coco::OffsetDateTime{local_days(day) + 0us, 5h + 45min}).text(),
            "2020-01-02T00:00:00+05:45");
  EXPECT_THAT(ErrorOf(10000y / January / 1),
              AllOf(HasSubstr("row: "), HasSubstr("'docs'"), HasSubstr("row 1"), HasSubstr("'field'"),
                    HasSubstr("10000")));
  EXPECT_THAT(ErrorOf(2023y / February / 29), HasSubstr("2023-2-29 is no date"));
  EXPECT_THAT(ErrorOf(local_days(40000y / January / 1)), HasSubstr("1 .. 9999"));
  EXPECT_THAT(ErrorOf(coco::TimeOfDay{-1us}), HasSubstr("time of day"));
  EXPECT_THAT(ErrorOf(coco::TimeOfDay{0us, 24h}), HasSubstr("offset"));
}

// Covers: R49
TEST(TypeTable, TimeSpansAreTheirSeconds) {
  EXPECT_EQ(Store(1h).column.type, DataType::DOUBLE);
  EXPECT_EQ(Store(1h).as<double>(), 3600.0);
  EXPECT_EQ(Store(1us).as<double>(), 1e-06);
  EXPECT_EQ(Store(1ns).as<double>(), 1e-09);  // not rounded
  EXPECT_EQ(Store(duration<double>(0.5)).as<double>(), 0.5);
  EXPECT_EQ(Store(microseconds::max()).as<double>(), 9223372036854.775);
}

// Covers: R50
TEST(TypeTable, ListsOfTextNumbersAndBoolsAreArrays) {
  using Texts = std::vector<std::string>;
  using Integers = std::vector<std::int64_t>;
  EXPECT_EQ(Store(Texts{"b", "a"}).column.type, DataType::ARRAY_STRING);
  EXPECT_TRUE(Store(Texts{"b"}).column.indexed);
  EXPECT_EQ(Store(Texts{"b", "", "é"}).as<Texts>(), (Texts{"b", "", "é"}));
  EXPECT_EQ(Store(Texts{}).as<Texts>(), Texts{});
  EXPECT_EQ(Store(std::deque<std::string_view>{"x"}).as<Texts>(), Texts{"x"});
  EXPECT_EQ(Store(std::array<const char*, 2>{"x", "y"}).as<Texts>(), (Texts{"x", "y"}));
  EXPECT_EQ(Store(std::set<std::string>{"b", "a"}).as<Texts>(), (Texts{"a", "b"}));
  EXPECT_EQ(Store(std::unordered_set<std::string>{"c", "b", "a"}).as<Texts>(), (Texts{"a", "b", "c"}));
  EXPECT_EQ(Store(Integers{1, -2}).column.type, DataType::ARRAY_INT64);
  EXPECT_EQ(Store(Integers{1, -2}).as<Integers>(), (Integers{1, -2}));
  EXPECT_EQ(Store(std::vector<short>{-3}).as<Integers>(), Integers{-3});
  EXPECT_EQ(Store(std::vector<signed char>{-3}).as<Integers>(), Integers{-3});
  EXPECT_EQ(Store(std::list<std::uint32_t>{4294967295u}).as<Integers>(), Integers{4294967295});
  EXPECT_EQ(Store(std::vector<double>{0.5, -0.0}).column.type, DataType::ARRAY_DOUBLE);
  EXPECT_EQ(Store(std::vector<double>{0.5}).as<std::vector<double>>(), std::vector<double>{0.5});
  EXPECT_EQ(Store(std::vector<long double>{0.5L}).as<std::vector<double>>(), std::vector<double>{0.5});
  EXPECT_EQ(Store(std::vector<bool>{true, false}).column.type, DataType::ARRAY_BOOL);
  EXPECT_EQ(Store(std::vector<bool>{true, false}).as<std::vector<bool>>(), (std::vector<bool>{true, false}));
  EXPECT_EQ(Store(std::array<bool, 1>{true}).as<std::vector<bool>>(), std::vector<bool>{true});
}

// Covers: R50, R56
TEST(TypeTable, ElementsOfArraysAreCheckedAndNamed) {
  EXPECT_THAT(ErrorOf(std::vector<std::uint64_t>{1, std::uint64_t{1} << 63}),
              AllOf(HasSubstr("element 1"), HasSubstr("9223372036854775808"), HasSubstr("INT64")));
  EXPECT_THAT(ErrorOf(std::vector<std::string>{"a", "b", "\xff"}),
              AllOf(HasSubstr("element 2"), HasSubstr("UTF-8")));
  EXPECT_THAT(ErrorOf(std::vector<const char*>{nullptr}), AllOf(HasSubstr("element 0"), HasSubstr("null")));
  const auto narrow = [](DataType t) { return zc::ColumnOverrides{{"field", zc::ZvecType{t}}}; };
  EXPECT_EQ(Store(std::vector<int>{7}, narrow(DataType::ARRAY_INT32)).as<std::vector<std::int32_t>>(),
            std::vector<std::int32_t>{7});
  EXPECT_EQ(Store(std::vector<int>{7}, narrow(DataType::ARRAY_UINT32)).as<std::vector<std::uint32_t>>(),
            std::vector<std::uint32_t>{7});
  EXPECT_EQ(Store(std::vector<int>{7}, narrow(DataType::ARRAY_UINT64)).as<std::vector<std::uint64_t>>(),
            std::vector<std::uint64_t>{7});
  EXPECT_EQ(Store(std::vector<double>{0.5}, narrow(DataType::ARRAY_FLOAT)).as<std::vector<float>>(),
            std::vector<float>{0.5f});
  EXPECT_THAT(ErrorOf(std::vector<int>{7, -1}, narrow(DataType::ARRAY_UINT32)),
              AllOf(HasSubstr("element 1"), HasSubstr("-1"), HasSubstr("UINT32")));
  EXPECT_THAT(ErrorOf(std::vector<double>{1e300}, narrow(DataType::ARRAY_FLOAT)),
              AllOf(HasSubstr("element 0"), HasSubstr("FLOAT")));
  EXPECT_THAT(ErrorOf(std::vector<int>{7}, narrow(DataType::ARRAY_STRING)),
              AllOf(HasSubstr("schema: "), HasSubstr("ARRAY_STRING"), HasSubstr("ARRAY_INT64")));
}

struct Point {
  int x;
  std::string label;
};

// Covers: R51
TEST(TypeTable, EverythingElseThatJsonHoldsIsJson) {
  EXPECT_EQ(Store(Point{1, "q"}).column.type, DataType::STRING);
  EXPECT_EQ(Store(Point{1, "q"}).text(), R"({"x": 1, "label": "q"})");
  EXPECT_EQ(Store(std::vector<std::vector<int>>{{1}, {}}).text(), "[[1], []]");
  EXPECT_EQ(Store(std::vector<std::optional<int>>{1, std::nullopt}).text(), "[1, null]");
  EXPECT_EQ(Store(std::vector<coco::Bytes>{BytesOf("a")}).text(), R"(["b'a'"])");
  EXPECT_EQ(Store(std::map<std::string, int>{{"b", 1}, {"a", 2}}).text(), R"({"a": 2, "b": 1})");
  EXPECT_EQ(Store(std::unordered_map<int, double>{{10, 1}, {9, 2}}).text(), R"({"9": 2.0, "10": 1.0})");
  EXPECT_EQ(Store(std::map<bool, Point>{{true, {1, ""}}}).text(), R"({"true": {"x": 1, "label": ""}})");
  EXPECT_EQ(Store(std::vector<std::pair<std::uint32_t, float>>{{1, 0.5f}}).text(), "[[1, 0.5]]");
  EXPECT_EQ(Store(std::pair{1, true}).text(), "[1, true]");
  EXPECT_EQ(Store(std::tuple{1, "a", 2.0}).text(), R"([1, "a", 2.0])");
  EXPECT_EQ((Store(std::variant<int, std::string>{"s"}).text()), R"("s")");
  EXPECT_EQ(Store(coco::Json::object({{"k", coco::Json::array({1, {}})}})).text(), R"({"k": [1, null]})");
  EXPECT_EQ(Store(nlohmann::ordered_json{{"z", 1}, {"a", 2.0}}).text(), R"({"z": 1, "a": 2.0})");
  EXPECT_EQ(Store(std::vector<system_clock::time_point>{sys_days(2020y / January / 2)}).text(),
            R"(["2020-01-02 00:00:00+00:00"])");
  EXPECT_THAT(ErrorOf(std::map<std::string, std::string>{{"a", "\xff"}}),
              AllOf(HasSubstr("'field'"), HasSubstr("row 1"), HasSubstr("UTF-8")));
  EXPECT_THAT(ErrorOf(std::vector{10000y / January / 1}), AllOf(HasSubstr("'field'"), HasSubstr("10000")));
}

// Covers: R52, R58
TEST(TypeTable, FloatsAndHalvesAreVectors) {
  using F = std::vector<float>;
  using H = std::vector<::zvec::Half>;
  EXPECT_EQ(Store(Annotated<F, VectorSchema{2}>(F{1, 2})).column.type, DataType::VECTOR_FP32);
  EXPECT_EQ(Store(Annotated<F, VectorSchema{2}>(F{1, 2})).as<F>(), (F{1, 2}));
  EXPECT_EQ(Store(std::array<float, 2>{1, 2}).as<F>(), (F{1, 2}));
  EXPECT_EQ(Store(std::array<coco::half, 1>{coco::half(0.1f)}).as<H>(), H{{0x2e66}});
  using Halves = Annotated<std::vector<coco::half>, VectorSchema{1}>;
  EXPECT_EQ(Store(Halves(std::vector{coco::half(0.1f)})).column.type, DataType::VECTOR_FP16);
  // An explicit element type wins over that of the field.
  EXPECT_EQ(Store(Annotated<F, VectorSchema{1, coco::DType::float16}>(F{0.1f})).as<H>(), H{{0x2e66}});
  EXPECT_EQ(Store(Annotated<std::vector<coco::half>, VectorSchema{1, coco::DType::float32}>(
                      std::vector{coco::half(0.5f)}))
                .as<F>(),
            F{0.5f});
  EXPECT_EQ((Store(Annotated<std::vector<double>, VectorSchema{1, coco::DType::float32}>(std::vector{0.1}))
                 .as<F>()),
            F{0.1f});
  EXPECT_EQ(
      (Store(Annotated<std::vector<long double>, VectorSchema{1, coco::DType::float32}>(std::vector{0.5L}))
           .as<F>()),
      F{0.5f});
  EXPECT_EQ((Store(Annotated<std::deque<float>, VectorSchema{2}>(std::deque<float>{1, 2})).as<F>()),
            (F{1, 2}));
}

// Covers: R71, R72
TEST(TypeTable, VectorsWithoutSizeOrOfDoublesAreSchemaErrors) {
  EXPECT_THAT(ErrorOf(std::vector<float>{1}),
              AllOf(HasSubstr("schema: "), HasSubstr("'field'"), HasSubstr("vector schema")));
  EXPECT_THAT(ErrorOf(std::vector<coco::half>{}), HasSubstr("vector schema"));
  EXPECT_THAT(ErrorOf(Annotated<std::vector<double>, VectorSchema{1}>(std::vector{0.1})),
              AllOf(HasSubstr("float32 or float16"), HasSubstr("quantize")));
}

// Covers: R61
TEST(TypeTable, SparseVectorsFromMapsPairsAndTheirOwnType) {
  const ::zvec::SparseVector expected{{2, 7}, {-1, 0.5f}};
  using Map = std::map<std::uint32_t, float>;
  using Sparse = Annotated<Map, zc::ZvecVectorDef{.sparse = true}>;
  EXPECT_EQ(Store(Sparse(Map{{7, 0.5f}, {2, -1}})).column.type, DataType::SPARSE_VECTOR_FP32);
  EXPECT_EQ(Store(Sparse(Map{{7, 0.5f}, {2, -1}})).as<::zvec::SparseVector>(), expected);
  EXPECT_EQ(Store(Map{{7, 0.5f}, {2, -1}}, {{"field", zc::ZvecVectorDef{.sparse = true}}})
                .as<::zvec::SparseVector>(),
            expected);
  EXPECT_EQ(Store(coco::SparseVector{{{7, 0.5f}, {2, -1.f}}}).column.kind, zc::ColumnKind::sparse);
  EXPECT_EQ(Store(coco::SparseVector{{{7, 0.5f}, {2, -1.f}}}).as<::zvec::SparseVector>(), expected);
  EXPECT_THAT(ErrorOf(coco::SparseVector{{{7, 0.5f}, {7, -1.f}}}), HasSubstr("7 is given twice"));
  EXPECT_EQ(Store(Map{{7, 0.5f}}).text(), R"({"7": 0.5})");  // not asked for: a map
}

template <class T>
void ExpectNullable(T value) {
  const auto empty = Store(std::optional<T>{});
  EXPECT_TRUE(empty.column.nullable);
  EXPECT_TRUE(empty.is_null());
  const auto plain = Store(value);
  EXPECT_FALSE(plain.column.nullable);
  const auto full = Store(std::optional<T>{value});
  EXPECT_EQ(full.value, plain.value);
  EXPECT_EQ(full.column.type, plain.column.type);
  EXPECT_EQ(Store(std::optional<std::optional<T>>{std::optional<T>{value}}).value, plain.value);
}

// Covers: R39
TEST(TypeTable, EveryRowMayBeOptional) {
  ExpectNullable(true);
  ExpectNullable(7);
  ExpectNullable(0.5);
  ExpectNullable(std::string("x"));
  ExpectNullable(BytesOf("x"));
  ExpectNullable(coco::Uuid{});
  ExpectNullable(coco::Decimal("1.0"));
  ExpectNullable(2020y / January / 2);
  ExpectNullable(coco::TimeOfDay{1h});
  ExpectNullable(local_days(2020y / January / 2) + 1h);
  ExpectNullable(sys_days(2020y / January / 2) + 1h);
  ExpectNullable(coco::OffsetDateTime{});
  ExpectNullable(1h);
  ExpectNullable(std::vector<std::string>{"x"});
  ExpectNullable(std::vector<bool>{true});
  ExpectNullable(Point{1, "x"});
  ExpectNullable(std::map<std::string, int>{{"x", 1}});
  ExpectNullable(coco::Json(1));
  ExpectNullable(std::array<float, 2>{1, 2});
  ExpectNullable(coco::SparseVector{{{1, 2.f}}});
}

// Covers: R36, R40
TEST(TypeTable, AnnotationsCountInsideAndOutsideOfOptional) {
  using Inside = Annotated<std::optional<std::vector<int>>, zc::ZvecType{DataType::ARRAY_INT32, false}>;
  using Outside = std::optional<Annotated<std::vector<int>, zc::ZvecType{DataType::ARRAY_INT32, false}>>;
  for (const zc::Column& column : {Store(Inside{}).column, Store(Outside{}).column}) {
    EXPECT_EQ(column.type, DataType::ARRAY_INT32);
    EXPECT_TRUE(column.nullable);
    EXPECT_FALSE(column.indexed);
  }
  using Nested = Annotated<Annotated<int, zc::ZvecType{DataType::INT32}>, zc::ZvecType{DataType::UINT32}>;
  EXPECT_EQ(Store(Nested{}).column.type, DataType::INT32);  // the first from the left wins
  EXPECT_EQ(Store(Nested{}, {{"field", zc::ZvecType{DataType::INT64}}}).column.type,
            DataType::INT64);  // before all, the override
}

// Covers: R53, R54
TEST(TypeTable, ScalarsHaveAFilterIndexUnlessTheySayOtherwise) {
  EXPECT_TRUE(Store(coco::Decimal()).column.indexed);
  EXPECT_TRUE(Store(Point{1, ""}).column.indexed);
  EXPECT_FALSE(Store(coco::Decimal(), {{"field", zc::ZvecType{DataType::STRING, false}}}).column.indexed);
}

// Covers: R56
TEST(TypeTable, AnotherTypeKeepsTheFieldsOwnEncodingWhereItSuits) {
  EXPECT_EQ(Store(2020y / January / 2, {{"field", zc::ZvecType{DataType::STRING}}}).text(), "2020-01-02");
  EXPECT_EQ(Store(1500ms, {{"field", zc::ZvecType{DataType::FLOAT}}}).as<float>(), 1.5f);
  EXPECT_THAT(ErrorOf(2020y / January / 2, {{"field", zc::ZvecType{DataType::INT64}}}),
              AllOf(HasSubstr("schema: "), HasSubstr("INT64"), HasSubstr("STRING")));
  EXPECT_THAT(ErrorOf(1h, {{"field", zc::ZvecType{DataType::INT64}}}), HasSubstr("DOUBLE"));
}

std::vector<std::string> words(const std::string& text) { return {text, text + "!"}; }
coco::Json boxed(int v) { return coco::Json::array({v}); }

// Covers: R54, R55
TEST(TypeTable, EncodersMayGiveAnyRowOfTheTable) {
  using Words = Annotated<std::string, zc::Encode<&words>{}>;
  EXPECT_EQ(Store(Words(std::string("a"))).as<std::vector<std::string>>(),
            (std::vector<std::string>{"a", "a!"}));
  EXPECT_EQ(Store(Annotated<std::optional<int>, zc::Encode<&boxed>{}>(std::optional<int>(3))).text(), "[3]");
  EXPECT_TRUE(Store(Annotated<std::optional<int>, zc::Encode<&boxed>{}>{}).is_null());
  EXPECT_EQ(Store(7, {{"field", zc::encoder([](int v) { return std::chrono::hours(v); })}}).as<double>(),
            25200.0);
}

// Covers: R74
TEST(TypeTable, FullTextIsForTextOnly) {
  const zc::ColumnOverrides fts{{"field", zc::ZvecFtsType{}}};
  EXPECT_EQ(Store(std::optional<std::string>("x"), fts).column.kind, zc::ColumnKind::fts);
  EXPECT_THAT(ErrorOf(7, fts), AllOf(HasSubstr("ZvecFtsType"), HasSubstr("int"), HasSubstr("'field'")));
  EXPECT_THAT(ErrorOf(coco::Decimal(), fts), AllOf(HasSubstr("ZvecFtsType"), HasSubstr("Decimal")));
  EXPECT_THAT(ErrorOf(Point{1, ""}, fts), AllOf(HasSubstr("ZvecFtsType"), HasSubstr("Point")));
}

template <class K>
std::string IdOf(K key) {
  struct Row {
    K key;
    std::array<float, 1> v{};
  };
  const auto schema = zc::CollectionSchema<Row>::from_class({.primary_key = {"key"}});
  std::string id;
  schema.encode(Row{std::move(key)}, "docs", &id);
  return id;
}

// Covers: R28, R29
TEST(DocumentId, IsPythonsStrOfTheKey) {
  EXPECT_EQ(IdOf(42), "42");
  EXPECT_EQ(IdOf(std::uint64_t{UINT64_MAX}), "18446744073709551615");
  EXPECT_EQ(IdOf(true), "True");
  EXPECT_EQ(IdOf(false), "False");
  EXPECT_EQ(IdOf(coco::Uuid{}), "00000000-0000-0000-0000-000000000000");
  EXPECT_EQ(IdOf(coco::Decimal("1.50")), "1.50");
  EXPECT_EQ(IdOf(2020y / January / 2), "2020-01-02");
  EXPECT_EQ(IdOf(local_days(2020y / January / 2) + 3h + 4min + 5s), "2020-01-02 03:04:05");
  EXPECT_EQ(IdOf(sys_days(2020y / January / 2) + 3h), "2020-01-02 03:00:00+00:00");
  EXPECT_EQ(IdOf(coco::OffsetDateTime{local_days(2020y / January / 2) + 0us, 1h}),
            "2020-01-02 00:00:00+01:00");
  EXPECT_EQ(IdOf(std::optional<std::string>("x")), "x");
}

// Covers: R69, R84
TEST(DocumentId, OtherTypesAndValuesWithoutTextAreErrors) {
  const auto error_of = [](auto key) -> std::string {
    try {
      return IdOf(key);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
  };
  EXPECT_THAT(error_of(0.5), AllOf(HasSubstr("'key'"), HasSubstr("must be text, an integer")));
  EXPECT_THAT(error_of(1h), HasSubstr("must be text, an integer"));
  EXPECT_THAT(error_of(std::vector<std::string>{"a"}), HasSubstr("must be text, an integer"));
  EXPECT_THAT(error_of(coco::SparseVector{}), HasSubstr("must be scalar"));
  EXPECT_THAT(error_of(std::optional<int>{}),
              AllOf(HasSubstr("'docs'"), HasSubstr("'key'"), HasSubstr("must not be null")));
  EXPECT_THAT(error_of(10000y / January / 1),
              AllOf(HasSubstr("'docs'"), HasSubstr("primary key 'key'"), HasSubstr("10000")));
}

// ---- through the engine into the database and back

inline constexpr coco::ContextKey<zc::ManagedConnection> DB{"types_db"};

struct Everything {
  std::string id;
  bool flag = true;
  std::int64_t big = -5;
  double real = 0.5;
  std::string title = "Alice";
  coco::Bytes bytes = BytesOf("hello");
  coco::Uuid uuid{};
  coco::Decimal price{"3.50"};
  year_month_day day = 2020y / January / 2;
  coco::TimeOfDay time{3h};
  sys_time<microseconds> moment = sys_days(2020y / January / 2) + 1us;
  seconds span = 90s;
  std::vector<std::string> tags{"red", "blue"};
  std::vector<std::int64_t> counts{1, 2};
  std::vector<double> ratios{0.5};
  std::vector<bool> bits{true, false};
  Point point{1, "q"};
  std::map<std::string, int> map{{"a", 1}};
  std::optional<std::vector<std::string>> nothing{};
  Annotated<std::vector<float>, VectorSchema{4}> embedding = std::vector<float>{1, 0, 0, 0};
  coco::SparseVector sparse{{{3, 1.f}}};
};

void index_rows(coco::Ctx& ctx, const std::vector<Everything>& rows) {
  auto target = zc::mount_collection_target(
      ctx, DB, "everything", zc::CollectionSchema<Everything>::from_class({.primary_key = {"id"}}));
  for (const Everything& row : rows) target.declare_row(ctx, row);
}

// Covers: R39, R50, R51, R53
TEST(TypeTable, EveryTypeGoesThroughTheEngineIntoTheDatabaseAndBack) {
  char pattern[] = "/tmp/connector_types_XXXXXX";
  ASSERT_NE(mkdtemp(pattern), nullptr);
  const std::string dir = pattern;
  {
    coco::Environment env({.db_path = dir + "/state"},
                          [&](coco::EnvironmentBuilder& b) { b.provide(DB, zc::connect(dir + "/data")); });
    coco::App app(env, "types", coco::fn<&index_rows>(), std::vector<Everything>{});
    const auto first = app.update_blocking({}, std::vector<Everything>{{.id = "1"}});
    for (const auto& f : first.failures) ADD_FAILURE() << f.message;
    const auto handle = env.context().get(DB).open_existing("everything");
    const auto fetched = handle->Fetch(std::vector<std::string>{"1"}).value();
    ASSERT_EQ(fetched.size(), 1u);
    const ::zvec::Doc& doc = fetched[0];
    EXPECT_EQ(*doc.Get<std::string>("bytes"), "aGVsbG8=");
    EXPECT_EQ(*doc.Get<std::string>("price"), "3.50");
    EXPECT_EQ(*doc.Get<std::string>("moment"), "2020-01-02T00:00:00.000001+00:00");
    EXPECT_EQ(*doc.Get<double>("span"), 90.0);
    EXPECT_EQ(*doc.Get<std::vector<std::string>>("tags"), (std::vector<std::string>{"red", "blue"}));
    EXPECT_EQ(*doc.Get<std::vector<std::int64_t>>("counts"), (std::vector<std::int64_t>{1, 2}));
    EXPECT_EQ(*doc.Get<std::vector<bool>>("bits"), (std::vector<bool>{true, false}));
    EXPECT_EQ(*doc.Get<std::string>("point"), R"({"x": 1, "label": "q"})");
    EXPECT_EQ(doc.Find("nothing"), nullptr);
    const auto second = app.update_blocking({}, std::vector<Everything>{{.id = "1"}});
    EXPECT_EQ(second.stats.target_total().upserted, 0u);  // nothing changed, so nothing was written
    // A list that becomes another and a null that becomes a value are changes.
    const auto third = app.update_blocking(
        {}, std::vector<Everything>{{.id = "1", .tags = {"blue"}, .nothing = std::vector<std::string>{}}});
    EXPECT_EQ(third.stats.target_total().upserted, 1u);
  }
  std::filesystem::remove_all(dir);
}

}  // namespace
