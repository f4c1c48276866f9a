#include "zvec/query/lexer.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace zvec::inline v0::filter {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameCharacter(char c) {
  return IsDigit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
}
char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool EqualsKeyword(std::string_view word, std::string_view keyword) {
  return std::equal(word.begin(), word.end(), keyword.begin(), keyword.end(),
                    [](char a, char b) { return Lower(a) == b; });
}

TokenKind KeywordOrName(std::string_view word) {
  static constexpr std::pair<std::string_view, TokenKind> kKeywords[] = {
      {"and", TokenKind::kAnd},
      {"or", TokenKind::kOr},
      {"not", TokenKind::kNot},
      {"in", TokenKind::kIn},
      {"between", TokenKind::kBetween},
      {"like", TokenKind::kLike},
      {"is", TokenKind::kIs},
      {"null", TokenKind::kNull},
      {"true", TokenKind::kTrue},
      {"false", TokenKind::kFalse},
      {"contain_all", TokenKind::kContainAll},
      {"contain_any", TokenKind::kContainAny},
  };
  for (const auto& [keyword, kind] : kKeywords) {
    if (EqualsKeyword(word, keyword)) return kind;
  }
  return TokenKind::kName;
}

std::size_t Digits(std::string_view text, std::size_t from) {
  std::size_t end = from;
  while (end < text.size() && IsDigit(text[end])) ++end;
  return end - from;
}

struct Number {
  std::size_t size = 0;  // 0: none here
  bool is_float = false;
};

// [-] digits [. digits] | [-] . digits, then [e [+|-] digits], then [d|f].
Number MatchNumber(std::string_view text) {
  std::size_t end = !text.empty() && text[0] == '-' ? 1 : 0;
  const std::size_t whole = Digits(text, end);
  end += whole;
  bool is_float = false;
  if (end < text.size() && text[end] == '.') {
    if (const std::size_t fraction = Digits(text, end + 1); fraction > 0) {
      end += 1 + fraction;
      is_float = true;
    }
  }
  if (whole == 0 && !is_float) return {};
  if (end < text.size() && Lower(text[end]) == 'e') {
    const std::size_t sign = end + 1 < text.size() && (text[end + 1] == '+' || text[end + 1] == '-') ? 1 : 0;
    if (const std::size_t exponent = Digits(text, end + 1 + sign); exponent > 0) {
      end += 1 + sign + exponent;
      is_float = true;
    }
  }
  if (end < text.size() && (Lower(text[end]) == 'd' || Lower(text[end]) == 'f')) {
    end += 1;
    is_float = true;
  }
  return {end, is_float};
}

}  // namespace

Token Lexer::Make(TokenKind kind, std::size_t size) noexcept {
  const Token token{kind, text_.substr(pos_, size), pos_, nullptr};
  pos_ += size;
  return token;
}

Token Lexer::Error(const char* problem) noexcept {
  return {TokenKind::kError, text_.substr(pos_, 1), pos_,
          problem};  // pos_ stays: the next call says the same
}

bool Lexer::SkipBlanks() noexcept {
  while (pos_ < text_.size()) {
    const char c = text_[pos_];
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
      ++pos_;
    } else if (text_.substr(pos_, 2) == "--") {
      pos_ = std::min(text_.find('\n', pos_), text_.size());
    } else if (text_.substr(pos_, 2) == "/*") {
      const std::size_t end = text_.find("*/", pos_ + 2);
      if (end == std::string_view::npos) return false;
      pos_ = end + 2;
    } else {
      break;
    }
  }
  return true;
}

Token Lexer::Next() noexcept {
  if (!SkipBlanks()) return Error("the comment has no end; write */");
  if (pos_ == text_.size()) return Make(TokenKind::kEnd, 0);
  const char c = text_[pos_];
  if (IsNameCharacter(c) || c == '.') return Word();
  if (c == '\'' || c == '"') return String(c);
  if (c == '`') return QuotedName();
  return Symbol();
}

