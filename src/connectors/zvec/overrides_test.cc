// Annotations and overrides, alone and combined; what the tracked record says (connector.md 1.5
// to 1.7, 2.2, 4.4).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <optional>

#include "cocoindex/cocoindex.h"
#include "connectors/zvec/handlers.h"
#include "connectors/zvec/sync_fixture.h"

namespace coco = cocoindex;
namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::DType, coco::VectorSchema;
using cocoindex::connectors::zvec::testing_only::SyncTest;
using testing::AllOf;
using testing::HasSubstr;

// Not without a name: clang refuses to look into an optional of a class without linkage.
namespace overrides_test {
struct Money {
  int cents = 0;
};
}  // namespace overrides_test

namespace {

using overrides_test::Money;

template <class Row>
std::shared_ptr<const zc::SchemaCore> Make(zc::ColumnOverrides overrides = {},
                                           std::vector<std::string> key = {"id"}) {
  return zc::CollectionSchema<Row>::from_class(
             {.primary_key = std::move(key), .column_overrides = std::move(overrides)})
      .core();
}

template <class Row>
std::string ErrorOf(zc::ColumnOverrides overrides = {}, std::vector<std::string> key = {"id"}) {
  try {
    Make<Row>(std::move(overrides), std::move(key));
  } catch (const coco::SchemaError& e) {
    return e.what();
  }
  return "no error";
}

const zc::Column& Find(const std::shared_ptr<const zc::SchemaCore>& core, std::string_view name) {
  for (const zc::Column& column : core->columns()) {
    if (column.name == name) return column;
  }
  throw std::out_of_range(std::string(name));
}

struct Base {
  std::string id;
  std::string title;
  std::optional<std::string> note;
  int count;
  Annotated<std::map<std::uint32_t, float>, zc::ZvecVectorDef{.sparse = true}> words;
  Annotated<std::vector<float>, VectorSchema{4}, zc::ZvecVectorDef{.metric = zc::Metric::l2}> embedding;
};

// Covers: R34, R67, R68, R69
TEST(PrimaryKey, IsExactlyOneScalarColumn) {
  EXPECT_THAT(ErrorOf<Base>({}, {}), HasSubstr("exactly one primary key"));
  EXPECT_THAT(ErrorOf<Base>({}, {"id", "title"}),
              AllOf(HasSubstr("exactly one primary key"), HasSubstr("'id', 'title'")));
  EXPECT_THAT(ErrorOf<Base>({}, {"nope"}),
              AllOf(HasSubstr("'nope'"), HasSubstr("'id', 'title', 'note', 'count', 'words', 'embedding'")));
  EXPECT_THAT(ErrorOf<Base>({}, {"embedding"}), HasSubstr("must be scalar"));
  EXPECT_THAT(ErrorOf<Base>({}, {"words"}), HasSubstr("must be scalar"));
  EXPECT_THAT(ErrorOf<Base>({{"id", zc::ZvecFtsType{}}}), HasSubstr("must be scalar"));
}

// Covers: R32, R33, R29, R53
TEST(Schema, ColumnsComeInFieldOrderAndTheDatabaseGetsAllButTheKey) {
  const auto core = Make<Base>();
  std::vector<std::string> names;
  for (const zc::Column& column : core->columns()) names.push_back(column.name);
  EXPECT_EQ(names, (std::vector<std::string>{"id", "title", "note", "count", "words", "embedding"}));
  const auto wanted = core->database_schema("docs");
  EXPECT_EQ(wanted.Find("id"), nullptr);
  for (const char* scalar : {"title", "note", "count"})
    EXPECT_EQ(wanted.Find(scalar)->index, ::zvec::IndexParams::Invert()) << scalar;
  EXPECT_TRUE(wanted.Find("note")->nullable);
  EXPECT_FALSE(wanted.Find("title")->nullable);
}

// Covers: R41, R42, R43, R44, R52, R53
TEST(Schema, ScalarsAndVectorsWithoutAnyAnnotation) {
  struct Row {
    std::string id;
    bool flag;
    std::int64_t big;
    unsigned short small;
    double real;
    float single;
    std::string text;
    std::string_view view;
    std::array<float, 3> v;
    std::array<coco::half, 2> h;
  };
  const auto core = Make<Row>();
  const auto wanted = core->database_schema("docs");
  const std::pair<const char*, ::zvec::DataType> types[] = {
      {"flag", ::zvec::DataType::kBool},     {"big", ::zvec::DataType::kInt64},
      {"small", ::zvec::DataType::kInt64},   {"real", ::zvec::DataType::kDouble},
      {"single", ::zvec::DataType::kDouble}, {"text", ::zvec::DataType::kString},
      {"view", ::zvec::DataType::kString}};
  for (const auto& [name, type] : types) {
    EXPECT_EQ(wanted.Find(name)->type, type) << name;
    EXPECT_EQ(wanted.Find(name)->index, ::zvec::IndexParams::Invert()) << name;
  }
  EXPECT_EQ(wanted.Find("v")->type, ::zvec::DataType::kVectorFp32);
  EXPECT_EQ(wanted.Find("h")->type, ::zvec::DataType::kVectorFp16);
  EXPECT_EQ(wanted.Find("v")->index, ::zvec::IndexParams::Hnsw(::zvec::MetricType::kCosine));
}

// Covers: R36
TEST(Precedence, OfEachKindTheOverrideThenTheFirstAnnotation) {
  struct Twice {
    std::string id;
    Annotated<std::vector<float>, VectorSchema{4}, VectorSchema{5},
              zc::ZvecVectorDef{.metric = zc::Metric::ip}, zc::ZvecVectorDef{.metric = zc::Metric::l2}>
        v;
    Annotated<Annotated<int, zc::ZvecType{zc::DataType::INT32}>, zc::ZvecType{zc::DataType::INT64, false}> n;
  };
  const auto plain = Make<Twice>();
  EXPECT_EQ(Find(plain, "v").dimension, 4u);
  EXPECT_EQ(Find(plain, "v").metric, zc::Metric::ip);
  EXPECT_EQ(Find(plain, "n").type, zc::DataType::INT32);
  // Of another kind the annotations still count.
  const auto resized = Make<Twice>({{"v", VectorSchema{7}}});
  EXPECT_EQ(Find(resized, "v").dimension, 7u);
  EXPECT_EQ(Find(resized, "v").metric, zc::Metric::ip);
  const auto tuned = Make<Twice>({{"v", zc::ZvecVectorDef{.quantize = zc::Quantize::fp16}}});
  EXPECT_EQ(Find(tuned, "v").dimension, 4u);
  EXPECT_EQ(Find(tuned, "v").metric, zc::Metric::cosine);  // the override's own
  EXPECT_EQ(Find(tuned, "v").quantize, zc::Quantize::fp16);
}

struct Embedder {
  std::uint32_t size = 12;
  VectorSchema vector_schema() const { return {.size = size}; }
};
struct Raw {
  std::string id;
  Money price;
  std::vector<float> embedding;
  std::string body;
  int count;
};

std::vector<float> squares(const Money& m) {
  return {static_cast<float>(m.cents), static_cast<float>(m.cents) * static_cast<float>(m.cents)};
}

// Covers: R35, R37, R54, R59, R63
TEST(Overrides, SeveralKindsAtOnceEachForItsColumn) {
  const auto core = Make<Raw>(
      {{"embedding",
        {Embedder{}, zc::ZvecVectorDef{.metric = zc::Metric::ip, .quantize = zc::Quantize::int4}}},
       {"price",
        {zc::encoder([](const Money& m) { return m.cents; }), zc::ZvecType{zc::DataType::UINT32, false}}},
       zc::override<&Raw::body>(zc::ZvecFtsType{.tokenizer_name = "whitespace", .filters = {}}),
       {"count", zc::ZvecType{zc::DataType::INT32}}});
  EXPECT_EQ(Find(core, "embedding").dimension, 12u);
  EXPECT_EQ(Find(core, "embedding").metric, zc::Metric::ip);
  EXPECT_EQ(Find(core, "embedding").quantize, zc::Quantize::int4);
  EXPECT_EQ(Find(core, "price").type, zc::DataType::UINT32);
  EXPECT_FALSE(Find(core, "price").indexed);
  EXPECT_EQ(Find(core, "body").kind, zc::ColumnKind::fts);
  EXPECT_EQ(Find(core, "body").tokenizer_name, "whitespace");
  EXPECT_TRUE(Find(core, "body").filters.empty());
  EXPECT_EQ(Find(core, "count").type, zc::DataType::INT32);
  EXPECT_TRUE(Find(core, "count").indexed);
}

// Covers: R35, R37
TEST(Overrides, AnEncoderMayMakeTheVector) {
  const auto core = Make<Raw>({{"price", {zc::encoder(&squares), VectorSchema{2}, zc::ZvecVectorDef{}}},
                               {"embedding", std::make_shared<Embedder>()}});
  EXPECT_EQ(Find(core, "price").kind, zc::ColumnKind::dense);
  EXPECT_EQ(Find(core, "price").dimension, 2u);
  EXPECT_EQ(Find(core, "embedding").dimension, 12u);
  EXPECT_THAT(ErrorOf<Raw>({{"price", zc::encoder(&squares)}, {"embedding", VectorSchema{1}}}),
              AllOf(HasSubstr("'price'"), HasSubstr("vector schema")));
}

// ---- a context key as an override

inline constexpr coco::ContextKey<Embedder> EMBEDDER{"embedder"};

// Covers: R35
TEST_F(SyncTest, AContextKeyGivesTheSizeInAnOverrideAndInAnAnnotation) {
  Stop();
  coco::Environment env({.db_path = dir_ / "state"},
                        [](coco::EnvironmentBuilder& b) { b.provide(EMBEDDER, {.size = 33}); });
  std::uint32_t size = 0;
  coco::App app(env, "sizes", [&size](coco::Ctx& ctx) {
    const auto schema = zc::CollectionSchema<Raw>::from_class(
        ctx, {.primary_key = {"id"},
              .column_overrides = {{"embedding", {EMBEDDER, zc::ZvecVectorDef{.metric = zc::Metric::l2}}},
                                   {"price", zc::encoder([](const Money& m) { return m.cents; })}}});
    size = Find(schema.core(), "embedding").dimension;
  });
  app.update_blocking();
  EXPECT_EQ(size, 33u);
  env.stop();
}

// Covers: R35, R93
TEST_F(SyncTest, AContextKeyThatIsNotProvidedIsNamed) {
  coco::App app(*env_, "sizes", [](coco::Ctx& ctx) {
    zc::CollectionSchema<Raw>::from_class(
        ctx, {.primary_key = {"id"},
              .column_overrides = {{"embedding", EMBEDDER},
                                   {"price", zc::encoder([](const Money& m) { return m.cents; })}}});
  });
  try {
    app.update_blocking();
    ADD_FAILURE() << "no error";
  } catch (const coco::ContextError& e) {
    EXPECT_THAT(e.what(), HasSubstr("embedder"));
  }
}

// ---- encoders

struct Priced {
  std::string id;
  std::optional<Money> price;
  std::array<float, 1> v;
};

zc::CollectionSchema<Priced> PricedSchema(zc::Encoder encoder) {
  return zc::CollectionSchema<Priced>::from_class(
      {.primary_key = {"id"}, .column_overrides = {{"price", std::move(encoder)}}});
}
template <class Row>
::zvec::Doc Stored(const zc::CollectionSchema<Row>& schema, const Row& row) {
  std::string id;
  const auto encoded = schema.encode(row, "docs", &id);
  return zc::decode_row(*schema.core(), id, encoded->bytes());
}

// Covers: R55
TEST(Encoders, SeeValuesOnlyAndNullPassesThrough) {
  int calls = 0;
  const auto schema = PricedSchema(zc::encoder([&calls](const Money& m) {
    ++calls;
    return std::to_string(m.cents) + " ct";
  }));
  EXPECT_EQ(Stored(schema, Priced{"1", std::nullopt, {1}}).Find("price"), nullptr);
  EXPECT_EQ(calls, 0);
  EXPECT_EQ(*Stored(schema, Priced{"1", Money{5}, {1}}).Get<std::string>("price"), "5 ct");
  EXPECT_EQ(calls, 1);
}

// Covers: R55
TEST(Encoders, AnEmptyResultIsANull) {
  const auto schema = PricedSchema(
      zc::encoder([](const Money& m) { return m.cents > 0 ? std::optional<int>(m.cents) : std::nullopt; }));
  EXPECT_EQ(Stored(schema, Priced{"1", Money{0}, {1}}).Find("price"), nullptr);
  EXPECT_EQ(*Stored(schema, Priced{"1", Money{5}, {1}}).Get<std::int64_t>("price"), 5);
}

// Covers: R90
TEST(Encoders, OneThatThrowsIsNamedWithCollectionIdAndColumnAndItsErrorIsKept) {
  const auto schema = PricedSchema(zc::encoder([](const Money& m) -> int {
    if (m.cents < 0) throw std::out_of_range("negative");
    return m.cents;
  }));
  try {
    Stored(schema, Priced{"seven", Money{-1}, {1}});
    ADD_FAILURE() << "no error";
  } catch (const coco::RowError& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("'docs'"), HasSubstr("\"seven\""), HasSubstr("'price'"),
                                HasSubstr("negative")));
    EXPECT_THROW(std::rethrow_if_nested(e), std::out_of_range);
  }
}

