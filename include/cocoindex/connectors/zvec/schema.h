// cocoindex/connectors/zvec/schema.h: the schema of a collection from a record type.
//
//   auto schema = zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}});
//
// Columns come in field order. The primary key is the document's id and no stored field. Every other scalar
// field gets a filter index, every dense vector an HNSW index with cosine, unless annotations or overrides
// say otherwise. Threads: plain values; copies share their columns.
#pragma once

#include <array>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cocoindex/connectors/zvec/column.h"
#include "cocoindex/connectors/zvec/field_type.h"
#include "cocoindex/reflect.h"

namespace cocoindex::inline v0::connectors::zvec {

namespace detail {
template <class F>
struct EncoderArgument;
template <class R, class A>
struct EncoderArgument<R (*)(A)> {
  using type = std::remove_cvref_t<A>;
};
template <class C, class R, class A>
struct EncoderArgument<R (C::*)(A) const> {
  using type = std::remove_cvref_t<A>;
};
template <class F>
  requires requires { &F::operator(); }
struct EncoderArgument<F> : EncoderArgument<decltype(&F::operator())> {};

template <class T>
struct IsShared : std::false_type {};
template <class T>
struct IsShared<std::shared_ptr<T>> : std::bool_constant<VectorSchemaProvider<T>> {};
}  // namespace detail

/// An encoder for an override: encoder([](const Money& m) { return m.text(); }). It sees non-null values
/// only.
template <class F>
Encoder encoder(F function) {
  return detail::MakeEncoder<F, typename detail::EncoderArgument<F>::type>(std::move(function));
}

/// One or several of: ZvecType, ZvecVectorDef, ZvecFtsType, Encoder, and a vector schema: a VectorSchema, an
/// object or shared_ptr of a type with vector_schema(), or a ContextKey of such a type.
class ColumnOverride {
 public:
  ColumnOverride() = default;  ///< says nothing
  template <class... A>
    requires(sizeof...(A) > 0 && (!std::same_as<std::remove_cvref_t<A>, ColumnOverride> && ...))
  ColumnOverride(A... parts) {  // NOLINT: meant to convert
    (add(std::move(parts)), ...);
  }
  const ColumnNotes& notes() const noexcept { return notes_; }

 private:
  template <class A>
  void add(A part) {
    if constexpr (std::same_as<A, ZvecType>) {
      notes_.type = part;
    } else if constexpr (std::same_as<A, ZvecVectorDef>) {
      notes_.vector = part;
    } else if constexpr (std::same_as<A, ZvecFtsType>) {
      notes_.fts = part;
    } else if constexpr (std::same_as<A, Encoder>) {
      notes_.encoder = std::move(part);
    } else if constexpr (detail::is_context_key<A>) {
      notes_.schema = detail::SchemaFromKey(part);
    } else if constexpr (detail::IsShared<A>::value) {
      notes_.schema = [part](Ctx*, const std::string&) { return VectorSchema(part->vector_schema()); };
    } else {
      static_assert(
          detail::SchemaNote<A>,
          "cocoindex: an override is a ZvecType, ZvecVectorDef, ZvecFtsType, encoder or vector schema");
      if constexpr (detail::SchemaNote<A>) notes_.schema = detail::SchemaFrom(part);
    }
  }
  ColumnNotes notes_;
};

class ColumnOverrides {
 public:
  struct Entry {
    std::string column;
    ColumnOverride override;
    Entry(std::string name, ColumnOverride o) : column(std::move(name)), override(std::move(o)) {}
  };
  ColumnOverrides() = default;
  ColumnOverrides(std::initializer_list<Entry> entries) : entries_(entries) {}
  void add(std::string column, ColumnOverride o) { entries_.emplace_back(std::move(column), std::move(o)); }
  std::vector<std::pair<std::string, ColumnNotes>> notes() const;

