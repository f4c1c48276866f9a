// cocoindex/text_forms.h: values as text and back. The forms are those of Python: a column holds what
// `isoformat` and `str` give, so programs in both languages read each other's rows.
//
// Every parse_ function is the exact inverse of its writer and takes nothing else (date-times: with 'T' or a
// space). Errors: ValueError, which says what is wrong with the value or where the text departs from the
// form. Threads: all functions may be called from any thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "cocoindex/values.h"

namespace cocoindex::inline v0::text {

using std::chrono::microseconds;
using LocalDateTime = std::chrono::local_time<microseconds>;
using UtcDateTime = std::chrono::sys_time<microseconds>;

/// RFC 4648 section 4, padded, without line breaks.
std::string to_base64(std::span<const std::byte> bytes);
Bytes from_base64(std::string_view text);

/// 8-4-4-4-12 lower-case hexadecimal digits.
std::string uuid_text(const Uuid& v);
Uuid parse_uuid(std::string_view text);

inline std::string decimal_text(const Decimal& v) { return v.text(); }
inline Decimal parse_decimal(std::string_view text) { return Decimal(text); }

/// 2024-02-29; years 1 to 9999.
std::string date_text(std::chrono::year_month_day v);
std::chrono::year_month_day parse_date(std::string_view text);

/// 03:04:05, with .000006 where there are microseconds, with +05:45 where there is an offset.
std::string time_text(const TimeOfDay& v);
TimeOfDay parse_time(std::string_view text);

/// 2020-01-02T03:04:05, then as time_text. `separator` is 'T' in columns and a space in ids and inside JSON.
std::string datetime_text(LocalDateTime v, char separator = 'T');
std::string datetime_text(UtcDateTime v, char separator = 'T');  ///< ends in +00:00
std::string datetime_text(const OffsetDateTime& v, char separator = 'T');
LocalDateTime parse_local_datetime(std::string_view text);  ///< without an offset
OffsetDateTime parse_offset_datetime(std::string_view text);
UtcDateTime parse_utc_datetime(std::string_view text);  ///< any offset, converted
/// Both: an offset when there is one.
struct DateTime {
  LocalDateTime local{};
  std::optional<UtcOffset> offset = std::nullopt;
  bool operator==(const DateTime&) const = default;
};
DateTime parse_datetime(std::string_view text);

/// [-]D day[s], H:MM:SS[.ffffff], the day part only when it is not zero. Only inside JSON; a column holds
/// total_seconds.
std::string span_text(microseconds v);
microseconds parse_span(std::string_view text);

/// Python's literal b'..'. Only inside JSON; a column holds base64.
std::string bytes_text(std::span<const std::byte> bytes);
Bytes parse_bytes_text(std::string_view text);

/// The shortest digits that round-trip, as in JSON: 1.0, 1e+16, NaN, -Infinity.
std::string real_text(double v);
double parse_real(std::string_view text);

bool is_utf8(std::string_view text) noexcept;

namespace detail {
/// count * num / den seconds, negative or not.
struct Ticks {
  bool negative = false;
  std::uint64_t count = 0;
  std::int64_t num = 1;
  std::int64_t den = 1;
};
double seconds_of(const Ticks& ticks) noexcept;  ///< correctly rounded
std::int64_t micros_of(const Ticks& ticks);      ///< rounded down
std::int64_t micros_of(double micros);

template <class Rep, class Period>
constexpr Ticks ticks_of(std::chrono::duration<Rep, Period> v) {
  static_assert(std::is_integral_v<Rep>);
  const Rep count = v.count();
  const bool negative = count < Rep{0};
  const auto bits = static_cast<std::uint64_t>(count);
  return {negative, negative ? 0 - bits : bits, Period::num, Period::den};
}
}  // namespace detail

/// The count in its own unit divided once, so correct over the whole range.
template <class Rep, class Period>
double total_seconds(std::chrono::duration<Rep, Period> v) {
  if constexpr (std::is_floating_point_v<Rep>) {
    return static_cast<double>(v.count()) * static_cast<double>(Period::num) /
           static_cast<double>(Period::den);
  } else {
    return detail::seconds_of(detail::ticks_of(v));
  }
}
/// Exact for spans of up to 2^52 microseconds (142 years).
microseconds from_total_seconds(double seconds);

/// Rounded down; ValueError where 64 bits do not hold it.
template <class Rep, class Period>
microseconds to_micros(std::chrono::duration<Rep, Period> v) {
  if constexpr (std::is_floating_point_v<Rep>) {
    return microseconds(detail::micros_of(static_cast<double>(v.count()) * static_cast<double>(Period::num) *
                                          1e6 / static_cast<double>(Period::den)));
  } else {
    return microseconds(detail::micros_of(detail::ticks_of(v)));
  }
}

}  // namespace cocoindex::inline v0::text
