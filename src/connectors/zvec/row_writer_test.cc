#include "cocoindex/connectors/zvec/row_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>

#include "cocoindex/connectors/zvec/schema.h"

namespace coco = cocoindex;
namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::VectorSchema;
using testing::AllOf;
using testing::HasSubstr;

namespace {

template <class Row>
zc::CollectionSchema<Row> Make() {
  return zc::CollectionSchema<Row>::from_class({.primary_key = {"id"}});
}

template <class Row>
::zvec::Doc Stored(const Row& row) {
  const auto schema = Make<Row>();
  std::string id;
  const auto encoded = schema.encode(row, "docs", &id);
  return zc::decode_row(*schema.core(), id, encoded->bytes());
}

template <class Row>
coco::Fingerprint FingerprintOf(const Row& row) {
  std::string id;
  return Make<Row>().encode(row, "docs", &id)->fingerprint();
}

template <class Row>
std::string RowErrorOf(const Row& row) {
  try {
    Stored(row);
  } catch (const coco::RowError& e) {
    return e.what();
  }
  return "no error";
}

std::string shout(const std::string& text) {
  if (text.empty()) throw std::runtime_error("nothing to shout");
  return text + "!";
}

struct Row {
  std::string id = "1";
  bool flag = true;
  std::int64_t big = -5;
  Annotated<int, zc::ZvecType{zc::DataType::INT32, false}> small = 7;
  Annotated<std::uint64_t, zc::ZvecType{zc::DataType::UINT64}> huge =
      std::numeric_limits<std::uint64_t>::max();
  double real = 0.5;
  Annotated<double, zc::ZvecType{zc::DataType::FLOAT}> single = 0.25;
  std::string title = "Alice";
  std::optional<std::string> note{};
  Annotated<std::string, zc::Encode<&shout>{}> loud = std::string("hey");
  Annotated<std::vector<float>, VectorSchema{3}> dense = std::vector<float>{1, 2, 3};
  std::array<coco::half, 2> half = {coco::half(0.5f), coco::half(-2.0f)};
  Annotated<std::map<std::uint32_t, float>, zc::ZvecVectorDef{.sparse = true}> sparse =
      std::map<std::uint32_t, float>{{7, 0.5f}, {2, -1}};
  std::optional<Annotated<std::vector<float>, VectorSchema{2}>> maybe{};
};

TEST(RowWriter, EveryColumnArrivesAndNullsAreLeftOut) {
  const ::zvec::Doc doc = Stored(Row{});
  EXPECT_EQ(doc.id, "1");
  EXPECT_EQ(doc.fields.size(), 11u);
  EXPECT_EQ(*doc.Get<bool>("flag"), true);
  EXPECT_EQ(*doc.Get<std::int64_t>("big"), -5);
  EXPECT_EQ(*doc.Get<std::int32_t>("small"), 7);
  EXPECT_EQ(*doc.Get<std::uint64_t>("huge"), std::numeric_limits<std::uint64_t>::max());
  EXPECT_EQ(*doc.Get<double>("real"), 0.5);
  EXPECT_EQ(*doc.Get<float>("single"), 0.25f);
  EXPECT_EQ(*doc.Get<std::string>("title"), "Alice");
  EXPECT_EQ(*doc.Get<std::string>("loud"), "hey!");
  EXPECT_EQ(*doc.Get<std::vector<float>>("dense"), (std::vector<float>{1, 2, 3}));
  EXPECT_EQ(*doc.Get<std::vector<::zvec::Half>>("half"), (std::vector<::zvec::Half>{{0x3800}, {0xc000}}));
  EXPECT_EQ(*doc.Get<::zvec::SparseVector>("sparse"), (::zvec::SparseVector{{2, 7}, {-1, 0.5f}}));
  EXPECT_EQ(doc.Find("note"), nullptr);
  EXPECT_EQ(doc.Find("maybe"), nullptr);
  EXPECT_EQ(doc.Find("id"), nullptr);  // only the id
}

TEST(RowWriter, FingerprintFollowsWhatIsStored) {
  const auto base = FingerprintOf(Row{});
  EXPECT_EQ(FingerprintOf(Row{}), base);
  EXPECT_NE(FingerprintOf(Row{.note = "x"}), base);
  EXPECT_NE(FingerprintOf(Row{.note = ""}), base);  // null and empty differ
  EXPECT_NE(FingerprintOf(Row{.real = -0.0}), FingerprintOf(Row{.real = 0.0}));
  EXPECT_EQ(FingerprintOf(Row{.real = std::nan("1")}), FingerprintOf(Row{.real = -std::nan("2")}));
  Row changed;
  changed.dense[1] = 2.0000002f;
  EXPECT_NE(FingerprintOf(changed), base);
}

TEST(RowWriter, SparseOrderDoesNotShow) {
  struct Tree {
    std::string id;
    Annotated<std::map<std::uint32_t, float>, zc::ZvecVectorDef{.sparse = true}> v;
  };
  struct Hash {
    std::string id;
    Annotated<std::unordered_map<int, double>, zc::ZvecVectorDef{.sparse = true}> v;
  };
  struct Pairs {
    std::string id;
    Annotated<std::vector<std::pair<std::uint32_t, float>>, zc::ZvecVectorDef{.sparse = true}> v;
  };
  const auto tree = FingerprintOf(Tree{"1", std::map<std::uint32_t, float>{{1, 1}, {9, 2}, {5, 0}}});
  EXPECT_EQ(FingerprintOf(Hash{"1", std::unordered_map<int, double>{{9, 2}, {5, 0}, {1, 1}}}), tree);
  EXPECT_EQ(
      FingerprintOf(Pairs{"1", std::vector<std::pair<std::uint32_t, float>>{{9, 2.f}, {1, 1.f}, {5, 0.f}}}),
      tree);
  EXPECT_EQ(Stored(Tree{"1", {}}).Get<::zvec::SparseVector>("v")->indices.size(), 0u);
  EXPECT_THAT(RowErrorOf(Pairs{"1", std::vector<std::pair<std::uint32_t, float>>{{9, 2.f}, {9, 1.f}}}),
              HasSubstr("9 is given twice"));
  EXPECT_THAT(RowErrorOf(Hash{"1", std::unordered_map<int, double>{{-1, 2}}}), HasSubstr("-1 is outside"));
  EXPECT_THAT(RowErrorOf(Hash{"1", std::unordered_map<int, double>{{3, std::nan("")}}}), HasSubstr("NaN"));
  EXPECT_THAT(RowErrorOf(Hash{"1", std::unordered_map<int, double>{{3, 1e39}}}), HasSubstr("not finite"));
  std::vector<std::pair<std::uint32_t, float>> many(16'385);
  for (std::uint32_t i = 0; i < many.size(); ++i) many[i] = {i, 1.f};
  EXPECT_THAT(RowErrorOf(Pairs{"1", many}), AllOf(HasSubstr("16385"), HasSubstr("16384")));
}

TEST(RowErrors, VectorsNameCollectionDocumentColumnAndBothLengths) {
  Row row;
  row.dense = {1, 2};
  EXPECT_THAT(RowErrorOf(row), AllOf(HasSubstr("'docs'"), HasSubstr("\"1\""), HasSubstr("'dense'"),
                                     HasSubstr("2 elements"), HasSubstr("says 3")));
  row.dense = {1, std::nanf(""), 3};
  EXPECT_THAT(RowErrorOf(row), AllOf(HasSubstr("element 1"), HasSubstr("NaN")));
  row.dense = {1, 2, -std::numeric_limits<float>::infinity()};
  EXPECT_THAT(RowErrorOf(row), AllOf(HasSubstr("element 2"), HasSubstr("-infinity")));
  struct Narrow {
    std::string id;
    Annotated<std::vector<float>, VectorSchema{2, coco::DType::float16}> v;
  };
  EXPECT_THAT(RowErrorOf(Narrow{"1", std::vector<float>{0.1f, 65520.f}}),
              AllOf(HasSubstr("element 1"), HasSubstr("65520"), HasSubstr("FP16")));
  EXPECT_EQ(
      (*Stored(Narrow{"1", std::vector<float>{0.1f, 2049.f}}).Get<std::vector<::zvec::Half>>("v"))[0].bits,
      0x2e66);
}

TEST(RowErrors, NumbersOutOfRangeAndBadText) {
  struct Narrow {
    std::string id;
    Annotated<std::int64_t, zc::ZvecType{zc::DataType::INT32}> n = 0;
    Annotated<std::int64_t, zc::ZvecType{zc::DataType::UINT32}> u = 0;
    std::uint64_t big = 0;
    Annotated<double, zc::ZvecType{zc::DataType::FLOAT}> f = 0;
    std::string text{};
    const char* c_text = "";
  };
  EXPECT_THAT(RowErrorOf(Narrow{.id = "1", .n = 2147483648}),
              AllOf(HasSubstr("2147483648"), HasSubstr("INT32")));
  EXPECT_THAT(RowErrorOf(Narrow{.id = "1", .n = -2147483649}), HasSubstr("INT32"));
  EXPECT_THAT(RowErrorOf(Narrow{.id = "1", .u = -1}), AllOf(HasSubstr("-1"), HasSubstr("UINT32")));
  EXPECT_THAT(RowErrorOf(Narrow{.id = "1", .u = 4294967296}), HasSubstr("UINT32"));
  EXPECT_THAT(RowErrorOf(Narrow{.id = "1", .big = 1ull << 63}),
              AllOf(HasSubstr("9223372036854775808"), HasSubstr("INT64")));
  EXPECT_THAT(RowErrorOf(Narrow{.id = "1", .f = 1e300}), HasSubstr("FLOAT"));
  EXPECT_THAT(RowErrorOf(Narrow{.id = "1", .text = "\xff"}), HasSubstr("UTF-8"));
  EXPECT_THAT(RowErrorOf(Narrow{.id = "1", .c_text = nullptr}), HasSubstr("not nullable"));
  EXPECT_EQ(RowErrorOf(Narrow{.id = "1", .n = -2147483648, .u = 4294967295}), "no error");
}

TEST(RowErrors, IdsFollowTheRuleOfTheDatabase) {
  EXPECT_EQ(Stored(Row{.id = "docs/a b.md"}).id, "docs/a b.md");
  EXPECT_EQ(Stored(Row{.id = "中文#7"}).id, "中文#7");
  EXPECT_THAT(RowErrorOf(Row{.id = ""}), AllOf(HasSubstr("'docs'"), HasSubstr("'id'"), HasSubstr("empty")));
  EXPECT_THAT(RowErrorOf(Row{.id = "a\nb"}), HasSubstr("newline"));
  EXPECT_THAT(RowErrorOf(Row{.id = std::string(1025, 'a')}), HasSubstr("1024"));
  EXPECT_THAT(RowErrorOf(Row{.id = "\xc3"}), HasSubstr("UTF-8"));
}

TEST(RowWriter, KeysBecomeTheTextThatPythonGives) {
  struct Int {
    int id;
    std::array<float, 1> v;
  };
  struct Bool {
    bool id;
    std::array<float, 1> v;
  };
  struct Optional {
    std::optional<std::string> id;
    std::array<float, 1> v;
  };
  EXPECT_EQ(Stored(Int{-42, {1}}).id, "-42");
  EXPECT_EQ(Stored(Bool{true, {1}}).id, "True");
  EXPECT_EQ(Stored(Optional{"x", {1}}).id, "x");
  EXPECT_THAT(RowErrorOf(Optional{std::nullopt, {1}}), HasSubstr("must not be null"));
}

TEST(RowErrors, EncoderFailureKeepsItsCause) {
  Row row;
  row.loud = std::string();
  try {
    Stored(row);
    FAIL() << "no error";
  } catch (const coco::RowError& e) {
    EXPECT_THAT(e.what(), AllOf(HasSubstr("'loud'"), HasSubstr("nothing to shout")));
    try {
      std::rethrow_if_nested(e);
      FAIL() << "no cause";
    } catch (const std::runtime_error& cause) {
      EXPECT_STREQ(cause.what(), "nothing to shout");
    }
  }
}

}  // namespace
