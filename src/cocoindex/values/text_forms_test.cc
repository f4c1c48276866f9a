// Inverses, and what is refused. The forms themselves: golden_test.cc and cpython_test.py.
#include "cocoindex/text_forms.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <limits>
#include <random>

namespace coco = cocoindex;
namespace text = cocoindex::text;
using namespace std::chrono;
using testing::HasSubstr;

namespace {

constexpr int kRounds = 2000;
constexpr std::int64_t kDay = 86'400'000'000;

class Inverse : public testing::Test {
 protected:
  std::int64_t Below(std::int64_t end) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(end));
  }
  std::int64_t Between(std::int64_t first, std::int64_t last) { return first + Below(last - first + 1); }
  /// Whole seconds and whole minutes have shorter forms.
  std::int64_t Round(std::int64_t micros) {
    const std::int64_t unit = Below(3) == 0 ? 1 : Below(2) == 0 ? 1'000'000 : 60'000'000;
    return micros / unit * unit;
  }
  coco::UtcOffset Offset() { return microseconds(Round(Between(-kDay + 1, kDay - 1))); }
  text::LocalDateTime Local() {
    return text::LocalDateTime(microseconds(Round(Between(-719162 * kDay, 2932896 * kDay))));
  }
  std::mt19937_64 random_{20261123};
};

// Covers: R45
TEST_F(Inverse, OfBase64AndBytesLiterals) {
  for (int i = 0; i < kRounds; ++i) {
    coco::Bytes v(static_cast<std::size_t>(Below(40)));
    for (std::byte& b : v) b = static_cast<std::byte>(Below(4) == 0 ? "\\'\"\n\t"[Below(5)] : Below(256));
    EXPECT_EQ(text::from_base64(text::to_base64(v)), v);
    EXPECT_EQ(text::parse_bytes_text(text::bytes_text(v)), v);
  }
}

// Covers: R46
TEST_F(Inverse, OfUuids) {
  for (int i = 0; i < kRounds; ++i) {
    coco::Uuid v;
    for (std::uint8_t& b : v.bytes) b = static_cast<std::uint8_t>(Below(256));
    EXPECT_EQ(text::parse_uuid(text::uuid_text(v)), v);
  }
}

// Covers: R47
TEST_F(Inverse, OfDecimals) {
  for (int i = 0; i < kRounds; ++i) {
    std::string digits;
    for (std::int64_t n = Between(1, 30); n > 0; --n) digits.push_back(static_cast<char>('0' + Below(10)));
    const coco::Decimal v(Below(2) == 0, digits, Between(-40, 40));
    EXPECT_EQ(text::parse_decimal(text::decimal_text(v)), v);
  }
}

// Covers: R48
TEST_F(Inverse, OfDatesAndTimes) {
  for (int i = 0; i < kRounds; ++i) {
    const text::LocalDateTime local = Local();
    const year_month_day date{floor<days>(local)};
    EXPECT_EQ(text::parse_date(text::date_text(date)), date);
    const coco::TimeOfDay naive{local - floor<days>(local)};
    EXPECT_EQ(text::parse_time(text::time_text(naive)), naive);
    const coco::TimeOfDay aware{naive.since_midnight, Offset()};
    EXPECT_EQ(text::parse_time(text::time_text(aware)), aware);
    const coco::OffsetDateTime moment{local, Offset()};
    const text::UtcDateTime utc(local.time_since_epoch());
    for (const char separator : {'T', ' '}) {
      EXPECT_EQ(text::parse_local_datetime(text::datetime_text(local, separator)), local);
      EXPECT_EQ(text::parse_offset_datetime(text::datetime_text(moment, separator)), moment);
      EXPECT_EQ(text::parse_utc_datetime(text::datetime_text(utc, separator)), utc);
    }
    EXPECT_EQ(text::parse_datetime(text::datetime_text(moment)), (text::DateTime{local, moment.offset}));
    EXPECT_EQ(text::parse_datetime(text::datetime_text(local)), (text::DateTime{local, std::nullopt}));
    EXPECT_EQ(text::parse_utc_datetime(text::datetime_text(moment)), moment.utc());
  }
}

// Covers: R49
TEST_F(Inverse, OfTimeSpans) {
  for (int i = 0; i < kRounds; ++i) {
    const microseconds near(Round(Between(-(std::int64_t{1} << 52), std::int64_t{1} << 52)));
    EXPECT_EQ(text::from_total_seconds(text::total_seconds(near)), near);
    const microseconds any(Round(static_cast<std::int64_t>(random_())));
    EXPECT_EQ(text::parse_span(text::span_text(any)), any);
  }
  for (const microseconds edge :
       {microseconds::max(), microseconds::min(), microseconds(-106751991 * kDay)}) {
    EXPECT_EQ(text::parse_span(text::span_text(edge)), edge);
  }
}

TEST_F(Inverse, OfFloats) {
  for (int i = 0; i < kRounds; ++i) {
    const auto v = std::bit_cast<double>(random_());
    if (v != v) continue;
    EXPECT_EQ(text::parse_real(text::real_text(v)), v);
  }
  EXPECT_TRUE(std::isnan(text::parse_real("NaN")));
  EXPECT_EQ(text::parse_real("-Infinity"), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::signbit(text::parse_real("-0.0")));
}

template <class F>
std::string ErrorOf(F f) {
  try {
    f();
  } catch (const coco::ValueError& e) {
    return e.what();
  }
  return "no error";
}

