#include "zvec/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace zvec {
namespace {

using testing::HasSubstr;

FieldSchema Scalar(std::string name, DataType type = DataType::kInt32) {
  FieldSchema field;
  field.name = std::move(name);
  field.type = type;
  return field;
}

FieldSchema Vector(std::string name, DataType type = DataType::kVectorFp32, std::uint32_t dimension = 4) {
  FieldSchema field = Scalar(std::move(name), type);
  field.dimension = IsSparseVector(type) ? 0 : dimension;
  return field;
}

CollectionSchema Docs(std::vector<FieldSchema> fields) { return {"docs", std::move(fields)}; }

std::string Problem(const CollectionSchema& schema) {
  const Status status = schema.Validate();
  EXPECT_TRUE(status.ok() || status.code() == StatusCode::kInvalidArgument);
  return std::string(status.message());
}

std::string IndexProblem(FieldSchema field, IndexType type, MetricType metric,
                         QuantizeType quantize = QuantizeType::kUndefined) {
  field.index = IndexParams::Flat(metric);
  field.index->type = type;
  field.index->quantize = quantize;
  return Problem(Docs({std::move(field)}));
}

TEST(SchemaValidate, EveryTypeFitsInOneCollection) {
  using enum DataType;
  std::vector<FieldSchema> fields = {Vector("a", kVectorFp16), Vector("b"), Vector("c", kVectorInt8),
                                     Vector("d", kSparseVectorFp16), Vector("e", kSparseVectorFp32)};
  for (int t = 2; t <= 9; ++t) fields.push_back(Scalar("s" + std::to_string(t), static_cast<DataType>(t)));
  for (int t = 41; t <= 48; ++t) fields.push_back(Scalar("a" + std::to_string(t), static_cast<DataType>(t)));
  EXPECT_EQ(Problem(Docs(fields)), "");
  EXPECT_EQ(Problem(Docs({Scalar("only")})), "");
}

TEST(SchemaValidate, CollectionNameIsAnyTextWithoutControlCharacters) {
  CollectionSchema schema = Docs({Scalar("x")});
  for (const char* good : {"a", "../x y/\xF0\x9F\x98\x80", "docs:1"}) {
    schema.name = good;
    EXPECT_EQ(Problem(schema), "");
  }
  schema.name.clear();
  EXPECT_EQ(Problem(schema), "collection \"\": the name must not be empty");
  schema.name = std::string(257, 'n');
  EXPECT_THAT(Problem(schema), HasSubstr("exceeds 256 bytes (got 257)"));
  schema.name = "a\nb";
  EXPECT_EQ(Problem(schema), "collection \"a\\nb\": the name contains a newline");
  schema.name = "a\xC2\x85";
  EXPECT_THAT(Problem(schema), HasSubstr("contains a control character"));
  schema.name = "a\xE2\x80\xA8";
  EXPECT_THAT(Problem(schema), HasSubstr("contains a line separator"));
  schema.name = "a\xFF";
  EXPECT_EQ(Problem(schema), "collection \"a\\xff\": the name is not valid UTF-8");
}

TEST(SchemaValidate, FieldNamesFollowTheAlphabet) {
  EXPECT_EQ(
      Problem(Docs({Scalar("9-Az_"), Scalar("select"), Scalar("_zvec_other"), Scalar(std::string(64, 'x'))})),
      "");
  EXPECT_EQ(Problem(Docs({Scalar("a b")})),
            "collection \"docs\": field \"a b\" contains a space; allowed: A-Z a-z 0-9 _ -");
  EXPECT_THAT(Problem(Docs({Scalar("caf\xC3\xA9")})), HasSubstr("contains a non-ASCII character"));
  EXPECT_THAT(Problem(Docs({Scalar("a.b")})), HasSubstr("contains an unsupported character"));
  EXPECT_THAT(Problem(Docs({Scalar("")})), HasSubstr("must not be empty"));
  EXPECT_THAT(Problem(Docs({Scalar(std::string(65, 'x'))})), HasSubstr("exceeds 64 bytes (got 65)"));
  EXPECT_THAT(Problem(Docs({Scalar("_zvec_score")})), HasSubstr("field \"_zvec_score\" is reserved"));
}

TEST(SchemaValidate, DuplicateNamesAreRefusedWithBothPlaces) {
  EXPECT_EQ(Problem(Docs({Scalar("x"), Scalar("y"), Vector("x")})),
            "collection \"docs\": field \"x\" is there twice: as field 0 (INT32) and field 2 (VECTOR_FP32)");
}

TEST(SchemaValidate, CountsAreLimited) {
  EXPECT_EQ(Problem(Docs({})),
            "collection \"docs\" has no fields; at least one scalar or vector field is needed");
  std::vector<FieldSchema> fields;
  for (int i = 0; i < 6; ++i) fields.push_back(Vector("v" + std::to_string(i)));
  EXPECT_EQ(Problem(Docs(fields)), "collection \"docs\" has 6 vector fields, at most 5");
  fields.clear();
  for (int i = 0; i < 1024; ++i) fields.push_back(Scalar("s" + std::to_string(i)));
  EXPECT_EQ(Problem(Docs(fields)), "");
  fields.push_back(Scalar("more"));
  EXPECT_EQ(Problem(Docs(fields)), "collection \"docs\" has 1025 scalar fields, at most 1024");
}

TEST(SchemaValidate, UnknownTypesAreRefused) {
  EXPECT_EQ(Problem(Docs({Scalar("x", DataType::kUndefined)})),
            "collection \"docs\": field \"x\": type is UNDEFINED (0), which no field can have");
  EXPECT_THAT(Problem(Docs({Scalar("x", static_cast<DataType>(24))})), HasSubstr("UNDEFINED (24)"));
}

TEST(SchemaValidate, DenseDimensionsAreOneToTwentyThousand) {
  for (const std::uint32_t good : {1u, 20'000u}) {
    EXPECT_EQ(Problem(Docs({Vector("v", DataType::kVectorFp32, good)})), "");
  }
  EXPECT_EQ(Problem(Docs({Vector("v", DataType::kVectorInt8, 0)})),
            "collection \"docs\": field \"v\": dimension is 0, allowed: 1 to 20000");
  EXPECT_THAT(Problem(Docs({Vector("v", DataType::kVectorFp16, 20'001)})), HasSubstr("dimension is 20001"));
}

TEST(SchemaValidate, ScalarFieldsTakeScalarIndexes) {
  FieldSchema field = Scalar("s", DataType::kString);
  field.index = IndexParams::Fts();
  EXPECT_EQ(Problem(Docs({field})), "");
  field.index = IndexParams::Fts("klingon");
  EXPECT_THAT(Problem(Docs({field})), HasSubstr("tokenizer \"klingon\" is unknown"));
  field.index = IndexParams::Fts("standard", {"lowercase", "upper"});
  EXPECT_THAT(Problem(Docs({field})), HasSubstr("token filter \"upper\" is unknown"));
  field.type = DataType::kArrayString;
  field.index = IndexParams::Fts();
  EXPECT_THAT(Problem(Docs({field})), HasSubstr("index FTS needs type STRING, the field is ARRAY_STRING"));
  field.index = IndexParams::Invert();
  EXPECT_EQ(Problem(Docs({field})), "");
  field.index = IndexParams::Flat();
  EXPECT_THAT(Problem(Docs({field})), HasSubstr("index FLAT does not fit type ARRAY_STRING"));
}

TEST(SchemaValidate, VectorFieldsTakeVectorIndexes) {
  FieldSchema field = Vector("v");
  field.index = IndexParams::Invert();
  EXPECT_THAT(Problem(Docs({field})), HasSubstr("index INVERT does not fit type VECTOR_FP32"));
  field.index = IndexParams::Hnsw(MetricType::kL2);
  field.index->m = 1'001;
  EXPECT_THAT(Problem(Docs({field})), HasSubstr("m is 1001, at most 1000"));
}

TEST(SchemaValidate, MetricsFitTheType) {
  using enum DataType;
  for (const DataType type : {kVectorFp32, kVectorFp16}) {
    for (const MetricType metric : {MetricType::kL2, MetricType::kIp, MetricType::kCosine}) {
      EXPECT_EQ(IndexProblem(Vector("v", type), IndexType::kFlat, metric), "");
    }
  }
  const FieldSchema v = Vector("v");
  EXPECT_THAT(IndexProblem(v, IndexType::kFlat, MetricType::kUndefined),
              HasSubstr("metric is UNDEFINED (0)"));
  EXPECT_THAT(IndexProblem(v, IndexType::kFlat, static_cast<MetricType>(9)), HasSubstr("UNDEFINED (9)"));
  const FieldSchema i = Vector("i", kVectorInt8);
  EXPECT_EQ(IndexProblem(i, IndexType::kFlat, MetricType::kL2), "");
  EXPECT_THAT(IndexProblem(i, IndexType::kFlat, MetricType::kCosine),
              HasSubstr("metric COSINE does not fit"));
  EXPECT_THAT(IndexProblem(i, IndexType::kIvf, MetricType::kIp), HasSubstr("metric IP does not fit"));
  EXPECT_THAT(IndexProblem(i, IndexType::kDiskAnn, MetricType::kL2), HasSubstr("DISKANN does not fit"));
  const FieldSchema s = Vector("s", kSparseVectorFp16);
  EXPECT_EQ(IndexProblem(s, IndexType::kHnsw, MetricType::kIp), "");
  EXPECT_THAT(IndexProblem(s, IndexType::kFlat, MetricType::kL2), HasSubstr("metric L2 does not fit"));
  EXPECT_THAT(IndexProblem(s, IndexType::kIvf, MetricType::kIp), HasSubstr("index IVF does not fit"));
}

TEST(SchemaValidate, QuantizeTypesFitTypeIndexAndMetric) {
  using enum QuantizeType;
  const auto problem = [](QuantizeType q, IndexType index = IndexType::kHnsw,
                          MetricType metric = MetricType::kL2, DataType type = DataType::kVectorFp32,
                          std::uint32_t dimension = 64) {
    return IndexProblem(Vector("v", type, dimension), index, metric, q);
  };
  for (const QuantizeType q : {kFp16, kInt8, kInt4, kUniformUint7, kUniformUint8, kUniformUint4})
    EXPECT_EQ(problem(q), "");
  EXPECT_THAT(problem(static_cast<QuantizeType>(77)), HasSubstr("UNDEFINED (77)"));
  EXPECT_THAT(problem(kInt8, IndexType::kFlat, MetricType::kL2, DataType::kVectorFp16),
              HasSubstr("does not fit type"));
  EXPECT_THAT(problem(kInt4, IndexType::kFlat, MetricType::kL2, DataType::kVectorFp32, 7),
              HasSubstr("INT4 needs an even dimension, the field has 7"));
  EXPECT_THAT(problem(kUniformUint8, IndexType::kFlat), HasSubstr("does not fit index FLAT"));
  EXPECT_THAT(problem(kUniformUint8, IndexType::kHnsw, MetricType::kIp), HasSubstr("does not fit metric IP"));
  EXPECT_THAT(problem(kRabitq), HasSubstr("use HNSW_RABITQ"));
  EXPECT_EQ(problem(kRabitq, IndexType::kFlat), "");
  EXPECT_EQ(problem(kRabitq, IndexType::kHnswRabitq), "");
  EXPECT_THAT(problem(kUndefined, IndexType::kHnswRabitq, MetricType::kL2, DataType::kVectorFp32, 63),
              HasSubstr("takes dimension 64 to 4095, the field has 63"));
  EXPECT_THAT(problem(kInt8, IndexType::kDiskAnn), HasSubstr("does not fit index DISKANN"));
  EXPECT_EQ(problem(kFp16, IndexType::kFlat, MetricType::kIp, DataType::kSparseVectorFp32), "");
  EXPECT_THAT(problem(kInt8, IndexType::kFlat, MetricType::kIp, DataType::kSparseVectorFp32),
              HasSubstr("does not fit"));
}

TEST(SchemaDifference, NamesWhatChanged) {
  CollectionSchema now = Docs({Scalar("a"), Vector("v"), Scalar("new")});
  CollectionSchema before =
      Docs({Scalar("a", DataType::kInt64), Vector("v"), Scalar("old", DataType::kString)});
  before.fields[1].dimension = 8;
  before.fields[1].index = IndexParams::Hnsw(MetricType::kL2);
  EXPECT_EQ(now.Difference(now), "");
  EXPECT_EQ(now.Difference(before),
            "field \"a\" type: INT32, was INT64\n"
            "field \"v\" dimension: 4, was 8\n"
            "field \"v\" index: none, was HNSW\n"
            "field \"new\": added, INT32\n"
            "field \"old\": removed, was STRING");
}

TEST(SchemaDifference, IndexParametersAreComparedOneByOne) {
  CollectionSchema now = Docs({Vector("v")}), before = now;
  now.fields[0].index = IndexParams::Hnsw(MetricType::kCosine);
  before.fields[0].index = IndexParams::Hnsw(MetricType::kL2, QuantizeType::kInt8);
  before.fields[0].index->m = 50;
  EXPECT_EQ(now.Difference(before),
            "field \"v\" metric: COSINE, was L2\nfield \"v\" quantize type: UNDEFINED, was INT8\nfield \"v\" "
            "m: 0, was 50");
}

TEST(SchemaDifference, OrderCounts) {
  EXPECT_EQ(Docs({Scalar("a"), Scalar("b")}).Difference(Docs({Scalar("b"), Scalar("a")})),
            "the order of the fields");
}

TEST(ValidateId, FollowsTheRule) {
  for (const char* good : {" ", "a/b:c", "'\"", "\xE6\x97\xA5"}) EXPECT_TRUE(ValidateId(good).ok());
  EXPECT_TRUE(ValidateId(std::string(1024, 'i')).ok());
  EXPECT_THAT(ValidateId(std::string(1025, 'i')).message(), HasSubstr("exceeds 1024 bytes (got 1025)"));
  EXPECT_EQ(ValidateId("").message(), "document id \"\" must not be empty");
  EXPECT_EQ(ValidateId(std::string_view("a\0b", 3)).message(),
            "document id \"a\\u0000b\" contains a null character");
  EXPECT_EQ(ValidateId("\xED\xA0\x80").message(), "document id \"\\xed\\xa0\\x80\" is not valid UTF-8");
}

TEST(Types, ElementTypeOfEveryArray) {
  for (int t = 41; t <= 48; ++t) {
    const auto array = static_cast<DataType>(t);
    EXPECT_TRUE(IsArray(array));
    EXPECT_EQ("ARRAY_" + std::string(DataTypeName(ElementType(array))), DataTypeName(array));
  }
  EXPECT_EQ(ElementType(DataType::kVectorFp32), DataType::kVectorFp32);
}

}  // namespace
}  // namespace zvec
