#include "cocoindex/values.h"

#include "base/utf8.h"

namespace cocoindex::inline v0 {

using cocozvec::Quoted;

namespace {

// What Python's decimal holds.
constexpr std::int64_t kMaxAdjusted = 999'999'999'999'999'999;
constexpr std::int64_t kMinExponent = -1'999'999'999'999'999'997;

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

bool same_word(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c) != lower[i]) return false;
  }
  return true;
}

/// The digits at the front of `text`, which moves behind them.
std::string_view take_digits(std::string_view& text) noexcept {
  std::size_t n = 0;
  while (n < text.size() && is_digit(text[n])) ++n;
  const std::string_view digits = text.substr(0, n);
  text.remove_prefix(n);
  return digits;
}

}  // namespace

Decimal::Decimal(std::string_view text) {
  const auto fail = [&] { throw ValueError("not a decimal number: " + Quoted(text)); };
  std::string_view rest = text;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    negative_ = rest[0] == '-';
    rest.remove_prefix(1);
  }
  const bool signalling = rest.size() >= 4 && same_word(rest.substr(0, 4), "snan");
  if (same_word(rest, "inf") || same_word(rest, "infinity")) {
    *this = special(negative_, Kind::infinity);
    return;
  }
  if (signalling || (rest.size() >= 3 && same_word(rest.substr(0, 3), "nan"))) {
    rest.remove_prefix(signalling ? 4 : 3);
    *this = special(negative_, signalling ? Kind::signalling_nan : Kind::nan, std::string(rest));
    return;
  }
  digits_ = take_digits(rest);
  if (!rest.empty() && rest[0] == '.') {
    rest.remove_prefix(1);
    const std::string_view fraction = take_digits(rest);
    digits_ += fraction;
    exponent_ = -static_cast<std::int64_t>(fraction.size());
  }
  if (digits_.empty()) fail();
  if (!rest.empty()) {
    if (rest[0] != 'e' && rest[0] != 'E') fail();
    rest.remove_prefix(1);
    const bool down = !rest.empty() && rest[0] == '-';
    if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) rest.remove_prefix(1);
    const std::string_view power = take_digits(rest);
    if (power.empty() || !rest.empty()) fail();
    std::int64_t value = 0;
    for (const char c : power) {
      if (value > (-2 * kMinExponent - (c - '0')) / 10) {
        throw ValueError("the exponent is too large: " + Quoted(text));
      }
      value = value * 10 + (c - '0');
    }
    exponent_ += down ? -value : value;
  }
  check_and_trim();
}

Decimal::Decimal(bool negative, std::string digits, std::int64_t exponent)
    : negative_(negative), digits_(std::move(digits)), exponent_(exponent) {
  check_and_trim();
}

Decimal Decimal::special(bool negative, Kind kind, std::string payload) {
  Decimal out;
  out.negative_ = negative;
  out.digits_ = std::move(payload);
  out.check_and_trim();
  if (out.digits_ == "0") out.digits_.clear();
  if (kind == Kind::infinity || kind == Kind::finite) out.digits_ = kind == Kind::finite ? "0" : "";
  out.kind_ = kind;
  return out;
}

void Decimal::check_and_trim() {
  for (const char c : digits_) {
    if (!is_digit(c)) throw ValueError("a decimal number has digits only, got " + Quoted(digits_));
  }
  const std::size_t first = digits_.find_first_not_of('0');
  if (first == std::string::npos) {
    digits_ = "0";
  } else {
    digits_.erase(0, first);
  }
  const bool too_large =
      exponent_ > kMaxAdjusted || exponent_ + static_cast<std::int64_t>(digits_.size()) - 1 > kMaxAdjusted;
  if (too_large || exponent_ < kMinExponent) {
    throw ValueError("the exponent " + std::to_string(exponent_) + " is outside " +
                     std::to_string(kMinExponent) + " .. " + std::to_string(kMaxAdjusted));
  }
}

std::string Decimal::text() const {
  std::string out = negative_ ? "-" : "";
  if (kind_ == Kind::infinity) return out + "Infinity";
  if (kind_ == Kind::nan) return out + "NaN" + digits_;
  if (kind_ == Kind::signalling_nan) return out + "sNaN" + digits_;
  const auto count = static_cast<std::int64_t>(digits_.size());
  const std::int64_t before = count + exponent_;  // digits before the point
  if (exponent_ <= 0 && before > -6) {
    if (before <= 0) return out + "0." + std::string(static_cast<std::size_t>(-before), '0') + digits_;
    out.append(digits_, 0, static_cast<std::size_t>(before));
    if (before < count) out.append(".").append(digits_, static_cast<std::size_t>(before));
    return out;
  }
  out.push_back(digits_[0]);
  if (count > 1) out.append(".").append(digits_, 1);
  const std::int64_t power = before - 1;
  if (power != 0) out.append(power > 0 ? "E+" : "E").append(std::to_string(power));
  return out;
}

}  // namespace cocoindex::inline v0