TEST(TextForms, OnlyTheOneFormIsReadBack) {
  for (const char* bad : {"a", "YQ=", "YQ==YQ==", "YR==", "YWF=", "Y Q=", "====", "YQ=a", "=Q=="}) {
    EXPECT_THAT(ErrorOf([&] { text::from_base64(bad); }), HasSubstr("base64")) << bad;
  }
  for (const char* bad : {"", "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "0F1E2D3C-4b5a-6978-8796-a5b4c3d2e1f0",
                          "0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f", "0f1e2d3c-4b5a-6978-8796+a5b4c3d2e1f0"}) {
    EXPECT_THAT(ErrorOf([&] { text::parse_uuid(bad); }), HasSubstr("not a uuid")) << bad;
  }
  for (const char* bad :
       {"2023-02-29", "0000-01-01", "2023-13-01", "2023-1-01", "2023-01-01 ", "12023-01-01", "2023/01/01"}) {
    EXPECT_THAT(ErrorOf([&] { text::parse_date(bad); }), HasSubstr("not a date")) << bad;
  }
  for (const char* bad : {"24:00:00", "03:60:00", "03:04", "03:04:05.5", "03:04:05.000000", "03:04:05Z",
                          "03:04:05-00:00", "03:04:05+24:00", "03:04:05+01:00:00", "03:04:05+0100"}) {
    EXPECT_THAT(ErrorOf([&] { text::parse_time(bad); }), HasSubstr("not a time")) << bad;
  }
  for (const char* bad : {"2020-01-02", "2020-01-02X03:04:05", "2020-01-02T03:04:05Z"}) {
    EXPECT_THAT(ErrorOf([&] { text::parse_datetime(bad); }), HasSubstr("not a date and time")) << bad;
  }
  EXPECT_THAT(ErrorOf([] { text::parse_local_datetime("2020-01-02T03:04:05+00:00"); }),
              HasSubstr("without an offset"));
  EXPECT_THAT(ErrorOf([] { text::parse_offset_datetime("2020-01-02T03:04:05"); }),
              HasSubstr("with an offset"));
  for (const char* bad : {"1:00", "01:00:00", "24:00:00", "0 days, 1:00:00", "1 days, 1:00:00",
                          "2 day, 1:00:00", "-1:00:00", "-2 day, 1:00:00", "-106751992 days, 0:00:00",
                          "106751991 days, 4:00:55", "999999999 days, 0:00:00"}) {
    EXPECT_THAT(ErrorOf([&] { text::parse_span(bad); }), HasSubstr("time span")) << bad;
  }
  for (const char* bad :
       {"b'", "'a'", "b'a\"", "b\"a\"", "b'\\x4'", "b'\\q'", "b'\\x41'", "b'a'b'", "b'\\"}) {
    EXPECT_THAT(ErrorOf([&] { text::parse_bytes_text(bad); }), HasSubstr("not a bytes literal")) << bad;
  }
  for (const char* bad : {"1", "1.00", "1e16", "+1.0", "inf", "nan", ""}) {
    EXPECT_THAT(ErrorOf([&] { text::parse_real(bad); }), HasSubstr("not a floating-point number")) << bad;
  }
}

// Covers: R48, R90
TEST(TextForms, WhatHasNoFormIsRefusedWithItsValue) {
  EXPECT_THAT(ErrorOf([] { text::date_text(10000y / January / 1); }), HasSubstr("10000"));
  EXPECT_THAT(ErrorOf([] { text::date_text(0y / January / 1); }), HasSubstr("year 0"));
  EXPECT_THAT(ErrorOf([] { text::date_text(2023y / February / 29); }), HasSubstr("2023-2-29 is no date"));
  EXPECT_THAT(ErrorOf([] { text::time_text({24h}); }), HasSubstr("1 day, 0:00:00"));
  EXPECT_THAT(ErrorOf([] { text::time_text({-1us}); }), HasSubstr("outside"));
  EXPECT_THAT(ErrorOf([] { text::time_text({0us, 24h}); }), HasSubstr("not less than a day"));
  EXPECT_THAT(ErrorOf([] { text::datetime_text(text::LocalDateTime(microseconds::max())); }),
              HasSubstr("1 .. 9999"));
  EXPECT_THAT(ErrorOf([] { text::datetime_text(text::LocalDateTime(microseconds::min())); }),
              HasSubstr("1 .. 9999"));
  EXPECT_THAT(ErrorOf([] { text::to_micros(duration<std::int64_t, std::ratio<86400>>(1ll << 60)); }),
              HasSubstr("beyond 64-bit"));
  EXPECT_THAT(ErrorOf([] { text::to_micros(duration<double>(1e300)); }), HasSubstr("beyond"));
  EXPECT_THAT(ErrorOf([] { text::from_total_seconds(std::nan("")); }), HasSubstr("NaN"));
}

TEST(TextForms, FinerThanAMicrosecondIsRoundedDown) {
  EXPECT_EQ(text::to_micros(nanoseconds(1999)), 1us);
  EXPECT_EQ(text::to_micros(nanoseconds(-1)), -1us);
  EXPECT_EQ(text::to_micros(nanoseconds(-1000)), -1us);
  EXPECT_EQ(text::to_micros(duration<double, std::nano>(-0.5)), -1us);
  EXPECT_EQ(text::to_micros(hours(-1)), -3600s);
}

TEST(TextForms, Utf8IsThatOfRfc3629) {
  for (const char* good : {"", "a", "é", "中", "😀", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(text::is_utf8(good)) << good;
  for (const char* bad : {"\x80", "\xc0\x80", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                          "\xf4\x90\x80\x80", "\xff"}) {
    EXPECT_FALSE(text::is_utf8(bad));
  }
}

}  // namespace
