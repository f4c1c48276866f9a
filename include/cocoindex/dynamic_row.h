// cocoindex/dynamic_row.h: rows whose columns and types are known at run time: of another language, of a
// configuration file. Connectors take a DynamicRow where they take a record type; which columns there are is
// said to the connector. Threads: plain values.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "cocoindex/json.h"
#include "cocoindex/reflect/describe.h"
#include "cocoindex/types.h"
#include "cocoindex/values.h"

namespace cocoindex::inline v0 {

/// One value; monostate is null. A nested value is a Json.
using DynamicValue =
    std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string, Bytes, Uuid, Decimal,
                 std::chrono::year_month_day, TimeOfDay, std::chrono::local_time<std::chrono::microseconds>,
                 OffsetDateTime, std::chrono::microseconds, Json, std::vector<std::string>,
                 std::vector<std::int64_t>, std::vector<double>, std::vector<bool>, std::vector<float>,
                 std::vector<half>, SparseVector>;

/// "null", "an integer", "a list of text", ...: what the value holds, for messages.
std::string_view kind_of(const DynamicValue& value) noexcept;

namespace detail {
/// A literal or a const char*, which alone would be text or JSON; not the number 0.
template <class T>
concept CText = std::same_as<std::decay_t<T>, const char*> || std::same_as<std::decay_t<T>, char*> ||
                (std::is_array_v<T> && std::same_as<std::remove_extent_t<T>, char>);
}  // namespace detail

/// A null pointer is null.
inline DynamicValue c_text(const char* text) {
  return text == nullptr ? DynamicValue() : DynamicValue(std::string(text));
}

/// Names and values, sorted by name: rows that were filled in another order are equal, and have equal memo
/// keys.
class DynamicRow {
 public:
  struct Field {
    std::string name;
    DynamicValue value;
    Field() = default;
    Field(std::string n, DynamicValue v) : name(std::move(n)), value(std::move(v)) {}
    template <detail::CText T>
    Field(std::string n, const T& text) : name(std::move(n)), value(c_text(text)) {}
    bool operator==(const Field&) const = default;
    COCO_DESCRIBE_INSIDE(Field, name, value)
  };

  DynamicRow() = default;
  DynamicRow(std::initializer_list<Field> fields);
  /// Adds or replaces.
  DynamicRow& set(std::string_view name, DynamicValue value);
  template <detail::CText T>
  DynamicRow& set(std::string_view name, const T& text) {
    return set(name, c_text(text));
  }
  /// Null when the row has no such field, which counts as a null value.
  const DynamicValue* find(std::string_view name) const noexcept;
  const std::vector<Field>& fields() const noexcept { return fields_; }
  bool operator==(const DynamicRow&) const = default;

 private:
  std::vector<Field> fields_;
  COCO_DESCRIBE_INSIDE(DynamicRow, fields_)
};

}  // namespace cocoindex::inline v0
