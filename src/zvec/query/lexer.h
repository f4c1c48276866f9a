// zvec/query/lexer.h: the words of a filter expression (docs/filter.md).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace zvec::inline v0::filter {

enum class TokenKind : unsigned char {
  kEnd,
  kError,
  kName,
  kInteger,
  kFloat,
  kString,
  kTrue,
  kFalse,
  kNull,
  kAnd,
  kOr,
  kNot,
  kIn,
  kBetween,
  kLike,
  kIs,
  kContainAll,
  kContainAny,
  kEq,
  kNe,
  kLt,
  kLe,
  kGt,
  kGe,
  kOpen,
  kClose,
  kComma,
  kOpenBracket,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;          ///< as written; without the back-ticks for a quoted name
  std::size_t position = 0;       ///< byte offset of the first character
  const char* problem = nullptr;  ///< kError: what is wrong and what to write instead
};

/// Reads one token after the other; after kEnd and kError it stays there.
class Lexer {
 public:
  explicit Lexer(std::string_view text) noexcept : text_(text) {}
  Token Next() noexcept;

 private:
  bool SkipBlanks() noexcept;  // false: a comment without an end
  Token Word() noexcept;
  Token String(char quote) noexcept;
  Token QuotedName() noexcept;
  Token Symbol() noexcept;
  Token Make(TokenKind kind, std::size_t size) noexcept;
  Token Error(const char* problem) noexcept;

  std::string_view text_;
  std::size_t pos_ = 0;
};

/// The value of a string token, which still has its quotes: `\'`, `\"` and `\\` are one character, a doubled
/// quote too, every other backslash stays. For a LIKE pattern `\\` stays two characters: the pattern has that
/// escape itself.
std::string DecodeString(std::string_view token, bool is_pattern);

}  // namespace zvec::inline v0::filter
