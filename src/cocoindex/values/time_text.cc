// Dates, times and time spans as text and back.
#include "base/utf8.h"
#include "cocoindex/text_forms.h"

namespace cocoindex::inline v0::text {

using cocozvec::Quoted;

namespace {

using std::chrono::days;
using std::chrono::year_month_day;

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

void put_digits(std::string& out, std::int64_t v, int width) {
  char buffer[20];
  for (int i = width; i-- > 0; v /= 10) buffer[i] = static_cast<char>('0' + v % 10);
  out.append(buffer, static_cast<std::size_t>(width));
}

void put_fraction(std::string& out, std::int64_t micros) {
  if (micros == 0) return;
  out.push_back('.');
  put_digits(out, micros, 6);
}

/// HH:MM:SS[.ffffff] of 0 <= micros < a day.
void put_clock(std::string& out, std::int64_t micros) {
  put_digits(out, micros / kHour, 2);
  out.push_back(':');
  put_digits(out, micros / kMinute % 60, 2);
  out.push_back(':');
  put_digits(out, micros / kSecond % 60, 2);
  put_fraction(out, micros % kSecond);
}

void put_offset(std::string& out, UtcOffset offset) {
  const std::int64_t count = offset.count();
  if (count <= -kDay || count >= kDay) {
    throw ValueError("the UTC offset " + span_text(offset) + " is not less than a day");
  }
  out.push_back(count < 0 ? '-' : '+');
  const std::int64_t size = count < 0 ? -count : count;
  put_digits(out, size / kHour, 2);
  out.push_back(':');
  put_digits(out, size / kMinute % 60, 2);
  if (size % kMinute == 0) return;
  out.push_back(':');
  put_digits(out, size / kSecond % 60, 2);
  put_fraction(out, size % kSecond);
}

void put_date(std::string& out, year_month_day v) {
  const int year = static_cast<int>(v.year());
  if (year < 1 || year > 9999) {
    throw ValueError("the year " + std::to_string(year) + " is outside 1 .. 9999");
  }
  if (!v.ok()) {
    throw ValueError(std::to_string(year) + "-" + std::to_string(static_cast<unsigned>(v.month())) + "-" +
                     std::to_string(static_cast<unsigned>(v.day())) + " is no date");
  }
  put_digits(out, year, 4);
  out.push_back('-');
  put_digits(out, static_cast<unsigned>(v.month()), 2);
  out.push_back('-');
  put_digits(out, static_cast<unsigned>(v.day()), 2);
}

std::string datetime(microseconds since_epoch, char separator) {
  // Far outside of the calendar's own range the conversion would overflow.
  constexpr std::int64_t kFirst = -719162 * kDay;  // 0001-01-01
  constexpr std::int64_t kEnd = 2932897 * kDay;    // 10000-01-01
  if (since_epoch.count() < kFirst || since_epoch.count() >= kEnd) {
    throw ValueError("a time of " + std::to_string(since_epoch.count()) +
                     " microseconds since 1970 is outside the years 1 .. 9999");
  }
  const auto day = std::chrono::floor<days>(since_epoch);
  std::string out;
  out.reserve(40);
  put_date(out, year_month_day(std::chrono::local_days(day)));
  out.push_back(separator);
  put_clock(out, (since_epoch - day).count());
  return out;
}

/// Reads one form from the front, and complains about the whole text.
class Scanner {
 public:
  Scanner(std::string_view text, const char* what) : text_(text), rest_(text), what_(what) {}

