// zvec/doc.h: a document: an id and named values.
// Threads: plain values.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace zvec::inline v0 {

/// IEEE 754 binary16 in its bits.
struct Half {
  std::uint16_t bits = 0;
  bool operator==(const Half&) const = default;
};
Half ToHalf(float value) noexcept;  ///< round to nearest even; 65,520 and more become infinite
float FromHalf(Half value) noexcept;

/// Entries in any order when given, ascending by index when read back; an index given twice is refused.
struct SparseVector {
  std::vector<std::uint32_t> indices;
  std::vector<float> values;  ///< as long as `indices`
  bool operator==(const SparseVector&) const = default;
};

/// monostate is null. Arrays hold no nulls. std::vector<bool> is ARRAY_BOOL; std::vector<float> is
/// ARRAY_FLOAT or VECTOR_FP32, as the schema says. Types match exactly: an int32 does not fit an INT64 field.
using Value = std::variant<std::monostate, bool, std::int32_t, std::int64_t, std::uint32_t, std::uint64_t,
                           float, double, std::string, std::vector<std::string>, std::vector<bool>,
                           std::vector<std::int32_t>, std::vector<std::int64_t>, std::vector<std::uint32_t>,
                           std::vector<std::uint64_t>, std::vector<float>, std::vector<double>,
                           std::vector<Half>, std::vector<std::int8_t>, SparseVector>;

struct Field {
  std::string name;
  Value value;
  bool operator==(const Field&) const = default;
};

struct Doc {
  std::string id;
  /// Scalars and vectors; a field that is missing is null (insert, upsert) or kept (update).
  std::vector<Field> fields;

  Doc() = default;
  explicit Doc(std::string id, std::vector<Field> fields = {})
      : id(std::move(id)), fields(std::move(fields)) {}

  /// Null when the document has no such field.
  const Value* Find(std::string_view name) const noexcept;
  /// Adds or replaces.
  Doc& Set(std::string_view name, Value value);
  /// The value as a T; null when missing, null, or of another type.
  template <class T>
  const T* Get(std::string_view name) const noexcept {
    const Value* value = Find(name);
    return value ? std::get_if<T>(value) : nullptr;
  }
  bool operator==(const Doc&) const = default;
};

}  // namespace zvec::inline v0
