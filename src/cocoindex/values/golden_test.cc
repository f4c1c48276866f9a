// Golden vectors of the text forms: what CPython writes, as constants, so that no Python is needed.
// cpython_test.py compares generated values with the machine's own.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <variant>

#include "cocoindex/json_of.h"

namespace coco = cocoindex;
namespace text = cocoindex::text;
using namespace std::chrono;

namespace {

coco::Bytes B(std::string_view s) {
  const auto* p = reinterpret_cast<const std::byte*>(s.data());
  return {p, p + s.size()};
}

// Covers: R45
TEST(Golden, Base64) {
  EXPECT_EQ(text::to_base64(B("")), "");
  EXPECT_EQ(text::to_base64(B("a")), "YQ==");
  EXPECT_EQ(text::to_base64(B("\xfb\xff\xfe")), "+//+");
  EXPECT_EQ(text::to_base64(B("hello")), "aGVsbG8=");
}

// Covers: R46
TEST(Golden, Uuid) {
  coco::Uuid v;
  for (std::uint8_t i = 0; i < 16; ++i) v.bytes[i] = static_cast<std::uint8_t>(i * 16 + 15 - i);
  EXPECT_EQ(text::uuid_text(v), "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0");
}

// Covers: R48
TEST(Golden, Date) {
  EXPECT_EQ(text::date_text(1y / January / 1), "0001-01-01");
  EXPECT_EQ(text::date_text(2024y / February / 29), "2024-02-29");
  EXPECT_EQ(text::date_text(9999y / December / 31), "9999-12-31");
}

// Covers: R48
TEST(Golden, Time) {
  constexpr microseconds at = 3h + 4min + 5s;
  EXPECT_EQ(text::time_text({0us}), "00:00:00");
  EXPECT_EQ(text::time_text({at}), "03:04:05");
  EXPECT_EQ(text::time_text({at + 6us}), "03:04:05.000006");
  EXPECT_EQ(text::time_text({24h - 1us}), "23:59:59.999999");
  EXPECT_EQ(text::time_text({at, 0us}), "03:04:05+00:00");
  EXPECT_EQ(text::time_text({at + 500ms, -(5h + 30min)}), "03:04:05.500000-05:30");
}

constexpr local_time<microseconds> kLocal{local_days(2020y / January / 2) + 3h + 4min + 5s};

// Covers: R48
TEST(Golden, NaiveDateTime) {
  EXPECT_EQ(text::datetime_text(kLocal), "2020-01-02T03:04:05");
  EXPECT_EQ(text::datetime_text(kLocal + 60us), "2020-01-02T03:04:05.000060");
  EXPECT_EQ(text::datetime_text(local_time<microseconds>(local_days(2020y / January / 2))),
            "2020-01-02T00:00:00");
  EXPECT_EQ(text::datetime_text(local_time<microseconds>(-1us)), "1969-12-31T23:59:59.999999");
}

// Covers: R48
TEST(Golden, AwareDateTime) {
  EXPECT_EQ(text::datetime_text(sys_time<microseconds>(kLocal.time_since_epoch())),
            "2020-01-02T03:04:05+00:00");
  EXPECT_EQ(text::datetime_text({kLocal + 7us, 5h + 45min}), "2020-01-02T03:04:05.000007+05:45");
  EXPECT_EQ(text::datetime_text({kLocal, -3661s}), "2020-01-02T03:04:05-01:01:01");
  EXPECT_EQ(text::datetime_text({kLocal, 1h + 2s + 3us}), "2020-01-02T03:04:05+01:00:02.000003");
}

// Covers: R49
TEST(Golden, TotalSeconds) {
  EXPECT_EQ(text::total_seconds(1h), 3600.0);
  EXPECT_EQ(text::total_seconds(1us), 1e-06);
  EXPECT_EQ(text::total_seconds(microseconds(days(-1)) + 1us), -86399.999999);
  EXPECT_EQ(text::total_seconds(microseconds(std::numeric_limits<std::int64_t>::max())), 9223372036854.775);
  // Beyond what a double holds exactly the count is divided once.
  EXPECT_EQ(text::total_seconds(nanoseconds((std::int64_t{1} << 62) + 1)), 4611686018.427388);
  EXPECT_EQ(text::total_seconds(milliseconds(std::numeric_limits<std::int64_t>::min())), -9223372036854776.0);
  EXPECT_EQ(text::total_seconds(duration<std::uint64_t, std::atto>(3)), 3e-18);
  EXPECT_EQ(text::total_seconds(duration<double, std::milli>(1.5)), 0.0015);
}

// Covers: R51
TEST(Golden, SpanInJson) {
  EXPECT_EQ(text::span_text(1h), "1:00:00");
  EXPECT_EQ(text::span_text(1us), "0:00:00.000001");
  EXPECT_EQ(text::span_text(microseconds(days(-1)) + 1us), "-1 day, 0:00:00.000001");
  EXPECT_EQ(text::span_text(microseconds(days(2)) + 5s), "2 days, 0:00:05");
  EXPECT_EQ(text::span_text(-1us), "-1 day, 23:59:59.999999");
  EXPECT_EQ(text::span_text(microseconds::min()), "-106751992 days, 19:59:05.224192");
  EXPECT_EQ(text::span_text(microseconds::max()), "106751991 days, 4:00:54.775807");
}

// Covers: R47
TEST(Golden, Decimal) {
  const std::pair<const char*, const char*> cases[] = {
      {"3.50", "3.50"},      {"007.5", "7.5"},  {"1E3", "1E+3"},       {"0.000001", "0.000001"},
      {"0.0000001", "1E-7"}, {"-0", "-0"},      {"0E-8", "0E-8"},      {"12E-20", "1.2E-19"},
      {"1.0E+2", "1.0E+2"},  {"NaN", "NaN"},    {"-inf", "-Infinity"}, {"nan0012", "NaN12"},
      {"-sNaN3", "-sNaN3"},  {".5", "0.5"},     {"5.", "5"},           {"0.0", "0.0"},
      {"1E0", "1"},          {"123E-2", "1.23"}};
  for (const auto& [given, expected] : cases) EXPECT_EQ(coco::Decimal(given).text(), expected) << given;
}

// Covers: R51
TEST(Golden, FloatInJson) {
  const std::pair<double, const char*> cases[] = {{1, "1.0"},
                                                  {0.1, "0.1"},
                                                  {1e15, "1000000000000000.0"},
                                                  {1e16, "1e+16"},
                                                  {123456789012345680., "1.2345678901234568e+17"},
                                                  {0.0001, "0.0001"},
                                                  {0.00001, "1e-05"},
                                                  {5e-324, "5e-324"},
                                                  {-0.0, "-0.0"},
                                                  {2.5e-07, "2.5e-07"},
                                                  {1e100, "1e+100"},
                                                  {1234.5, "1234.5"},
                                                  {-1e22, "-1e+22"},
                                                  {std::nan(""), "NaN"},
                                                  {std::numeric_limits<double>::infinity(), "Infinity"},
                                                  {-std::numeric_limits<double>::infinity(), "-Infinity"},
                                                  {1.7976931348623157e308, "1.7976931348623157e+308"},
                                                  {9007199254740993., "9007199254740992.0"}};
  for (const auto& [given, expected] : cases) EXPECT_EQ(text::real_text(given), expected);
}

// Covers: R51
TEST(Golden, Json) {
  const coco::Json v =
      coco::Json::object({{"a", coco::Json::array({1, 2.0, {}, true})}, {"é\u2028😀", "\x7f\"/\\\n"}});
  EXPECT_EQ(v.text(), R"({"a": [1, 2.0, null, true], "\u00e9\u2028\ud83d\ude00": "\u007f\"/\\\n"})");
  EXPECT_EQ(coco::Json::array({}).text(), "[]");
  EXPECT_EQ(coco::Json::object({}).text(), "{}");
  EXPECT_EQ(coco::Json("\x01\b\f\r\t").text(), R"("\u0001\b\f\r\t")");
}

// Covers: R51
TEST(Golden, BytesInJson) {
  EXPECT_EQ(coco::json_text(B("it's")), R"("b\"it's\"")");
  EXPECT_EQ(coco::json_text(B("")), R"("b''")");
  EXPECT_EQ(coco::json_text(B("\"'\\\x7f")), R"("b'\"\\'\\\\\\x7f'")");
}

// Covers: R51
TEST(Golden, MapKeysInJson) {
  using Key = std::variant<int, std::monostate, double>;
  const std::map<Key, int> mixed{{1, 3}, {std::monostate{}, 4}, {1.5, 5}};
  EXPECT_EQ(coco::json_text(mixed), R"({"1": 3, "null": 4, "1.5": 5})");
  EXPECT_EQ(coco::json_text(std::map<bool, int>{{false, 1}, {true, 2}}), R"({"false": 1, "true": 2})");
}

}  // namespace
