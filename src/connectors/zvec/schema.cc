// What each column is: C++ type, annotations and overrides put together, and every rule of connector.md 1.8
// for schemas.
#include "cocoindex/connectors/zvec/schema.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "connectors/zvec/names.h"

namespace cocoindex::inline v0::connectors::zvec {

namespace db = ::zvec;

namespace detail {
void NeedsContext(const std::string& column, std::string_view key) {
  throw SchemaError("column '" + column + "': its vector schema comes from the context key '" +
                    std::string(key) + "', so from_class needs the context: from_class(ctx, {...})");
}
}  // namespace detail

namespace {

/// Merges what is said about one column and decides it.
class ColumnMaker {
 public:
  ColumnMaker(Ctx* ctx, const std::string& record, const FieldInfo& field, ColumnNotes notes)
      : ctx_(ctx), record_(record), field_(field), notes_(std::move(notes)) {
    column_.name = field.name;
    column_.nullable = field.nullable;
    shape_ = notes_.encoder ? notes_.encoder->result : field.shape;
  }

  Column make() {
    check_enums();
    check_encoder();
    if (notes_.fts) {
      make_fts();
    } else if ((notes_.vector && notes_.vector->sparse) || shape_ == Shape::sparse) {
      make_sparse();
    } else if (shape_ == Shape::float_list || (shape_ == Shape::double_list && notes_.schema)) {
      make_dense();
    } else {
      make_scalar();
    }
    return std::move(column_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw SchemaError("record " + record_ + ", column '" + field_.name + "' (" + field_.type_name +
                      "): " + what);
  }

  void check_enums() const {
    if (!notes_.vector) return;
    if (notes_.vector->metric > Metric::l2) {
      fail("unknown metric " + std::to_string(static_cast<int>(notes_.vector->metric)) +
           "; known: cosine, ip, l2");
    }
    if (notes_.vector->quantize > Quantize::int4) {
      fail("unknown quantize " + std::to_string(static_cast<int>(notes_.vector->quantize)) +
           "; known: none, fp16, int8, int4");
    }
  }

  void check_encoder() const {
    if (!notes_.encoder || field_.value_type == nullptr || notes_.encoder->argument == nullptr) return;
    if (*notes_.encoder->argument != *field_.value_type) {
      fail("the encoder takes " + reflect::type_name(*notes_.encoder->argument) + ", the field is " +
           reflect::type_name(*field_.value_type));
    }
  }

  void make_fts() {
    if (notes_.type) fail("ZvecFtsType cannot be combined with ZvecType: a full-text column is STRING");
    if (notes_.vector || notes_.schema) fail("ZvecFtsType cannot be combined with a vector definition");
    if (shape_ != Shape::text) fail("ZvecFtsType needs a text field");
    column_.kind = ColumnKind::fts;
    column_.type = DataType::STRING;
    column_.indexed = false;
    column_.tokenizer_name = notes_.fts->tokenizer_name.view();
    for (const auto& filter : notes_.fts->filters) column_.filters.emplace_back(filter.view());
    column_.extra_params = notes_.fts->extra_params.view();
  }

  void make_sparse() {
    if (notes_.type) fail("a sparse vector cannot be combined with ZvecType");
    if (notes_.schema) fail("a sparse vector has no size: leave the vector schema out");
    if (shape_ != Shape::number_map && shape_ != Shape::sparse)
      fail("ZvecVectorDef{.sparse = true} needs a map from an integer to a number");
    column_.kind = ColumnKind::sparse;
    column_.type = DataType::SPARSE_VECTOR_FP32;
    column_.metric = Metric::ip;  // whatever it says: editing it rebuilds nothing
    column_.indexed = false;
  }

  void make_dense() {
    if (notes_.type)
      fail(
          "a vector column cannot be combined with ZvecType; its element type is the vector schema's: "
          "VectorSchema{size, DType::float16}");
    const VectorSchema schema = vector_schema();
    const DType dtype = schema.dtype == DType::automatic ? element_type() : schema.dtype;
    if (dtype != DType::float32 && dtype != DType::float16) {
      fail(
          "vector elements must be float32 or float16, got float64; keep float32 and quantize: "
          "ZvecVectorDef{.quantize = zc::Quantize::int8}");
    }
    if (schema.size == 0) fail("vector size must be at least 1, got 0");
    if (schema.size > db::kMaxDimension) {
      fail("vector size " + std::to_string(schema.size) + " is over the limit of " +
           std::to_string(db::kMaxDimension));
    }
    const ZvecVectorDef def = notes_.vector.value_or(ZvecVectorDef{});
    if (dtype == DType::float16 && def.quantize != Quantize::none) {
      fail("float16 vectors cannot be quantized further (" + std::string(quantize_name(def.quantize)) +
           "); keep float32 and quantize");
    }
    column_.kind = ColumnKind::dense;
    column_.type = dtype == DType::float16 ? DataType::VECTOR_FP16 : DataType::VECTOR_FP32;
    column_.dimension = schema.size;
    column_.metric = def.metric;
    column_.quantize = def.quantize;
    column_.indexed = false;
  }

  DType element_type() const { return notes_.encoder ? DType::float32 : field_.element; }

  VectorSchema vector_schema() const {
    const std::uint32_t fixed = notes_.encoder ? 0 : field_.fixed_size;
    if (!notes_.schema) {
      if (fixed != 0) return {.size = fixed};
      fail("a list of floats needs a vector schema: coco::Annotated<" + field_.type_name +
           ", coco::VectorSchema{384}>, std::array<float, 384>, or an override");
    }
    const VectorSchema schema = notes_.schema(ctx_, field_.name);
    if (fixed != 0 && schema.size != fixed) {
      fail("the vector schema says " + std::to_string(schema.size) + " elements, the type has " +
           std::to_string(fixed));
    }
    return schema;
  }

  void make_scalar() {
    if (notes_.vector) fail("ZvecVectorDef on a column that is no vector");
    if (notes_.schema) fail("a vector schema on a column that is no list of float, double or coco::half");
    column_.type = notes_.type ? chosen_type() : default_type();
    column_.indexed = notes_.type ? notes_.type->indexed : true;
  }

  DataType default_type() const {
    switch (shape_) {
      case Shape::boolean:
        return DataType::BOOL;
      case Shape::integer:
        return DataType::INT64;
      case Shape::real:
        return DataType::DOUBLE;
      case Shape::text:
      case Shape::text_form:
      case Shape::json:
      case Shape::number_map:
        return DataType::STRING;
      case Shape::boolean_list:
        return DataType::ARRAY_BOOL;
      case Shape::integer_list:
        return DataType::ARRAY_INT64;
      case Shape::double_list:
        return DataType::ARRAY_DOUBLE;
      case Shape::text_list:
        return DataType::ARRAY_STRING;
      case Shape::float_list:
      case Shape::sparse:
      case Shape::unknown:
        break;
    }
    fail(
        "this type has no column type; give an encoder: coco::Annotated<T, zc::Encode<&f>{}> or "
        "zc::encoder(f) in an override");
  }

  /// Does what the field's own encoding gives suit a column of `type`?
  bool suits(DataType type) const {
    switch (shape_) {
      case Shape::integer:
        return type == DataType::INT32 || type == DataType::INT64 || type == DataType::UINT32 ||
               type == DataType::UINT64;
      case Shape::real:
        return type == DataType::FLOAT || type == DataType::DOUBLE;
      case Shape::integer_list:
        return type == DataType::ARRAY_INT32 || type == DataType::ARRAY_INT64 ||
               type == DataType::ARRAY_UINT32 || type == DataType::ARRAY_UINT64;
      case Shape::double_list:
        return type == DataType::ARRAY_FLOAT || type == DataType::ARRAY_DOUBLE;
      default:
        return type == default_type();
    }
  }

  DataType chosen_type() const {
    const DataType type = notes_.type->data_type;
    if (!suits(type)) {
      fail("cannot be stored as " + std::string(data_type_name(type)) +
           " without an encoder; it is stored as " + std::string(data_type_name(default_type())));
    }
    return type;
  }

  Ctx* ctx_;
  const std::string& record_;
  const FieldInfo& field_;
  ColumnNotes notes_;
  Shape shape_;
  Column column_;
};

/// What the override does not say, the annotations do.
ColumnNotes merge(ColumnNotes first, const ColumnNotes& then) {
  if (!first.type) first.type = then.type;
  if (!first.vector) first.vector = then.vector;
  if (!first.fts) first.fts = then.fts;
  if (!first.schema) first.schema = then.schema;
  if (!first.encoder) first.encoder = then.encoder;
  return first;
}

std::string join(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "'" : ", '") + name + "'";
  return out;
}

std::string join(const std::vector<FieldInfo>& fields) {
  std::vector<std::string> names;
  for (const FieldInfo& field : fields) names.push_back(field.name);
  return join(names);
}

std::string check_primary_key(const std::string& record, const std::vector<FieldInfo>& fields,
                              const std::vector<std::string>& key) {
  if (key.size() != 1) {
    throw SchemaError("record " + record + ": exactly one primary key column is needed, got " +
                      std::to_string(key.size()) + (key.empty() ? "" : ": " + join(key)));
  }
  const auto at =
      std::find_if(fields.begin(), fields.end(), [&](const FieldInfo& f) { return f.name == key[0]; });
  if (at == fields.end()) {
    throw SchemaError("record " + record + ": the primary key '" + key[0] +
                      "' is no column; columns: " + join(fields));
  }
  return key[0];
}

Column make_key_column(const std::string& record, const FieldInfo& field, const ColumnNotes& notes) {
  const std::string where =
      "record " + record + ", primary key '" + field.name + "' (" + field.type_name + "): ";
  if (notes.encoder) throw SchemaError(where + "a primary key takes no encoder");
  if (notes.fts || notes.vector || notes.schema || field.shape == Shape::float_list ||
      field.shape == Shape::number_map || field.shape == Shape::sparse) {
    throw SchemaError(where + "must be scalar, not a vector or a full-text column");
  }
  if (!field.key_type)
    throw SchemaError(where +
                      "must be text, an integer, a bool, a uuid, a decimal, a date or a date and time");
  return {.name = field.name, .nullable = field.nullable, .indexed = false};
}

void check_limits(const std::string& record, const std::vector<Column>& columns, std::size_t key) {
  std::size_t vectors = 0;
  std::size_t scalars = 0;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (i == key) continue;
    (columns[i].kind == ColumnKind::dense || columns[i].kind == ColumnKind::sparse ? vectors : scalars)++;
  }
  if (vectors > db::kMaxVectorFields) {
    throw SchemaError("record " + record + ": " + std::to_string(vectors) + " vector fields, at most " +
                      std::to_string(db::kMaxVectorFields));
  }
  if (scalars > db::kMaxScalarFields) {
    throw SchemaError("record " + record + ": " + std::to_string(scalars) + " scalar fields, at most " +
                      std::to_string(db::kMaxScalarFields));
  }
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name(std::string_view name) {
  if (name.empty() || !is_letter(name[0])) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

db::IndexParams dense_index(const Column& column) {
  static constexpr db::MetricType kMetrics[] = {db::MetricType::kCosine, db::MetricType::kIp,
                                                db::MetricType::kL2};
  static constexpr db::QuantizeType kQuantize[] = {db::QuantizeType::kUndefined, db::QuantizeType::kFp16,
                                                   db::QuantizeType::kInt8, db::QuantizeType::kInt4};
  return db::IndexParams::Hnsw(kMetrics[static_cast<int>(column.metric)],
                               kQuantize[static_cast<int>(column.quantize)]);
}

db::FieldSchema database_field(const Column& column) {
  db::FieldSchema field;
  field.name = column.name;
  field.type = static_cast<db::DataType>(column.type);
  field.nullable = column.nullable;
  field.dimension = column.dimension;
  switch (column.kind) {
    case ColumnKind::scalar:
      if (column.indexed) field.index = db::IndexParams::Invert();
      break;
    case ColumnKind::dense:
      field.index = dense_index(column);
      break;
    case ColumnKind::sparse:
      break;  // the database's own: flat, inner product
    case ColumnKind::fts:
      field.index = db::IndexParams::Fts(column.tokenizer_name, column.filters, column.extra_params);
      break;
  }
  return field;
}

}  // namespace

std::vector<std::pair<std::string, ColumnNotes>> ColumnOverrides::notes() const {
  std::vector<std::pair<std::string, ColumnNotes>> out;
  for (const Entry& entry : entries_) out.emplace_back(entry.column, entry.override.notes());
  return out;
}

std::shared_ptr<const SchemaCore> SchemaCore::make(
    Ctx* ctx, std::string record_name, std::vector<FieldInfo> fields, std::vector<std::string> primary_key,
    std::vector<std::pair<std::string, ColumnNotes>> overrides) {
  std::shared_ptr<SchemaCore> core(new SchemaCore);
  core->primary_key_ = check_primary_key(record_name, fields, primary_key);
  std::map<std::string, ColumnNotes, std::less<>> by_name;
  for (auto& [name, notes] : overrides) {
    if (std::none_of(fields.begin(), fields.end(), [&](const FieldInfo& f) { return f.name == name; })) {
      throw SchemaError("record " + record_name + ": override for '" + name +
                        "', which is no column; columns: " + join(fields));
    }
    if (!by_name.emplace(name, std::move(notes)).second) {
      throw SchemaError("record " + record_name + ": two overrides for column '" + name + "'");
    }
  }
  for (FieldInfo& field : fields) {
    const auto own = by_name.find(field.name);
    ColumnNotes notes =
        own == by_name.end() ? std::move(field.notes) : merge(std::move(own->second), field.notes);
    core->encoders_.push_back(notes.encoder);
    core->columns_.push_back(field.name == core->primary_key_
                                 ? make_key_column(record_name, field, notes)
                                 : ColumnMaker(ctx, record_name, field, std::move(notes)).make());
  }
  core->record_name_ = std::move(record_name);
  core->finish();
  return core;
}

std::shared_ptr<const SchemaCore> SchemaCore::from_columns(std::string primary_key,
                                                           std::vector<Column> columns) {
  std::shared_ptr<SchemaCore> core(new SchemaCore);
  core->primary_key_ = primary_key;
  core->columns_.push_back({.name = std::move(primary_key), .indexed = false});
  for (Column& column : columns) core->columns_.push_back(std::move(column));
  core->finish();
  return core;
}

void SchemaCore::finish() {
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (columns_[i].name == primary_key_) {
      key_index_ = i;
    } else {
      stored_.push_back(static_cast<std::uint32_t>(i));
    }
  }
  check_limits(record_name_, columns_, key_index_);
  std::sort(stored_.begin(), stored_.end(),
            [this](std::uint32_t a, std::uint32_t b) { return columns_[a].name < columns_[b].name; });
  Hasher hasher;
  row_bytes_ = 8;
  for (const std::uint32_t i : stored_) {
    const Column& column = columns_[i];
    hasher.text(column.name).unsigned_integer(static_cast<std::uint64_t>(column.type));
    row_bytes_ += 32 + std::size_t{column.dimension} * (column.type == DataType::VECTOR_FP16 ? 2 : 4);
  }
  std::memcpy(&layout_, hasher.finish().bytes.data(), sizeof layout_);
}

db::CollectionSchema SchemaCore::database_schema(const std::string& name) const {
  db::CollectionSchema schema;
  schema.name = name;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (i != key_index_) schema.fields.push_back(database_field(columns_[i]));
  }
  return schema;
}

