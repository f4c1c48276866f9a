// cocoindex/connectors/zvec/row_writer.h: one row on its way into the compact form that is hashed, kept and
// later written.
//
// Form: 8 bytes SchemaCore::layout, then the columns of SchemaCore::stored in that order: a byte 0 for null
// or 1, then the value: bool 1 byte; integers and floats in their own width, little-endian; text a 4-byte
// length and the bytes; an array a 4-byte count and its elements in these forms; a dense vector its elements;
// a sparse vector a 4-byte count, the indices ascending, the weights. NaN has one form. The bytes live in
// memory only; what is stored is their BLAKE2b-128, so the form must not change without a reason. Threads: a
// RowWriter belongs to one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cocoindex/connectors/zvec/column.h"
#include "cocoindex/json.h"
#include "cocoindex/target_state.h"
#include "zvec/doc.h"

namespace cocoindex::inline v0::connectors::zvec {

/// What a declared row is to the engine.
class EncodedRow final : public TargetValue, public std::enable_shared_from_this<EncodedRow> {
 public:
  EncodedRow(std::string bytes, Fingerprint fingerprint)
      : bytes_(std::move(bytes)), fingerprint_(fingerprint) {}
  const std::string& bytes() const noexcept { return bytes_; }
  const Fingerprint& fingerprint() const noexcept { return fingerprint_; }

 private:
  std::string bytes_;
  Fingerprint fingerprint_;
};

class RowWriter {
 public:
  /// Both must outlive the writer.
  RowWriter(const SchemaCore& schema, std::string_view collection);

  /// The document's id; checks it (R85). First, so that every later message can name it.
  void id(std::string text);
  void null_id();
  std::string take_id() noexcept { return std::move(id_); }

  /// The next column of SchemaCore::stored; then exactly one of the calls below.
  void column(std::size_t index) noexcept { column_ = index; }
  ColumnKind kind() const noexcept { return current().kind; }

  // Each checks the value against the column and throws RowError that names collection, id, column and both
  // values.
  void null();
  void boolean(bool v);
  void integer(std::int64_t v);
  void unsigned_integer(std::uint64_t v);
  void real(double v);
  void text(std::string_view v);
  void dense(std::span<const float> v);
  void dense(std::span<const half> v);
  void dense(std::span<const double> v);
  /// An array column: the count, then as many elements.
  void begin_list(std::size_t count);
  void list_boolean(bool v);
  void list_integer(std::int64_t v);
  void list_unsigned(std::uint64_t v);
  void list_real(double v);
  void list_text(std::string_view v);
  [[noreturn]] void list_null() const;  ///< the database's arrays hold no nulls
  /// A text column that holds JSON: the value is written into what begin_json returns.
  JsonWriter begin_json();
  void end_json();
  void begin_sparse(std::size_t count);
  void sparse_entry(std::int64_t index, double weight);
  void sparse_entry_unsigned(std::uint64_t index, double weight);
  void end_sparse();
  /// The value of the current column, or the id before any column, has no text form.
  [[noreturn]] void bad_value(std::string_view what) const;
  [[noreturn]] void encoder_failed();  ///< inside a catch block: RowError with the original nested

  std::shared_ptr<const EncodedRow> finish();

 private:
  const Column& current() const noexcept { return schema_.columns()[column_]; }
  [[noreturn]] void fail(const std::string& what) const;
  [[noreturn]] void wrong_kind(std::string_view got) const;
  void check_dense(std::size_t size) const;
  template <class Element, class Source>
  void put_dense(std::span<const Source> v);
  template <class T>
  void put(T v);
  template <class T>
  void list_number(T v, DataType element);
  [[noreturn]] void fail_element(const std::string& what) const;

  static constexpr std::size_t kNoColumn = static_cast<std::size_t>(-1);
  const SchemaCore& schema_;
  std::string_view collection_;
  std::size_t column_ = kNoColumn;
  std::string id_;
  std::string bytes_;
  std::size_t element_ = 0;  ///< of the list being written
  std::size_t json_at_ = 0;  ///< where the length of the JSON text will stand
  std::vector<std::pair<std::uint32_t, float>> sparse_;
};

/// The document that the bytes of a row mean.
::zvec::Doc decode_row(const SchemaCore& schema, std::string id, std::string_view bytes);

}  // namespace cocoindex::inline v0::connectors::zvec
