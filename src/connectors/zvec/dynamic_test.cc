// Rows whose columns are known at run time: the same columns, bytes and messages as with a record type.
#include "cocoindex/connectors/zvec/dynamic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <limits>
#include <map>

#include "cocoindex/cocoindex.h"
#include "cocoindex/connectors/zvec.h"
#include "cocoindex/memo.h"
#include "connectors/zvec/handlers.h"

namespace coco = cocoindex;
namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::DynamicRow, coco::DynamicValue, coco::VectorSchema;
using testing::AllOf;
using testing::HasSubstr;
using zc::FieldType;
using namespace std::chrono;

namespace {

using Schema = zc::CollectionSchema<DynamicRow>;

coco::Bytes BytesOf(std::string_view s) {
  const auto* p = reinterpret_cast<const std::byte*>(s.data());
  return {p, p + s.size()};
}

struct Typed {
  std::string id = "1";
  bool flag = true;
  std::int64_t year = -5;
  Annotated<std::uint64_t, zc::ZvecType{zc::DataType::UINT64}> huge = UINT64_MAX;
  double real = 0.5;
  Annotated<std::string, zc::ZvecFtsType{}> title = std::string("Älice");
  coco::Bytes bytes = BytesOf("hello");
  coco::Uuid uuid{};
  coco::Decimal price{"3.50"};
  year_month_day day = 2020y / January / 2;
  coco::TimeOfDay time{3h};
  local_time<microseconds> naive = local_days(2020y / January / 2) + 1us;
  coco::OffsetDateTime aware{local_days(2020y / January / 2) + 1us, 1h};
  microseconds span = 90s;
  std::vector<std::string> tags{"red", "blue"};
  std::vector<std::int64_t> counts{1, 2};
  std::vector<double> ratios{0.5};
  std::vector<bool> bits{true, false};
  coco::Json json = coco::Json::object({{"a", coco::Json::array({1, {}})}});
  std::optional<std::string> nothing{};
  Annotated<std::vector<float>, VectorSchema{4}> embedding = std::vector<float>{1, 0, 0, 0};
  Annotated<std::vector<coco::half>, VectorSchema{2}> half = std::vector<coco::half>(2);
  coco::SparseVector sparse{{{3, 1.f}}};
};

zc::Columns AllColumns() {
  zc::Columns c;
  c.add("id", FieldType::text).add("flag", FieldType::boolean).add("year", FieldType::integer);
  c.add("huge", FieldType::integer, {.notes = zc::ZvecType{zc::DataType::UINT64}})
      .add("real", FieldType::real);
  c.add("title", FieldType::text, {.notes = zc::ZvecFtsType{}}).add("bytes", FieldType::bytes);
  c.add("uuid", FieldType::uuid).add("price", FieldType::decimal).add("day", FieldType::date);
  c.add("time", FieldType::time).add("naive", FieldType::datetime).add("aware", FieldType::datetime);
  c.add("span", FieldType::span).add("tags", FieldType::text_list).add("counts", FieldType::integer_list);
  c.add("ratios", FieldType::real_list).add("bits", FieldType::boolean_list).add("json", FieldType::json);
  c.add("nothing", FieldType::text, {.nullable = true});
  c.add("embedding", FieldType::float32_vector, {.notes = VectorSchema{4}});
  c.add("half", FieldType::float16_vector, {.notes = VectorSchema{2}})
      .add("sparse", FieldType::sparse_vector);
  return c;
}

DynamicRow AllValues() {
  const Typed t;
  DynamicRow row{{"id", "1"}, {"flag", true}, {"year", -5}, {"real", 0.5}, {"title", "Älice"}};
  row.set("huge", UINT64_MAX)
      .set("bytes", t.bytes)
      .set("uuid", t.uuid)
      .set("price", t.price)
      .set("day", t.day);
  row.set("time", t.time).set("naive", t.naive).set("aware", t.aware).set("span", t.span).set("tags", t.tags);
  row.set("counts", t.counts).set("ratios", t.ratios).set("bits", t.bits).set("json", t.json);
  row.set("embedding", std::vector<float>{1, 0, 0, 0})
      .set("half", std::vector<coco::half>(2))
      .set("sparse", t.sparse);
  return row;
}

// Covers: R31, R33, R39
TEST(Dynamic, ColumnsAndBytesAreThoseOfTheRecordType) {
  const auto typed = zc::CollectionSchema<Typed>::from_class({.primary_key = {"id"}});
  const auto dynamic = Schema::from_columns({.primary_key = {"id"}, .columns = AllColumns()});
  EXPECT_EQ(dynamic.columns(), typed.columns());
  EXPECT_EQ(zc::collection_record(*dynamic.core(), coco::ManagedBy::system),
            zc::collection_record(*typed.core(), coco::ManagedBy::system));
  std::string typed_id;
  std::string dynamic_id;
  const auto a = typed.encode(Typed{}, "docs", &typed_id);
  const auto b = dynamic.encode(AllValues(), "docs", &dynamic_id);
  EXPECT_EQ(a->bytes(), b->bytes());
  EXPECT_EQ(a->fingerprint(), b->fingerprint());
  EXPECT_EQ(typed_id, dynamic_id);
}

/// The stored value of one column.
::zvec::Value Stored(FieldType type, DynamicValue value, zc::ColumnOverride notes = {}) {
  const auto schema = Schema::from_columns(
      {.primary_key = {"id"},
       .columns = zc::Columns()
                      .add("id", FieldType::text)
                      .add("field", type, {.nullable = true, .notes = std::move(notes)})});
  std::string id;
  const auto encoded = schema.encode({{"id", "row 1"}, {"field", std::move(value)}}, "docs", &id);
  const ::zvec::Doc doc = zc::decode_row(*schema.core(), id, encoded->bytes());
  return doc.Find("field") != nullptr ? *doc.Find("field") : ::zvec::Value{};
}

std::string ErrorOf(auto&& f) {
  try {
    f();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "no error";
}

// Covers: R31
TEST(Dynamic, MissingFieldsAreNullAndAdditionalOnesIgnored) {
  const auto schema = Schema::from_columns({.primary_key = {"id"},
                                            .columns = zc::Columns()
                                                           .add("id", FieldType::text)
                                                           .add("a", FieldType::integer, {.nullable = true})
                                                           .add("b", FieldType::integer)});
  std::string id;
  const auto fingerprint = [&](const DynamicRow& row) {
    return schema.encode(row, "docs", &id)->fingerprint();
  };
  const auto base = fingerprint({{"id", "1"}, {"b", 2}});
  EXPECT_EQ(fingerprint({{"b", 2}, {"a", DynamicValue{}}, {"id", "1"}, {"more", 7}}), base);
  EXPECT_NE(fingerprint({{"id", "1"}, {"b", 2}, {"a", 0}}), base);
  EXPECT_THAT(ErrorOf([&] { fingerprint({{"id", "1"}}); }),
              AllOf(HasSubstr("'docs'"), HasSubstr("\"1\""), HasSubstr("'b'"), HasSubstr("not nullable")));
}

// Covers: R28, R84
TEST(Dynamic, KeysAreChecked) {
  const auto id_of = [](FieldType type, DynamicValue key) {
    const auto schema =
        Schema::from_columns({.primary_key = {"id"}, .columns = zc::Columns().add("id", type)});
    std::string id;
    schema.encode({{"id", std::move(key)}}, "docs", &id);
    return id;
  };
  EXPECT_EQ(id_of(FieldType::integer, UINT64_MAX), "18446744073709551615");
  EXPECT_EQ(id_of(FieldType::boolean, true), "True");
  EXPECT_EQ(id_of(FieldType::datetime, local_days(2020y / January / 2) + 0us), "2020-01-02 00:00:00");
  EXPECT_EQ(id_of(FieldType::decimal, coco::Decimal("1.50")), "1.50");
  EXPECT_THAT(ErrorOf([&] { id_of(FieldType::text, DynamicValue{}); }), HasSubstr("must not be null"));
  EXPECT_THAT(ErrorOf([&] { id_of(FieldType::text, 7); }),
              AllOf(HasSubstr("primary key 'id'"), HasSubstr("got an integer"), HasSubstr("holds text")));
  EXPECT_THAT(ErrorOf([&] { id_of(FieldType::json, 7); }), HasSubstr("must be text, an integer"));
  EXPECT_THAT(ErrorOf([&] { id_of(FieldType::float32_vector, 7); }), HasSubstr("must be scalar"));
}

TEST(Dynamic, ValuesOfAnotherTypeAreRowErrorsThatNameBoth) {
  const std::vector<std::pair<FieldType, DynamicValue>> wrong{
      {FieldType::boolean, 1},
      {FieldType::integer, true},
      {FieldType::integer, 0.5},
      {FieldType::real, coco::Decimal()},
      {FieldType::text, coco::Json("x")},
      {FieldType::bytes, std::string("x")},
      {FieldType::uuid, std::string("x")},
      {FieldType::decimal, 0.5},
      {FieldType::date, local_days(2020y / January / 2) + 0us},
      {FieldType::time, 1us},
      {FieldType::datetime, 2020y / January / 2},
      {FieldType::span, 1.0},
      {FieldType::text_list, std::string("x")},
      {FieldType::integer_list, std::vector<double>{1}},
      {FieldType::real_list, std::vector<float>{1}},
      {FieldType::boolean_list, true}};
  for (const auto& [type, value] : wrong) {
    EXPECT_THAT(ErrorOf([&] { Stored(type, value); }),
                AllOf(HasSubstr("'docs'"), HasSubstr("\"row 1\""), HasSubstr("'field'"), HasSubstr(": got "),
                      HasSubstr("the column holds")))
        << static_cast<int>(type);
  }
  EXPECT_THAT(
      ErrorOf([&] { Stored(FieldType::float32_vector, std::vector<std::int64_t>{1}, VectorSchema{1}); }),
      HasSubstr("vectors of float32"));
  EXPECT_THAT(ErrorOf([&] { Stored(FieldType::float32_vector, std::vector<float>{1}, VectorSchema{2}); }),
              AllOf(HasSubstr("1 elements"), HasSubstr("says 2")));
  EXPECT_THAT(ErrorOf([&] { Stored(FieldType::date, 10000y / January / 1); }), HasSubstr("10000"));
  EXPECT_THAT(ErrorOf([&] { Stored(FieldType::text_list, std::vector<std::string>{"\xff"}); }),
              HasSubstr("element 0"));
  EXPECT_THAT(ErrorOf([&] { Stored(static_cast<FieldType>(99), 1); }), HasSubstr("unknown field type 99"));
}

TEST(Dynamic, NumbersAreWidenedWhereThatLosesNothingOfTheirKind) {
  EXPECT_EQ(std::get<double>(Stored(FieldType::real, 7)), 7.0);
  EXPECT_EQ(std::get<std::vector<double>>(Stored(FieldType::real_list, std::vector<std::int64_t>{1})),
            std::vector<double>{1});
  EXPECT_EQ(std::get<std::vector<float>>(
                Stored(FieldType::float32_vector, std::vector<double>{0.1}, VectorSchema{1})),
            std::vector<float>{0.1f});
  EXPECT_EQ(std::get<std::vector<float>>(Stored(FieldType::real_list, std::vector<double>{0.5},
                                                VectorSchema{1, coco::DType::float32})),
            std::vector<float>{0.5f});
}

TEST(Dynamic, AnyValueMayBeJson) {
  EXPECT_EQ(std::get<std::string>(Stored(FieldType::json, 7)), "7");
  EXPECT_EQ(std::get<std::string>(Stored(FieldType::json, std::vector<bool>{true})), "[true]");
  EXPECT_EQ(std::get<std::string>(Stored(FieldType::json, BytesOf("x"))), "\"b'x'\"");
  EXPECT_EQ(std::get<std::string>(Stored(FieldType::json, coco::SparseVector{{{3, 0.5f}}})), R"({"3": 0.5})");
  EXPECT_EQ(std::get<std::string>(Stored(FieldType::json, coco::Json::parse("[1, null]"))), "[1, null]");
}

// Covers: R35, R36, R54, R55, R90
TEST(Dynamic, OverridesAndEncodersWork) {
  const auto shout = zc::encoder([](const DynamicValue& v) { return std::get<std::string>(v) + "!"; });
  EXPECT_EQ(std::get<std::string>(Stored(FieldType::json, std::string("hey"), shout)), "hey!");
  EXPECT_THAT(ErrorOf([&] { Stored(FieldType::json, 7, shout); }),
              AllOf(HasSubstr("'field'"), HasSubstr("the encoder failed")));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(Stored(FieldType::json, DynamicValue{}, shout)));
  const auto schema =
      Schema::from_columns({.primary_key = {"id"},
                            .columns = AllColumns(),
                            .column_overrides = {{"embedding", VectorSchema{8}},
                                                 {"year", zc::ZvecType{zc::DataType::INT32, false}}}});
  EXPECT_EQ(schema.columns()[2].type, zc::DataType::INT32);
  EXPECT_EQ(schema.columns()[20].dimension, 8u);
}

// Covers: R67, R68, R72, R75
TEST(Dynamic, MistakesInTheColumnsAreSchemaErrors) {
  const auto make = [](zc::Columns columns, zc::ColumnOverrides overrides = {}) {
    Schema::from_columns({.primary_key = {"id"},
                          .columns = std::move(columns),
                          .column_overrides = std::move(overrides),
                          .record_name = "Rows"});
  };
  const zc::Columns good = zc::Columns().add("id", FieldType::text);
  EXPECT_THAT(ErrorOf([&] { make(zc::Columns(good).add("a", FieldType::text).add("a", FieldType::text)); }),
              AllOf(HasSubstr("Rows"), HasSubstr("'a'"), HasSubstr("twice")));
  EXPECT_THAT(ErrorOf([&] { make(zc::Columns().add("x", FieldType::text)); }),
              AllOf(HasSubstr("'id'"), HasSubstr("'x'")));
  EXPECT_THAT(ErrorOf([&] { make(zc::Columns(good).add("v", FieldType::float32_vector)); }),
              AllOf(HasSubstr("'v'"), HasSubstr("vector schema")));
  EXPECT_THAT(ErrorOf([&] { make(good, {{"nope", VectorSchema{4}}}); }), HasSubstr("'nope'"));
  EXPECT_THAT(ErrorOf([&] { make(good, {{"id", zc::encoder([](int v) { return v; })}}); }),
              HasSubstr("no encoder"));
}

TEST(Dynamic, MemoKeysFollowTheValuesAndNotTheOrder) {
  const auto key = [](const DynamicRow& row) { return coco::memo_key_of("f", row); };
  const DynamicRow row = AllValues();
  DynamicRow other;
  for (auto it = row.fields().rbegin(); it != row.fields().rend(); ++it) other.set(it->name, it->value);
  EXPECT_EQ(key(other), key(row));
  EXPECT_EQ(other, row);
  EXPECT_NE(key(other.set("year", 1)), key(row));
  EXPECT_NE(key(DynamicRow{{"a", 1}}), key(DynamicRow{{"a", 1.0}}));
  EXPECT_NE(key(DynamicRow{{"a", 1}}), key(DynamicRow{{"a", true}}));
  EXPECT_EQ(coco::load_value<DynamicRow>(coco::store_value(row)), row);
}

// ---- through engine and database

inline constexpr coco::ContextKey<zc::ManagedConnection> DB{"dynamic_db"};
int g_ran = 0;

void one_row(coco::Ctx& ctx, const DynamicRow& row, const zc::CollectionTarget<DynamicRow>& target) {
  ++g_ran;
  target.declare_row(ctx, row);
}

void index_rows(coco::Ctx& ctx, const std::vector<DynamicRow>& rows) {
  auto target = zc::mount_collection_target(
      ctx, DB, "dynamic", Schema::from_columns({.primary_key = {"id"}, .columns = AllColumns()}));
  for (const DynamicRow& row : rows) {
    ctx.mount(coco::subpath("row", std::get<std::string>(*row.find("id"))),
              coco::fn<&one_row>({.memo = true, .version = 1}), row, target);
  }
}

// As docs/types.md shows it; that it compiles is the test.
[[maybe_unused]] void index_page(coco::Ctx& ctx) {
  auto schema = zc::CollectionSchema<coco::DynamicRow>::from_columns(
      {.primary_key = {"id"},
       .columns = zc::Columns()
                      .add("id", zc::FieldType::text)
                      .add("year", zc::FieldType::integer, {.nullable = true})
                      .add("embedding", zc::FieldType::float32_vector, {.notes = coco::VectorSchema{4}})});
  auto target = zc::mount_collection_target(ctx, DB, "docs", schema);
  target.declare_row(ctx, {{"id", "1"}, {"year", 2020}, {"embedding", std::vector<float>(4)}});
}

// Covers: R31
TEST(Dynamic, RowsAreDeclaredMemoisedAndUpdatedAsTypedOnes) {
  char pattern[] = "/tmp/connector_dynamic_XXXXXX";
  ASSERT_NE(mkdtemp(pattern), nullptr);
  const std::string dir = pattern;
  {
    coco::Environment env({.db_path = dir + "/state", .threads = 1},
                          [&](coco::EnvironmentBuilder& b) { b.provide(DB, zc::connect(dir + "/data")); });
    coco::App app(env, "dynamic", coco::fn<&index_rows>(), std::vector<DynamicRow>{});
    const auto run = [&](std::vector<DynamicRow> rows) {
      g_ran = 0;
      const auto result = app.update_blocking({}, std::move(rows));
      for (const auto& f : result.failures) ADD_FAILURE() << f.message;
      return result.stats.target_total();
    };
    DynamicRow a = AllValues();
    DynamicRow b = AllValues();
    b.set("id", "2").set("nothing", "something");
    EXPECT_GE(run({a, b}).upserted, 2u);
    EXPECT_EQ(run({a, b}).upserted, 0u);
    EXPECT_EQ(g_ran, 0);  // the memo of an equal row holds
    EXPECT_EQ(run({a, b.set("year", 2021)}).upserted, 1u);
    EXPECT_EQ(g_ran, 1);
    const auto docs =
        env.context().get(DB).open_existing("dynamic")->Fetch(std::vector<std::string>{"1", "2"}).value();
    ASSERT_EQ(docs.size(), 2u);
    EXPECT_EQ(*docs[1].Get<std::int64_t>("year"), 2021);
    EXPECT_EQ(*docs[1].Get<std::string>("nothing"), "something");
    EXPECT_EQ(docs[0].Find("nothing"), nullptr);
    EXPECT_EQ(run({a}).deleted, 1u);
  }
  std::filesystem::remove_all(dir);
}

}  // namespace
