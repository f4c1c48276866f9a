// zvec/schema/text.h: UTF-8 and how text from users stands in messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace zvec::inline v0 {

inline constexpr char32_t kInvalidCharacter = 0xFFFFFFFF;

/// The character at `*pos` (which must be inside `text`); moves `*pos` behind it. kInvalidCharacter for a
/// byte that does not begin a well-formed one (overlong forms and surrogates are not): then `*pos` moves by
/// one.
char32_t NextCharacter(std::string_view text, std::size_t* pos) noexcept;

bool IsUtf8(std::string_view text) noexcept;

/// `"text"` for a message: at most 32 characters and "...", control characters and broken bytes escaped.
std::string Quoted(std::string_view text);

/// What is wrong with a name or id of 1 to `max_bytes` bytes of UTF-8 without control characters and line
/// separators: "must not be empty", "exceeds 64 bytes (got 70)", "contains a tab", ...; "" when nothing is.
std::string TextProblem(std::string_view text, std::size_t max_bytes);

}  // namespace zvec::inline v0
