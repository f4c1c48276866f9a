#include "python/zvec/schema_info.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "python/zvec/convert.h"
#include "python/zvec/errors.h"

namespace cocozvec_python {

SchemaInfo::SchemaInfo(db::CollectionSchema schema) : schema_(std::move(schema)) {
  fields_.reserve(schema_.fields.size());
  for (const db::FieldSchema& field : schema_.fields) {
    nb::object name = nb::steal(PyUnicode_InternFromString(field.name.c_str()));
    if (!name) throw nb::python_error();
    fields_.push_back({&field, std::move(name), db::IsVector(field.type)});
  }
}

const FieldInfo* SchemaInfo::Find(std::string_view name) const noexcept {
  for (const FieldInfo& field : fields_)
    if (field.schema->name == name) return &field;
  return nullptr;
}

const FieldInfo* SchemaInfo::Find(nb::handle name) const {
  for (const FieldInfo& field : fields_)
    if (field.name.is(name)) return &field;
  if (!PyUnicode_Check(name.ptr())) return nullptr;
  const auto text = TryText(name);
  return text ? Find(*text) : nullptr;
}

namespace {

// The enums hold a byte; a number that does not fit must not become that of another member.
template <class E>
E Member(nb::handle number) {
  const int value = nb::cast<int>(number);
  if (value < 0 || value > 255)
    Raise(PyExc_ValueError,
          "Invalid schema: no type, metric or quantizer has the number " + std::to_string(value));
  return static_cast<E>(value);
}

db::IndexParams IndexFromPython(nb::dict index) {
  db::IndexParams out;
  out.type = Member<db::IndexType>(index["type"]);
  out.metric = Member<db::MetricType>(index["metric"]);
  out.quantize = Member<db::QuantizeType>(index["quantize"]);
  out.m = nb::cast<std::uint32_t>(index["m"]);
  out.ef_construction = nb::cast<std::uint32_t>(index["ef_construction"]);
  out.range_optimization = nb::cast<bool>(index["range_optimization"]);
  out.extended_wildcard = nb::cast<bool>(index["extended_wildcard"]);
  out.tokenizer = nb::cast<std::string>(index["tokenizer"]);
  out.filters = nb::cast<std::vector<std::string>>(index["filters"]);
  out.extra_params = nb::cast<std::string>(index["extra_params"]);
  return out;
}

nb::object IndexToPython(const db::IndexParams& index) {
  nb::dict out;
  out["type"] = static_cast<int>(index.type);
  out["metric"] = static_cast<int>(index.metric);
  out["quantize"] = static_cast<int>(index.quantize);
  out["m"] = index.m;
  out["ef_construction"] = index.ef_construction;
  out["range_optimization"] = index.range_optimization;
  out["extended_wildcard"] = index.extended_wildcard;
  out["tokenizer"] = index.tokenizer;
  out["filters"] = index.filters;
  out["extra_params"] = index.extra_params;
  return out;
}

}  // namespace

db::DataType TypeFromPython(nb::handle number) { return Member<db::DataType>(number); }

db::CollectionSchema SchemaFromPython(nb::handle description) {
  db::CollectionSchema schema;
  schema.name = Text(description[0], "collection name");
  for (nb::handle item : description[1]) {
    db::FieldSchema field;
    field.name = Text(item[0], "field name");
    field.type = TypeFromPython(item[1]);
    field.nullable = nb::cast<bool>(item[2]);
    field.dimension = nb::cast<std::uint32_t>(item[3]);
    if (nb::object index = item[4]; !index.is_none())
      field.index = IndexFromPython(nb::cast<nb::dict>(index));
    schema.fields.push_back(std::move(field));
  }
  return schema;
}

nb::object SchemaToPython(const db::CollectionSchema& schema) {
  nb::list fields;
  for (const db::FieldSchema& field : schema.fields) {
    nb::object index = field.index ? IndexToPython(*field.index) : nb::none();
    fields.append(
        nb::make_tuple(field.name, static_cast<int>(field.type), field.nullable, field.dimension, index));
  }
  return nb::make_tuple(schema.name, fields);
}

}  // namespace cocozvec_python
