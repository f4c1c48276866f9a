#include <algorithm>
#include <charconv>

#include "base/utf8.h"
#include "cocoindex/json.h"
#include "cocoindex/json_of.h"
#include "cocoindex/text_forms.h"

namespace cocoindex::inline v0 {

using cocozvec::kInvalidCharacter;
using cocozvec::NextCharacter;
using cocozvec::Quoted;

namespace {

void put_escape(std::string& out, std::uint32_t unit) {
  static constexpr char kHex[] = "0123456789abcdef";
  out.append("\\u");
  for (int shift = 12; shift >= 0; shift -= 4) out.push_back(kHex[unit >> shift & 15]);
}

void put_special(std::string& out, char32_t c) {
  switch (c) {
    case '"':
      out.append("\\\"");
      return;
    case '\\':
      out.append("\\\\");
      return;
    case '\n':
      out.append("\\n");
      return;
    case '\r':
      out.append("\\r");
      return;
    case '\t':
      out.append("\\t");
      return;
    case '\b':
      out.append("\\b");
      return;
    case '\f':
      out.append("\\f");
      return;
    default:
      break;
  }
  if (c < 0x10000) return put_escape(out, c);
  put_escape(out, 0xD800 + ((c - 0x10000) >> 10));
  put_escape(out, 0xDC00 + ((c - 0x10000) & 0x3FF));
}

bool is_plain(char c) noexcept { return c >= 0x20 && c < 0x7F && c != '"' && c != '\\'; }

}  // namespace

void JsonWriter::separate() {
  if (!fresh_) out_.append(", ");
  fresh_ = false;
}

void JsonWriter::raw(std::string_view v) {
  separate();
  out_.append(v);
}

void JsonWriter::open(char bracket) {
  if (depth_ == kMaxDepth) throw ValueError("nested deeper than " + std::to_string(kMaxDepth) + " levels");
  ++depth_;
  separate();
  out_.push_back(bracket);
  fresh_ = true;
}

void JsonWriter::close(char bracket) {
  --depth_;
  out_.push_back(bracket);
  fresh_ = false;
}

void JsonWriter::integer(std::int64_t v) {
  char buffer[24];
  raw({buffer, static_cast<std::size_t>(std::to_chars(buffer, buffer + sizeof buffer, v).ptr - buffer)});
}

void JsonWriter::unsigned_integer(std::uint64_t v) {
  char buffer[24];
  raw({buffer, static_cast<std::size_t>(std::to_chars(buffer, buffer + sizeof buffer, v).ptr - buffer)});
}

void JsonWriter::real(double v) { raw(text::real_text(v)); }

void JsonWriter::number(std::string_view v) {
  const std::string_view digits = v.substr(!v.empty() && v[0] == '-' ? 1 : 0);
  const bool leading_zero = digits.size() > 1 && digits[0] == '0';
  if (digits.empty() || leading_zero || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    throw ValueError("not the digits of an integer: " + Quoted(v));
  }
  raw(v);
}

void JsonWriter::quote(std::string_view v) {
  out_.push_back('"');
  for (std::size_t pos = 0; pos < v.size();) {
    const std::size_t begin = pos;
    while (pos < v.size() && is_plain(v[pos])) ++pos;
    out_.append(v.substr(begin, pos - begin));
    if (pos == v.size()) break;
    const char32_t c = NextCharacter(v, &pos);
    if (c == kInvalidCharacter) throw ValueError("the text is not valid UTF-8: " + Quoted(v));
    put_special(out_, c);
  }
  out_.push_back('"');
}

void JsonWriter::text(std::string_view v) {
  separate();
  quote(v);
}

void JsonWriter::key(std::string_view name) {
  separate();
  quote(name);
  out_.append(": ");
  fresh_ = true;
}

void value_detail::SortPointers(std::vector<const void*>& pointers, bool (*less)(const void*, const void*)) {
  std::sort(pointers.begin(), pointers.end(), less);
}

Json::Json() noexcept = default;
Json::Json(const Json&) = default;
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(const Json&) = default;
Json& Json::operator=(Json&&) noexcept = default;
Json::~Json() = default;
Json::Json(Plain, bool v) : value_(v) {}
Json::Json(Plain, std::int64_t v) : value_(v) {}
Json::Json(Plain, std::uint64_t v) {
  if (v <= static_cast<std::uint64_t>(INT64_MAX)) {
    value_ = static_cast<std::int64_t>(v);
  } else {
    value_ = v;
  }
}
Json::Json(double v) : value_(v) {}
Json::Json(std::string v) : value_(std::move(v)) {}
Json::Json(std::string_view v) : value_(std::string(v)) {}
Json::Json(const char* v) {
  if (v != nullptr) value_ = std::string(v);
}
Json::Json(BigInteger v) : value_(std::move(v)) {}
Json::Json(Array v) : value_(std::move(v)) {}
Json::Json(Object v) : value_(std::move(v)) {}
Json Json::array(std::initializer_list<Json> elements) { return Array(elements); }
Json Json::object(std::initializer_list<JsonMember> members) { return Object(members); }
bool Json::operator==(const Json& other) const = default;

const Json* Json::find(std::string_view name) const noexcept {
  if (const auto* object = get_if<Object>()) {
    for (const JsonMember& member : *object) {
      if (member.name == name) return &member.value;
    }
  }
  return nullptr;
}

void Json::write(JsonWriter& out) const {
  struct Visit {
    JsonWriter& out;
    void operator()(std::monostate) const { out.null(); }
    void operator()(bool v) const { out.boolean(v); }
    void operator()(std::int64_t v) const { out.integer(v); }
    void operator()(std::uint64_t v) const { out.unsigned_integer(v); }
    void operator()(const BigInteger& v) const { out.number(v.digits); }
    void operator()(double v) const { out.real(v); }
    void operator()(const std::string& v) const { out.text(v); }
    void operator()(const Array& v) const {
      out.begin_array();
      for (const Json& element : v) element.write(out);
      out.end_array();
    }
    void operator()(const Object& v) const {
      out.begin_object();
      for (const JsonMember& member : v) {
        out.key(member.name);
        member.value.write(out);
      }
      out.end_object();
    }
  };
  std::visit(Visit{out}, value_);
}

std::string Json::text() const {
  std::string out;
  JsonWriter writer(out);
  write(writer);
  return out;
}

}  // namespace cocoindex::inline v0
