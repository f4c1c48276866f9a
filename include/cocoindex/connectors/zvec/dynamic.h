// cocoindex/connectors/zvec/dynamic.h: collections whose columns are known at run time.
//
//   auto schema = zc::CollectionSchema<coco::DynamicRow>::from_columns({
//       .primary_key = {"id"},
//       .columns = zc::Columns().add("id", zc::FieldType::text)
//                               .add("year", zc::FieldType::integer, {.nullable = true})
//                               .add("embedding", zc::FieldType::float32_vector, {.notes =
//                               VectorSchema{384}})});
//   auto target = zc::mount_collection_target(ctx, ZVEC_DB, "docs", schema);
//   target.declare_row(ctx, {{"id", "1"}, {"year", 2020}, {"embedding", std::vector<float>(384)}});
//
// Everything else is as with a record type: the same columns, fingerprints, checks and messages, and the same
// bytes for the same values. Not part of connectors/zvec.h. Threads: plain values; a schema is immutable.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cocoindex/connectors/zvec/schema.h"
#include "cocoindex/dynamic_row.h"

namespace cocoindex::inline v0::connectors::zvec {

/// What the values of a column are. docs/types.md says what each is stored as.
enum class FieldType : std::uint8_t {
  boolean,
  integer,  ///< signed or unsigned
  real,     ///< integers are converted
  text,
  bytes,
  uuid,
  decimal,
  date,
  time,
  datetime,  ///< with or without an offset
  span,
  text_list,
  integer_list,
  real_list,  ///< integers are converted
  boolean_list,
  json,            ///< any value
  float32_vector,  ///< from float, half or double elements; needs a vector schema
  float16_vector,
  sparse_vector,
};

struct ColumnSettings {
  bool nullable = false;
  ColumnOverride
      notes{};  ///< ZvecType, ZvecVectorDef, ZvecFtsType, a vector schema, an encoder of DynamicValue
};

/// Builds the list of columns, in their order.
class Columns {
 public:
  Columns& add(std::string name, FieldType type, ColumnSettings settings = {});
  std::vector<FieldInfo> fields() const;
  const std::vector<FieldType>& types() const noexcept { return types_; }

 private:
  std::vector<FieldInfo> fields_;
  std::vector<FieldType> types_;
};

struct FromColumns {
  std::vector<std::string> primary_key;  ///< exactly one name
  Columns columns;
  ColumnOverrides column_overrides{};
  std::string record_name = "DynamicRow";  ///< for messages
};

template <>
class CollectionSchema<DynamicRow> {
 public:
  /// Throws SchemaError that names the record, the column, and what was given; a name given twice too.
  static CollectionSchema from_columns(FromColumns options) { return make(nullptr, std::move(options)); }
  /// The same, where a vector size comes from a ContextKey.
  static CollectionSchema from_columns(Ctx& ctx, FromColumns options) {
    return make(&ctx, std::move(options));
  }

  const std::vector<Column>& columns() const& { return core_->columns(); }
  std::vector<Column> columns() && { return core_->columns(); }
  const std::string& primary_key() const& { return core_->primary_key(); }
  std::string primary_key() && { return core_->primary_key(); }
  const std::shared_ptr<const SchemaCore>& core() const noexcept { return core_; }

  /// As with a record type. A field that is missing counts as null, one that is no column is ignored.
  std::shared_ptr<const EncodedRow> encode(const DynamicRow& row, std::string_view collection,
                                           std::string* id) const;

 private:
  static CollectionSchema make(Ctx* ctx, FromColumns options);
  void write(const DynamicRow& row, RowWriter& out) const;
  std::shared_ptr<const SchemaCore> core_;
  std::shared_ptr<const std::vector<FieldType>> types_;  ///< as core_->columns()
};

}  // namespace cocoindex::inline v0::connectors::zvec
