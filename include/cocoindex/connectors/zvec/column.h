// cocoindex/connectors/zvec/column.h: the columns of a collection, known at run time: what templates over
// record types, the Python binding and programs driven by configuration all end in. Threads: a SchemaCore is
// immutable once made; the rest are plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "cocoindex/connectors/zvec/annotations.h"
#include "cocoindex/errors.h"
#include "zvec/schema.h"

namespace cocoindex::inline v0 {
class Ctx;
}

namespace cocoindex::inline v0::connectors::zvec {

class RowWriter;

enum class ColumnKind : std::uint8_t { scalar = 0, dense = 1, sparse = 2, fts = 3 };
std::string_view kind_name(ColumnKind kind) noexcept;

struct Column {
  std::string name;
  ColumnKind kind = ColumnKind::scalar;
  DataType type = DataType::STRING;
  bool nullable = false;
  std::uint32_t dimension = 0;  ///< dense only
  Metric metric = Metric::cosine;
  Quantize quantize = Quantize::none;
  bool indexed = true;           ///< scalar: has a filter index
  std::string tokenizer_name{};  ///< fts only, like the next two
  std::vector<std::string> filters{};
  std::string extra_params{};
  bool operator==(const Column&) const = default;
};

/// What a field's C++ type can be stored as, before annotations and overrides have their say.
enum class Shape : std::uint8_t {
  boolean,
  integer,
  real,  ///< time spans too: their seconds
  text,
  text_form,  ///< text that is made of it: bytes, uuids, decimals, dates, times
  json,       ///< text: the value as JSON
  boolean_list,
  integer_list,
  text_list,
  float_list,   ///< elements of 16 or 32 bits: a dense vector, needs a size
  double_list,  ///< a dense vector when there is a vector schema, otherwise an array
  number_map,   ///< integer -> number: a sparse vector when ZvecVectorDef says so, otherwise JSON
  sparse,       ///< a sparse vector without being asked
  unknown,      ///< needs an encoder
};

/// Asks a provider for its vector schema. `ctx` is null in from_class() without a context: then it throws
/// SchemaError.
using VectorSchemaSource = std::function<VectorSchema(Ctx* ctx, const std::string& column)>;

/// Writes one value of the argument type into the row; made by encoder().
struct Encoder {
  const std::type_info* argument = nullptr;
  Shape result = Shape::unknown;
  std::function<void(const void* value, RowWriter& out)> write;
};

/// What annotations or an override say about one column: of each kind of information at most one.
struct ColumnNotes {
  std::optional<ZvecType> type;
  std::optional<ZvecVectorDef> vector;
  std::optional<ZvecFtsType> fts;
  VectorSchemaSource schema;
  std::optional<Encoder> encoder;
};

/// One field of a record type, as reflection or a run-time builder describes it.
struct FieldInfo {
  std::string name;
  std::string type_name;                       ///< for messages
  const std::type_info* value_type = nullptr;  ///< without optional and annotations
  Shape shape = Shape::unknown;
  DType element = DType::automatic;  ///< lists: float16, float32 or float64
  std::uint32_t fixed_size = 0;      ///< std::array
  bool nullable = false;
  bool key_type = false;  ///< its text is an identity: may be the primary key
  ColumnNotes notes{};
};

/// The columns of one record type with everything decided. Immutable; shared by the schema, the targets and
/// the handlers.
class SchemaCore {
 public:
  /// Decides every column: overrides first, then annotations. `overrides` has one entry per overridden name.
  /// Throws SchemaError that names the record type and the column.
  static std::shared_ptr<const SchemaCore> make(Ctx* ctx, std::string record_name,
                                                std::vector<FieldInfo> fields,
                                                std::vector<std::string> primary_key,
                                                std::vector<std::pair<std::string, ColumnNotes>> overrides);
  /// From a tracked record or a hand-made list; without encoders. The key column is not in `columns`.
  static std::shared_ptr<const SchemaCore> from_columns(std::string primary_key, std::vector<Column> columns);

  const std::string& record_name() const noexcept { return record_name_; }
  const std::string& primary_key() const noexcept { return primary_key_; }
  const std::vector<Column>& columns() const noexcept { return columns_; }  ///< in field order, the key too
  std::size_t key_index() const noexcept { return key_index_; }             ///< into columns()
  /// Without the key, sorted by name: the order of encoded rows. Indices into columns().
  std::span<const std::uint32_t> stored() const noexcept { return stored_; }
  /// The encoder of a column, from an annotation or an override, or null.
  const Encoder* encoder(std::size_t column) const noexcept {
    return column < encoders_.size() && encoders_[column] ? &*encoders_[column] : nullptr;
  }
  /// Differs when rows of one schema mean something else under the other.
  std::uint64_t layout() const noexcept { return layout_; }
  std::size_t row_bytes() const noexcept { return row_bytes_; }  ///< of a typical encoded row
  /// How the database is told. `name` is the collection's.
  ::zvec::CollectionSchema database_schema(const std::string& name) const;
  /// Throws SchemaError naming the collection: its name, a field's name, no vector field.
  void check_collection(std::string_view collection) const;

 private:
  SchemaCore() = default;
  void finish();
  std::string record_name_;
  std::string primary_key_;
  std::vector<Column> columns_;
  std::size_t key_index_ = 0;
  std::vector<std::uint32_t> stored_;
  std::vector<std::optional<Encoder>> encoders_;
  std::uint64_t layout_ = 0;
  std::size_t row_bytes_ = 0;
};

}  // namespace cocoindex::inline v0::connectors::zvec