void SchemaCore::check_collection(std::string_view collection) const {
  const std::string where = "collection '" + std::string(collection) + "'";
  if (collection.size() < 3) {
    throw SchemaError(where + ": a name needs at least 3 characters, got " +
                      std::to_string(collection.size()));
  }
  if (collection.size() > 64) {
    throw SchemaError(where + ": a name has at most 64 characters, got " + std::to_string(collection.size()));
  }
  if (!is_name(collection)) {
    throw SchemaError(
        where + ": a name is a letter or underscore followed by letters, digits and underscores (ASCII)");
  }
  static constexpr std::string_view kReserved[] = {"_zvec_uid_", "_zvec_g_doc_id_", "_zvec_row_id_"};
  bool vectors = false;
  for (const std::uint32_t i : stored_) {
    const std::string& name = columns_[i].name;
    if (!is_name(name)) {
      throw SchemaError(
          where + ", field '" + name +
          "': a name is a letter or underscore followed by letters, digits and underscores (ASCII)");
    }
    if (name.size() > db::kMaxFieldNameBytes) {
      throw SchemaError(where + ", field '" + name + "': a name has at most " +
                        std::to_string(db::kMaxFieldNameBytes) + " bytes, got " +
                        std::to_string(name.size()));
    }
    if (std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved)) {
      throw SchemaError(where + ", field '" + name + "': the name is reserved by the database");
    }
    vectors = vectors || columns_[i].kind == ColumnKind::dense || columns_[i].kind == ColumnKind::sparse;
  }
  if (!vectors) {
    throw SchemaError(where + " (record " + record_name_ +
                      "): at least one vector field, dense or sparse, is needed");
  }
}

}  // namespace cocoindex::inline v0::connectors::zvec
