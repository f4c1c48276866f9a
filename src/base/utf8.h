// base/utf8.h: characters of UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF), and
// how text from users stands in messages. Threads: all functions may be called from any thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cocozvec::inline v0 {

inline constexpr char32_t kInvalidCharacter = 0xFFFFFFFF;

/// The character at `*pos` (which must be inside `text`); moves `*pos` behind it. kInvalidCharacter for a
/// byte that does not begin a well-formed one: then `*pos` moves by one.
char32_t NextCharacter(std::string_view text, std::size_t* pos) noexcept;

bool IsUtf8(std::string_view text) noexcept;

/// `"text"` for a message: at most 32 characters and "..."; quotes and backslashes, and what Printable
/// escapes.
std::string Quoted(std::string_view text);

/// The whole text as valid UTF-8 of one line: control characters (U+0080 to U+009F too), line and paragraph
/// separators and broken bytes escaped. Not to be read back: backslashes stand as they are.
std::string Printable(std::string_view text);

}  // namespace cocozvec::inline v0
