// cocoindex/values/utf8.h: characters of UTF-8, and text from users in messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cocoindex::inline v0::text {

inline constexpr char32_t kNoCharacter = 0xFFFFFFFF;
/// The character at `*pos`, and `*pos` moves behind it. kNoCharacter where none is well formed (overlong
/// forms and surrogates are not); then `*pos` moves by one.
char32_t next_character(std::string_view text, std::size_t* pos) noexcept;
/// `"text"` for a message: at most 32 characters, control characters and broken bytes as \xNN.
std::string quoted(std::string_view text);

}  // namespace cocoindex::inline v0::text
