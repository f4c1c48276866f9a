// cocoindex/connectors/zvec/field_type.h: what a field's C++ type means as a column (connector.md 3.1),
// decided by the compiler: the shape, the notes in its Annotated, and the call that writes a value.
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
#include "cocoindex/json_of.h"
#include "cocoindex/reflect.h"
#include "cocoindex/text_forms.h"
#include "cocoindex/types.h"
#include "cocoindex/values.h"

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

using value_detail::Character;
using value_detail::Integer;
using value_detail::Leaf;
using value_detail::LeafOf;
using value_detail::Number;
using value_detail::OneOf;
using value_detail::Problem;
using value_detail::Text;

/// The elements of a list or set; void for everything else, text and maps too.
template <class T>
struct ListOf {
  using Element = void;
  static constexpr std::uint32_t size = 0;
};
template <memo_detail::Range T>
  requires(LeafOf<T>() == Leaf::none && !memo_detail::MapLike<T> && !value_detail::ForeignJson<T>)
struct ListOf<T> {
  using Element = std::remove_cv_t<typename T::value_type>;
  static constexpr std::uint32_t size = [] {
    if constexpr (memo_detail::ArrayLike<T>) return static_cast<std::uint32_t>(std::tuple_size_v<T>);
    return std::uint32_t{0};
  }();
};
template <class T>
using Element = typename ListOf<T>::Element;

/// Any map from an integer to a number, and a list of such pairs.
template <class T>
concept NumberMap = requires(const T& map) {
  { map.size() } -> std::convertible_to<std::size_t>;
  requires Integer<std::remove_cvref_t<decltype(map.begin()->first)>>;
  requires Number<std::remove_cvref_t<decltype(map.begin()->second)>>;
};

template <class E>
consteval Shape ListShape() {
  if constexpr (std::same_as<E, bool>) {
    return Shape::boolean_list;
  } else if constexpr (Integer<E>) {
    return Shape::integer_list;
  } else if constexpr (OneOf<E, float, half>) {
    return Shape::float_list;
  } else if constexpr (OneOf<E, double, long double>) {
    return Shape::double_list;
  } else if constexpr (Text<E>) {
    return Shape::text_list;
  } else {
    return Shape::json;
  }
}

template <class T>
consteval Shape ShapeOf() {
  constexpr Leaf leaf = LeafOf<T>();
  if constexpr (leaf == Leaf::boolean) {
    return Shape::boolean;
  } else if constexpr (leaf == Leaf::integer) {
    return Shape::integer;
  } else if constexpr (leaf == Leaf::real || leaf == Leaf::span) {
    return Shape::real;
  } else if constexpr (leaf == Leaf::text) {
    return Shape::text;
  } else if constexpr (leaf != Leaf::none) {
    return Shape::text_form;
  } else if constexpr (std::same_as<T, SparseVector>) {
    return Shape::sparse;
  } else if constexpr (NumberMap<T>) {
    return Shape::number_map;
  } else if constexpr (value_detail::ProblemOf<T>() != Problem::none) {
    return Shape::unknown;
  } else {
    return ListShape<Element<T>>();
  }
}

template <class T>
consteval DType ElementType() {
  if constexpr (OneOf<Element<T>, half>) {
    return DType::float16;
  } else if constexpr (OneOf<Element<T>, float>) {
    return DType::float32;
  } else if constexpr (OneOf<Element<T>, double, long double>) {
    return DType::float64;
  } else {
    return DType::automatic;
  }
}

