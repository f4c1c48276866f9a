// cocoindex/memo/kind.h: what a type is to memo keys and stored values. Containers are known by their shape,
// so that no container header is included here.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <variant>

#include "cocoindex/key.h"
#include "cocoindex/reflect.h"
#include "cocoindex/types.h"

namespace cocoindex::inline v0::memo_detail {

enum class Kind {
  kUnknown,
  kUnit,  // monostate, nullptr
  kBool,
  kInteger,
  kEnum,
  kReal,
  kText,
  kBytes,
  kKey,
  kPath,
  kFingerprint,
  kUuid,
  kPathLike,  // std::filesystem::path and its like
  kAnnotated,
  kOptional,
  kTuple,
  kVariant,
  kDuration,
  kTimePoint,
  kMap,
  kSet,
  kArray,
  kSequence,
  kRecord,
  kDate,       // year_month_day
  kTimeOfDay,  // hh_mm_ss
};

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsTuple = false;
template <class A, class B>
inline constexpr bool kIsTuple<std::pair<A, B>> = true;
template <class... T>
inline constexpr bool kIsTuple<std::tuple<T...>> = true;
template <class T>
inline constexpr bool kIsVariant = false;
template <class... T>
inline constexpr bool kIsVariant<std::variant<T...>> = true;

template <class T>
concept Text =
    std::same_as<T, std::string> || std::same_as<T, std::string_view> || std::same_as<T, const char*> ||
    std::same_as<T, char*> || (std::is_array_v<T> && std::same_as<std::remove_extent_t<T>, char>);
template <class T>
concept PathLike = requires(const T& p) {
  { p.native() } -> std::same_as<const std::string&>;
} && std::constructible_from<T, std::string>;
template <class T>
concept Duration = requires(const T& d) {
  { d.count() } -> std::same_as<typename T::rep>;
  { T::period::num } -> std::convertible_to<std::intmax_t>;
};
template <class T>
concept TimePoint = requires(const T& t) {
  typename T::clock;
  { t.time_since_epoch() } -> std::same_as<typename T::duration>;
};
template <class T>
concept CalendarDate = requires(const T& d) {
  { d.ok() } -> std::same_as<bool>;
  T{d.year(), d.month(), d.day()};
};
template <class T>
concept ClockTime = requires(const T& t) {
  { t.to_duration() } -> std::same_as<typename T::precision>;
  T{t.to_duration()};
};
template <class T>
concept Range = requires(const T& r) {
  typename T::value_type;
  r.begin() != r.end();
  ++std::declval<decltype(r.begin())&>();
  *r.begin();
};
template <class T>
concept SetLike = Range<T> && requires { typename T::key_type; };
template <class T>
concept MapLike = SetLike<T> && requires { typename T::mapped_type; };
template <class T>
concept Unordered = SetLike<T> && requires { typename T::hasher; };
template <class T>
concept ArrayLike = Range<T> && requires { std::tuple_size<T>::value; };
/// Elements side by side in memory, whose bytes are their value.
template <class T>
concept Packed =
    Range<T> && std::is_arithmetic_v<typename T::value_type> && !std::same_as<typename T::value_type, bool> &&
    !std::same_as<typename T::value_type, long double> && requires(const T& r) {
      { r.data() } -> std::convertible_to<const typename T::value_type*>;
      { r.size() } -> std::convertible_to<std::size_t>;
    };

/// Year, month and day in one number, in their order; months and days that do not exist included.
template <CalendarDate T>
constexpr std::int64_t DateNumber(const T& d) {
  return std::int64_t{static_cast<int>(d.year())} * 65536 + static_cast<unsigned>(d.month()) * 256 +
         static_cast<unsigned>(d.day());
}

template <class T>
consteval Kind ScalarKind() {
  if constexpr (std::same_as<T, std::monostate> || std::same_as<T, std::nullptr_t>) return Kind::kUnit;
  if constexpr (std::same_as<T, bool>) return Kind::kBool;
  if constexpr (std::is_integral_v<T>) return Kind::kInteger;
  if constexpr (std::is_enum_v<T>) return Kind::kEnum;
  if constexpr (std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, half>)
    return Kind::kReal;
  if constexpr (Text<T>) return Kind::kText;
  if constexpr (std::same_as<T, Bytes>) return Kind::kBytes;
  if constexpr (std::same_as<T, StableKey>) return Kind::kKey;
  if constexpr (std::same_as<T, StablePath>) return Kind::kPath;
  if constexpr (std::same_as<T, Fingerprint>) return Kind::kFingerprint;
  if constexpr (std::same_as<T, Uuid>) return Kind::kUuid;
  return Kind::kUnknown;
}

template <class T>
consteval Kind KindOf() {
  if constexpr (ScalarKind<T>() != Kind::kUnknown) {
    return ScalarKind<T>();
  } else if constexpr (is_annotated<T>) {
    return Kind::kAnnotated;
  } else if constexpr (PathLike<T>) {
    return Kind::kPathLike;
  } else if constexpr (kIsOptional<T>) {
    return Kind::kOptional;
  } else if constexpr (kIsTuple<T>) {
    return Kind::kTuple;
  } else if constexpr (kIsVariant<T>) {
    return Kind::kVariant;
  } else if constexpr (Duration<T>) {
    return Kind::kDuration;
  } else if constexpr (TimePoint<T>) {
    return Kind::kTimePoint;
  } else if constexpr (CalendarDate<T>) {
    return Kind::kDate;
  } else if constexpr (ClockTime<T>) {
    return Kind::kTimeOfDay;
  } else if constexpr (MapLike<T>) {
    return Kind::kMap;
  } else if constexpr (SetLike<T>) {
    return Kind::kSet;
  } else if constexpr (ArrayLike<T>) {
    return Kind::kArray;
  } else if constexpr (Range<T>) {
    return Kind::kSequence;
  } else if constexpr (reflect::Reflectable<T>) {
    return Kind::kRecord;
  } else {
    return Kind::kUnknown;
  }
}

template <class T, class... Seen>
inline constexpr bool kAmong = (std::same_as<T, Seen> || ...);

/// Does every type that a T is made of satisfy `Leaf`? A type that contains itself is asked once.
template <template <class> class Leaf, class T, class... Seen>
consteval bool All() {
  if constexpr (kAmong<T, Seen...>) {
    return true;
  } else if constexpr (Leaf<T>::kSettled) {
    return Leaf<T>::kAnswer;
  } else {
    constexpr Kind kind = KindOf<T>();
    if constexpr (kind == Kind::kAnnotated) {
      return All<Leaf, unannotated_t<T>, T, Seen...>();
    } else if constexpr (kind == Kind::kOptional || kind == Kind::kSet || kind == Kind::kArray ||
                         kind == Kind::kSequence) {
      return All<Leaf, std::remove_cv_t<typename T::value_type>, T, Seen...>();
    } else if constexpr (kind == Kind::kMap) {
      return All<Leaf, typename T::key_type, T, Seen...>() &&
             All<Leaf, typename T::mapped_type, T, Seen...>();
    } else if constexpr (kind == Kind::kTuple) {
      return []<std::size_t... I>(std::index_sequence<I...>) {
        return (All<Leaf, std::remove_cvref_t<std::tuple_element_t<I, T>>, T, Seen...>() && ...);
      }(std::make_index_sequence<std::tuple_size_v<T>>{});
    } else if constexpr (kind == Kind::kVariant) {
      return []<std::size_t... I>(std::index_sequence<I...>) {
        return (All<Leaf, std::variant_alternative_t<I, T>, T, Seen...>() && ...);
      }(std::make_index_sequence<std::variant_size_v<T>>{});
    } else if constexpr (kind == Kind::kRecord) {
      return []<std::size_t... I>(std::index_sequence<I...>) {
        return (All<Leaf, std::remove_cv_t<reflect::field_type<T, I>>, T, Seen...>() && ...);
      }(std::make_index_sequence<reflect::field_count<T>>{});
    } else {
      return kind != Kind::kUnknown;
    }
  }
}

/// The mangled name: g++ and clang share the ABI, but not the spelling of names.
template <class T>
std::string_view NameOf() {
  return typeid(T).name();
}

}  // namespace cocoindex::inline v0::memo_detail
