#include "zvec/query/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <limits>

#include "zvec/query/testing/fake_segment.h"

namespace zvec {
namespace {

using ::testing::AllOf;
using testing::FakeSegment;
using ::testing::HasSubstr;

FieldSchema F(std::string name, DataType type, std::uint32_t dimension = 0) {
  FieldSchema field;
  field.name = std::move(name);
  field.type = type;
  field.nullable = true;
  field.dimension = dimension;
  return field;
}

// The rows of section 14 of the language's specification, with more columns. Row 5 is all null.
class FilterTest : public ::testing::Test {
 protected:
  FilterTest() {
    using enum DataType;
    schema_.name = "docs";
    schema_.fields = {F("s", kString),  F("i", kInt32),        F("a", kArrayInt32),    F("b", kBool),
                      F("u", kUint64),  F("l", kInt64),        F("w", kUint32),        F("f", kFloat),
                      F("d", kDouble),  F("as", kArrayString), F("v", kVectorFp32, 2), F("my-field", kInt32),
                      F("not", kInt32), F("colour", kString),  F("af", kArrayFloat),   F("ab", kArrayBool)};
    const auto row = [&](std::string id, std::string s, std::int32_t i, std::vector<std::int32_t> a) {
      Doc doc(std::move(id));
      doc.Set("s", std::move(s))
          .Set("i", i)
          .Set("a", std::move(a))
          .Set("b", i % 2 == 1)
          .Set("not", i)
          .Set("my-field", i);
      doc.Set("u", i == 4 ? UINT64_MAX : std::uint64_t(i)).Set("l", i == 4 ? INT64_MIN : std::int64_t{i});
      doc.Set("w", i == 4 ? UINT32_MAX : std::uint32_t(i)).Set("f", float(i) / 10).Set("d", double(i) / 10);
      doc.Set("v", std::vector<float>{1, 2}).Set("colour", std::string("red"));
      doc.Set("as", std::vector<std::string>{"x", "y" + std::to_string(i)});
      doc.Set("af", std::vector<float>{0.1f}).Set("ab", std::vector<bool>{i == 1});
      docs_.push_back(std::move(doc));
    };
    row("d1", "apple", 1, {1, 2});
    row("d2", "Apple", 2, {});
    row("d3", "ap%le", 3, {2, 3});
    row("d4", "", 4, {9});
    docs_.emplace_back("d5");
  }

  // The numbers of the rows that pass, "1 3"; or the message.
  std::string Rows(std::string_view text) {
    const Result<std::unique_ptr<Filter>> filter = Filter::Parse(text, schema_);
    if (!filter.ok()) {
      EXPECT_EQ(filter.status().code(), StatusCode::kInvalidArgument);
      return std::string(filter.status().message());
    }
    std::string rows[2];
    for (const bool as_file : {false, true}) {
      const FakeSegment segment(schema_, docs_, as_file);
      std::uint64_t mask[kChunkRows / 64] = {(1u << docs_.size()) - 1};
      EXPECT_TRUE((*filter)->Evaluate(segment, 0, mask).ok());
      for (std::size_t r = 0; r < docs_.size(); ++r) {
        if (mask[0] >> r & 1) rows[as_file] += (rows[as_file].empty() ? "" : " ") + std::to_string(r + 1);
      }
    }
    EXPECT_EQ(rows[0], rows[1]);
    return rows[0];
  }

