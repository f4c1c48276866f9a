// cocoindex/json_of.h: any C++ value as JSON, by reflection: numbers, text, containers, optional, variant,
// tuples, plain structs (reflect.h), Json, nlohmann's json types. Leaves that JSON lacks become the text that
// Python's `str` gives; bytes Python's literal. Threads: all functions may be called from any thread.
//
// Order: ordered containers and structs as they are; unordered ones by key (equal keys by the text of
// what they hold), so that equal values give equal text. Errors: ValueError (text that is no UTF-8, a date
// out of range, nesting without end).
#pragma once

#include <chrono>
#include <compare>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "cocoindex/json.h"
#include "cocoindex/memo/kind.h"
#include "cocoindex/reflect.h"
#include "cocoindex/text_forms.h"
#include "cocoindex/types.h"
#include "cocoindex/values.h"

namespace cocoindex::inline v0 {
namespace value_detail {

using memo_detail::ArrayLike;
using memo_detail::kIsOptional;
using memo_detail::kIsTuple;
using memo_detail::kIsVariant;
using memo_detail::MapLike;
using memo_detail::Range;
using memo_detail::SetLike;
using memo_detail::Unordered;

template <class T, class... U>
concept OneOf = (std::same_as<T, U> || ...);
template <class T>
concept Character = OneOf<T, char, wchar_t, char8_t, char16_t, char32_t>;
template <class T>
concept Number = !OneOf<T, bool> && !Character<T> && (std::is_arithmetic_v<T> || std::same_as<T, half>);
template <class T>
concept Integer = std::integral<T> && Number<T>;
template <class T>
concept Text = std::convertible_to<const T&, std::string_view>;
template <class T>
concept ByteRange = Range<T> && OneOf<std::remove_cv_t<typename T::value_type>, std::byte> &&
                    std::convertible_to<const T&, std::span<const std::byte>>;

template <class T>
inline constexpr bool is_local_time = false;
template <class D>
inline constexpr bool is_local_time<std::chrono::local_time<D>> = true;
template <class T>
inline constexpr bool is_sys_time = false;
template <class D>
inline constexpr bool is_sys_time<std::chrono::sys_time<D>> = true;
template <class T>
inline constexpr bool is_duration = false;
template <class R, class P>
inline constexpr bool is_duration<std::chrono::duration<R, P>> = true;
template <class T>
inline constexpr bool is_hh_mm_ss = false;
template <class D>
inline constexpr bool is_hh_mm_ss<std::chrono::hh_mm_ss<D>> = true;
/// sys_days and local_days are dates.
template <class T>
concept Date = OneOf<T, std::chrono::year_month_day, std::chrono::sys_days, std::chrono::local_days>;

/// nlohmann::json and ordered_json, by their shape: no header of theirs is included.
template <class T>
concept ForeignJson = requires(const T& j) {
  { j.is_number_unsigned() } -> std::same_as<bool>;
  { j.is_discarded() } -> std::same_as<bool>;
  { j.is_binary() } -> std::same_as<bool>;
  j.items();
  j.template get_ref<const std::string&>();
};

/// Values that are one item, whatever they are stored as.
enum class Leaf {
  none,
  boolean,
  integer,
  real,
  text,
  bytes,
  uuid,
  decimal,
  date,
  time,
  local_datetime,
  utc_datetime,
  offset_datetime,
  span,
};

template <class T>
consteval Leaf LeafOf() {
  if constexpr (std::same_as<T, bool>) {
    return Leaf::boolean;
  } else if constexpr (Integer<T>) {
    return Leaf::integer;
  } else if constexpr (Number<T>) {
    return Leaf::real;
  } else if constexpr (Text<T>) {
    return Leaf::text;
  } else if constexpr (std::same_as<T, Uuid>) {
    return Leaf::uuid;
  } else if constexpr (std::same_as<T, Decimal>) {
    return Leaf::decimal;
  } else if constexpr (Date<T>) {
    return Leaf::date;
  } else if constexpr (std::same_as<T, TimeOfDay> || is_hh_mm_ss<T>) {
    return Leaf::time;
  } else if constexpr (is_local_time<T>) {
    return Leaf::local_datetime;
  } else if constexpr (is_sys_time<T>) {
    return Leaf::utc_datetime;
  } else if constexpr (std::same_as<T, OffsetDateTime>) {
    return Leaf::offset_datetime;
  } else if constexpr (is_duration<T>) {
    return Leaf::span;
  } else if constexpr (ByteRange<T>) {
    return Leaf::bytes;
  } else {
    return Leaf::none;
  }
}

/// The text of a leaf that is not text itself, as a column holds it ('T', base64) or as Python's str gives
/// it.
template <class T>
std::string LeafText(const T& v, bool column) {
  constexpr Leaf leaf = LeafOf<T>();
  const char separator = column ? 'T' : ' ';
  if constexpr (leaf == Leaf::bytes) {
    return column ? text::to_base64(v) : text::bytes_text(v);
  } else if constexpr (leaf == Leaf::uuid) {
    return text::uuid_text(v);
  } else if constexpr (leaf == Leaf::decimal) {
    return v.text();
  } else if constexpr (leaf == Leaf::date) {
    if constexpr (std::same_as<T, std::chrono::year_month_day>) {
      return text::date_text(v);
    } else {
      return text::datetime_text(text::LocalDateTime(text::to_micros(v.time_since_epoch()))).substr(0, 10);
    }
  } else if constexpr (leaf == Leaf::time) {
    if constexpr (is_hh_mm_ss<T>) {
      return text::time_text({text::to_micros(v.to_duration())});
    } else {
      return text::time_text(v);
    }
  } else if constexpr (leaf == Leaf::local_datetime) {
    return text::datetime_text(text::LocalDateTime(text::to_micros(v.time_since_epoch())), separator);
  } else if constexpr (leaf == Leaf::utc_datetime) {
    return text::datetime_text(text::UtcDateTime(text::to_micros(v.time_since_epoch())), separator);
  } else if constexpr (leaf == Leaf::offset_datetime) {
    return text::datetime_text(v, separator);
  } else {
    static_assert(leaf == Leaf::span);
    return text::span_text(text::to_micros(v));
  }
}

/// What a map's key may be: text, bool, a number, null, or one of these.
template <class T>
consteval bool IsJsonKey() {
  if constexpr (is_annotated<T>) {
    return IsJsonKey<unannotated_t<T>>();
  } else if constexpr (kIsOptional<T>) {
    return IsJsonKey<typename T::value_type>();
  } else if constexpr (kIsVariant<T>) {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return (IsJsonKey<std::variant_alternative_t<I, T>>() && ...);
    }(std::make_index_sequence<std::variant_size_v<T>>{});
  } else {
    constexpr Leaf leaf = LeafOf<T>();
    return std::same_as<T, std::monostate> || leaf == Leaf::boolean || leaf == Leaf::integer ||
           leaf == Leaf::real || leaf == Leaf::text;
  }
}

/// Why a type has no JSON form; looked for through everything that it is made of.
enum class Problem { none, character, enumeration, bytes, map_key, unknown };

template <class T, class... Seen>
consteval Problem ProblemOf();

template <class... T>
struct Types {};
template <class T>
struct PartsOf {
  using type = Types<>;
};
template <class T>
  requires kIsTuple<T> || kIsVariant<T>
struct PartsOf<T> {
  template <template <class...> class C, class... E>
  static Types<std::remove_cvref_t<E>...> list(std::type_identity<C<E...>>);
  using type = decltype(list(std::type_identity<T>{}));
};
template <reflect::Reflectable T>
  requires(!kIsTuple<T> && !kIsVariant<T>)
struct PartsOf<T> {
  template <std::size_t... I>
  static Types<std::remove_cv_t<reflect::field_type<T, I>>...> list(std::index_sequence<I...>);
  using type = decltype(list(std::make_index_sequence<reflect::field_count<T>>{}));
};

template <class T, class... Seen, class... Part>
consteval Problem ProblemOfParts(Types<Part...>) {
  Problem first = Problem::none;
  ((first = first == Problem::none ? ProblemOf<Part, T, Seen...>() : first), ...);
  return first;
}

template <class T, class... Seen>
consteval Problem ProblemOf() {
  if constexpr (memo_detail::kAmong<T, Seen...>) {
    return Problem::none;  // a type inside itself: looked at already
  } else if constexpr (Character<T>) {
    return Problem::character;
  } else if constexpr (std::is_enum_v<T> && !std::same_as<T, std::byte>) {
    return Problem::enumeration;
  } else if constexpr (LeafOf<T>() != Leaf::none || OneOf<T, Json, std::monostate, std::nullptr_t> ||
                       ForeignJson<T>) {
    return Problem::none;
  } else if constexpr (is_annotated<T>) {
    return ProblemOf<unannotated_t<T>, Seen...>();
  } else if constexpr (kIsOptional<T>) {
    return ProblemOf<std::remove_cv_t<typename T::value_type>, T, Seen...>();
  } else if constexpr (memo_detail::PathLike<T>) {
    return Problem::unknown;  // a path is a range of paths
  } else if constexpr (MapLike<T>) {
    if (!IsJsonKey<typename T::key_type>()) return Problem::map_key;
    return ProblemOf<typename T::mapped_type, T, Seen...>();
  } else if constexpr (Range<T>) {
    using Element = std::remove_cv_t<typename T::value_type>;
    if (OneOf<Element, std::uint8_t, char>) return Problem::bytes;
    return ProblemOf<Element, T, Seen...>();
  } else if constexpr (kIsTuple<T> || kIsVariant<T> || reflect::Reflectable<T>) {
    return ProblemOfParts<T, Seen...>(typename PartsOf<T>::type{});
  } else {
    return Problem::unknown;
  }
}

template <class T>
void WriteJson(JsonWriter& out, const T& v);

template <class J>
void WriteForeignJson(JsonWriter& out, const J& j) {
  if (j.is_null() || j.is_discarded()) return out.null();
  if (j.is_boolean()) return out.boolean(j.template get<bool>());
  if (j.is_number_unsigned()) return out.unsigned_integer(j.template get<std::uint64_t>());
  if (j.is_number_integer()) return out.integer(j.template get<std::int64_t>());
  if (j.is_number_float()) return out.real(j.template get<double>());
  if (j.is_string()) return out.text(j.template get_ref<const std::string&>());
  if (j.is_binary()) throw ValueError("a binary JSON value has no text form");
  if (j.is_array()) {
    out.begin_array();
    for (const auto& element : j) WriteForeignJson(out, element);
    return out.end_array();
  }
  out.begin_object();
  for (const auto& [name, member] : j.items()) {
    out.key(name);
    WriteForeignJson(out, member);
  }
  out.end_object();
}

template <class K>
void WriteJsonKey(JsonWriter& out, const K& key) {
  if constexpr (is_annotated<K>) {
    WriteJsonKey(out, unannotated(key));
  } else if constexpr (kIsOptional<K>) {
    key ? WriteJsonKey(out, *key) : out.key("null");
  } else if constexpr (kIsVariant<K>) {
    std::visit([&](const auto& k) { WriteJsonKey(out, k); }, key);
  } else if constexpr (std::same_as<K, std::monostate>) {
    out.key("null");
  } else if constexpr (Text<K>) {
    out.key(std::string_view(key));
  } else if constexpr (std::same_as<K, bool>) {
    out.key(key ? "true" : "false");
  } else if constexpr (Integer<K>) {
    out.key(std::to_string(key));
  } else {
    out.key(text::real_text(static_cast<double>(key)));
  }
}

template <class K>
bool KeyLess(const K& a, const K& b) {
  if constexpr (std::is_floating_point_v<K>) {
    return std::is_lt(std::strong_order(a, b));  // NaN has a place, too
  } else {
    return a < b;
  }
}

void SortPointers(std::vector<const void*>& pointers, bool (*less)(const void*, const void*));

template <class T>
std::string TextOf(const T& v) {
  std::string text;
  JsonWriter out(text);
  WriteJson(out, v);
  return text;
}

/// Calls f(element) for each, those of an unordered container by key, then (in a multimap) by text.
template <class T, class F>
void InOrder(const T& range, F&& f) {
  if constexpr (Unordered<T>) {
    using Element = typename T::value_type;
    std::vector<const void*> sorted;
    for (const auto& element : range) sorted.push_back(&element);
    SortPointers(sorted, [](const void* a, const void* b) {
      const auto& x = *static_cast<const Element*>(a);
      const auto& y = *static_cast<const Element*>(b);
      if constexpr (MapLike<T>) {
        if (KeyLess(x.first, y.first)) return true;
        if (a == b || KeyLess(y.first, x.first)) return false;
        return TextOf(x.second) < TextOf(y.second);
      } else {
        return KeyLess(x, y);
      }
    });
    for (const void* element : sorted) f(*static_cast<const Element*>(element));
  } else {
    for (auto&& element : range) f(static_cast<const typename T::value_type&>(element));
  }
}

template <class T>
void WriteJson(JsonWriter& out, const T& v) {
  constexpr Leaf leaf = LeafOf<T>();
  if constexpr (leaf == Leaf::boolean) {
    out.boolean(v);
  } else if constexpr (leaf == Leaf::integer && std::is_signed_v<T>) {
    out.integer(v);
  } else if constexpr (leaf == Leaf::integer) {
    out.unsigned_integer(v);
  } else if constexpr (leaf == Leaf::real) {
    out.real(static_cast<double>(v));
  } else if constexpr (leaf == Leaf::text) {
    if constexpr (std::is_pointer_v<T>) {
      if (v == nullptr) return out.null();
    }
    out.text(std::string_view(v));
  } else if constexpr (leaf != Leaf::none) {
    out.text(LeafText(v, false));
  } else if constexpr (std::same_as<T, Json>) {
    v.write(out);
  } else if constexpr (OneOf<T, std::monostate, std::nullptr_t>) {
    out.null();
  } else if constexpr (ForeignJson<T>) {
    WriteForeignJson(out, v);
  } else if constexpr (std::same_as<T, SparseVector>) {  // as the map that it is
    out.begin_object();
    for (const auto& [index, weight] : v.entries) {
      WriteJsonKey(out, index);
      out.real(static_cast<double>(weight));
    }
    out.end_object();
  } else if constexpr (is_annotated<T>) {
    WriteJson(out, unannotated(v));
  } else if constexpr (kIsOptional<T>) {
    v ? WriteJson(out, *v) : out.null();
  } else if constexpr (kIsVariant<T>) {
    if (v.valueless_by_exception()) throw ValueError("a variant without a value has no JSON form");
    std::visit([&](const auto& x) { WriteJson(out, x); }, v);
  } else if constexpr (kIsTuple<T>) {
    out.begin_array();
    std::apply([&](const auto&... element) { (WriteJson(out, element), ...); }, v);
    out.end_array();
  } else if constexpr (MapLike<T>) {
    out.begin_object();
    InOrder(v, [&](const auto& element) {
      WriteJsonKey(out, element.first);
      WriteJson(out, element.second);
    });
    out.end_object();
  } else if constexpr (Range<T>) {
    out.begin_array();
    InOrder(v, [&](const auto& element) { WriteJson(out, element); });
    out.end_array();
  } else {
    out.begin_object();
    reflect::for_each_field(v, [&](std::string_view name, const auto& field) {
      out.key(name);
      WriteJson(out, field);
    });
    out.end_object();
  }
}

}  // namespace value_detail

/// What write_json accepts.
template <class T>
concept json_able = value_detail::ProblemOf<T>() == value_detail::Problem::none;

template <json_able T>
void write_json(JsonWriter& out, const T& value) {
  value_detail::WriteJson(out, value);
}
template <json_able T>
std::string json_text(const T& value) {
  std::string out;
  JsonWriter writer(out);
  value_detail::WriteJson(writer, value);
  return out;
}

}  // namespace cocoindex::inline v0
