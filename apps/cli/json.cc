#include "json.h"

#include <charconv>
#include <cmath>

#include "text/utf8.h"

namespace cocozvec::cli {
namespace {

template <class F>
std::string Shortest(F value) {
  char digits[64];
  const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
  return {digits, end};
}

void Escape(unsigned char c, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += {'\\', 'u', '0', '0', kHex[c >> 4], kHex[c & 15]};
  }
}

}  // namespace

void JsonWriter::Separate() {
  if (!first_ && !after_key_) out_ += ',';
  first_ = after_key_ = false;
}

JsonWriter& JsonWriter::Open(char bracket) {
  Separate();
  out_ += bracket;
  first_ = true;
  return *this;
}

JsonWriter& JsonWriter::Close(char bracket) {
  out_ += bracket;
  first_ = false;
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view token) {
  Separate();
  out_ += token;
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view name) {
  Separate();
  Quote(name);
  out_ += ':';
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::Text(std::string_view value) {
  Separate();
  Quote(value);
  return *this;
}

JsonWriter& JsonWriter::Float(float value) { return std::isfinite(value) ? Raw(Shortest(value)) : Null(); }
JsonWriter& JsonWriter::Double(double value) { return std::isfinite(value) ? Raw(Shortest(value)) : Null(); }

void JsonWriter::Quote(std::string_view value) {
  out_ += '"';
  for (std::size_t at = 0; at < value.size();) {
    const auto c = cocoindex::text::decode(value, at);
    if (c.value < 0) {
      out_ += "\xEF\xBF\xBD";
    } else if (c.value < 0x20 || c.value == '"' || c.value == '\\' || c.value == 0x7F) {
      Escape(static_cast<unsigned char>(c.value), out_);
    } else {
      out_ += value.substr(at, c.bytes);
    }
    at += c.bytes;
  }
  out_ += '"';
}

}  // namespace cocozvec::cli
