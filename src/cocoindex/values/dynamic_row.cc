#include "cocoindex/dynamic_row.h"

#include <algorithm>

namespace cocoindex::inline v0 {

std::string_view kind_of(const DynamicValue& value) noexcept {
  static constexpr std::string_view kNames[] = {
      "null",
      "a bool",
      "an integer",
      "an integer",
      "a floating-point number",
      "text",
      "bytes",
      "a uuid",
      "a decimal",
      "a date",
      "a time of day",
      "a date and time",
      "a date and time with an offset",
      "a time span",
      "a JSON value",
      "a list of text",
      "a list of integers",
      "a list of floating-point numbers",
      "a list of bool",
      "a vector of float32",
      "a vector of float16",
      "a sparse vector",
  };
  static_assert(std::size(kNames) == std::variant_size_v<DynamicValue>);
  return value.valueless_by_exception() ? "nothing" : kNames[value.index()];
}

namespace {
bool before(const DynamicRow::Field& field, std::string_view name) { return field.name < name; }
}  // namespace

DynamicRow::DynamicRow(std::initializer_list<Field> fields) {
  fields_.reserve(fields.size());
  for (const Field& field : fields) set(field.name, field.value);
}

DynamicRow& DynamicRow::set(std::string_view name, DynamicValue value) {
  const auto at = std::lower_bound(fields_.begin(), fields_.end(), name, before);
  if (at != fields_.end() && at->name == name) {
    at->value = std::move(value);
  } else {
    fields_.insert(at, {std::string(name), std::move(value)});
  }
  return *this;
}

const DynamicValue* DynamicRow::find(std::string_view name) const noexcept {
  const auto at = std::lower_bound(fields_.begin(), fields_.end(), name, before);
  return at != fields_.end() && at->name == name ? &at->value : nullptr;
}

}  // namespace cocoindex::inline v0