  CollectionSchema schema_;
  std::vector<Doc> docs_;
};

TEST_F(FilterTest, ConformanceTable) {
  const std::pair<const char*, const char*> table[] = {
      {"s LIKE 'ap%'", "1 3"},
      {"s LIKE 'ap\\%%'", "3"},
      {"s LIKE '_pple'", "1 2"},
      {"s > 'B'", "1 3"},
      {"s != 'apple'", "2 3 4"},
      {"s = ''", "4"},
      {"s IS NULL OR i = 1", "1 5"},
      {"i NOT IN (1,2)", "3 4"},
      {"i != 1 OR i != 2", "1 2 3 4"},
      {"i = 4294967297", ""},
      {"a CONTAIN_ANY (2,9)", "1 3 4"},
      {"a CONTAIN_ALL ()", "1 2 3 4"},
      {"a NOT CONTAIN_ANY (1)", "2 3 4"},
      {"array_length(a) = 0", "2"},
      {"array_length(a) > -1", "1 2 3 4"},
      {"i = 1 OR i = 2 AND i = 3", "1"},
      {"NOT i = 1", "2 3 4"},
      {"i BETWEEN 1 AND 3", "1 2 3"},
      {"i == 1", "1"},
      {"i <> 1", "2 3 4"},
      {"s LIKE '%ple'", "1 2"},
      {"s LIKE 'a%e'", "1 3"},
      {"s NOT IN ('apple')", "2 3 4"},
      {"i < 2147483648", "1 2 3 4"},
  };
  for (const auto& [filter, rows] : table) EXPECT_EQ(Rows(filter), rows) << filter;
  EXPECT_THAT(Rows("i LIKE '1%'"), HasSubstr("field \"i\" is INT32: LIKE takes a STRING field"));
}

TEST_F(FilterTest, LiteralsOutsideOfTheTypeCompareAsArithmeticSays) {
  const std::pair<const char*, const char*> table[] = {
      {"w > -1", "1 2 3 4"},
      {"w < -1", ""},
      {"w != -1", "1 2 3 4"},
      {"NOT w = -1", "1 2 3 4"},
      {"w = 4294967295", "4"},
      {"w <= 99999999999999999999999999999999999999999999", "1 2 3 4"},
      {"u = 18446744073709551615", "4"},
      {"u = 18446744073709551616", ""},
      {"u = -1", ""},
      {"u < 18446744073709551616", "1 2 3 4"},
      {"l = -9223372036854775808", "4"},
      {"l < -9223372036854775808", ""},
      {"l <= -9223372036854775809", ""},
      {"l > -9223372036854775809", "1 2 3 4"},
      {"i IN (1, 4294967298, -1)", "1"},
      {"i NOT IN (1, 4294967298)", "2 3 4"},
      {"i BETWEEN -99999999999 AND 2", "1 2"},
      {"i BETWEEN 3 AND 1", ""},
      {"i NOT BETWEEN 3 AND 1", "1 2 3 4"},
      {"i = 1.0", "1"},
      {"i < 1e30", "1 2 3 4"},
      {"a CONTAIN_ANY (99999999999)", ""},
      {"a NOT CONTAIN_ALL (1, 99999999999)", "1 2 3 4"},
  };
  for (const auto& [filter, rows] : table) EXPECT_EQ(Rows(filter), rows) << filter;
}

TEST_F(FilterTest, Floats) {
  docs_[3].Set("f", HUGE_VALF).Set("d", -HUGE_VAL);
  const std::pair<const char*, const char*> table[] = {
      {"f = 0.1", "1"},
      {"d = 0.1", "1"},
      {"f > 0.1", "2 3 4"},
      {"f IN (.1, 2e-1, 7)", "1 2"},
      {"d = 15e-1", ""},
      {"f >= 0.3f", "3 4"},
      {"f = 1e400", "4"},
      {"d = -1E400", "4"},
      {"f < 1e400", "1 2 3"},
      {"f < 1", "1 2 3"},
      {"d BETWEEN 0.1 AND 2d", "1 2 3"},
      {"d > -1e-400", "1 2 3"},
      {"f != 0.1", "2 3 4"},
      {"af CONTAIN_ALL (0.1)", "1 2 3 4"},
  };
  for (const auto& [filter, rows] : table) EXPECT_EQ(Rows(filter), rows) << filter;
  docs_[0].Set("f", std::nanf(""));
  EXPECT_EQ(Rows("f = 0.1 OR f < 1 OR f > 1"), "2 3 4") << "NaN is in no order";
  EXPECT_EQ(Rows("f != 0.2"), "1 3 4");
  EXPECT_EQ(Rows("f NOT IN (0.2, 0.3)"), "1 4");
}

// Guards: open ends are moved to the next number, which the first and the last one do not have.
TEST_F(FilterTest, RangesThatEndAtTheFirstAndLastNumberOfAType) {
  docs_[1].Set("i", INT32_MIN).Set("u", std::uint64_t{0}).Set("w", std::uint32_t{0});
  docs_[2].Set("i", INT32_MAX).Set("f", std::numeric_limits<float>::max());
  docs_[1].Set("f", std::numeric_limits<float>::lowest()).Set("d", 0.0);
  docs_[2].Set("d", std::numeric_limits<double>::denorm_min());
  const std::pair<const char*, const char*> table[] = {
      {"i < -2147483648", ""},
      {"i <= -2147483648", "2"},
      {"i > -2147483648", "1 3 4"},
      {"i > 2147483647", ""},
      {"i >= 2147483647", "3"},
      {"i < 2147483647", "1 2 4"},
      {"NOT i < -2147483648", "1 2 3 4"},
      {"u > 18446744073709551615", ""},
      {"u < 18446744073709551615", "1 2 3"},
      {"u < 0", ""},
      {"u > 0", "1 3 4"},
      {"w < 0", ""},
      {"w > 0", "1 3 4"},
      {"l > -9223372036854775808", "1 2 3"},
      {"f > -3.4028234663852886e38", "1 3 4"},
      {"f < 3.4028234663852886e38", "1 2 4"},
      {"f <= 3.4028234663852886e38", "1 2 3 4"},
      {"d > 0", "1 3 4"},
      {"NOT d > 0", "2"},
      {"d < 4.9406564584124654e-324", "2"},
  };
  for (const auto& [filter, rows] : table) EXPECT_EQ(Rows(filter), rows) << filter;
}

TEST_F(FilterTest, NullIsNeitherTrueNorFalse) {
  const std::pair<const char*, const char*> table[] = {
      {"s != 'x' OR s IS NULL", "1 2 3 4 5"},
      {"NOT (s = 'apple' AND i = 1)", "2 3 4"},
      {"NOT (s = 'apple' OR i = 2)", "3 4"},
      {"NOT s LIKE '%'", ""},
      {"s NOT LIKE 'a%'", "2 4"},
      {"NOT NOT i = 1", "1"},
      {"NOT s IS NULL", "1 2 3 4"},
      {"s IS NOT NULL AND v IS NULL", ""},
      {"v IS NULL", "5"},
      {"a NOT CONTAIN_ALL ()", ""},
      {"a CONTAIN_ANY ()", ""},
      {"a NOT CONTAIN_ANY ()", "1 2 3 4"},
      {"NOT (i = 1 OR id = 'd5')", "2 3 4"},
      {"NOT (i = 1 AND id = 'd1')", "2 3 4 5"},
  };
  for (const auto& [filter, rows] : table) EXPECT_EQ(Rows(filter), rows) << filter;
}

TEST_F(FilterTest, TheIdIsAFieldUnlessAFieldHasItsName) {
  EXPECT_EQ(Rows("id = 'd2'"), "2");
  EXPECT_EQ(Rows("id > 'd3' AND id LIKE 'd_'"), "4 5");
  EXPECT_EQ(Rows("id IS NULL"), "");
  schema_.fields.push_back(F("id", DataType::kInt32));
  docs_[0].Set("id", std::int32_t{7});
  EXPECT_EQ(Rows("id = 7"), "1");
}

TEST_F(FilterTest, TruthValues) {
  const std::pair<const char*, const char*> table[] = {
      {"b = TRUE", "1 3"},
      {"b != tRuE", "2 4"},
      {"b = TRUE OR b = FALSE", "1 2 3 4"},
      {"b IN (FALSE)", "2 4"},
      {"b", "1 3"},
      {"NOT b", "2 4"},
      {"b AND i > 1", "3"},
      {"(b)", "1 3"},
      {"ab CONTAIN_ANY (TRUE)", "1"},
      {"b NOT IN (TRUE, FALSE)", ""},
  };
  for (const auto& [filter, rows] : table) EXPECT_EQ(Rows(filter), rows) << filter;
}

TEST_F(FilterTest, ArraysAndLengths) {
  const std::pair<const char*, const char*> table[] = {
      {"as CONTAIN_ALL ('x', \"y2\")", "2"},
      {"as CONTAIN_ANY ('y1', 'y3', 'z')", "1 3"},
      {"ARRAY_LENGTH(a) >= 2", "1 3"},
      {"array_length(as) IN (2, 3)", "1 2 3 4"},
      {"array_length(a) BETWEEN 1 AND 1", "4"},
      {"NOT array_length(a) = 1", "1 2 3"},
      {"array_length(a) < 99999999999999999999", "1 2 3 4"},
  };
  for (const auto& [filter, rows] : table) EXPECT_EQ(Rows(filter), rows) << filter;
}

TEST_F(FilterTest, Words) {
  docs_[1].Set("s", std::string("it's \"q\" \\ tail\\"));
  const std::pair<const char*, const char*> table[] = {
      {"my-field = 3", "3"},
      {"my-field=3", "3"},
      {"`my-field`=3", "3"},
      {"not = 1", "1"},
      {"NOT not = 1", "2 3 4"},
      {"not not in (1)", "2 3 4"},
      {"not IN (1)", "1"},
      {"i=1 -- comment\n or /* another */ i=007", "1"},
      {"i<=2 AnD i> =2", "2"},
      {"i < = 1", "1"},
      {"i IN (1) || i = 3 && b", "1 3"},
      {"\t\r\n i = -0", ""},
      {"s = 'it''s \"q\" \\\\ tail\\\\'", "2"},
      {"s = \"it's \"\"q\"\" \\ tail\\\\\"", "2"},
      {"s LIKE '%tail\\\\'", "2"},
      {"s LIKE 'it\\'s%'", "2"},
      {"s = '\"q\"'", ""},
      {"i IN(1,1,2)", "1 2"},
  };
  for (const auto& [filter, rows] : table) EXPECT_EQ(Rows(filter), rows) << filter;
}

TEST_F(FilterTest, ABlankFilterMatchesAll) {
  for (const char* blank : {"", "  \t\n", "-- nothing", "/* nothing */ "}) {
    const auto filter = Filter::Parse(blank, schema_);
    ASSERT_TRUE(filter.ok());
    EXPECT_TRUE((*filter)->matches_all());
    EXPECT_EQ(Rows(blank), "1 2 3 4 5");
  }
  EXPECT_FALSE((*Filter::Parse("i = 1", schema_))->matches_all());
}

TEST_F(FilterTest, ErrorsShowThePlaceAndAWayOut) {
  const std::pair<const char*, const char*> table[] = {
      {"color = 'red'",
       "filter, line 1 column 1: unknown field \"color\"; did you mean \"colour\"?\n  color = 'red'\n  ^"},
      {"i = 1 AND\nS = 'x'", "line 2 column 1: unknown field \"S\"; did you mean \"s\""},
      {"i = 'x'", "column 5: field \"i\" is INT32 and takes an integer, found text\n  i = 'x'\n      ^"},
      {"i = 1.5", "takes an integer, found a number"},
      {"s = 1", "field \"s\" is STRING and takes text in quotes, found an integer"},
      {"b = 1", "takes TRUE or FALSE, found an integer"},
      {"f = 'x'", "takes a number, found text"},
      {"i IN (1, 'x')", "column 10"},
      {"i = NULL", "write IS NULL"},
      {"s = other", "found the name \"other\"; text stands in quotes"},
      {"1 = i", "the field stands on the left"},
      {"i", "only a BOOL field is a condition by itself"},
      {"i = 1 i = 2", "expected AND, OR or the end of the filter, found \"i\""},
      {"i = 1 &", "write AND"},
      {"i = 1 | i = 2", "write OR"},
      {"!b", "write NOT"},
      {"i ! = 1", "write NOT, or != without a blank"},
      {"(i = 1", "column 1: this parenthesis is not closed"},
      {"i = 1)", "column 6: this parenthesis was never opened"},
      {"()", "expected a field, NOT or a parenthesis, found \")\""},
      {"i = ", "expected a value, the filter ends here\n  i = \n      ^"},
      {"s = 'abc", "column 5: the text has no closing quote"},
      {"i = 1 /* x", "the comment has no end"},
      {"i = 5.", "a number needs a digit after the point"},
      {"i = - 3", "a minus sign belongs right before the digits"},
      {"i = +3", "a number takes no plus sign"},
      {"i IN ()", "expected a value before the parenthesis"},
      {"i IN (1,)", "expected a value before the parenthesis"},
      {"i IN 1", "expected a list in parentheses"},
      {"i BETWEEN 1, 2", "BETWEEN takes two values joined by AND"},
      {"i NOT = 1", "expected IN, LIKE, BETWEEN"},
      {"i IS 1", "expected NULL"},
      {"b IS TRUE", "write = instead of IS"},
      {"s LIKE a", "LIKE takes a pattern in quotes"},
      {"s ILIKE 'a'", "LIKE minds upper and lower case"},
      {"a CONTAINS_ANY (1)", "did you mean \"CONTAIN_ANY\" or \"CONTAIN_ALL\"?"},
      {"array_size(a) = 1", "unknown function or operator \"array_size\""},
      {"array_length(i) = 1", "array_length takes an array field"},
      {"array_length(a) = 1.5", "array_length takes an integer"},
      {"array_length(a) LIKE 'x'", "array_length is compared with integers"},
      {"a = 1", "arrays take CONTAIN_ALL"},
      {"i CONTAIN_ALL (1)", "CONTAIN_ALL and CONTAIN_ANY take an array field"},
      {"v = [1,2]", "vectors cannot be compared"},
      {"v = 1", "vectors take IS NULL and IS NOT NULL only"},
      {"b < TRUE", "truth values have no order"},
      {"s = 'x';", "without a semicolon"},
      {"i = $1", "parameters are not part of this filter language"},
      {"\xC3\xA9 = 1", "names are of A-Z"},
      {"i = 1 AND NOT", "expected a field, NOT or a parenthesis, the filter ends here"},
  };
  for (const auto& [filter, message] : table) EXPECT_THAT(Rows(filter), HasSubstr(message)) << filter;
}

TEST_F(FilterTest, TheCaretStandsUnderThePlaceOfALongLine) {
  const std::string text =
      std::string(200, ' ') + "s = '\xC3\xA9\xC3\xA9' AND\tx = 1" + std::string(200, ' ');
  const std::string message = Rows(text);
  const std::size_t line = message.find('\n') + 1, caret = message.find('^');
  const std::size_t caret_line = message.rfind('\n') + 1;
  const std::string shown = message.substr(line, caret_line - line);
  EXPECT_EQ(shown.substr(caret - caret_line + 2, 5), "x = 1") << "two characters before it have two bytes";
  EXPECT_LT(shown.size(), 140u);
}

std::string Repeat(const std::string& first, const std::string& more, int times) {
  std::string text = first;
  for (int i = 1; i < times; ++i) text += more;
  return text;
}

TEST_F(FilterTest, LimitsAreErrorsAndQuick) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_THAT(Rows(std::string(100'000, '(') + "i = 1" + std::string(100'000, ')')),
              HasSubstr("line 1 column 257: nested deeper than 256 levels"));
  EXPECT_THAT(Rows(Repeat("NOT ", "NOT ", 100'000) + "b"), HasSubstr("nested deeper than 256 levels"));
  EXPECT_THAT(Rows(Repeat("i < 1", " AND i < 1", 100'000)), HasSubstr("more than 4096 conditions"));
  EXPECT_THAT(Rows(Repeat("i < 1", " OR i < 1", 100'000)), HasSubstr("more than 4096 conditions"));
  EXPECT_THAT(Rows(Repeat("i = 1", " OR i = 1", 100'000)), HasSubstr("more than 20000 comparisons of \"i\""));
  EXPECT_THAT(Rows(Repeat("i IN (1", ",1", 100'000) + ")"), HasSubstr("a list of more than 20000 values"));
  EXPECT_THAT(Rows(Repeat("a CONTAIN_ANY (1", ",1", 33) + ")"), HasSubstr("a list of more than 32 values"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
}

TEST_F(FilterTest, UpToTheLimitsEverythingWorks) {
  EXPECT_EQ(Rows(std::string(256, '(') + "i = 1" + std::string(256, ')')), "1");
  EXPECT_EQ(Rows(Repeat("NOT ", "NOT ", 256) + "b"), "1 3");
  EXPECT_EQ(Rows(Repeat("i < 3", " AND i < 3", 4'096)), "1 2");
  EXPECT_EQ(Rows(Repeat("i IN (1", ",1", 20'000) + ")"), "1");
  EXPECT_EQ(Rows("s = '" + std::string(10'000'000, 'x') + "'"), "");
}

// A chain of equalities of one field is one condition, also when fields take turns.
TEST_F(FilterTest, ChainsOfEqualitiesAreLists) {
  EXPECT_EQ(Rows(Repeat("i = 2", " OR s = 'apple' OR i = 2", 10'000)), "1 2");
  EXPECT_EQ(Rows(Repeat("i != 2", " AND i != 9", 20'000)), "1 3 4");
  EXPECT_EQ(Rows("i = 1 OR i != 1"), "1 2 3 4");
  EXPECT_EQ(Rows("i = 1 AND i = 2"), "");
  EXPECT_EQ(Rows("(i = 1 OR i = 2) AND (i = 2 OR i = 3)"), "2");
}

TEST_F(FilterTest, ADamagedColumnIsReported) {
  FakeSegment segment(schema_, docs_);
  segment.broken_chunk = 0;
  std::uint64_t mask[kChunkRows / 64] = {31};
  EXPECT_EQ((*Filter::Parse("i = 1", schema_))->Evaluate(segment, 0, mask).code(), StatusCode::kDataLoss);
}

TEST_F(FilterTest, PartsAreSkippedWhenTheAnswerIsKnown) {
  const FakeSegment segment(schema_, docs_);
  std::uint64_t mask[kChunkRows / 64] = {31};
  ASSERT_TRUE((*Filter::Parse("s LIKE '%' AND i = 99", schema_))->Evaluate(segment, 0, mask).ok());
  EXPECT_EQ(segment.reads(), 1u) << "the number goes first and leaves nothing";
}

// Every size around the words that texts are compared by; texts that differ in one letter, at any place.
TEST_F(FilterTest, TextsOfEverySizeAreEqualOnlyToThemselves) {
  for (const std::size_t size : {0, 1, 3, 7, 8, 9, 15, 16, 17, 23, 40}) {
    const std::string text(size, 'x');
    docs_.clear();
    docs_.emplace_back("whole").Set("s", text);
    docs_.emplace_back("longer").Set("s", text + "x");
    for (std::size_t at = 0; at < std::min<std::size_t>(size, 24); ++at)
      docs_.emplace_back("other").Set("s", text.substr(0, at) + "y" + text.substr(at + 1));
    EXPECT_EQ(Rows("s = '" + text + "'"), "1") << size;
    EXPECT_EQ(Rows("NOT s != '" + text + "'"), "1") << size;
    EXPECT_EQ(Rows("s IN ('" + text + "', 'none')"), "1") << size;
    EXPECT_EQ(Rows("s LIKE '" + text + "'"), "1") << size;
    EXPECT_EQ(Rows("s LIKE '" + text + "%' AND id != 'other'"), "1 2") << size;
    if (size != 0) {
      EXPECT_EQ(Rows("s LIKE '" + text + "%'"), "1 2") << size;
    }
  }
}

}  // namespace
}  // namespace zvec