  [[noreturn]] void fail() const { throw ValueError("not " + std::string(what_) + ": " + Quoted(text_)); }
  void done() const {
    if (!rest_.empty()) fail();
  }
  bool take(char c) {
    if (rest_.empty() || rest_[0] != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void need(char c) {
    if (!take(c)) fail();
  }
  bool take(std::string_view word) {
    if (rest_.substr(0, word.size()) != word) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  std::int64_t digits(std::size_t width, std::int64_t below) {
    std::int64_t v = 0;
    if (rest_.size() < width) fail();
    for (std::size_t i = 0; i < width; ++i) {
      if (rest_[i] < '0' || rest_[i] > '9') fail();
      v = v * 10 + (rest_[i] - '0');
    }
    rest_.remove_prefix(width);
    if (v >= below) fail();
    return v;
  }
  /// 1 to `most` digits, without leading zeros.
  std::int64_t number(std::size_t most) {
    std::size_t n = 0;
    while (n < rest_.size() && n <= most && rest_[n] >= '0' && rest_[n] <= '9') ++n;
    if (n == 0 || n > most || (n > 1 && rest_[0] == '0')) fail();
    return digits(n, INT64_MAX);
  }
  std::int64_t fraction() {
    if (!take('.')) return 0;
    const std::int64_t micros = digits(6, kSecond);
    if (micros == 0) fail();
    return micros;
  }
  std::int64_t clock() {
    std::int64_t micros = digits(2, 24) * kHour;
    need(':');
    micros += digits(2, 60) * kMinute;
    need(':');
    micros += digits(2, 60) * kSecond;
    return micros + fraction();
  }
  std::optional<UtcOffset> offset() {
    if (rest_.empty() || (rest_[0] != '+' && rest_[0] != '-')) return std::nullopt;
    const bool west = rest_[0] == '-';
    rest_.remove_prefix(1);
    std::int64_t micros = digits(2, 24) * kHour;
    need(':');
    micros += digits(2, 60) * kMinute;
    if (take(':')) {
      const std::int64_t seconds = digits(2, 60) * kSecond;
      const std::int64_t below = seconds + fraction();
      if (below == 0) fail();
      micros += below;
    }
    if (west && micros == 0) fail();
    return UtcOffset(west ? -micros : micros);
  }
  year_month_day date() {
    const auto year = static_cast<int>(digits(4, 10000));
    need('-');
    const auto month = static_cast<unsigned>(digits(2, 13));
    need('-');
    const auto day = static_cast<unsigned>(digits(2, 32));
    const year_month_day v{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
    if (year == 0 || !v.ok()) fail();
    return v;
  }

 private:
  std::string_view text_;
  std::string_view rest_;
  const char* what_;
};

}  // namespace

std::string date_text(year_month_day v) {
  std::string out;
  put_date(out, v);
  return out;
}

year_month_day parse_date(std::string_view text) {
  Scanner in(text, "a date (2024-02-29)");
  const year_month_day v = in.date();
  in.done();
  return v;
}

std::string time_text(const TimeOfDay& v) {
  if (v.since_midnight.count() < 0 || v.since_midnight.count() >= kDay) {
    throw ValueError("a time of day of " + span_text(v.since_midnight) + " is outside 0:00 .. 24:00");
  }
  std::string out;
  out.reserve(32);
  put_clock(out, v.since_midnight.count());
  if (v.offset) put_offset(out, *v.offset);
  return out;
}

TimeOfDay parse_time(std::string_view text) {
  Scanner in(text, "a time of day (03:04:05, 03:04:05.000006+05:45)");
  TimeOfDay v;
  v.since_midnight = microseconds(in.clock());
  v.offset = in.offset();
  in.done();
  return v;
}

std::string datetime_text(LocalDateTime v, char separator) {
  return datetime(v.time_since_epoch(), separator);
}

std::string datetime_text(UtcDateTime v, char separator) {
  return datetime(v.time_since_epoch(), separator) + "+00:00";
}

std::string datetime_text(const OffsetDateTime& v, char separator) {
  std::string out = datetime(v.local.time_since_epoch(), separator);
  put_offset(out, v.offset);
  return out;
}

DateTime parse_datetime(std::string_view text) {
  Scanner in(text, "a date and time (2020-01-02T03:04:05, 2020-01-02 03:04:05.000007+05:45)");
  const auto day = std::chrono::local_days(in.date());
  if (!in.take('T') && !in.take(' ')) in.fail();
  DateTime v;
  v.local = LocalDateTime(day.time_since_epoch() + microseconds(in.clock()));
  v.offset = in.offset();
  in.done();
  return v;
}

LocalDateTime parse_local_datetime(std::string_view text) {
  const DateTime v = parse_datetime(text);
  if (v.offset) throw ValueError("a date and time without an offset is expected, got " + Quoted(text));
  return v.local;
}

OffsetDateTime parse_offset_datetime(std::string_view text) {
  const DateTime v = parse_datetime(text);
  if (!v.offset) throw ValueError("a date and time with an offset is expected, got " + Quoted(text));
  return {v.local, *v.offset};
}

UtcDateTime parse_utc_datetime(std::string_view text) { return parse_offset_datetime(text).utc(); }

std::string span_text(microseconds v) {
  // In whole numbers: the first day of the smallest span begins before what 64 bits hold.
  const std::int64_t below = v.count() % kDay;
  const std::int64_t rest = below < 0 ? below + kDay : below;
  const std::int64_t day = v.count() / kDay - (below < 0 ? 1 : 0);
  std::string out;
  if (day != 0) out = std::to_string(day) + (day == 1 || day == -1 ? " day, " : " days, ");
  out += std::to_string(rest / kHour);
  out.push_back(':');
  put_digits(out, rest / kMinute % 60, 2);
  out.push_back(':');
  put_digits(out, rest / kSecond % 60, 2);
  put_fraction(out, rest % kSecond);
  return out;
}

microseconds parse_span(std::string_view text) {
  Scanner in(text, "a time span (1:00:00, -1 day, 0:00:00.000001)");
  std::int64_t day = 0;
  if (text.find(',') != std::string_view::npos) {
    const bool negative = in.take('-');
    day = in.number(9);
    if (day == 0 || !in.take(day == 1 ? " day, " : " days, ")) in.fail();
    if (negative) day = -day;
  }
  std::int64_t rest = in.number(2) * kHour;
  if (rest >= kDay) in.fail();
  in.need(':');
  rest += in.digits(2, 60) * kMinute;
  in.need(':');
  rest += in.digits(2, 60) * kSecond;
  rest += in.fraction();
  in.done();
  if (day < 0) {
    ++day;
    rest -= kDay;
  }
  constexpr std::int64_t kMostDays = INT64_MAX / kDay;
  std::int64_t micros = 0;
  if (day > kMostDays || day < -kMostDays || __builtin_add_overflow(day * kDay, rest, &micros)) {
    throw ValueError("the time span is beyond 64-bit microseconds: " + Quoted(text));
  }
  return microseconds(micros);
}

}  // namespace cocoindex::inline v0::text