// The longer of a number and a name wins, the number when they are equally long: `5-3` and `2x` are names,
// `2f` is not.
Token Lexer::Word() noexcept {
  const std::string_view rest = text_.substr(pos_);
  const Number number = MatchNumber(rest);
  const auto name = static_cast<std::size_t>(
      std::find_if_not(rest.begin(), rest.end(), [](char c) { return IsNameCharacter(c); }) - rest.begin());
  if (number.size == 0 && name == 0) return Error("a number needs a digit after the point");
  if (name == 1 && rest[0] == '-') return Error("a minus sign belongs right before the digits of a number");
  if (number.size >= name) {
    if (rest.substr(number.size, 1) == ".") {
      pos_ += number.size;
      return Error("a number needs a digit after the point");
    }
    return Make(number.is_float ? TokenKind::kFloat : TokenKind::kInteger, number.size);
  }
  return Make(KeywordOrName(rest.substr(0, name)), name);
}

Token Lexer::String(char quote) noexcept {
  for (std::size_t end = pos_ + 1; end < text_.size(); ++end) {
    if (text_[end] == '\\') {
      ++end;
    } else if (text_[end] == quote) {
      if (text_.substr(end + 1, 1) == std::string_view(&quote, 1)) {
        ++end;
      } else {
        return Make(TokenKind::kString, end + 1 - pos_);
      }
    }
  }
  return Error("the text has no closing quote");
}

Token Lexer::QuotedName() noexcept {
  const std::size_t end = text_.find('`', pos_ + 1);
  if (end == std::string_view::npos) return Error("the name has no closing back-tick");
  Token token = Make(TokenKind::kName, end + 1 - pos_);
  token.text = token.text.substr(1, token.text.size() - 2);
  return token;
}

Token Lexer::Symbol() noexcept {
  const std::string_view rest = text_.substr(pos_);
  const std::string_view two = rest.substr(0, 2);
  if (two == "==") return Make(TokenKind::kEq, 2);
  if (two == "!=" || two == "<>") return Make(TokenKind::kNe, 2);
  if (two == "&&") return Make(TokenKind::kAnd, 2);
  if (two == "||") return Make(TokenKind::kOr, 2);
  switch (rest[0]) {
    case '=':
      return Make(TokenKind::kEq, 1);
    case '(':
      return Make(TokenKind::kOpen, 1);
    case ')':
      return Make(TokenKind::kClose, 1);
    case ',':
      return Make(TokenKind::kComma, 1);
    case '[':
      return Make(TokenKind::kOpenBracket, 1);
    case '<':
    case '>': {
      // Blanks may stand inside `<=` and `>=`.
      const std::size_t next = rest.find_first_not_of(" \t\r\n", 1);
      const bool equal = next != std::string_view::npos && rest[next] == '=';
      const bool less = rest[0] == '<';
      if (!equal) return Make(less ? TokenKind::kLt : TokenKind::kGt, 1);
      return Make(less ? TokenKind::kLe : TokenKind::kGe, next + 1);
    }
    case '&':
      return Error("write AND");
    case '|':
      return Error("write OR");
    case '!':
      return Error("write NOT, or != without a blank inside");
    case '+':
      return Error("a number takes no plus sign, and there is no arithmetic");
    case '*':
    case '/':
      return Error("there is no arithmetic in a filter");
    case '%':
      return Error("a pattern stands in quotes after LIKE");
    case ';':
      return Error("a filter is one expression without a semicolon");
    case '$':
    case '?':
    case ':':
      return Error("parameters are not part of this filter language; write the value");
    default:
      break;
  }
  if (static_cast<unsigned char>(rest[0]) >= 0x80) {
    return Error("names are of A-Z a-z 0-9 _ -; text stands in quotes");
  }
  return Error("this character has no meaning in a filter");
}

std::string DecodeString(std::string_view token, bool is_pattern) {
  const char quote = token.front();
  const std::string_view body = token.substr(1, token.size() - 2);
  std::string value;
  value.reserve(body.size());
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char next = i + 1 < body.size() ? body[i + 1] : '\0';
    if (body[i] == quote) {
      ++i;  // a doubled quote: one of them
    } else if (body[i] == '\\' && (next == '\'' || next == '"')) {
      ++i;
    } else if (body[i] == '\\' && next == '\\') {
      if (is_pattern) value += '\\';
      ++i;
    }
    value += body[i];
  }
  return value;
}

}  // namespace zvec::inline v0::filter
