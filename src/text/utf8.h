// text/utf8.h: one code point at a time, with a defined answer for bytes that are no UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cocoindex::inline v0::text {

struct CodePoint {
  std::int32_t value;  ///< -1: a byte that belongs to no valid sequence, one such byte at a time
  std::uint8_t bytes;  ///< 1 .. 4
};

/// Precondition: `at` < text.size().
CodePoint decode(std::string_view text, std::size_t at) noexcept;

/// Letters, digits and the marks that belong to them.
bool is_word_character(std::int32_t c) noexcept;
/// Han: written without spaces, and each character says something.
bool is_ideograph(std::int32_t c) noexcept;
/// Unicode white space, line ends included.
bool is_space(std::int32_t c) noexcept;

}  // namespace cocoindex::inline v0::text
