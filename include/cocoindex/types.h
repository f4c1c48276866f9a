// cocoindex/types.h: types and annotations that a record's fields may carry, whatever the connector.
// Threads: plain values.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>

#include "cocoindex/key.h"

namespace cocoindex::inline v0 {

#if defined(__FLT16_MANT_DIG__)
/// IEEE 754 binary16.
using half = _Float16;
#else
/// IEEE 754 binary16 where the compiler has no type for it: storage and conversions. Rounds to nearest even.
class half {
 public:
  half() = default;
  half(float v) noexcept;                                   // NOLINT: converts as the built-in type does
  half(double v) noexcept : half(static_cast<float>(v)) {}  // NOLINT
  half(int v) noexcept : half(static_cast<float>(v)) {}     // NOLINT
  operator float() const noexcept;                          // NOLINT

 private:
  std::uint16_t bits_ = 0;
};
#endif
static_assert(sizeof(half) == 2);

/// The element type of a vector column. automatic: the element type of the field.
enum class DType : std::uint8_t { automatic, float16, float32, float64 };

/// How many elements of which type a dense vector column holds.
struct VectorSchema {
  std::uint32_t size = 0;
  DType dtype = DType::automatic;
  constexpr const VectorSchema& vector_schema() const { return *this; }
  bool operator==(const VectorSchema&) const = default;
};

/// Anything that knows the shape of its vectors: a VectorSchema, an embedder. Asked once per schema; may take
/// its time.
template <class P>
concept VectorSchemaProvider = requires(const P& p) {
  { p.vector_schema() } -> std::convertible_to<VectorSchema>;
};

namespace detail {
template <class T>
concept Derivable = std::is_class_v<T> && !std::is_final_v<T>;
}

/// A T with notes for whoever reflects over the record: Annotated<std::vector<float>, VectorSchema{384}>.
/// Used exactly as a T: for a class it derives from T, for anything else it holds one and converts both ways.
template <class T, auto... Notes>
struct Annotated {
  T value{};
  constexpr Annotated() = default;
  constexpr Annotated(T v) : value(std::move(v)) {}                // NOLINT: meant to convert
  constexpr operator const T&() const& noexcept { return value; }  // NOLINT
  constexpr operator T&() & noexcept { return value; }             // NOLINT
};
template <detail::Derivable T, auto... Notes>
struct Annotated<T, Notes...> : T {
  using T::T;
  constexpr Annotated() = default;
  constexpr Annotated(const T& v) : T(v) {}                                                          // NOLINT
  constexpr Annotated(T&& v) noexcept(std::is_nothrow_move_constructible_v<T>) : T(std::move(v)) {}  // NOLINT
  using T::operator=;
};

template <class T>
inline constexpr bool is_annotated = false;
template <class T, auto... Notes>
inline constexpr bool is_annotated<Annotated<T, Notes...>> = true;

/// The value under an Annotated, as a T; any other value as it is.
template <class T, auto... Notes>
constexpr const T& unannotated(const Annotated<T, Notes...>& v) noexcept {
  return v;
}
template <class T>
constexpr const T& unannotated(const T& v) noexcept {
  return v;
}
template <class T>
using unannotated_t = std::remove_cvref_t<decltype(unannotated(std::declval<const T&>()))>;

}  // namespace cocoindex::inline v0
