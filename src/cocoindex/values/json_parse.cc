// JSON text into values, by recursive descent with a bound on the depth.
#include <charconv>
#include <limits>

#include "base/fault.h"
#include "base/utf8.h"
#include "cocoindex/json.h"
#include "cocoindex/text_forms.h"

namespace cocoindex::inline v0 {

using cocozvec::kInvalidCharacter;
using cocozvec::NextCharacter;

namespace {

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  Json document() {
    Json v = value();
    skip_space();
    if (pos_ != text_.size()) fail("something follows the value");
    return v;
  }

 private:
  [[noreturn]] void fail(const char* what) const {
    throw ValueError("JSON, at byte " + std::to_string(pos_) + ": " + what);
  }
  bool at_end() const noexcept { return pos_ == text_.size(); }
  char peek() const noexcept { return at_end() ? '\0' : text_[pos_]; }
  void skip_space() noexcept {
    while (!at_end() && (peek() == ' ' || peek() == '\n' || peek() == '\r' || peek() == '\t')) ++pos_;
  }
  bool take(char c) {
    skip_space();
    if (peek() != c || at_end()) return false;
    ++pos_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (text_.substr(pos_, word.size()) != word) return false;
    pos_ += word.size();
    return true;
  }

  Json value() {
    skip_space();
    switch (peek()) {
      case '{':
        return nested([this] { return object(); });
      case '[':
        return nested([this] { return array(); });
      case '"':
        return string();
      default:
        break;
    }
    if (take_word("null")) return {};
    if (take_word("true")) return true;
    if (take_word("false")) return false;
    if (take_word("NaN")) return std::numeric_limits<double>::quiet_NaN();
    if (take_word("Infinity")) return std::numeric_limits<double>::infinity();
    if (take_word("-Infinity")) return -std::numeric_limits<double>::infinity();
    return number();
  }

  template <class F>
  Json nested(F read) {
    if (++depth_ > JsonWriter::kMaxDepth && !cocozvec::FaultPlanted("no_depth_limit"))
      fail("nested too deeply");
    ++pos_;
    Json v = read();
    --depth_;
    return v;
  }

  Json array() {
    Json::Array elements;
    if (take(']')) return elements;
    do {
      elements.push_back(value());
    } while (take(','));
    if (!take(']')) fail("',' or ']' is expected");
    return elements;
  }

  Json object() {
    Json::Object members;
    if (take('}')) return members;
    do {
      skip_space();
      if (peek() != '"') fail("a member's name is expected");
      std::string name = string();
      if (!take(':')) fail("':' is expected");
      members.push_back({std::move(name), value()});
    } while (take(','));
    if (!take('}')) fail("',' or '}' is expected");
    return members;
  }

  std::uint32_t hex4() {
    std::uint32_t v = 0;
    if (text_.size() - pos_ < 4) fail("\\u needs four hexadecimal digits");
    const char* const first = text_.data() + pos_;
    const auto [end, error] = std::from_chars(first, first + 4, v, 16);
    if (error != std::errc{} || end != first + 4) fail("\\u needs four hexadecimal digits");
    pos_ += 4;
    return v;
  }

  void escape(std::string& out) {
    static constexpr std::string_view kFrom = "\"\\/bfnrt";
    static constexpr std::string_view kTo = "\"\\/\b\f\n\r\t";
    const char c = peek();
    ++pos_;
    if (c != 'u') {
      const std::size_t at = kFrom.find(c);
      if (at == std::string_view::npos) fail("unknown escape");
      out.push_back(kTo[at]);
      return;
    }
    std::uint32_t unit = hex4();
    if (unit >= 0xD800 && unit < 0xDC00 && take_word("\\u")) {
      const std::uint32_t low = hex4();
      if (low < 0xDC00 || low > 0xDFFF) fail("half of a surrogate pair");
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    } else if (unit >= 0xD800 && unit < 0xE000) {
      fail("half of a surrogate pair");
    }
    put_character(out, unit);
  }