// Covers: R54, R56
TEST(ZvecType, ChangesTypeOrIndexAndIntegersAreRangeChecked) {
  struct Row {
    std::string id;
    Annotated<int, zc::ZvecType{zc::DataType::INT32, false}> small;
    Annotated<std::int64_t, zc::ZvecType{zc::DataType::UINT32}> positive;
    Annotated<double, zc::ZvecType{.data_type = zc::DataType::FLOAT, .indexed = false}> real;
    Annotated<std::string, zc::ZvecType{zc::DataType::STRING, false}> text;
    std::array<float, 1> v;
  };
  const auto schema = zc::CollectionSchema<Row>::from_class({.primary_key = {"id"}});
  const auto wanted = schema.core()->database_schema("docs");
  EXPECT_EQ(wanted.Find("small")->type, ::zvec::DataType::kInt32);
  EXPECT_FALSE(wanted.Find("small")->index.has_value());
  EXPECT_EQ(wanted.Find("positive")->type, ::zvec::DataType::kUint32);
  EXPECT_EQ(wanted.Find("positive")->index, ::zvec::IndexParams::Invert());
  EXPECT_EQ(wanted.Find("real")->type, ::zvec::DataType::kFloat);
  EXPECT_FALSE(wanted.Find("text")->index.has_value());
  Row row{.id = "1", .small = 3, .positive = 4'294'967'295, .real = 0.5, .text = std::string("x"), .v = {1}};
  EXPECT_EQ(*Stored(schema, row).Get<std::uint32_t>("positive"), 4'294'967'295u);
  row.positive = -1;
  EXPECT_THROW(Stored(schema, row), coco::RowError);
  EXPECT_THAT((ErrorOf<Row>({{"text", zc::ZvecType{zc::DataType::BOOL}}})),
              AllOf(HasSubstr("'text'"), HasSubstr("BOOL"), HasSubstr("STRING")));
}

// ---- vectors and full text

// Covers: R70, R71, R72, R78
TEST(Vectors, SizeElementTypeAndQuantizationAreChecked) {
  const auto with = [](zc::ColumnOverride o) {
    return ErrorOf<Raw>(
        {{"price", zc::encoder([](const Money& m) { return m.cents; })}, {"embedding", std::move(o)}});
  };
  EXPECT_THAT((ErrorOf<Raw>({{"price", zc::encoder([](const Money& m) { return m.cents; })}})),
              AllOf(HasSubstr("'embedding'"), HasSubstr("VectorSchema{384}"), HasSubstr("override")));
  EXPECT_THAT(with(VectorSchema{0}), HasSubstr("at least 1, got 0"));
  EXPECT_THAT(with(VectorSchema{20'001}), AllOf(HasSubstr("20001"), HasSubstr("20000")));
  EXPECT_EQ(with(VectorSchema{20'000}), "no error");
  EXPECT_THAT(with(VectorSchema{4, DType::float64}),
              AllOf(HasSubstr("float32 or float16"), HasSubstr("quantize")));
  for (const zc::Quantize q : {zc::Quantize::fp16, zc::Quantize::int8, zc::Quantize::int4})
    EXPECT_THAT(with({VectorSchema{4, DType::float16}, zc::ZvecVectorDef{.quantize = q}}),
                HasSubstr("float16"));
}

zc::Column Dense(const std::string& name) {
  return {.name = name, .kind = zc::ColumnKind::dense, .type = zc::DataType::VECTOR_FP32, .dimension = 2};
}

// Covers: R57, R78
TEST(Vectors, FiveVectorsAnd1024ScalarsAreTheMost) {
  const auto error = [](std::size_t vectors, std::size_t scalars) -> std::string {
    std::vector<zc::Column> columns;
    for (std::size_t i = 0; i < vectors; ++i) columns.push_back(Dense("v" + std::to_string(i)));
    for (std::size_t i = 0; i < scalars; ++i) columns.push_back({.name = "s" + std::to_string(i)});
    try {
      const auto core = zc::SchemaCore::from_columns("id", std::move(columns));
      const auto status = core->database_schema("docs").Validate();
      return status.ok() ? "no error" : "the database: " + status.ToString();
    } catch (const coco::SchemaError& e) {
      return e.what();
    }
  };
  EXPECT_EQ(error(5, 1024), "no error");
  EXPECT_THAT(error(6, 1), AllOf(HasSubstr("6 vector fields"), HasSubstr("5")));
  EXPECT_THAT(error(1, 1025), AllOf(HasSubstr("1025 scalar fields"), HasSubstr("1024")));
}

// Covers: R73, R74, R76, R77, R79
TEST(FullText, GoesWithTextAloneAndMistakesNameTheTypeFound) {
  const auto raw = [](const char* column, zc::ColumnOverride o) {
    return ErrorOf<Base>({{column, std::move(o)}});
  };
  EXPECT_THAT(raw("title", {zc::ZvecFtsType{}, zc::ZvecType{zc::DataType::STRING}}),
              AllOf(HasSubstr("'title'"), HasSubstr("ZvecFtsType"), HasSubstr("ZvecType")));
  EXPECT_THAT(raw("count", zc::ZvecFtsType{}),
              AllOf(HasSubstr("'count'"), HasSubstr("ZvecFtsType"), HasSubstr("int")));
  EXPECT_THAT(raw("embedding", zc::ZvecFtsType{}), AllOf(HasSubstr("ZvecFtsType"), HasSubstr("vector")));
  EXPECT_THAT(raw("title", zc::ZvecVectorDef{}), AllOf(HasSubstr("'title'"), HasSubstr("ZvecVectorDef")));
  EXPECT_THAT(raw("title", zc::ZvecVectorDef{.sparse = true}), HasSubstr("needs a map"));
  EXPECT_THAT(raw("title", VectorSchema{4}), HasSubstr("'title'"));
  EXPECT_THAT(raw("embedding", zc::ZvecVectorDef{.metric = static_cast<zc::Metric>(7)}),
              HasSubstr("unknown metric 7"));
  EXPECT_THAT(raw("embedding", zc::ZvecVectorDef{.quantize = static_cast<zc::Quantize>(9)}),
              HasSubstr("unknown quantize 9"));
}

// Covers: R38, R80, R81, R82, R83
TEST(Names, AreCheckedWhenTheCollectionIsDeclared) {
  const auto error = [](std::string_view collection, std::vector<zc::Column> columns) -> std::string {
    try {
      zc::SchemaCore::from_columns("the key may be anything!", std::move(columns))
          ->check_collection(collection);
    } catch (const coco::SchemaError& e) {
      return e.what();
    }
    return "no error";
  };
  for (const char* good : {"abc", "_d0", "Docs_2"}) EXPECT_EQ(error(good, {Dense("v")}), "no error") << good;
  EXPECT_EQ(error(std::string(64, 'a'), {Dense("v")}), "no error");
  for (const char* bad : {"1docs", "do cs", "docs\n", "../docs", "dö cs", "do-cs"})
    EXPECT_THAT(error(bad, {Dense("v")}), HasSubstr("letters, digits and underscores")) << bad;
  EXPECT_THAT(error("do", {Dense("v")}), AllOf(HasSubstr("'do'"), HasSubstr("at least 3 characters")));
  EXPECT_THAT(error(std::string(65, 'a'), {Dense("v")}), AllOf(HasSubstr("64"), HasSubstr("65")));
  EXPECT_EQ(error("docs", {Dense(std::string(64, 'v'))}), "no error");
  EXPECT_THAT(error("docs", {Dense(std::string(65, 'v'))}), AllOf(HasSubstr("'docs'"), HasSubstr("65")));
  for (const char* reserved : {"_zvec_uid_", "_zvec_g_doc_id_", "_zvec_row_id_"})
    EXPECT_THAT(error("docs", {Dense(reserved)}), AllOf(HasSubstr(reserved), HasSubstr("reserved")));
  for (const char* free : {"_id", "score"}) EXPECT_EQ(error("docs", {Dense(free)}), "no error");
  EXPECT_THAT(error("docs", {{.name = "text"}}), HasSubstr("at least one vector field"));
  // A full-text field is none.
  EXPECT_THAT(error("docs", {{.name = "text", .kind = zc::ColumnKind::fts, .tokenizer_name = "standard"}}),
              HasSubstr("at least one vector field"));
  EXPECT_EQ(
      error("docs",
            {{.name = "words", .kind = zc::ColumnKind::sparse, .type = zc::DataType::SPARSE_VECTOR_FP32}}),
      "no error");
}

// ---- the tracked record

std::string RecordOf(const std::vector<zc::Column>& columns,
                     coco::ManagedBy managed_by = coco::ManagedBy::system) {
  return zc::collection_record(*zc::SchemaCore::from_columns("id", columns), managed_by);
}

// Guards: an edit that changes what is stored replaced nothing, because the record did not say it.
// Covers: R39, R59, R63
TEST(Record, EveryPropertyOfAColumnTells) {
  const zc::Column column{.name = "c",
                          .kind = zc::ColumnKind::fts,
                          .type = zc::DataType::STRING,
                          .nullable = false,
                          .dimension = 3,
                          .metric = zc::Metric::cosine,
                          .quantize = zc::Quantize::none,
                          .indexed = false,
                          .tokenizer_name = "standard",
                          .filters = {"lowercase"},
                          .extra_params = "{}"};
  const std::string record = RecordOf({column});
  const auto changed = [&](auto change) {
    zc::Column other = column;
    change(other);
    return RecordOf({other}) != record;
  };
  EXPECT_TRUE(changed([](zc::Column& c) { c.name = "d"; }));
  EXPECT_TRUE(changed([](zc::Column& c) { c.kind = zc::ColumnKind::scalar; }));
  EXPECT_TRUE(changed([](zc::Column& c) { c.type = zc::DataType::INT64; }));
  EXPECT_TRUE(changed([](zc::Column& c) { c.nullable = true; }));
  EXPECT_TRUE(changed([](zc::Column& c) { c.dimension = 4; }));
  EXPECT_TRUE(changed([](zc::Column& c) { c.metric = zc::Metric::l2; }));
  EXPECT_TRUE(changed([](zc::Column& c) { c.quantize = zc::Quantize::int8; }));
  EXPECT_TRUE(changed([](zc::Column& c) { c.indexed = true; }));
  EXPECT_TRUE(changed([](zc::Column& c) { c.tokenizer_name = "jieba"; }));
  EXPECT_TRUE(changed([](zc::Column& c) { c.filters = {"stemmer"}; }));
  EXPECT_TRUE(changed([](zc::Column& c) { c.filters.push_back("stemmer"); }));
  EXPECT_TRUE(changed([](zc::Column& c) { c.extra_params = "{ }"; }));
  EXPECT_NE(RecordOf({column}, coco::ManagedBy::user), record);
  EXPECT_NE(zc::collection_record(*zc::SchemaCore::from_columns("key", {column}), coco::ManagedBy::system),
            record);
  EXPECT_NE(RecordOf({column, Dense("v")}), record);
  EXPECT_EQ(RecordOf({column, Dense("v")}), RecordOf({Dense("v"), column}));
}

// Covers: R62
TEST(Record, TheMetricOfASparseFieldDoesNotTell) {
  const auto record = [](zc::Metric metric) {
    return zc::collection_record(
        *Make<Base>({{"words", zc::ZvecVectorDef{.metric = metric, .sparse = true}}}),
        coco::ManagedBy::system);
  };
  EXPECT_EQ(record(zc::Metric::l2), record(zc::Metric::cosine));
  EXPECT_EQ(record(zc::Metric::ip), zc::collection_record(*Make<Base>(), coco::ManagedBy::system));
}

// Covers: R75
TEST(Overrides, OneThatNamesNoColumnOrAColumnTwiceIsAnError) {
  EXPECT_THAT(ErrorOf<Base>({{"nope", VectorSchema{4}}}),
              AllOf(HasSubstr("'nope'"), HasSubstr("'embedding'")));
  EXPECT_THAT((ErrorOf<Base>({{"title", zc::ZvecType{zc::DataType::STRING}},
                              {"title", zc::ZvecType{zc::DataType::STRING, false}}})),
              AllOf(HasSubstr("two overrides"), HasSubstr("'title'")));
}

// ---- rows

// Covers: R84, R87, R88
TEST(Rows, LengthsAreCheckedBothWaysAndValuesMustBeFinite) {
  struct Row {
    std::optional<std::string> id;
    Annotated<std::vector<float>, VectorSchema{3}> v;
  };
  const auto schema = zc::CollectionSchema<Row>::from_class({.primary_key = {"id"}});
  const auto error = [&](Row row) -> std::string {
    try {
      Stored(schema, row);
    } catch (const coco::RowError& e) {
      return e.what();
    }
    return "no error";
  };
  EXPECT_EQ(error({"1", std::vector<float>{1, 2, 3}}), "no error");
  for (const std::size_t size : {0u, 2u, 4u})
    EXPECT_THAT(error({"1", std::vector<float>(size)}),
                AllOf(HasSubstr("'docs'"), HasSubstr("\"1\""), HasSubstr("'v'"),
                      HasSubstr(std::to_string(size) + " elements"), HasSubstr("says 3")));
  EXPECT_THAT(error({"1", std::vector<float>{1, std::nanf(""), 3}}),
              AllOf(HasSubstr("element 1"), HasSubstr("NaN")));
  EXPECT_THAT(error({std::nullopt, std::vector<float>{1, 2, 3}}),
              AllOf(HasSubstr("'id'"), HasSubstr("null")));
}

}  // namespace
