#include "base/utf8.h"

#include <cstdint>
#include <cstring>

namespace cocozvec::inline v0 {
namespace {

constexpr std::size_t kPreviewCharacters = 32;

bool IsContinuation(unsigned char c) { return (c & 0xC0) == 0x80; }

void AppendHex(std::string& out, unsigned value) {
  constexpr char kDigits[] = "0123456789abcdef";
  out += kDigits[(value >> 4) & 15];
  out += kDigits[value & 15];
}

/// The character at `*pos`, and moves `*pos` behind it.
void AppendPrintable(std::string& out, std::string_view text, std::size_t* pos) {
  const std::size_t start = *pos;
  const char32_t c = NextCharacter(text, pos);
  if (c == kInvalidCharacter) {
    out += "\\x";
    AppendHex(out, static_cast<unsigned char>(text[start]));
  } else if (c == '\n' || c == '\t' || c == '\r') {
    out += c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r";
  } else if (c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029) {
    out += "\\u";
    AppendHex(out, static_cast<unsigned>(c >> 8));
    AppendHex(out, static_cast<unsigned>(c));
  } else {
    out += text.substr(start, *pos - start);
  }
}

}  // namespace

char32_t NextCharacter(std::string_view text, std::size_t* pos) noexcept {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data()) + *pos;
  const std::size_t left = text.size() - *pos;
  const unsigned char lead = p[0];
  *pos += 1;
  if (lead < 0x80) return lead;
  if (lead >= 0xC2 && lead <= 0xDF && left >= 2 && IsContinuation(p[1])) {
    *pos += 1;
    return (lead & 0x1Fu) << 6 | (p[1] & 0x3Fu);
  }
  if ((lead & 0xF0) == 0xE0 && left >= 3 && IsContinuation(p[1]) && IsContinuation(p[2])) {
    const char32_t c = (lead & 0x0Fu) << 12 | (p[1] & 0x3Fu) << 6 | (p[2] & 0x3Fu);
    if (c < 0x800 || (c >= 0xD800 && c <= 0xDFFF)) return kInvalidCharacter;
    *pos += 2;
    return c;
  }
  if (lead >= 0xF0 && lead <= 0xF4 && left >= 4 && IsContinuation(p[1]) && IsContinuation(p[2]) &&
      IsContinuation(p[3])) {
    const char32_t c = (lead & 0x07u) << 18 | (p[1] & 0x3Fu) << 12 | (p[2] & 0x3Fu) << 6 | (p[3] & 0x3Fu);
    if (c < 0x10000 || c > 0x10FFFF) return kInvalidCharacter;
    *pos += 3;
    return c;
  }
  return kInvalidCharacter;
}

bool IsUtf8(std::string_view text) noexcept {
  std::size_t pos = 0;
  while (pos < text.size()) {
    // Eight ASCII bytes at a time: most text is.
    std::uint64_t word = 0;
    if (text.size() - pos >= sizeof(word)) {
      std::memcpy(&word, text.data() + pos, sizeof(word));
      if ((word & 0x8080808080808080u) == 0) {
        pos += sizeof(word);
        continue;
      }
    }
    if (NextCharacter(text, &pos) == kInvalidCharacter) return false;
  }
  return true;
}

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  std::size_t pos = 0;
  for (std::size_t n = 0; pos < text.size(); ++n) {
    if (n == kPreviewCharacters) {
      out += "...";
      break;
    }
    if (text[pos] == '"' || text[pos] == '\\') out += '\\';
    AppendPrintable(out, text, &pos);
  }
  out += '"';
  return out;
}

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t pos = 0; pos < text.size();) AppendPrintable(out, text, &pos);
  return out;
}

}  // namespace cocozvec::inline v0
