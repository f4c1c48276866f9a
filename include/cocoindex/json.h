// cocoindex/json.h: a JSON value of any shape, and the writer of the one JSON form that columns hold: what
// Python's json.dumps gives by default (", " and ": ", ASCII only, keys in order, floats always with a point
// or an exponent). Threads: a JsonWriter belongs to one thread; the rest are plain values.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "cocoindex/errors.h"

namespace cocoindex::inline v0 {

class JsonWriter {
 public:
  static constexpr int kMaxDepth = 500;

  /// Appends to `out`, which must outlive the writer.
  explicit JsonWriter(std::string& out) noexcept : out_(out) {}
  void null() { raw("null"); }
  void boolean(bool v) { raw(v ? "true" : "false"); }
  void integer(std::int64_t v);
  void unsigned_integer(std::uint64_t v);
  void real(double v);              ///< NaN, Infinity, -Infinity as Python writes them
  void text(std::string_view v);    ///< ValueError unless it is UTF-8
  void number(std::string_view v);  ///< the digits of an integer of any length; ValueError otherwise
  void begin_array() { open('['); }
  void end_array() { close(']'); }
  void begin_object() { open('{'); }
  void key(std::string_view name);
  void end_object() { close('}'); }

 private:
  void separate();
  void raw(std::string_view v);
  void open(char bracket);  ///< ValueError below kMaxDepth: a value that contains itself would never end
  void close(char bracket);
  void quote(std::string_view v);

  std::string& out_;
  bool fresh_ = true;  ///< nothing stands before the next value: no comma
  int depth_ = 0;
};

class Json;
struct JsonMember;

/// null, true, 42, 1.5, "text", [..] or {..} with its members in the order given.
class Json {
 public:
  using Array = std::vector<Json>;
  using Object = std::vector<JsonMember>;
  /// An integer beyond 64 bits, as its digits.
  struct BigInteger {
    std::string digits;
    bool operator==(const BigInteger&) const = default;
  };
  using Variant = std::variant<std::monostate, bool, std::int64_t, std::uint64_t, BigInteger, double,
                               std::string, Array, Object>;

  // All of them are defined elsewhere: a member is no complete type yet.
  Json() noexcept;  ///< null
  Json(const Json&);
  Json(Json&&) noexcept;
  Json& operator=(const Json&);
  Json& operator=(Json&&) noexcept;
  ~Json();
  Json(std::same_as<bool> auto v) : Json(Plain{}, static_cast<bool>(v)) {}  // NOLINT: all meant to convert
  template <std::integral I>
    requires(!std::same_as<I, bool> && !std::same_as<I, char>)
  Json(I v)  // NOLINT
      : Json(Plain{}, static_cast<std::conditional_t<std::is_signed_v<I>, std::int64_t, std::uint64_t>>(v)) {}
  Json(double v);                            // NOLINT
  Json(std::string v);                       // NOLINT
  Json(std::string_view v);                  // NOLINT
  Json(const char* v);                       // NOLINT: a null pointer is null
  Json(std::nullptr_t) noexcept : Json() {}  // NOLINT
  Json(BigInteger v);                        // NOLINT
  Json(Array v);                             // NOLINT
  Json(Object v);                            // NOLINT
  static Json array(std::initializer_list<Json> elements);
  static Json object(std::initializer_list<JsonMember> members);

  /// Of JSON text; also NaN and Infinity. ValueError names the place: "at byte 17: ...". A key given twice
  /// is kept twice.
  static Json parse(std::string_view text);
  std::string text() const;
  void write(JsonWriter& out) const;

  const Variant& value() const noexcept { return value_; }
  template <class T>
  const T* get_if() const noexcept {
    return std::get_if<T>(&value_);
  }
  bool is_null() const noexcept { return value_.index() == 0; }
  /// The member of an object; null when this is none or has no such member.
  const Json* find(std::string_view name) const noexcept;

  bool operator==(const Json& other) const;
  friend std::string coco_memo_key(const Json& v) { return v.text(); }
  friend std::string coco_encode(const Json& v) { return v.text(); }
  friend Json coco_decode(std::type_identity<Json>, std::string_view bytes) { return parse(bytes); }

 private:
  struct Plain {};
  Json(Plain, bool v);
  Json(Plain, std::int64_t v);
  Json(Plain, std::uint64_t v);  ///< one form for each number: signed where it fits
  Variant value_;
};

struct JsonMember {
  std::string name;
  Json value;
  bool operator==(const JsonMember&) const = default;
};

}  // namespace cocoindex::inline v0
