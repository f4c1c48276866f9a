// Numbers as text, and counts of a unit as seconds or microseconds.
#include <bit>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/utf8.h"
#include "cocoindex/text_forms.h"

namespace cocoindex::inline v0::text {

using cocozvec::Quoted;

namespace {

__extension__ using Wide = unsigned __int128;
constexpr int kHalf = 64;

/// `v` rounded to a double, half to even; `sticky`: something follows below its last bit.
double round_to_double(Wide v, bool sticky, int exponent) noexcept {
  const auto high = static_cast<std::uint64_t>(v >> kHalf);
  const int bits = high != 0 ? 2 * kHalf - std::countl_zero(high)
                             : kHalf - std::countl_zero(static_cast<std::uint64_t>(v));
  const int drop = bits - kHalf;
  if (drop > 0) {
    sticky = sticky || (v & ((Wide{1} << drop) - 1)) != 0;
    v >>= drop;
    exponent += drop;
  }
  // 64 bits and more are left of a number that needs 53, so the last one may say "a little more".
  auto top = static_cast<std::uint64_t>(v);
  if (sticky) top |= 1;
  return std::ldexp(static_cast<double>(top), exponent);
}

constexpr double kMicrosLimit = 9223372036854775808.0;

}  // namespace

std::string real_text(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "Infinity" : "-Infinity";
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::scientific).ptr;
  std::string_view shortest(buffer, static_cast<std::size_t>(end - buffer));
  std::string out;
  if (shortest[0] == '-') {
    out.push_back('-');
    shortest.remove_prefix(1);
  }
  const std::size_t e = shortest.find('e');
  std::string digits(1, shortest[0]);
  if (e > 2) digits.append(shortest.substr(2, e - 2));
  int power = 0;
  const char* const first = shortest.data() + e + (shortest[e + 1] == '+' ? 2 : 1);
  std::from_chars(first, shortest.data() + shortest.size(), power);
  if (power < -4 || power >= 16) {
    out.push_back(digits[0]);
    if (digits.size() > 1) out.append(".").append(digits, 1);
    out.append(power < 0 ? "e-" : "e+");
    const int size = power < 0 ? -power : power;
    if (size < 10) out.push_back('0');
    return out.append(std::to_string(size));
  }
  if (power < 0) return out.append("0.").append(static_cast<std::size_t>(-power - 1), '0').append(digits);
  const auto before = static_cast<std::size_t>(power) + 1;
  if (digits.size() <= before) {
    return out.append(digits).append(before - digits.size(), '0').append(".0");
  }
  return out.append(digits, 0, before).append(".").append(digits, before);
}

double parse_real(std::string_view text) {
  double v = 0;
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (text == "Infinity" || text == "-Infinity") {
    v = std::numeric_limits<double>::infinity();
    return text[0] == '-' ? -v : v;
  }
  if (error != std::errc{} || end != text.data() + text.size() || real_text(v) != text) {
    throw ValueError("not a floating-point number in its shortest form: " + Quoted(text));
  }
  return v;
}

microseconds from_total_seconds(double seconds) {
  // The product in a wider type: a second rounding would cost a bit of the range.
  const long double micros = std::nearbyint(static_cast<long double>(seconds) * 1e6L);
  if (!(std::fabs(micros) < static_cast<long double>(kMicrosLimit))) {
    throw ValueError(real_text(seconds) + " seconds are no time span of 64-bit microseconds");
  }
  return microseconds(static_cast<std::int64_t>(micros));
}

bool is_utf8(std::string_view text) noexcept { return cocozvec::IsUtf8(text); }

namespace detail {

double seconds_of(const Ticks& ticks) noexcept {
  const Wide product = Wide{ticks.count} * static_cast<std::uint64_t>(ticks.num);
  if (product == 0) return 0.0;
  const auto den = static_cast<std::uint64_t>(ticks.den);
  // Long division with 64-bit digits until 64 significant bits are there.
  const Wide whole = product / den;
  Wide rest = product % den;
  const auto next = [&] {
    const Wide digit = (rest << kHalf) / den;
    rest = (rest << kHalf) % den;
    return digit;
  };
  double out = 0;
  if (whole >> kHalf != 0) {
    out = round_to_double(whole, rest != 0, 0);
  } else if (whole != 0) {
    const Wide value = whole << kHalf | next();
    out = round_to_double(value, rest != 0, -kHalf);
  } else {
    const Wide first = next();
    const Wide value = first << kHalf | next();
    out = round_to_double(value, rest != 0, -2 * kHalf);
  }
  return ticks.negative ? -out : out;
}

std::int64_t micros_of(const Ticks& ticks) {
  constexpr std::uint64_t kMillion = 1'000'000;
  const Wide product = Wide{ticks.count} * static_cast<std::uint64_t>(ticks.num);
  const auto den = static_cast<std::uint64_t>(ticks.den);
  const Wide whole = product / den;
  const Wide part = product % den * kMillion;
  constexpr Wide kMost = static_cast<Wide>(std::numeric_limits<std::int64_t>::max());
  if (whole <= kMost / kMillion) {
    Wide micros = whole * kMillion + part / den;
    if (ticks.negative && part % den != 0) ++micros;  // down, not towards zero
    if (micros <= kMost) {
      const auto v = static_cast<std::int64_t>(micros);
      return ticks.negative ? -v : v;
    }
  }
  throw ValueError("a time of " + std::string(ticks.negative ? "-" : "") + std::to_string(ticks.count) +
                   " * " + std::to_string(ticks.num) + "/" + std::to_string(ticks.den) +
                   " seconds is beyond 64-bit microseconds");
}

std::int64_t micros_of(double micros) {
  const double down = std::floor(micros);
  if (!(std::fabs(down) < kMicrosLimit)) {
    throw ValueError("a time of " + real_text(micros) + " microseconds is beyond 64 bits");
  }
  return static_cast<std::int64_t>(down);
}

}  // namespace detail
}  // namespace cocoindex::inline v0::text
