#include "cocoindex/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <list>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include "cocoindex/json_of.h"

namespace coco = cocoindex;
using coco::Json, coco::json_text;
using testing::HasSubstr;
using namespace std::chrono;

namespace {

template <class F>
std::string ErrorOf(F f) {
  try {
    f();
  } catch (const coco::ValueError& e) {
    return e.what();
  }
  return "no error";
}

struct Point {
  int x = 0;
  std::string label;
};
struct Tree {
  int value = 0;
  std::vector<Tree> children;
};
class Hidden {
 public:
  explicit Hidden(int v) : value_(v) {}

 private:
  int value_;
  COCO_DESCRIBE_INSIDE(Hidden, value_)
};
struct NoForm {
  explicit NoForm(int v) : value(v) {}

 private:
  [[maybe_unused]] int value;
};
enum class Colour { red };

// Covers: R51
TEST(JsonOf, StructsAreObjectsInTheOrderOfTheirFields) {
  EXPECT_EQ(json_text(Point{1, "q"}), R"({"x": 1, "label": "q"})");
  EXPECT_EQ(
      json_text(Tree{1, {{2, {}}, {3, {{4, {}}}}}}),
      R"({"value": 1, "children": [{"value": 2, "children": []}, {"value": 3, "children": [{"value": 4, "children": []}]}]})");
  EXPECT_EQ(json_text(Hidden(7)), R"({"value_": 7})");
  struct Empty {};
  EXPECT_EQ(json_text(Empty{}), "{}");
}

// Covers: R51
TEST(JsonOf, ContainersOptionalsTuplesAndVariants) {
  EXPECT_EQ(json_text(std::vector<std::optional<int>>{1, std::nullopt}), "[1, null]");
  EXPECT_EQ(json_text(std::deque<bool>{true, false}), "[true, false]");
  EXPECT_EQ(json_text(std::vector<bool>{true, false}), "[true, false]");
  EXPECT_EQ(json_text(std::list<Point>{{1, "a"}}), R"([{"x": 1, "label": "a"}])");
  EXPECT_EQ(json_text(std::array<float, 2>{0.1f, 1}), "[0.10000000149011612, 1.0]");
  EXPECT_EQ(json_text(std::vector<coco::half>{coco::half(0.1f)}), "[0.0999755859375]");
  EXPECT_EQ(json_text(std::pair{1, "a"}), R"([1, "a"])");
  EXPECT_EQ(json_text(std::tuple{}), "[]");
  EXPECT_EQ(json_text(std::variant<std::monostate, int>{}), "null");
  EXPECT_EQ(json_text(std::variant<std::monostate, int>{5}), "5");
  EXPECT_EQ(json_text(coco::Annotated<std::vector<int>, 1>{std::vector<int>{1}}), "[1]");
  EXPECT_EQ(json_text(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(json_text(static_cast<const char*>(nullptr)), "null");
}

// Covers: R51
TEST(JsonOf, UnorderedContainersAreWrittenByKey) {
  std::unordered_map<std::string, int> map;
  std::unordered_set<int> set;
  for (int i = 30; i > 0; --i) map[std::string(1, static_cast<char>('a' + i % 5))] = i, set.insert(i % 7);
  EXPECT_EQ(json_text(map), R"({"a": 5, "b": 1, "c": 2, "d": 3, "e": 4})");
  EXPECT_EQ(json_text(set), "[0, 1, 2, 3, 4, 5, 6]");
  EXPECT_EQ(json_text(std::unordered_map<double, int>{{2.5, 1}, {-0.5, 2}}), R"({"-0.5": 2, "2.5": 1})");
  EXPECT_EQ(json_text(std::map<int, int>{{10, 1}, {9, 2}}),
            R"({"9": 2, "10": 1})");  // by number, not by text
}

// Guards: elements with equal keys came in the order of the container, so an unchanged row looked like a new
// one.
TEST(JsonOf, ElementsWithEqualKeysAreInTheOrderOfTheirText) {
  const std::vector<std::pair<std::string, std::vector<int>>> elements{
      {"a", {10}}, {"a", {9, 1}}, {"b", {}}, {"a", {10}}, {"a", {}}};
  std::unordered_multimap<std::string, std::vector<int>> there(elements.begin(), elements.end()),
      back(elements.rbegin(), elements.rend());
  ASSERT_EQ(there, back);
  EXPECT_EQ(json_text(there), R"({"a": [10], "a": [10], "a": [9, 1], "a": [], "b": []})");
  EXPECT_EQ(json_text(back), json_text(there));
  EXPECT_EQ(json_text(std::unordered_multiset<int>{2, 1, 2}), "[1, 2, 2]");
}

// Covers: R51
TEST(JsonOf, LeavesAreTheTextThatPythonsStrGives) {
  coco::Uuid uuid;
  uuid.bytes[0] = 0xab;
  const auto day = local_days(2020y / January / 2);
  EXPECT_EQ(json_text(uuid), R"("ab000000-0000-0000-0000-000000000000")");
  EXPECT_EQ(json_text(coco::Decimal("1.50")), R"("1.50")");
  EXPECT_EQ(json_text(2020y / January / 2), R"("2020-01-02")");
  EXPECT_EQ(json_text(day), R"("2020-01-02")");
  EXPECT_EQ(json_text(sys_days(2020y / January / 2)), R"("2020-01-02")");
  EXPECT_EQ(json_text(day + 3h), R"("2020-01-02 03:00:00")");
  EXPECT_EQ(json_text(sys_days(2020y / January / 2) + 1500us), R"("2020-01-02 00:00:00.001500+00:00")");
  EXPECT_EQ(json_text(coco::OffsetDateTime{day + 0us, -(1h)}), R"("2020-01-02 00:00:00-01:00")");
  EXPECT_EQ(json_text(coco::TimeOfDay{61s}), R"("00:01:01")");
  EXPECT_EQ(json_text(hh_mm_ss(90min)), R"("01:30:00")");
  EXPECT_EQ(json_text(-1us), R"("-1 day, 23:59:59.999999")");
  EXPECT_EQ(json_text(coco::Bytes{std::byte{0xff}}), R"("b'\\xff'")");
  EXPECT_EQ(json_text(std::map<std::string, std::vector<hours>>{{"a", {1h, 49h}}}),
            R"({"a": ["1:00:00", "2 days, 1:00:00"]})");
}

// Covers: R51
TEST(JsonOf, NlohmannsValuesAreWrittenInOurForm) {
  const auto parsed =
      nlohmann::ordered_json::parse(R"({"z":[1,-2,2.0,1e300,true,null,"é"],"a":{"u":18446744073709551615}})");
  EXPECT_EQ(json_text(parsed),
            R"({"z": [1, -2, 2.0, 1e+300, true, null, "\u00e9"], "a": {"u": 18446744073709551615}})");
  EXPECT_THAT(ErrorOf([] { json_text(nlohmann::ordered_json::binary({1, 2})); }), HasSubstr("binary"));
}

TEST(JsonOf, TypesWithoutAFormAreNotAccepted) {
  static_assert(coco::json_able<std::map<int, std::vector<std::optional<Point>>>>);
  static_assert(coco::json_able<Tree>);
  static_assert(!coco::json_able<char> && !coco::json_able<Colour> && !coco::json_able<NoForm>);
  static_assert(!coco::json_able<std::vector<std::uint8_t>> && !coco::json_able<std::vector<char>>);
  static_assert(!coco::json_able<std::map<Point, int>> && !coco::json_able<std::map<std::string, Colour>>);
  static_assert(!coco::json_able<int*>);
}

TEST(JsonOf, BadTextAndEndlessNestingAreErrors) {
  EXPECT_THAT(ErrorOf([] { json_text(std::vector<std::string>{"ok", "\xff"}); }),
              testing::AllOf(HasSubstr("UTF-8"), HasSubstr("\\xff")));
  EXPECT_THAT(ErrorOf([] { json_text(std::map<std::string, int>{{"\xc3", 1}}); }), HasSubstr("UTF-8"));
  Tree deep;
  for (int i = 0; i < 300; ++i) deep = Tree{i, {deep}};
  EXPECT_THAT(ErrorOf([&] { json_text(deep); }), HasSubstr("deeper than 500"));
}

TEST(JsonParse, ReadsBackWhatIsWritten) {
  for (const char* v : {"null", "true", "false", "0", "-7", "1.0", "-0.0", "1e+16", "NaN", "-Infinity",
                        "18446744073709551615", "123456789012345678901234567890", "\"\"",
                        R"("\u00e9\ud83d\ude00\"\\\n\u0000\u007f")", "[]", "{}",
                        R"([1, [2.5, "x"], {"b": {}, "a": [null], "b": 1}])"}) {
    EXPECT_EQ(Json::parse(v).text(), v);
    EXPECT_EQ(coco_decode(std::type_identity<Json>{}, v).text(), v);
  }
  EXPECT_EQ(Json::parse(" {\n\"a\" : [ 1 ,2 ]\t}\r\n").text(), R"({"a": [1, 2]})");
  EXPECT_EQ(Json::parse("\"é😀\\/\""), Json("é😀/"));
  EXPECT_EQ(Json::parse("1e400").text(), "Infinity");
  EXPECT_EQ(Json::parse("-1e-400").text(), "-0.0");
  EXPECT_EQ(Json::parse("0." + std::string(400, '0') + "1").text(), "0.0");
  EXPECT_EQ(Json::parse("0." + std::string(40, '0') + "1E400").text(), "Infinity");
  EXPECT_EQ(Json::parse(std::string(400, '9') + ".0e-5").text(), "Infinity");
  EXPECT_EQ(Json::parse(std::string(40, '9') + ".0e-500").text(), "0.0");
  EXPECT_EQ(Json::parse("1e99999999999999999999").text(), "Infinity");
  EXPECT_EQ(Json::parse("1e-99999999999999999999").text(), "0.0");
  EXPECT_EQ(*Json::parse(R"({"a": 1})").find("a"), Json(1));
  EXPECT_EQ(Json::parse("[1]").find("a"), nullptr);
}

TEST(JsonParse, ErrorsNameThePlace) {
  EXPECT_THAT(ErrorOf([] { Json::parse("[1, }"); }),
              testing::AllOf(HasSubstr("byte 4"), HasSubstr("a value is expected")));
  for (const char* bad : {"",       "[",        "[1",        "[1,",         "{",
                          "{\"a\"", "{\"a\":",  "{\"a\":1",  "{a:1}",       "{1:2}",
                          "01",     "-",        "1.",        "1e",          "\"",
                          "\"\\",   "\"\\x\"",  "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"",
                          "\"\n\"", "\"\xff\"", "tru",       "1 2",         "[1]]",
                          "nul",    "+1"}) {
    EXPECT_THAT(ErrorOf([&] { Json::parse(bad); }), HasSubstr("JSON, at byte")) << bad;
  }
  EXPECT_THAT(ErrorOf([] { Json::parse(std::string(100'000, '[')); }), HasSubstr("nested too deeply"));
}

// Guards: nullptr was taken for text, and read.
TEST(Json, ANullPointerIsNull) {
  EXPECT_TRUE(Json(nullptr).is_null());
  EXPECT_TRUE(Json(static_cast<const char*>(nullptr)).is_null());
  EXPECT_EQ(Json::object({{"a", nullptr}, {"b", ""}}).text(), R"({"a": null, "b": ""})");
}

// Guards: quotes, backslashes and line ends of what was refused stood in the message as they are.
TEST(Json, WhatIsRefusedIsQuotedInTheMessage) {
  EXPECT_THAT(ErrorOf([] { (void)Json(Json::BigInteger{"\"\\\n\xc2\x85\xe2\x80\xa8\xff"}).text(); }),
              HasSubstr(R"("\"\\\n\u0085\u2028\xff")"));
}

TEST(Json, NumbersHaveOneFormAndBigOnesAreKept) {
  EXPECT_EQ(Json(5u), Json(5));
  EXPECT_NE(Json(1), Json(1.0));
  EXPECT_NE(Json(1), Json(true));
  EXPECT_EQ(Json(Json::BigInteger{"-99999999999999999999"}).text(), "-99999999999999999999");
  for (const char* bad : {"", "-", "01", "1x", "1.5"}) {
    EXPECT_THAT(ErrorOf([&] { (void)Json(Json::BigInteger{bad}).text(); }), HasSubstr("integer")) << bad;
  }
}

}  // namespace