  static void put_character(std::string& out, std::uint32_t c) {
    const auto tail = [&](int shift) { out.push_back(static_cast<char>(0x80 | (c >> shift & 0x3F))); };
    if (c < 0x80) {
      out.push_back(static_cast<char>(c));
    } else if (c < 0x800) {
      out.push_back(static_cast<char>(0xC0 | c >> 6));
      tail(0);
    } else if (c < 0x10000) {
      out.push_back(static_cast<char>(0xE0 | c >> 12));
      tail(6);
      tail(0);
    } else {
      out.push_back(static_cast<char>(0xF0 | c >> 18));
      tail(12);
      tail(6);
      tail(0);
    }
  }

  std::string string() {
    std::string out;
    ++pos_;
    for (;;) {
      if (at_end()) fail("the text has no end");
      const char c = text_[pos_];
      if (c == '"') break;
      if (static_cast<unsigned char>(c) < 0x20) fail("a control character inside of a text");
      if (c == '\\') {
        ++pos_;
        escape(out);
        continue;
      }
      const std::size_t begin = pos_;
      if (NextCharacter(text_, &pos_) == kInvalidCharacter) fail("no valid UTF-8");
      out.append(text_.substr(begin, pos_ - begin));
    }
    ++pos_;
    return out;
  }

  std::size_t digits() {
    const std::size_t begin = pos_;
    while (!at_end() && peek() >= '0' && peek() <= '9') ++pos_;
    return pos_ - begin;
  }

  Json number() {
    const std::size_t begin = pos_;
    if (peek() == '-') ++pos_;
    const char first = peek();
    const std::size_t whole = digits();
    if (whole == 0) fail("a value is expected");
    if (whole > 1 && first == '0') fail("a number with a leading zero");
    bool real = false;
    if (peek() == '.') {
      real = true;
      ++pos_;
      if (digits() == 0) fail("digits are expected behind the point");
    }
    if (peek() == 'e' || peek() == 'E') {
      real = true;
      ++pos_;
      if (peek() == '+' || peek() == '-') ++pos_;
      if (digits() == 0) fail("digits of the exponent are expected");
    }
    return real ? real_value(text_.substr(begin, pos_ - begin))
                : integer_value(text_.substr(begin, pos_ - begin));
  }

  static Json integer_value(std::string_view text) {
    const char* const end = text.data() + text.size();
    std::int64_t v = 0;
    if (std::from_chars(text.data(), end, v).ec == std::errc{}) {
      if (v == 0) return 0;
      return v;
    }
    std::uint64_t u = 0;
    const auto [at, error] = std::from_chars(text.data(), end, u);
    if (error == std::errc{} && at == end) return u;
    return Json::BigInteger{std::string(text)};
  }

  static Json real_value(std::string_view text) {
    double v = 0;
    const auto error = std::from_chars(text.data(), text.data() + text.size(), v).ec;
    if (error == std::errc::result_out_of_range) {  // as Python: infinite or zero
      v = is_large(text) ? std::numeric_limits<double>::infinity() : 0.0;
      if (text[0] == '-') v = -v;
    }
    return v;
  }

  /// Whether the first digit that counts stands left of the point, the exponent applied. Not for zero.
  static bool is_large(std::string_view text) {
    if (text[0] == '-') text.remove_prefix(1);
    const std::size_t e = std::min(text.find_first_of("eE"), text.size());
    const std::size_t point = std::min(text.find('.'), e);
    const std::size_t first = text.find_first_of("123456789");
    const bool left = first < point;
    std::int64_t exponent = 0;
    if (e < text.size()) {
      std::string_view digits = text.substr(e + 1);
      if (digits[0] == '+') digits.remove_prefix(1);
      if (std::from_chars(digits.data(), digits.data() + digits.size(), exponent).ec != std::errc{}) {
        return digits[0] != '-';  // beyond any number of digits before it
      }
    }
    const std::size_t distance = left ? point - first : first - point - 1;
    const auto places = static_cast<std::int64_t>(distance);
    return exponent > (left ? -places : places);
  }

  std::string_view text_;
  std::size_t pos_ = 0;
  int depth_ = 0;
};

}  // namespace

Json Json::parse(std::string_view text) { return Parser(text).document(); }

}  // namespace cocoindex::inline v0