 private:
  std::vector<Entry> entries_;
};

/// An override whose column name the compiler checks: override<&Row::body>(ZvecFtsType{}).
template <auto Member, class... A>
ColumnOverrides::Entry override(A... parts) {
  return {std::string(reflect::member_name<Member>), ColumnOverride(std::move(parts)...)};
}

struct FromClass {
  std::vector<std::string> primary_key;  ///< exactly one name
  ColumnOverrides column_overrides{};
};

namespace detail {

/// Field indices of Row sorted by field name: the order of encoded rows.
template <class Row>
consteval auto SortedFields() {
  constexpr std::size_t n = reflect::field_count<Row>;
  std::array<std::size_t, n> order{};
  for (std::size_t i = 0; i < n; ++i) {  // insertion sort: <algorithm> is dear in a public header
    std::size_t at = i;
    for (; at > 0 && reflect::field_names<Row>[i] < reflect::field_names<Row>[order[at - 1]]; --at)
      order[at] = order[at - 1];
    order[at] = i;
  }
  return order;
}

template <class Row>
std::vector<FieldInfo> DescribeRow() {
  std::vector<FieldInfo> fields;
  fields.reserve(reflect::field_count<Row>);
  reflect::for_each_field_type<Row>([&](std::string_view name, auto type) {
    fields.push_back(DescribeField<typename decltype(type)::type>(name));
  });
  return fields;
}

template <class F>
void WriteId(const F& field, RowWriter& out) {
  using T = typename Peel<F>::Value;
  const T* value = Peel<F>::get(field);
  if (value == nullptr) return out.null_id();
  constexpr Leaf leaf = LeafOf<T>();
  if constexpr (leaf == Leaf::boolean) {
    out.id(*value ? "True" : "False");
  } else if constexpr (leaf == Leaf::integer) {
    out.id(std::to_string(*value));
  } else if constexpr (leaf == Leaf::text) {
    if constexpr (std::is_pointer_v<T>) {
      if (*value == nullptr) return out.null_id();
    }
    out.id(std::string(std::string_view(*value)));
  } else if constexpr (IsKeyType<T>()) {
    out.id(value_detail::LeafText(*value, false));
  }  // others are refused by SchemaCore::make
}

template <class F>
void WriteField(const SchemaCore& schema, std::size_t column, const F& field, RowWriter& out) {
  using T = typename Peel<F>::Value;
  out.column(column);
  const T* value = Peel<F>::get(field);
  if (value == nullptr) return out.null();
  if (const Encoder* encoder = schema.encoder(column)) return encoder->write(value, out);
  if constexpr (ShapeOf<T>() != Shape::unknown)
    WriteValue(*value, out);  // unknown needs an encoder: SchemaCore::make
}

}  // namespace detail

template <class Row>
class CollectionSchema {
  static_assert(reflect::Reflectable<Row>,
                "cocoindex: a record type must be an aggregate without base classes and private members, or "
                "listed with COCO_DESCRIBE");

 public:
  /// Throws SchemaError that names record type, column, and what was given.
  static CollectionSchema from_class(FromClass options) { return make(nullptr, std::move(options)); }
  /// The same, for record types and overrides whose vector size comes from a ContextKey.
  static CollectionSchema from_class(Ctx& ctx, FromClass options) { return make(&ctx, std::move(options)); }

  const std::vector<Column>& columns() const& { return core_->columns(); }
  std::vector<Column> columns() && { return core_->columns(); }
  const std::string& primary_key() const& { return core_->primary_key(); }
  std::string primary_key() && { return core_->primary_key(); }
  const std::shared_ptr<const SchemaCore>& core() const noexcept { return core_; }

  /// The row in the form that is hashed and kept. Throws RowError that names collection, id, column and both
  /// values.
  std::shared_ptr<const EncodedRow> encode(const Row& row, std::string_view collection,
                                           std::string* id) const {
    RowWriter out(*core_, collection);
    try {
      write(row, out);
    } catch (const ValueError& e) {
      out.bad_value(e.what());
    }
    *id = out.take_id();
    return out.finish();
  }

 private:
  void write(const Row& row, RowWriter& out) const {
    const SchemaCore& schema = *core_;
    constexpr auto order = detail::SortedFields<Row>();
    reflect::with_fields(row, [&](const auto&... field) {
      const auto fields = std::tie(field...);
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        // The id first, so that every message can name it.
        ((I == schema.key_index() ? detail::WriteId(std::get<I>(fields), out) : void()), ...);
        ((order[I] != schema.key_index()
              ? detail::WriteField(schema, order[I], std::get<order[I]>(fields), out)
              : void()),
         ...);
      }(std::index_sequence_for<decltype(field)...>{});
    });
  }
  static CollectionSchema make(Ctx* ctx, FromClass options) {
    CollectionSchema schema;
    schema.core_ = SchemaCore::make(ctx, reflect::type_name<Row>(), detail::DescribeRow<Row>(),
                                    std::move(options.primary_key), options.column_overrides.notes());
    return schema;
  }
  std::shared_ptr<const SchemaCore> core_;
};

}  // namespace cocoindex::inline v0::connectors::zvec