/// Python's str of these is an identity.
template <class T>
consteval bool IsKeyType() {
  constexpr Leaf leaf = LeafOf<T>();
  return leaf == Leaf::boolean || leaf == Leaf::integer || leaf == Leaf::text || leaf == Leaf::uuid ||
         leaf == Leaf::decimal || leaf == Leaf::date || leaf == Leaf::local_datetime ||
         leaf == Leaf::utc_datetime || leaf == Leaf::offset_datetime;
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

template <class T>
void WriteDense(const T& value, RowWriter& out) {
  using E = Element<T>;
  if constexpr (OneOf<E, float, half, double> &&
                requires { std::span<const E>(value.data(), value.size()); }) {
    out.dense(std::span<const E>(value.data(), value.size()));
  } else {  // not side by side in memory, or wider than what can be stored
    using Stored = std::conditional_t<std::same_as<E, long double>, double, E>;
    std::vector<Stored> copy;
    for (const E& element : value) copy.push_back(static_cast<Stored>(element));
    out.dense(std::span<const Stored>(copy));
  }
}

template <class T>
void WriteList(const T& value, RowWriter& out) {
  using E = Element<T>;
  std::size_t count = 0;
  for (auto it = value.begin(); it != value.end(); ++it) ++count;
  out.begin_list(count);
  value_detail::InOrder(value, [&](const E& element) {
    if constexpr (std::same_as<E, bool>) {
      out.list_boolean(element);
    } else if constexpr (Integer<E> && std::is_signed_v<E>) {
      out.list_integer(element);
    } else if constexpr (Integer<E>) {
      out.list_unsigned(element);
    } else if constexpr (Number<E>) {
      out.list_real(static_cast<double>(element));
    } else if constexpr (std::is_pointer_v<E>) {
      element == nullptr ? out.list_null() : out.list_text(element);
    } else {
      out.list_text(std::string_view(element));
    }
  });
}

template <class T>
void WriteSparse(const T& entries, RowWriter& out) {
  out.begin_sparse(entries.size());
  for (const auto& [index, weight] : entries) {
    if constexpr (std::is_signed_v<std::remove_cvref_t<decltype(index)>>) {
      out.sparse_entry(index, static_cast<double>(weight));
    } else {
      out.sparse_entry_unsigned(index, static_cast<double>(weight));
    }
  }
  out.end_sparse();
}

template <class T>
void WriteAsJson(const T& value, RowWriter& out) {
  JsonWriter json = out.begin_json();
  value_detail::WriteJson(json, value);
  out.end_json();
}

/// Writes a value whose shape is known.
template <class T>
void WriteValue(const T& value, RowWriter& out) {
  constexpr Shape shape = ShapeOf<T>();
  if constexpr (shape == Shape::boolean) {
    out.boolean(value);
  } else if constexpr (shape == Shape::integer && std::is_signed_v<T>) {
    out.integer(value);
  } else if constexpr (shape == Shape::integer) {
    out.unsigned_integer(value);
  } else if constexpr (LeafOf<T>() == Leaf::span) {
    out.real(text::total_seconds(value));
  } else if constexpr (shape == Shape::real) {
    out.real(static_cast<double>(value));
  } else if constexpr (shape == Shape::text) {
    if constexpr (std::is_pointer_v<T>) {
      if (value == nullptr) return out.null();
    }
    out.text(std::string_view(value));
  } else if constexpr (shape == Shape::text_form) {
    out.text(value_detail::LeafText(value, true));
  } else if constexpr (shape == Shape::json) {
    WriteAsJson(value, out);
  } else if constexpr (shape == Shape::float_list) {
    WriteDense(value, out);
  } else if constexpr (shape == Shape::double_list) {
    out.kind() == ColumnKind::dense ? WriteDense(value, out) : WriteList(value, out);
  } else if constexpr (shape == Shape::boolean_list || shape == Shape::integer_list ||
                       shape == Shape::text_list) {
    WriteList(value, out);
  } else if constexpr (shape == Shape::number_map) {
    out.kind() == ColumnKind::sparse ? WriteSparse(value, out) : WriteAsJson(value, out);
  } else if constexpr (shape == Shape::sparse) {
    WriteSparse(value.entries, out);
  } else {
    static_assert(shape != Shape::unknown, "cocoindex: an encoder must return a type of the type table");
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
  static_assert(shape != Shape::unknown, "cocoindex: an encoder must return a type of the type table");
  return {&reflect::type_info_of<T>(), shape,
          [function = std::move(function)](const void* value, RowWriter& out) {
            WriteEncoded(function, *static_cast<const T*>(value), out);
          }};
}

/// Each mistake that the compiler can see has its sentence.
template <class T, auto... Notes>
consteval void CheckField() {
  constexpr Shape shape = ShapeOf<T>();
  constexpr bool list = shape == Shape::float_list || shape == Shape::double_list;
  if constexpr (!(is_encode<std::remove_cv_t<decltype(Notes)>> || ...)) {
    constexpr Problem problem = value_detail::ProblemOf<T>();
    static_assert(problem != Problem::character,
                  "cocoindex: a character type is ambiguous between text and number: use std::string or an "
                  "integer");
    static_assert(problem != Problem::enumeration,
                  "cocoindex: an enumeration needs an encoder: coco::Annotated<E, zc::Encode<&f>{}>");
    static_assert(
        problem != Problem::bytes,
        "cocoindex: a list of bytes is ambiguous: use coco::Bytes for bytes or a wider integer for numbers");
    static_assert(problem != Problem::map_key,
                  "cocoindex: the keys of a map must be text, bool or numbers: JSON has no others");
    static_assert(
        problem != Problem::unknown,
        "cocoindex: a field's type must be an aggregate or listed with COCO_DESCRIBE when it is none "
        "of the type table; or give an encoder: coco::Annotated<T, zc::Encode<&f>{}>");
    static_assert(
        !(SchemaNote<std::remove_cv_t<decltype(Notes)>> || ...) || list || problem != Problem::none,
        "cocoindex: a vector schema stands on a field that is no list of float, double or coco::half");
  }
}

template <auto Note, class T>
void AddNote(ColumnNotes& notes) {
  using N = std::remove_cv_t<decltype(Note)>;
  if constexpr (std::same_as<N, ZvecType>) {
    if (!notes.type) notes.type = Note;
  } else if constexpr (std::same_as<N, ZvecVectorDef>) {
    static_assert(!Note.sparse || ShapeOf<T>() == Shape::number_map || ShapeOf<T>() == Shape::sparse,
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
          .value_type = &reflect::type_info_of<T>(),
          .shape = ShapeOf<T>(),
          .element = ElementType<T>(),
          .fixed_size = ListOf<T>::size,
          .nullable = Peel<F>::nullable,
          .key_type = IsKeyType<T>(),
          .notes = NotesOf<T>(typename Peel<F>::Notes{})};
}

}  // namespace cocoindex::inline v0::connectors::zvec::detail
