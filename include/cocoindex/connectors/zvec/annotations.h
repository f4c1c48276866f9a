// cocoindex/connectors/zvec/annotations.h: what a record's field may say about its column, inside
// coco::Annotated or as an override. All of them are structural, so that they can be template arguments.
// Threads: plain values.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "cocoindex/target_state.h"
#include "cocoindex/types.h"

namespace cocoindex::inline v0::connectors::zvec {

using cocoindex::ManagedBy;

/// The field types of the database, by the names of its Python surface; the numbers are the database's own.
enum class DataType : std::uint8_t {
  STRING = 2,
  BOOL = 3,
  INT32 = 4,
  INT64 = 5,
  UINT32 = 6,
  UINT64 = 7,
  FLOAT = 8,
  DOUBLE = 9,
  VECTOR_FP16 = 22,
  VECTOR_FP32 = 23,
  SPARSE_VECTOR_FP32 = 31,
  ARRAY_STRING = 41,
  ARRAY_BOOL = 42,
  ARRAY_INT32 = 43,
  ARRAY_INT64 = 44,
  ARRAY_UINT32 = 45,
  ARRAY_UINT64 = 46,
  ARRAY_FLOAT = 47,
  ARRAY_DOUBLE = 48,
};

enum class Metric : std::uint8_t { cosine, ip, l2 };
/// int8, int4: what is resident is smaller, the stored originals still give the final scores.
enum class Quantize : std::uint8_t { none, fp16, int8, int4 };

/// How a vector column is indexed. A dense vector without one gets these defaults. For a sparse vector the
/// metric is the inner product whatever it says.
struct ZvecVectorDef {
  Metric metric = Metric::cosine;
  Quantize quantize = Quantize::none;
  bool sparse = false;
  bool operator==(const ZvecVectorDef&) const = default;
};

/// Another field type than the C++ type would get, or no filter index: ZvecType{DataType::INT32, false}.
struct ZvecType {
  DataType data_type;
  bool indexed = true;
  bool operator==(const ZvecType&) const = default;
};

/// Text of up to N bytes that may be a template argument.
template <std::size_t N>
struct FixedText {
  char chars[N + 1] = {};

  constexpr FixedText() = default;
  template <std::size_t M>
  constexpr FixedText(const char (&text)[M]) {  // NOLINT: meant to convert from a literal
    static_assert(M <= N + 1, "cocoindex: annotation text is too long");
    if constexpr (M <= N + 1) {
      for (std::size_t i = 0; i < M; ++i) chars[i] = text[i];
    }
  }
  constexpr std::string_view view() const { return chars; }
  bool operator==(const FixedText&) const = default;
};

/// Up to N values that may be a template argument.
template <class T, std::size_t N>
struct FixedList {
  T items[N] = {};
  std::size_t count = 0;

  constexpr FixedList() = default;
  constexpr FixedList(std::initializer_list<T> list) {
    for (const T& item : list)
      items[count++] = item;  // more than N: no constant expression, so no template argument
  }
  constexpr const T* begin() const { return items; }
  constexpr const T* end() const { return items + count; }
  bool operator==(const FixedList&) const = default;
};

/// A full-text index on a text column, in place of the filter index. The schema carries it; matching is the
/// database's.
struct ZvecFtsType {
  FixedText<31> tokenizer_name{"standard"};
  FixedList<FixedText<31>, 8> filters{"lowercase"};
  FixedText<511> extra_params{};
  bool operator==(const ZvecFtsType&) const = default;
};

/// The field is stored as what Fn(field) returns. Fn must be a named function: a lambda in a header has
/// another type in each source file.
template <auto Fn>
struct Encode {
  static constexpr auto function = Fn;
  bool operator==(const Encode&) const = default;
};

}  // namespace cocoindex::inline v0::connectors::zvec
