// python/zvec/schema_info.h: a schema with what conversion needs beside it: names as interned Python strings.
// Threads: under the interpreter lock, destruction too.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>
#include <string_view>
#include <vector>

#include "zvec/schema.h"

namespace cocozvec_python {

namespace nb = nanobind;
namespace db = ::zvec;

struct FieldInfo {
  const db::FieldSchema* schema = nullptr;
  nb::object name;  ///< interned, so that looking it up in a dict compares pointers
  bool is_vector = false;
};

class SchemaInfo {
 public:
  explicit SchemaInfo(db::CollectionSchema schema);
  SchemaInfo(const SchemaInfo&) = delete;
  SchemaInfo& operator=(const SchemaInfo&) = delete;

  const db::CollectionSchema& schema() const noexcept { return schema_; }
  const std::vector<FieldInfo>& fields() const noexcept { return fields_; }
  /// Null when there is no such field.
  const FieldInfo* Find(std::string_view name) const noexcept;
  const FieldInfo* Find(nb::handle name) const;

 private:
  db::CollectionSchema schema_;
  std::vector<FieldInfo> fields_;
};

/// (name, [(name, type, nullable, dimension, index or None), ...]); an index is a dict (model/schema.py).
db::CollectionSchema SchemaFromPython(nb::handle description);
/// ValueError for a number that no type can have.
db::DataType TypeFromPython(nb::handle number);
nb::object SchemaToPython(const db::CollectionSchema& schema);

}  // namespace cocozvec_python
