// cocoindex/reflect/aggregate.h: how many members an aggregate has and what they are called, from the
// compiler's own text.
//
// Count: the largest n for which T{any, ... n times} is well formed. All n are tried: a member without a
// default constructor makes smaller n ill formed. Names: of a constant that points to a member of a
// never-defined object.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "cocoindex/reflect/bind.h"

namespace cocoindex::inline v0::reflect::detail {

inline constexpr std::size_t kMaxFields = 64;

// Everything between is declared and never defined, on purpose.
#if defined(__clang__)
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wundefined-var-template"
#pragma clang diagnostic ignored "-Wundefined-internal"
#endif

/// Converts to anything but a base of Agg. Never called, but defined: clang instantiates constructors of a
/// member (std::optional of a type without linkage) that would call it.
template <class Agg>
struct Any {
  template <class T>
    requires(!std::is_base_of_v<std::remove_cvref_t<T>, Agg> || std::is_same_v<std::remove_cvref_t<T>, Agg>)
  operator T() const noexcept {
    __builtin_trap();
  }
};
/// Converts to a base of Agg only.
template <class Agg>
struct AnyBase {
  template <class T>
    requires(std::is_base_of_v<T, Agg> && !std::is_same_v<T, Agg>)
  operator T() const noexcept {
    __builtin_trap();
  }
};

template <class T>
concept HasBase = requires { T{AnyBase<T>{}}; };

template <class T, std::size_t... I>
consteval bool Constructible(std::index_sequence<I...>) {
  return requires { T{((void)I, Any<T>{})...}; };
}
template <class T, std::size_t... N>
consteval std::size_t CountAll(std::index_sequence<N...>) {
  std::size_t best = 0;
  ((best = Constructible<T>(std::make_index_sequence<N + 1>{}) ? N + 1 : best), ...);
  return best;
}
template <class T>
consteval std::size_t Count() {
  constexpr std::size_t most = kMaxFields + 1;
  return CountAll<T>(std::make_index_sequence<(sizeof(T) < most ? sizeof(T) : most)>{});
}

template <class T>
struct Holder {
  const T value;
};
template <class T>
extern const Holder<T> fake;  // only its address is used; it is never defined

template <class T>
struct Pointer {  // structural, so that it can be a template argument
  const T* p;
};
template <class T>
Pointer(const T*) -> Pointer<T>;

template <auto P>
constexpr std::string_view Pretty() {
  return __PRETTY_FUNCTION__;
}

constexpr bool IsNameChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
/// g++: "...fake<Doc>.Holder<Doc>::value.Doc::title)}; ...", clang: "...value.title}]".
constexpr std::string_view LastName(std::string_view text) {
  std::size_t end = text.rfind(")}");
  if (end == std::string_view::npos) end = text.rfind('}');
  if (end == std::string_view::npos) return {};
  std::size_t begin = end;
  while (begin > 0 && IsNameChar(text[begin - 1])) --begin;
  return text.substr(begin, end - begin);
}

struct AddressOfAll {
  template <class... M>
  constexpr auto operator()(const M&... m) const {
    return std::tuple<const M*...>{std::addressof(m)...};
  }
};

/// The pointers stay local constants of a function that only the compiler calls: a static one would be
/// emitted by g++ -O0, and the object that they point to does not exist.
template <class T, std::size_t N, std::size_t I>
consteval std::string_view AggregateName() {
  constexpr auto pointers = bind<N>(fake<T>.value, AddressOfAll{});
  return LastName(Pretty<Pointer{std::get<I>(pointers)}>());
}
template <class T, std::size_t... I>
consteval std::array<std::string_view, sizeof...(I)> AggregateNames(std::index_sequence<I...>) {
  return {AggregateName<T, sizeof...(I), I>()...};
}

#if defined(__clang__)
#pragma clang diagnostic pop
#endif

struct TypesOfAll {
  template <class... M>
  constexpr auto operator()(M&...) const {
    return std::type_identity<std::tuple<std::type_identity<std::remove_cv_t<M>>...>>{};
  }
};

}  // namespace cocoindex::inline v0::reflect::detail
