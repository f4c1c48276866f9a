// cocoindex/connectors/zvec/field_type.h: what a field's C++ type means as a column (connector.md 3.1),
// decided by the compiler: the shape, the notes in its Annotated, and the call that writes a value. Grows
// with the type table.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cocoindex/component.h"
#include "cocoindex/connectors/zvec/annotations.h"
#include "cocoindex/connectors/zvec/column.h"
#include "cocoindex/connectors/zvec/row_writer.h"
#include "cocoindex/context.h"
#include "cocoindex/reflect.h"
#include "cocoindex/types.h"

namespace cocoindex::inline v0::connectors::zvec::detail {

template <auto...>
struct NoteList {};
template <auto... A, auto... B>
NoteList<A..., B...> operator+(NoteList<A...>, NoteList<B...>) {
  return {};
}

/// Peels Annotated and optional off a field's type, in either order and however often.
template <class F>
struct Peel {
  using Value = F;
  using Notes = NoteList<>;
  static constexpr bool nullable = false;
  static const F* get(const F& field) noexcept { return &field; }
};
template <class T, auto... A>
struct Peel<Annotated<T, A...>> {
  using Value = typename Peel<T>::Value;
  using Notes = decltype(typename Peel<T>::Notes{} + NoteList<A...>{});
  static constexpr bool nullable = Peel<T>::nullable;
  static const Value* get(const Annotated<T, A...>& field) noexcept {
    const T& inner = field;
    return Peel<T>::get(inner);
  }
};
template <class T>
struct Peel<std::optional<T>> {
  using Value = typename Peel<T>::Value;
  using Notes = typename Peel<T>::Notes;
  static constexpr bool nullable = true;
  static const Value* get(const std::optional<T>& field) noexcept {
    return field ? Peel<T>::get(*field) : nullptr;
  }
};

template <class T, class... U>
concept OneOf = (std::same_as<T, U> || ...);
template <class T>
concept Character = OneOf<T, char, wchar_t, char8_t, char16_t, char32_t>;
template <class T>
concept Number = !OneOf<T, bool> && !Character<T> && (std::is_arithmetic_v<T> || std::same_as<T, half>);
template <class T>
concept Text = std::convertible_to<const T&, std::string_view>;

template <class T>
struct ListOf {
  using Element = void;
  static constexpr std::uint32_t size = 0;
};
template <class E, class A>
struct ListOf<std::vector<E, A>> {
  using Element = E;
  static constexpr std::uint32_t size = 0;
};
template <class E, std::size_t N>
struct ListOf<std::array<E, N>> {
  using Element = E;
  static constexpr std::uint32_t size = N;
};
template <class T>
using Element = typename ListOf<T>::Element;

/// Any map from an integer to a number, and a vector of such pairs.
template <class T>
concept NumberMap = requires(const T& map) {
  { map.size() } -> std::convertible_to<std::size_t>;
  requires std::integral<std::remove_cvref_t<decltype(map.begin()->first)>>;
  requires Number<std::remove_cvref_t<decltype(map.begin()->second)>>;
};

template <class T>
consteval Shape ShapeOf() {
  if constexpr (std::same_as<T, bool>) {
    return Shape::boolean;
  } else if constexpr (std::integral<T> && Number<T>) {
    return Shape::integer;
  } else if constexpr (Number<T>) {
    return Shape::real;
  } else if constexpr (Text<T>) {
    return Shape::text;
  } else if constexpr (OneOf<Element<T>, float, half>) {
    return Shape::float_list;
  } else if constexpr (OneOf<Element<T>, double>) {
    return Shape::double_list;
  } else if constexpr (NumberMap<T>) {
    return Shape::number_map;
  } else {
    return Shape::unknown;
  }
}

template <class T>
consteval DType ElementType() {
  if constexpr (OneOf<Element<T>, half>) {
    return DType::float16;
  } else if constexpr (OneOf<Element<T>, float>) {
    return DType::float32;
  } else if constexpr (OneOf<Element<T>, double>) {
    return DType::float64;
  } else {
    return DType::automatic;
  }
}

template <class T>
inline constexpr bool is_encode = false;
template <auto Fn>
inline constexpr bool is_encode<Encode<Fn>> = true;

template <class N>
concept SchemaObject = VectorSchemaProvider<N>;
template <class N>
concept SchemaPointer =
    std::is_pointer_v<N> && VectorSchemaProvider<std::remove_cv_t<std::remove_pointer_t<N>>>;

template <class T>
inline constexpr bool is_context_key = false;
template <class T>
inline constexpr bool is_context_key<ContextKey<T>> = true;
template <class N>
concept SchemaKeyPointer = std::is_pointer_v<N> && is_context_key<std::remove_cv_t<std::remove_pointer_t<N>>>;

/// A note that brings the size of a vector.
template <class N>
concept SchemaNote = SchemaObject<N> || SchemaPointer<N> || SchemaKeyPointer<N>;

[[noreturn]] void NeedsContext(const std::string& column, std::string_view key);

template <class T>
VectorSchemaSource SchemaFromKey(const ContextKey<T>& key) {
  static_assert(VectorSchemaProvider<T>,
                "cocoindex: the value behind this ContextKey has no vector_schema(), so it cannot say how "
                "large a vector is");
  return [key](Ctx* ctx, const std::string& column) {
    if (ctx == nullptr) NeedsContext(column, key.name());
    return VectorSchema(ctx->use(key).vector_schema());
  };
}

template <class N>
VectorSchemaSource SchemaFrom(const N& note) {
  if constexpr (SchemaKeyPointer<N>) {
    return SchemaFromKey(*note);
  } else if constexpr (SchemaPointer<N>) {
    return [note](Ctx*, const std::string&) { return VectorSchema(note->vector_schema()); };
  } else {
    return [note](Ctx*, const std::string&) { return VectorSchema(note.vector_schema()); };
  }
}

/// Writes a value whose shape is known.
template <class T>
void WriteValue(const T& value, RowWriter& out) {
  constexpr Shape shape = ShapeOf<T>();
  if constexpr (shape == Shape::boolean) {
    out.boolean(value);
  } else if constexpr (shape == Shape::integer) {
    if constexpr (std::is_signed_v<T>) {
      out.integer(value);
    } else {
      out.unsigned_integer(value);
    }
  } else if constexpr (shape == Shape::real) {
    out.real(static_cast<double>(value));
  } else if constexpr (shape == Shape::text) {
    if constexpr (std::is_pointer_v<T>) {
      if (value == nullptr) return out.null();
    }
    out.text(std::string_view(value));
  } else if constexpr (shape == Shape::float_list || shape == Shape::double_list) {
    out.dense(std::span<const Element<T>>(value.data(), value.size()));
  } else if constexpr (shape == Shape::number_map) {
    out.begin_sparse(value.size());
    for (const auto& [index, weight] : value) {
      if constexpr (std::is_signed_v<std::remove_cvref_t<decltype(index)>>) {
        out.sparse_entry(index, static_cast<double>(weight));
      } else {
        out.sparse_entry_unsigned(index, static_cast<double>(weight));
      }
    }
    out.end_sparse();
  } else {
    static_assert(shape != Shape::unknown,
                  "cocoindex: an encoder must return text, a number, a bool or a vector");
  }
}

/// Calls a user's encoder and writes what it returns; an empty optional is null.
template <class F, class T>
void WriteEncoded(const F& function, const T& value, RowWriter& out) {
  using Result = std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>;
  std::optional<Result> result;
  try {
    result.emplace(function(value));
  } catch (...) {
    out.encoder_failed();
  }
  if (const auto* plain = Peel<Result>::get(*result)) {
    WriteValue(*plain, out);
  } else {
    out.null();
  }
}

/// `F` takes a const T&, or says nothing about what it takes.
template <class F, class T>
Encoder MakeEncoder(F function) {
  using Result = std::remove_cvref_t<std::invoke_result_t<const F&, const T&>>;
  constexpr Shape shape = ShapeOf<typename Peel<Result>::Value>();
  static_assert(shape != Shape::unknown,
                "cocoindex: an encoder must return text, a number, a bool or a vector");
  return {&typeid(T), shape, [function = std::move(function)](const void* value, RowWriter& out) {
            WriteEncoded(function, *static_cast<const T*>(value), out);
          }};
}

/// The rules of connector.md 4.6 and R79: each mistake has its sentence.
template <class T, auto... Notes>
consteval void CheckField() {
  constexpr Shape shape = ShapeOf<T>();
  constexpr bool encoded = (is_encode<std::remove_cv_t<decltype(Notes)>> || ...);
  constexpr bool list = shape == Shape::float_list || shape == Shape::double_list;
  if constexpr (!encoded) {
    static_assert(!Character<T>,
                  "cocoindex: a field of a character type is ambiguous between text and number: use "
                  "std::string or an integer");
    static_assert(!std::is_enum_v<T>,
                  "cocoindex: an enumeration needs an encoder: coco::Annotated<E, zc::Encode<&f>{}>");
    static_assert(
        !OneOf<Element<T>, std::uint8_t, char>,
        "cocoindex: a list of bytes is ambiguous: use coco::Bytes for bytes or a wider integer for numbers");
    static_assert(
        !(SchemaNote<std::remove_cv_t<decltype(Notes)>> || ...) || list,
        "cocoindex: a vector schema stands on a field that is no list of float, double or coco::half");
  }
}

template <auto Note, class T>
void AddNote(ColumnNotes& notes) {
  using N = std::remove_cv_t<decltype(Note)>;
  if constexpr (std::same_as<N, ZvecType>) {
    if (!notes.type) notes.type = Note;
  } else if constexpr (std::same_as<N, ZvecVectorDef>) {
    static_assert(!Note.sparse || ShapeOf<T>() == Shape::number_map,
                  "cocoindex: ZvecVectorDef{.sparse = true} stands on a field that is no map from an integer "
                  "to a number");
    if (!notes.vector) notes.vector = Note;
  } else if constexpr (std::same_as<N, ZvecFtsType>) {
    if (!notes.fts) notes.fts = Note;
  } else if constexpr (is_encode<N>) {
    static_assert(std::is_invocable_v<decltype(N::function), const T&>,
                  "cocoindex: this encoder does not take the field's type");
    if constexpr (std::is_invocable_v<decltype(N::function), const T&>) {
      if (!notes.encoder)
        notes.encoder = MakeEncoder<std::remove_cv_t<decltype(N::function)>, T>(N::function);
    }
  } else if constexpr (SchemaNote<N>) {
    if (!notes.schema) notes.schema = SchemaFrom(Note);
  }  // annotations of other libraries are none of our business
}

template <class T, auto... Notes>
ColumnNotes NotesOf(NoteList<Notes...>) {
  CheckField<T, Notes...>();
  ColumnNotes notes;
  (AddNote<Notes, T>(notes), ...);
  return notes;
}

template <class F>
FieldInfo DescribeField(std::string_view name) {
  using T = typename Peel<F>::Value;
  return {.name = std::string(name),
          .type_name = reflect::type_name<T>(),
          .value_type = &typeid(T),
          .shape = ShapeOf<T>(),
          .element = ElementType<T>(),
          .fixed_size = ListOf<T>::size,
          .nullable = Peel<F>::nullable,
          .key_type = std::same_as<T, bool> || (std::integral<T> && Number<T>) || Text<T>,
          .notes = NotesOf<T>(typename Peel<F>::Notes{})};
}

}  // namespace cocoindex::inline v0::connectors::zvec::detail
