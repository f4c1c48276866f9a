// Rows whose types are known at run time: which value suits which column, and the calls that write it. The
// same calls as templates over record types make (field_type.h), so the bytes are the same.
#include "cocoindex/connectors/zvec/dynamic.h"

#include <algorithm>

namespace cocoindex::inline v0::connectors::zvec {

namespace {

using LocalDateTime = text::LocalDateTime;

struct TypeFacts {
  std::string_view name;  ///< after "the column holds"
  Shape shape;
  DType element = DType::automatic;
  bool key = false;
};

/// In the order of FieldType.
constexpr TypeFacts kFacts[] = {
    {"bools", Shape::boolean, DType::automatic, true},
    {"integers", Shape::integer, DType::automatic, true},
    {"floating-point numbers", Shape::real},
    {"text", Shape::text, DType::automatic, true},
    {"bytes", Shape::text_form},
    {"uuids", Shape::text_form, DType::automatic, true},
    {"decimals", Shape::text_form, DType::automatic, true},
    {"dates", Shape::text_form, DType::automatic, true},
    {"times of day", Shape::text_form},
    {"dates and times", Shape::text_form, DType::automatic, true},
    {"time spans", Shape::real},
    {"lists of text", Shape::text_list},
    {"lists of integers", Shape::integer_list},
    {"lists of floating-point numbers", Shape::double_list},
    {"lists of bool", Shape::boolean_list},
    {"JSON values", Shape::json},
    {"vectors of float32", Shape::float_list, DType::float32},
    {"vectors of float16", Shape::float_list, DType::float16},
    {"sparse vectors", Shape::sparse},
};
static_assert(std::size(kFacts) == static_cast<std::size_t>(FieldType::sparse_vector) + 1);

const TypeFacts& facts_of(FieldType type) {
  const auto i = static_cast<std::size_t>(type);
  if (i >= std::size(kFacts)) throw SchemaError("unknown field type " + std::to_string(i));
  return kFacts[i];
}

[[noreturn]] void wrong(const DynamicValue& value, FieldType type, const RowWriter& out) {
  out.bad_value("got " + std::string(kind_of(value)) + ", the column holds " +
                std::string(facts_of(type).name));
}

/// Calls write(v) if the value holds one of these alternatives.
template <class... T, class Write>
bool if_one_of(const DynamicValue& value, Write write) {
  const auto one = [&]<class A>(std::type_identity<A>) {
    const A* v = std::get_if<A>(&value);
    if (v != nullptr) write(*v);
    return v != nullptr;
  };
  return (one(std::type_identity<T>{}) || ...);
}

template <class... T>
bool write_as(const DynamicValue& value, RowWriter& out) {
  return if_one_of<T...>(value, [&](const auto& v) { detail::WriteValue(v, out); });
}

bool write_real(const DynamicValue& value, RowWriter& out) {
  if (const auto* v = std::get_if<std::int64_t>(&value)) return out.real(static_cast<double>(*v)), true;
  if (const auto* v = std::get_if<std::uint64_t>(&value)) return out.real(static_cast<double>(*v)), true;
  return write_as<double>(value, out);
}

bool write_real_list(const DynamicValue& value, RowWriter& out) {
  if (const auto* v = std::get_if<std::vector<std::int64_t>>(&value)) {
    detail::WriteValue(std::vector<double>(v->begin(), v->end()), out);
    return true;
  }
  return write_as<std::vector<double>>(value, out);
}

bool write_dense(const DynamicValue& value, RowWriter& out) {
  return if_one_of<std::vector<float>, std::vector<half>, std::vector<double>>(
      value, [&](const auto& v) { detail::WriteDense(v, out); });
}

bool write_json_value(const DynamicValue& value, RowWriter& out) {
  std::visit([&](const auto& v) { detail::WriteAsJson(v, out); }, value);
  return true;
}

bool write_value(const DynamicValue& value, FieldType type, RowWriter& out) {
  switch (type) {
    case FieldType::boolean:
      return write_as<bool>(value, out);
    case FieldType::integer:
      return write_as<std::int64_t, std::uint64_t>(value, out);
    case FieldType::real:
      return write_real(value, out);
    case FieldType::text:
      return write_as<std::string>(value, out);
    case FieldType::bytes:
      return write_as<Bytes>(value, out);
    case FieldType::uuid:
      return write_as<Uuid>(value, out);
    case FieldType::decimal:
      return write_as<Decimal>(value, out);
    case FieldType::date:
      return write_as<std::chrono::year_month_day>(value, out);
    case FieldType::time:
      return write_as<TimeOfDay>(value, out);
    case FieldType::datetime:
      return write_as<LocalDateTime, OffsetDateTime>(value, out);
    case FieldType::span:
      return write_as<std::chrono::microseconds>(value, out);
    case FieldType::text_list:
      return write_as<std::vector<std::string>>(value, out);
    case FieldType::integer_list:
      return write_as<std::vector<std::int64_t>>(value, out);
    case FieldType::real_list:
      return out.kind() == ColumnKind::dense ? write_dense(value, out) : write_real_list(value, out);
    case FieldType::boolean_list:
      return write_as<std::vector<bool>>(value, out);
    case FieldType::json:
      return write_json_value(value, out);
    case FieldType::float32_vector:
    case FieldType::float16_vector:
      return write_dense(value, out);
    case FieldType::sparse_vector:
      return write_as<SparseVector>(value, out);
  }
  return false;
}

/// The key's text, if the value is of the column's type.
bool write_key(const DynamicValue& value, FieldType type, RowWriter& out) {
  const auto write = [&](const auto& v) { detail::WriteId(v, out); };
  switch (type) {
    case FieldType::boolean:
      return if_one_of<bool>(value, write);
    case FieldType::integer:
      return if_one_of<std::int64_t, std::uint64_t>(value, write);
    case FieldType::text:
      return if_one_of<std::string>(value, write);
    case FieldType::uuid:
      return if_one_of<Uuid>(value, write);
    case FieldType::decimal:
      return if_one_of<Decimal>(value, write);
    case FieldType::date:
      return if_one_of<std::chrono::year_month_day>(value, write);
    case FieldType::datetime:
      return if_one_of<LocalDateTime, OffsetDateTime>(value, write);
    default:
      return false;  // SchemaCore::make refused the key
  }
}

bool is_null(const DynamicValue* value) noexcept {
  return value == nullptr || std::holds_alternative<std::monostate>(*value);
}

}  // namespace

Columns& Columns::add(std::string name, FieldType type, ColumnSettings settings) {
  const TypeFacts& facts = facts_of(type);
  fields_.push_back({.name = std::move(name),
                     .type_name = std::string(facts.name),
                     .value_type = &typeid(DynamicValue),
                     .shape = facts.shape,
                     .element = facts.shape == Shape::double_list ? DType::float64 : facts.element,
                     .nullable = settings.nullable,
                     .key_type = facts.key,
                     .notes = settings.notes.notes()});
  types_.push_back(type);
  return *this;
}

std::vector<FieldInfo> Columns::fields() const { return fields_; }

CollectionSchema<DynamicRow> CollectionSchema<DynamicRow>::make(Ctx* ctx, FromColumns options) {
  std::vector<std::string> names;
  for (const FieldInfo& field : options.columns.fields()) names.push_back(field.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice != names.end()) {
    throw SchemaError("record " + options.record_name + ": column '" + *twice + "' is there twice");
  }
  CollectionSchema schema;
  schema.core_ = SchemaCore::make(ctx, std::move(options.record_name), options.columns.fields(),
                                  std::move(options.primary_key), options.column_overrides.notes());
  schema.types_ = std::make_shared<const std::vector<FieldType>>(options.columns.types());
  return schema;
}

void CollectionSchema<DynamicRow>::write(const DynamicRow& row, RowWriter& out) const {
  const DynamicValue* key = row.find(core_->primary_key());
  if (is_null(key)) out.null_id();
  const FieldType key_type = (*types_)[core_->key_index()];
  if (!write_key(*key, key_type, out)) wrong(*key, key_type, out);
  // Both are sorted by name.
  auto field = row.fields().begin();
  for (const std::uint32_t column : core_->stored()) {
    const std::string& name = core_->columns()[column].name;
    while (field != row.fields().end() && field->name < name) ++field;
    const DynamicValue* value = field != row.fields().end() && field->name == name ? &field->value : nullptr;
    out.column(column);
    if (is_null(value)) {
      out.null();
    } else if (const Encoder* encoder = core_->encoder(column)) {
      encoder->write(value, out);
    } else if (!write_value(*value, (*types_)[column], out)) {
      wrong(*value, (*types_)[column], out);
    }
  }
}

std::shared_ptr<const EncodedRow> CollectionSchema<DynamicRow>::encode(const DynamicRow& row,
                                                                       std::string_view collection,
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

}  // namespace cocoindex::inline v0::connectors::zvec
