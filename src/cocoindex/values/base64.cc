// Bytes and uuids: base64, hexadecimal, and Python's literal.
#include <array>

#include "base/utf8.h"
#include "cocoindex/text_forms.h"

namespace cocoindex::inline v0::text {

using cocozvec::Quoted;

namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr auto kValues = [] {
  std::array<std::int8_t, 256> values{};
  for (auto& v : values) v = -1;
  for (std::int8_t i = 0; i < 64; ++i) values[static_cast<unsigned char>(kDigits[i])] = i;
  return values;
}();

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

[[noreturn]] void not_base64(std::string_view text, const char* why) {
  throw ValueError("not base64, " + std::string(why) + ": " + Quoted(text));
}

}  // namespace

std::string to_base64(std::span<const std::byte> bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t rest = bytes.size() - i;
    const auto byte = [&](std::size_t k) { return k < rest ? static_cast<std::uint32_t>(bytes[i + k]) : 0u; };
    const std::uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    out.push_back(kDigits[bits >> 18]);
    out.push_back(kDigits[bits >> 12 & 63]);
    out.push_back(rest > 1 ? kDigits[bits >> 6 & 63] : '=');
    out.push_back(rest > 2 ? kDigits[bits & 63] : '=');
  }
  return out;
}

Bytes from_base64(std::string_view text) {
  if (text.size() % 4 != 0) not_base64(text, "the length is no multiple of 4");
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const int padding = !last || text[i + 3] != '=' ? 0 : text[i + 2] == '=' ? 2 : 1;
    std::uint32_t bits = 0;
    for (int k = 0; k < 4; ++k) {
      const int value =
          k >= 4 - padding ? 0 : kValues[static_cast<unsigned char>(text[i + static_cast<unsigned>(k)])];
      if (value < 0) not_base64(text, "a character does not belong to it");
      bits = bits << 6 | static_cast<std::uint32_t>(value);
    }
    if ((padding == 1 && (bits & 0xFF) != 0) || (padding == 2 && (bits & 0xFFFF) != 0)) {
      not_base64(text, "the bits after the last byte are not zero");
    }
    for (int k = 0; k < 3 - padding; ++k) out.push_back(static_cast<std::byte>(bits >> (16 - 8 * k) & 0xFF));
  }
  return out;
}

std::string uuid_text(const Uuid& v) {
  std::string out;
  out.reserve(36);
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) out.push_back('-');
    out.push_back(kHex[v.bytes[i] >> 4]);
    out.push_back(kHex[v.bytes[i] & 15]);
  }
  return out;
}

Uuid parse_uuid(std::string_view text) {
  Uuid out;
  bool good = text.size() == 36;
  for (std::size_t i = 0, at = 0; good && i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) good = text[at++] == '-';
    const int high = hex_value(text[at]);
    const int low = hex_value(text[at + 1]);
    good = good && high >= 0 && low >= 0;
    if (good) out.bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
    at += 2;
  }
  if (!good) throw ValueError("not a uuid (8-4-4-4-12 lower-case hexadecimal digits): " + Quoted(text));
  return out;
}

std::string bytes_text(std::span<const std::byte> bytes) {
  bool single = false;
  bool twofold = false;
  for (const std::byte b : bytes) {
    single = single || b == std::byte{'\''};
    twofold = twofold || b == std::byte{'"'};
  }
  const char quote = single && !twofold ? '"' : '\'';
  std::string out = {'b', quote};
  for (const std::byte b : bytes) {
    const auto c = static_cast<unsigned char>(b);
    if (c == static_cast<unsigned char>(quote) || c == '\\') {
      out.push_back('\\');
      out.push_back(static_cast<char>(c));
    } else if (c == '\t' || c == '\n' || c == '\r') {
      out.append(c == '\t' ? "\\t" : c == '\n' ? "\\n" : "\\r");
    } else if (c < 0x20 || c >= 0x7F) {
      out.append("\\x").push_back(kHex[c >> 4]);
      out.push_back(kHex[c & 15]);
    } else {
      out.push_back(static_cast<char>(c));
    }
  }
  out.push_back(quote);
  return out;
}

Bytes parse_bytes_text(std::string_view text) {
  const auto fail = [&] { throw ValueError("not a bytes literal: " + Quoted(text)); };
  if (text.size() < 3 || text[0] != 'b' || (text[1] != '\'' && text[1] != '"') || text.back() != text[1])
    fail();
  const std::string_view body = text.substr(2, text.size() - 3);
  Bytes out;
  for (std::size_t i = 0; i < body.size(); ++i) {
    char c = body[i];
    if (c == text[1] || static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7F) fail();
    if (c == '\\') {
      if (++i == body.size()) fail();
      switch (body[i]) {
        case 't':
          c = '\t';
          break;
        case 'n':
          c = '\n';
          break;
        case 'r':
          c = '\r';
          break;
        case 'x': {
          const int high = i + 2 < body.size() ? hex_value(body[i + 1]) : -1;
          const int low = i + 2 < body.size() ? hex_value(body[i + 2]) : -1;
          if (high < 0 || low < 0) fail();
          c = static_cast<char>(high << 4 | low);
          i += 2;
          break;
        }
        case '\\':
        case '\'':
        case '"':
          c = body[i];
          break;
        default:
          fail();
      }
    }
    out.push_back(static_cast<std::byte>(c));
  }
  // Only what the writer gives: the same bytes have one literal.
  if (bytes_text(out) != text) fail();
  return out;
}

}  // namespace cocoindex::inline v0::text
