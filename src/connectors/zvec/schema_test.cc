#include "cocoindex/connectors/zvec/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <optional>

#include "connectors/zvec/handlers.h"

namespace coco = cocoindex;
namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::DType, coco::VectorSchema;
using testing::HasSubstr;

namespace {

template <class Row>
zc::CollectionSchema<Row> Make(zc::ColumnOverrides overrides = {}, std::vector<std::string> key = {"id"}) {
  return zc::CollectionSchema<Row>::from_class(
      {.primary_key = std::move(key), .column_overrides = std::move(overrides)});
}

template <class Row>
std::string SchemaErrorOf(zc::ColumnOverrides overrides = {}, std::vector<std::string> key = {"id"}) {
  try {
    Make<Row>(std::move(overrides), std::move(key));
  } catch (const coco::SchemaError& e) {
    return e.what();
  }
  return "no error";
}

const zc::Column& Find(const zc::SchemaCore& core, std::string_view name) {
  for (const zc::Column& column : core.columns()) {
    if (column.name == name) return column;
  }
  throw std::out_of_range(std::string(name));
}

struct Money {
  int cents = 0;
};
std::string money_text(const Money& m) { return std::to_string(m.cents) + " ct"; }

struct Everything {
  std::string id;
  bool flag;
  std::int64_t big;
  short small;
  std::uint64_t huge;
  double real;
  float single;
  std::string title;
  std::string_view view;
  const char* c_text;
  std::optional<int> maybe;
  Annotated<std::optional<std::string>, zc::ZvecType{zc::DataType::STRING, false}> inside;
  std::optional<Annotated<std::string, zc::ZvecType{zc::DataType::STRING, false}>> outside;
  Annotated<int, zc::ZvecType{zc::DataType::INT32, false}> count;
  Annotated<Money, zc::Encode<&money_text>{}> price;
  Annotated<std::vector<float>, VectorSchema{384},
            zc::ZvecVectorDef{.metric = zc::Metric::l2, .quantize = zc::Quantize::int8}>
      tuned;
  Annotated<std::vector<coco::half>, VectorSchema{8}> half;
  std::array<float, 16> fixed;
  Annotated<std::vector<double>, VectorSchema{4, DType::float32}> narrowed;
  std::optional<
      Annotated<std::map<std::uint32_t, float>, zc::ZvecVectorDef{.metric = zc::Metric::l2, .sparse = true}>>
      sparse;
  Annotated<std::string, zc::ZvecFtsType{.tokenizer_name = "whitespace", .filters = {}}> body;
};

TEST(Schema, EveryCoveredTypeBecomesItsColumn) {
  const auto schema = Make<Everything>();
  const zc::SchemaCore& core = *schema.core();
  const auto type = [&](std::string_view name) { return Find(core, name).type; };
  EXPECT_EQ(schema.columns().size(), 21u);
  EXPECT_EQ(schema.columns()[1].name, "flag");  // field order
  EXPECT_EQ(type("flag"), zc::DataType::BOOL);
  EXPECT_EQ(type("big"), zc::DataType::INT64);
  EXPECT_EQ(type("small"), zc::DataType::INT64);
  EXPECT_EQ(type("huge"), zc::DataType::INT64);
  EXPECT_EQ(type("real"), zc::DataType::DOUBLE);
  EXPECT_EQ(type("single"), zc::DataType::DOUBLE);
  EXPECT_EQ(type("title"), zc::DataType::STRING);
  EXPECT_EQ(type("view"), zc::DataType::STRING);
  EXPECT_EQ(type("c_text"), zc::DataType::STRING);
  EXPECT_EQ(type("count"), zc::DataType::INT32);
  EXPECT_EQ(type("price"), zc::DataType::STRING);
  EXPECT_TRUE(Find(core, "title").indexed);
  EXPECT_FALSE(Find(core, "count").indexed);
  EXPECT_FALSE(Find(core, "title").nullable);
  EXPECT_TRUE(Find(core, "maybe").nullable);
  EXPECT_TRUE(Find(core, "inside").nullable);
  EXPECT_TRUE(Find(core, "outside").nullable);
  EXPECT_FALSE(Find(core, "inside").indexed);
  EXPECT_FALSE(Find(core, "outside").indexed);
}

TEST(Schema, VectorsTakeShapeTypeAndIndexFromTheirAnnotations) {
  const auto schema = Make<Everything>();
  const zc::SchemaCore& core = *schema.core();
  const zc::Column& tuned = Find(core, "tuned");
  EXPECT_EQ(tuned.kind, zc::ColumnKind::dense);
  EXPECT_EQ(tuned.type, zc::DataType::VECTOR_FP32);
  EXPECT_EQ(tuned.dimension, 384u);
  EXPECT_EQ(tuned.metric, zc::Metric::l2);
  EXPECT_EQ(tuned.quantize, zc::Quantize::int8);
  EXPECT_EQ(Find(core, "half").type, zc::DataType::VECTOR_FP16);
  EXPECT_EQ(Find(core, "fixed").dimension, 16u);
  EXPECT_EQ(Find(core, "fixed").metric, zc::Metric::cosine);
  EXPECT_EQ(Find(core, "narrowed").type, zc::DataType::VECTOR_FP32);
  EXPECT_EQ(Find(core, "sparse").type, zc::DataType::SPARSE_VECTOR_FP32);
  EXPECT_EQ(Find(core, "sparse").metric, zc::Metric::ip);  // whatever was written
  EXPECT_TRUE(Find(core, "sparse").nullable);
  EXPECT_EQ(Find(core, "body").kind, zc::ColumnKind::fts);
  EXPECT_EQ(Find(core, "body").tokenizer_name, "whitespace");
}

struct Doc {
  std::string id;
  std::string title;
  Annotated<std::vector<float>, VectorSchema{4}> embedding;
};

TEST(Schema, DatabaseSchemaLeavesTheKeyOutAndIndexesScalars) {
  const auto wanted = Make<Doc>().core()->database_schema("docs");
  ASSERT_EQ(wanted.fields.size(), 2u);
  EXPECT_EQ(wanted.fields[0].name, "title");
  EXPECT_EQ(wanted.fields[0].index, ::zvec::IndexParams::Invert());
  EXPECT_EQ(wanted.fields[1].index, ::zvec::IndexParams::Hnsw(::zvec::MetricType::kCosine));
  EXPECT_EQ(wanted.fields[1].dimension, 4u);
  EXPECT_TRUE(wanted.Validate().ok()) << wanted.Validate().ToString();
  const auto all = Make<Everything>().core()->database_schema("all");
  EXPECT_TRUE(all.Validate().ok()) << all.Validate().ToString();
}

TEST(Schema, OverridesWinOverAnnotations) {
  const auto core =
      Make<Doc>({{"embedding", {VectorSchema{768}, zc::ZvecVectorDef{.quantize = zc::Quantize::int8}}},
                 {"title", zc::ZvecType{zc::DataType::STRING, false}}})
          .core();
  EXPECT_EQ(Find(*core, "embedding").dimension, 768u);
  EXPECT_EQ(Find(*core, "embedding").quantize, zc::Quantize::int8);
  EXPECT_FALSE(Find(*core, "title").indexed);
}

struct Embedder {
  VectorSchema vector_schema() const { return {.size = 12}; }
};
constexpr Embedder kEmbedder;
struct FromPointer {
  std::string id;
  Annotated<std::vector<float>, &kEmbedder> embedding;
};
struct Plain {
  std::string id;
  Money price;
  std::vector<float> embedding;
};

TEST(Schema, VectorSchemaComesFromAnyProvider) {
  EXPECT_EQ(Find(*Make<FromPointer>().core(), "embedding").dimension, 12u);
  zc::ColumnOverrides overrides{{"embedding", Embedder{}},
                                {"price", zc::encoder([](const Money& m) { return m.cents; })}};
  EXPECT_EQ(Find(*Make<Plain>(overrides).core(), "embedding").dimension, 12u);
  EXPECT_EQ(Find(*Make<Plain>(overrides).core(), "price").type, zc::DataType::INT64);
  zc::ColumnOverrides shared{zc::override<&Plain::embedding>(std::make_shared<Embedder>()),
                             {"price", zc::encoder([](const Money& m) { return m.cents; })}};
  EXPECT_EQ(Find(*Make<Plain>(shared).core(), "embedding").dimension, 12u);
}

inline constexpr coco::ContextKey<Embedder> EMBEDDER{"embedder"};
struct FromKey {
  std::string id;
  Annotated<std::vector<float>, &EMBEDDER> embedding;
};

TEST(Schema, ContextKeyWithoutContextSaysWhatToDo) {
  EXPECT_THAT(SchemaErrorOf<FromKey>(), testing::AllOf(HasSubstr("embedder"), HasSubstr("from_class(ctx")));
}

TEST(SchemaErrors, PrimaryKey) {
  EXPECT_THAT(SchemaErrorOf<Doc>({}, {}), HasSubstr("exactly one primary key"));
  EXPECT_THAT(SchemaErrorOf<Doc>({}, {"id", "title"}),
              testing::AllOf(HasSubstr("exactly one primary key"), HasSubstr("'title'")));
  EXPECT_THAT(SchemaErrorOf<Doc>({}, {"nope"}),
              testing::AllOf(HasSubstr("'nope'"), HasSubstr("'id', 'title', 'embedding'")));
  EXPECT_THAT(SchemaErrorOf<Doc>({}, {"embedding"}), HasSubstr("must be scalar"));
  struct RealKey {
    double id;
    std::array<float, 2> v;
  };
  EXPECT_THAT(SchemaErrorOf<RealKey>(), HasSubstr("must be text, an integer, a bool, a uuid"));
}

TEST(SchemaErrors, VectorsNameColumnAndBothValues) {
  struct NoSize {
    std::string id;
    std::vector<float> embedding;
  };
  EXPECT_THAT(SchemaErrorOf<NoSize>(),
              testing::AllOf(HasSubstr("'embedding'"), HasSubstr("needs a vector schema")));
  EXPECT_THAT(SchemaErrorOf<NoSize>({{"embedding", VectorSchema{0}}}), HasSubstr("at least 1, got 0"));
  EXPECT_THAT(SchemaErrorOf<NoSize>({{"embedding", VectorSchema{20001}}}),
              testing::AllOf(HasSubstr("20001"), HasSubstr("20000")));
  EXPECT_THAT(SchemaErrorOf<NoSize>({{"embedding", VectorSchema{4, DType::float64}}}),
              testing::AllOf(HasSubstr("float32 or float16"), HasSubstr("quantize")));
  struct Doubles {
    std::string id;
    Annotated<std::vector<double>, VectorSchema{4}> embedding;
  };
  EXPECT_THAT(SchemaErrorOf<Doubles>(), HasSubstr("float32 or float16"));
  EXPECT_THAT(SchemaErrorOf<NoSize>(
                  {{"embedding",
                    {VectorSchema{4, DType::float16}, zc::ZvecVectorDef{.quantize = zc::Quantize::int8}}}}),
              testing::AllOf(HasSubstr("float16"), HasSubstr("int8")));
  struct Fixed {
    std::string id;
    std::array<float, 3> embedding;
  };
  EXPECT_THAT(SchemaErrorOf<Fixed>({{"embedding", VectorSchema{4}}}),
              testing::AllOf(HasSubstr("4"), HasSubstr("3")));
  struct Many {
    std::string id;
    std::array<float, 1> a, b, c, d, e, f;
  };
  EXPECT_THAT(SchemaErrorOf<Many>(), HasSubstr("6 vector fields, at most 5"));
}

TEST(SchemaErrors, OverrideMistakesNameTheColumn) {
  EXPECT_THAT(SchemaErrorOf<Doc>({{"nope", VectorSchema{4}}}),
              testing::AllOf(HasSubstr("'nope'"), HasSubstr("'embedding'")));
  EXPECT_THAT(SchemaErrorOf<Doc>({{"title", zc::ZvecVectorDef{}}}),
              testing::AllOf(HasSubstr("'title'"), HasSubstr("ZvecVectorDef")));
  EXPECT_THAT(SchemaErrorOf<Doc>({{"title", zc::ZvecVectorDef{.sparse = true}}}), HasSubstr("needs a map"));
  EXPECT_THAT(SchemaErrorOf<Doc>({{"title", VectorSchema{4}}}), HasSubstr("no list"));
  EXPECT_THAT(SchemaErrorOf<Doc>({{"embedding", zc::ZvecFtsType{}}}), HasSubstr("ZvecFtsType"));
  EXPECT_THAT(SchemaErrorOf<Doc>({{"title", zc::ZvecType{zc::DataType::INT64}}}),
              testing::AllOf(HasSubstr("INT64"), HasSubstr("STRING")));
  EXPECT_THAT(SchemaErrorOf<Doc>({{"title", {zc::ZvecFtsType{}, zc::ZvecType{zc::DataType::STRING}}}}),
              HasSubstr("ZvecFtsType"));
  EXPECT_THAT(SchemaErrorOf<Doc>({{"title", zc::encoder([](const Money& m) { return m.cents; })}}),
              testing::AllOf(HasSubstr("Money"), HasSubstr("std::string")));
  EXPECT_THAT(SchemaErrorOf<Doc>({{"embedding", zc::ZvecVectorDef{.metric = static_cast<zc::Metric>(7)}}}),
              HasSubstr("unknown metric 7"));
  EXPECT_THAT(
      SchemaErrorOf<Doc>({{"embedding", zc::ZvecVectorDef{.quantize = static_cast<zc::Quantize>(9)}}}),
      HasSubstr("unknown quantize 9"));
}

std::string CollectionErrorOf(const zc::SchemaCore& core, std::string_view name) {
  try {
    core.check_collection(name);
  } catch (const coco::SchemaError& e) {
    return e.what();
  }
  return "no error";
}

TEST(SchemaErrors, CollectionNames) {
  const auto core = Make<Doc>().core();
  EXPECT_EQ(CollectionErrorOf(*core, "docs"), "no error");
  EXPECT_EQ(CollectionErrorOf(*core, "_d0"), "no error");
  EXPECT_THAT(CollectionErrorOf(*core, "do"),
              testing::AllOf(HasSubstr("'do'"), HasSubstr("at least 3 characters")));
  EXPECT_THAT(CollectionErrorOf(*core, std::string(65, 'a')),
              testing::AllOf(HasSubstr("64"), HasSubstr("65")));
  for (const char* bad : {"1docs", "do cs", "docs\n", "../docs", "dö cs"}) {
    EXPECT_THAT(CollectionErrorOf(*core, bad), HasSubstr("letters, digits and underscores")) << bad;
  }
}

TEST(SchemaErrors, FieldNamesAndMissingVectors) {
  struct NoVector {
    std::string id;
    std::string title;
  };
  EXPECT_THAT(CollectionErrorOf(*Make<NoVector>().core(), "docs"), HasSubstr("at least one vector field"));
  struct Foreign {
    std::string id;
    int größe;
    std::array<float, 2> v;
  };
  EXPECT_THAT(CollectionErrorOf(*Make<Foreign>().core(), "docs"), HasSubstr("größe"));
  struct Reserved {
    std::string id;
    int _zvec_uid_;
    std::array<float, 2> v;
  };
  EXPECT_THAT(CollectionErrorOf(*Make<Reserved>().core(), "docs"), HasSubstr("reserved"));
}

// Guards: an edit that changes nothing about the stored columns rebuilt the collection.
TEST(Record, HarmlessEditsLeaveItAsItIs) {
  struct Reordered {
    Annotated<std::vector<float>, VectorSchema{4}> embedding;
    std::string id;
    std::string title;
  };
  const std::string record = zc::collection_record(*Make<Doc>().core(), coco::ManagedBy::system);
  EXPECT_EQ(zc::collection_record(*Make<Reordered>().core(), coco::ManagedBy::system), record);
  EXPECT_FALSE(zc::is_user_managed(record));
  EXPECT_TRUE(zc::is_user_managed(zc::collection_record(*Make<Doc>().core(), coco::ManagedBy::user)));
  EXPECT_NE(
      zc::collection_record(*Make<Doc>({{"embedding", VectorSchema{5}}}).core(), coco::ManagedBy::system),
      record);
}

}  // namespace
