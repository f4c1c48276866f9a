// cocoindex/reflect.h: the fields of a record type, without macros for plain aggregates of up to 64 fields.
//
// A plain aggregate is a struct without base classes, private members, constructors, C arrays and bit fields
// (use std::array; the last two do not compile). Everything else is listed with COCO_DESCRIBE
// (reflect/describe.h). Threads: nothing here has state.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <typeinfo>
#include <utility>

#include "cocoindex/reflect/aggregate.h"
#include "cocoindex/reflect/describe.h"

namespace cocoindex::inline v0::reflect {

namespace detail {

template <class T>
concept TupleLike = requires { std::tuple_size<T>::value; };  // std::array is an aggregate, but no record

template <class T>
consteval bool IsPlainAggregate() {
  if constexpr (!std::is_class_v<T> || !std::is_aggregate_v<T> || TupleLike<T>) {
    return false;
  } else if constexpr (HasBase<T>) {
    return false;
  } else if constexpr (std::is_empty_v<T>) {
    return true;
  } else {
    return Count<T>() >= 1 && Count<T>() <= kMaxFields;
  }
}

template <class T>
consteval std::size_t FieldCount() {
  if constexpr (Described<T>) {
    return DescribedMembers<T>::count;
  } else if constexpr (std::is_empty_v<T>) {
    return 0;
  } else {
    return Count<T>();
  }
}

}  // namespace detail

/// A record: its fields are known.
template <class T>
concept Reflectable = Described<T> || detail::IsPlainAggregate<T>();

template <Reflectable T>
inline constexpr std::size_t field_count = detail::FieldCount<T>();

/// Calls f(member...) once, with references to all members in declaration order.
template <class T, class F>
  requires Reflectable<std::remove_const_t<T>>
constexpr decltype(auto) with_fields(T& object, F&& f) {
  using Record = std::remove_const_t<T>;
  if constexpr (Described<Record>) {
    return std::apply([&](const auto&... m) -> decltype(auto) { return f(m.get(object)...); },
                      detail::DescribedMembers<Record>::value);
  } else {
    return detail::bind<field_count<Record>>(object, std::forward<F>(f));
  }
}

namespace detail {
template <class T>
consteval auto FieldNames() {
  constexpr std::size_t n = field_count<T>;
  if constexpr (Described<T>) {
    return std::apply([](const auto&... m) { return std::array<std::string_view, n>{m.name...}; },
                      DescribedMembers<T>::value);
  } else if constexpr (n == 0) {
    return std::array<std::string_view, 0>{};
  } else {
    return AggregateNames<T>(std::make_index_sequence<n>{});
  }
}
template <class T>
using FieldTypes = typename decltype(with_fields(std::declval<T&>(), TypesOfAll{}))::type;
}  // namespace detail

/// In declaration order, or in the order of COCO_DESCRIBE.
template <Reflectable T>
inline constexpr std::array<std::string_view, field_count<T>> field_names = detail::FieldNames<T>();

template <Reflectable T, std::size_t I>
using field_type = typename std::tuple_element_t<I, detail::FieldTypes<T>>::type;

/// Calls f(name, member) for every field in order; `name` is a string_view that lives forever.
template <class T, class F>
  requires Reflectable<std::remove_const_t<T>>
constexpr void for_each_field(T& object, F&& f) {
  with_fields(object, [&](auto&... members) {
    [[maybe_unused]] const std::string_view* name = field_names<std::remove_const_t<T>>.data();
    (static_cast<void>(f(*name++, members)), ...);
  });
}

/// Calls f(name, std::type_identity<FieldType>{}) for every field in order; no object is needed.
template <Reflectable T, class F>
constexpr void for_each_field_type(F&& f) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (static_cast<void>(f(field_names<T>[I], std::type_identity<field_type<T, I>> {})), ...);
  }(std::make_index_sequence<field_count<T>>{});
}

namespace detail {
/// g++: "... P = &Doc::title; ...", clang: "[P = &Doc::title]".
constexpr std::string_view MemberName(std::string_view text) {
  std::size_t end = text.find_first_of(";]", text.find("P = "));
  if (end == std::string_view::npos) return {};
  while (end > 0 && !IsNameChar(text[end - 1])) --end;
  std::size_t begin = end;
  while (begin > 0 && IsNameChar(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}
}  // namespace detail
/// The name of the member that a pointer to member means: member_name<&Doc::title> is "title".
template <auto P>
  requires std::is_member_object_pointer_v<decltype(P)>
inline constexpr std::string_view member_name = detail::MemberName(detail::Pretty<P>());

namespace detail {
struct Half {};  // stands for _Float16, whose typeid the C++ library of g++ 12 lacks
}  // namespace detail
/// typeid(T), for every T.
template <class T>
const std::type_info& type_info_of() {
#if defined(__FLT16_MANT_DIG__)
  if constexpr (std::is_same_v<std::remove_cv_t<T>, _Float16>) {
    return typeid(detail::Half);
  } else {
    return typeid(T);
  }
#else
  return typeid(T);
#endif
}

/// The type's name as the user wrote it, for messages.
std::string type_name(const std::type_info& type);
template <class T>
std::string type_name() {
  return type_name(type_info_of<T>());
}

}  // namespace cocoindex::inline v0::reflect
