// cocoindex/reflect/describe.h: COCO_DESCRIBE, for records that are no plain aggregates: private members,
// base classes, constructors, references, more than 64 fields, or only some of the fields.
#pragma once

#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace cocoindex::inline v0::reflect {

/// `get(object)` is the member, as a reference: no pointer to a member, since there is none to a reference.
template <class Get>
struct Member {
  std::string_view name;
  Get get;
};
template <class Get>
Member(std::string_view, Get) -> Member<Get>;

namespace detail {
/// A const T* that does not become a pointer to a base: a description counts for its own type only, since a
/// derived one has fields that it does not list.
template <class T>
struct ExactPointer {
  template <class U>
    requires std::is_same_v<U, const T>
  constexpr operator U*() const {
    return nullptr;
  }
};
}  // namespace detail

/// Found by argument-dependent lookup; COCO_DESCRIBE defines it.
template <class T>
concept Described = requires(detail::ExactPointer<T> p) { coco_describe(p); };

namespace detail {
template <class T>
struct DescribedMembers {
  static constexpr auto value = coco_describe(ExactPointer<T>{});
  static constexpr std::size_t count = std::tuple_size_v<decltype(value)>;
};
}  // namespace detail

}  // namespace cocoindex::inline v0::reflect

#define COCO_PARENS_ ()
#define COCO_EXPAND_(...) COCO_EXPAND4_(COCO_EXPAND4_(COCO_EXPAND4_(COCO_EXPAND4_(__VA_ARGS__))))
#define COCO_EXPAND4_(...) COCO_EXPAND3_(COCO_EXPAND3_(COCO_EXPAND3_(COCO_EXPAND3_(__VA_ARGS__))))
#define COCO_EXPAND3_(...) COCO_EXPAND2_(COCO_EXPAND2_(COCO_EXPAND2_(COCO_EXPAND2_(__VA_ARGS__))))
#define COCO_EXPAND2_(...) COCO_EXPAND1_(COCO_EXPAND1_(COCO_EXPAND1_(COCO_EXPAND1_(__VA_ARGS__))))
#define COCO_EXPAND1_(...) __VA_ARGS__
#define COCO_MEMBERS_(Type, ...) __VA_OPT__(COCO_EXPAND_(COCO_MEMBER_(Type, __VA_ARGS__)))
#define COCO_MEMBER_(Type, field, ...)               \
  ::cocoindex::reflect::Member {                     \
    #field, [](auto& o) -> auto& { return o.field; } \
  }                                                  \
  __VA_OPT__(, COCO_AGAIN_ COCO_PARENS_(Type, __VA_ARGS__))
#define COCO_AGAIN_() COCO_MEMBER_

/// Beside the type, in its namespace: COCO_DESCRIBE(Doc, id, title). Up to 256 fields, in column order; a
/// field that is not listed is not seen.
#define COCO_DESCRIBE(Type, ...) \
  constexpr auto coco_describe(const Type*) { return ::std::tuple{COCO_MEMBERS_(Type, __VA_ARGS__)}; }
/// The same inside the class, where private members can be named.
#define COCO_DESCRIBE_INSIDE(Type, ...) friend COCO_DESCRIBE(Type, __VA_ARGS__)
