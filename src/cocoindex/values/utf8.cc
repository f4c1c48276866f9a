#include "cocoindex/values/utf8.h"

#include "cocoindex/text_forms.h"

namespace cocoindex::inline v0::text {

char32_t next_character(std::string_view text, std::size_t* pos) noexcept {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const std::size_t i = (*pos)++;
  const char32_t lead = at(i);
  if (lead < 0x80) return lead;
  if (lead < 0xC2 || lead > 0xF4) return kNoCharacter;
  const int more = lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  char32_t c = lead & (0x3Fu >> more);
  for (int k = 1; k <= more; ++k) {
    const char32_t next = at(i + static_cast<std::size_t>(k));
    if ((next & 0xC0) != 0x80) return kNoCharacter;
    c = c << 6 | (next & 0x3F);
  }
  const bool overlong = (more == 2 && c < 0x800) || (more == 3 && c < 0x10000);
  if (overlong || (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF) return kNoCharacter;
  *pos = i + 1 + static_cast<std::size_t>(more);
  return c;
}

bool is_utf8(std::string_view text) noexcept {
  for (std::size_t pos = 0; pos < text.size();) {
    if (next_character(text, &pos) == kNoCharacter) return false;
  }
  return true;
}

std::string quoted(std::string_view text) {
  constexpr int kMost = 32;
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  int shown = 0;
  for (std::size_t pos = 0; pos < text.size(); ++shown) {
    if (shown == kMost) return out + "\"...";
    const std::size_t begin = pos;
    const char32_t c = next_character(text, &pos);
    if (c == kNoCharacter || c < 0x20 || c == 0x7F) {
      const auto byte = static_cast<unsigned char>(text[begin]);
      out.append("\\x").push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    } else {
      out.append(text.substr(begin, pos - begin));
    }
  }
  return out + "\"";
}

}  // namespace cocoindex::inline v0::text
