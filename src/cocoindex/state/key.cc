#include "cocoindex/key.h"

#include <cstring>
#include <stdexcept>
#include <type_traits>

#include "cocoindex/errors.h"

namespace cocoindex::inline v0 {
namespace {

// docs/format/state.md, "Keys". Tags ascend in the order of StableKey::Variant, and all are above the two
// bytes that delimit, so that a shorter array or text sorts before its extensions.
enum Tag : unsigned char {
  kNull = 2,
  kSymbol = 3,
  kBool = 4,
  kInt = 5,
  kText = 6,
  kBytes = 7,
  kUuid = 8,
  kArray = 9,
  kFingerprint = 10,
};
constexpr char kEnd = 0x00;
constexpr char kEscape = 0x01;
constexpr int kMaxDepth = 128;  // of arrays in arrays; bounds the stack of every function below

void PutEscaped(std::string_view text, std::string& out) {
  for (;;) {
    std::size_t plain = 0;
    while (plain < text.size() && static_cast<unsigned char>(text[plain]) > 1) ++plain;
    out.append(text.substr(0, plain));
    if (plain == text.size()) break;
    out.push_back(kEscape);
    out.push_back(static_cast<char>(text[plain] + 1));
    text.remove_prefix(plain + 1);
  }
  out.push_back(kEnd);
}

void PutInt(std::int64_t value, std::string& out) {
  const std::uint64_t biased = static_cast<std::uint64_t>(value) ^ (1ull << 63);  // negative sorts first
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(biased >> shift));
}

std::string_view AsText(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string_view AsText(const std::array<std::uint8_t, 16>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

struct Encoder {
  std::string& out;
  int depth;

  void operator()(std::monostate) const { out.push_back(kNull); }
  void operator()(const Symbol& v) const { Escaped(kSymbol, v.name); }
  void operator()(bool v) const {
    out.push_back(kBool);
    out.push_back(v ? 1 : 0);
  }
  void operator()(std::int64_t v) const {
    out.push_back(kInt);
    PutInt(v, out);
  }
  void operator()(const std::string& v) const { Escaped(kText, v); }
  void operator()(const Bytes& v) const { Escaped(kBytes, AsText(v)); }
  void operator()(const Uuid& v) const {
    out.push_back(kUuid);
    out.append(AsText(v.bytes));
  }
  void operator()(const StableKey::Array& v) const {
    if (depth >= kMaxDepth)
      throw InvalidRequest("key: arrays nested deeper than " + std::to_string(kMaxDepth));
    out.push_back(kArray);
    for (const StableKey& element : v) std::visit(Encoder{out, depth + 1}, element.value());
    out.push_back(kEnd);
  }
  void operator()(const Fingerprint& v) const {
    out.push_back(kFingerprint);
    out.append(AsText(v.bytes));
  }

 private:
  void Escaped(Tag tag, std::string_view text) const {
    out.push_back(static_cast<char>(tag));
    PutEscaped(text, out);
  }
};

[[noreturn]] void BadKey(const char* what) { throw StateError(std::string("stored key: ") + what); }

std::string_view Take(std::string_view& in, std::size_t size) {
  if (in.size() < size) BadKey("ends early");
  const std::string_view taken = in.substr(0, size);
  in.remove_prefix(size);
  return taken;
}

std::string TakeEscaped(std::string_view& in) {
  std::string text;
  for (;;) {
    std::size_t plain = 0;
    while (plain < in.size() && static_cast<unsigned char>(in[plain]) > 1) ++plain;
    text.append(Take(in, plain));
    if (Take(in, 1)[0] == kEnd) return text;
    const char escaped = Take(in, 1)[0];
    if (escaped != 1 && escaped != 2) BadKey("unknown escape");
    text.push_back(static_cast<char>(escaped - 1));
  }
}

template <class T>
T TakeSixteen(std::string_view& in) {
  T value;
  std::memcpy(value.bytes.data(), Take(in, 16).data(), 16);
  return value;
}

std::int64_t TakeInt(std::string_view& in) {
  std::uint64_t biased = 0;
  for (const char c : Take(in, 8)) biased = biased << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int64_t>(biased ^ (1ull << 63));
}

bool TakeBool(std::string_view& in) {
  const char v = Take(in, 1)[0];
  if (v != 0 && v != 1) BadKey("a bool that is neither 0 nor 1");
  return v == 1;
}

Bytes ToBytes(const std::string& text) {
  Bytes bytes(text.size());
  if (!text.empty()) std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

StableKey Decode(std::string_view& in, int depth) {
  switch (static_cast<unsigned char>(Take(in, 1)[0])) {
    case kNull:
      return {};
    case kSymbol:
      return Symbol{TakeEscaped(in)};
    case kBool:
      return TakeBool(in);
    case kInt:
      return TakeInt(in);
    case kText:
      return TakeEscaped(in);
    case kBytes:
      return ToBytes(TakeEscaped(in));
    case kUuid:
      return TakeSixteen<Uuid>(in);
    case kFingerprint:
      return TakeSixteen<Fingerprint>(in);
    case kArray: {
      if (depth >= kMaxDepth) BadKey("arrays nested too deeply");
      StableKey::Array elements;
      while (!in.empty() && in[0] != kEnd) elements.push_back(Decode(in, depth + 1));
      Take(in, 1);
      return elements;
    }
    default:
      BadKey("unknown tag");
  }
}

void AppendHex(std::string_view bytes, std::string& out) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    out.push_back(kDigits[b >> 4]);
    out.push_back(kDigits[b & 15]);
  }
}

// Bytes from 0x80 on are kept in text, which is UTF-8 by convention, and escaped in byte strings.
void AppendQuoted(std::string_view text, bool ascii_only, std::string& out) {
  out.push_back('"');
  for (const char c : text) {
    const auto b = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (c == '\n') {
      out.append("\\n");
    } else if (c == '\t') {
      out.append("\\t");
    } else if (b < 0x20 || b == 0x7f || (ascii_only && b >= 0x80)) {
      out.append("\\x");
      AppendHex({&c, 1}, out);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
}

struct Displayer {
  std::string& out;
  void operator()(std::monostate) const { out.append("null"); }
  void operator()(const Symbol& v) const { out.append("@").append(v.name); }
  void operator()(bool v) const { out.append(v ? "true" : "false"); }
  void operator()(std::int64_t v) const { out.append(std::to_string(v)); }
  void operator()(const std::string& v) const { AppendQuoted(v, false, out); }
  void operator()(const Bytes& v) const {
    out.push_back('b');
    AppendQuoted(AsText(v), true, out);
  }
  void operator()(const Uuid& v) const {
    static constexpr std::size_t kGroups[] = {4, 2, 2, 2, 6};
    std::string_view rest = AsText(v.bytes);
    for (const std::size_t group : kGroups) {
      if (rest.size() < 16) out.push_back('-');
      AppendHex(rest.substr(0, group), out);
      rest.remove_prefix(group);
    }
  }
  void operator()(const StableKey::Array& v) const {
    out.push_back('[');
    for (std::size_t i = 0; i < v.size(); ++i) {
      if (i > 0) out.append(", ");
      std::visit(*this, v[i].value());
    }
    out.push_back(']');
  }
  void operator()(const Fingerprint& v) const {
    out.push_back('#');
    AppendHex(AsText(v.bytes), out);
  }
};

struct Comparer {
  const StableKey::Variant& other;

  std::strong_ordering operator()(const StableKey::Array& a) const {
    const auto& b = std::get<StableKey::Array>(other);
    for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
      if (const auto order = a[i] <=> b[i]; order != 0) return order;
    }
    return a.size() <=> b.size();
  }
  template <class T>
  std::strong_ordering operator()(const T& a) const {
    return a <=> std::get<T>(other);
  }
};

}  // namespace

std::string Fingerprint::hex() const {
  std::string out;
  AppendHex(AsText(bytes), out);
  return out;
}

void StableKey::throw_out_of_range() { throw std::out_of_range("key: integer does not fit 64 bits signed"); }

std::string StableKey::display() const {
  std::string out;
  std::visit(Displayer{out}, value_);
  return out;
}

std::strong_ordering StableKey::operator<=>(const StableKey& other) const noexcept {
  if (value_.index() != other.value_.index()) return value_.index() <=> other.value_.index();
  return std::visit(Comparer{other.value_}, value_);
}

StablePath StablePath::operator/(StableKey key) const {
  StablePath longer = *this;
  longer.keys_.push_back(std::move(key));
  return longer;
}

StablePath StablePath::operator/(const StablePath& rest) const {
  StablePath longer = *this;
  longer.keys_.insert(longer.keys_.end(), rest.keys_.begin(), rest.keys_.end());
  return longer;
}

std::string StablePath::display() const {
  if (keys_.empty()) return "/";
  std::string out;
  for (const StableKey& key : keys_) out.append("/").append(key.display());
  return out;
}

std::strong_ordering StablePath::operator<=>(const StablePath& other) const noexcept {
  for (std::size_t i = 0; i < keys_.size() && i < other.keys_.size(); ++i) {
    if (const auto order = keys_[i] <=> other.keys_[i]; order != 0) return order;
  }
  return keys_.size() <=> other.keys_.size();
}

void encode_key(const StableKey& key, std::string& out) { std::visit(Encoder{out, 0}, key.value()); }

StableKey decode_key(std::string_view& in) { return Decode(in, 0); }

}  // namespace cocoindex::inline v0
