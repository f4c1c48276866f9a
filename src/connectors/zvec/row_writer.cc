#include "cocoindex/connectors/zvec/row_writer.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <exception>
#include <limits>
#include <utility>

#include "base/coding.h"
#include "connectors/zvec/names.h"
#include "zvec/schema/text.h"

namespace cocoindex::inline v0::connectors::zvec {

namespace db = ::zvec;

namespace {

/// The first element that is not finite, or `size`. The whole test is one pass without branches; the place is
/// looked for only when there is one.
template <class Bits, Bits kExponent>
std::size_t first_not_finite(const char* bytes, std::size_t size) {
  Bits bad = 0;
  for (std::size_t i = 0; i < size; ++i) {
    Bits bits;
    std::memcpy(&bits, bytes + i * sizeof bits, sizeof bits);
    bad |= static_cast<Bits>((bits & kExponent) == kExponent);
  }
  if (bad == 0) return size;
  for (std::size_t i = 0; i < size; ++i) {
    Bits bits;
    std::memcpy(&bits, bytes + i * sizeof bits, sizeof bits);
    if ((bits & kExponent) == kExponent) return i;
  }
  return size;
}

DataType element_type(DataType array) {
  return static_cast<DataType>(db::ElementType(static_cast<db::DataType>(array)));
}

std::string number_text(double v) {
  if (std::isnan(v)) return "NaN";
  if (std::isinf(v)) return v > 0 ? "infinity" : "-infinity";
  char text[32];
  std::snprintf(text, sizeof text, "%.9g", v);
  return text;
}

}  // namespace

RowWriter::RowWriter(const SchemaCore& schema, std::string_view collection)
    : schema_(schema), collection_(collection) {
  bytes_.reserve(schema.row_bytes());
  cocozvec::PutFixed(bytes_, schema.layout());
}

template <class T>
void RowWriter::put(T v) {
  bytes_.push_back('\1');
  cocozvec::PutFixed(bytes_, v);
}

void RowWriter::fail(const std::string& what) const {
  throw RowError("collection '" + std::string(collection_) + "', document " + db::Quoted(id_) + ", column '" +
                 current().name + "': " + what);
}

void RowWriter::wrong_kind(std::string_view got) const {
  fail("got " + std::string(got) + ", the column is " + std::string(data_type_name(current().type)));
}

void RowWriter::id(std::string text) {
  const std::string problem = db::TextProblem(text, db::kMaxIdBytes);
  if (!problem.empty()) {
    throw RowError("collection '" + std::string(collection_) + "', primary key '" + schema_.primary_key() +
                   "' " + db::Quoted(text) + ": " + problem);
  }
  id_ = std::move(text);
}

void RowWriter::null_id() {
  throw RowError("collection '" + std::string(collection_) + "', primary key '" + schema_.primary_key() +
                 "': must not be null");
}

void RowWriter::null() {
  if (!current().nullable) fail("is null, but the column is not nullable; make the field std::optional");
  bytes_.push_back('\0');
}

void RowWriter::boolean(bool v) {
  if (current().type != DataType::BOOL) wrong_kind("a bool");
  put(static_cast<std::uint8_t>(v));
}

void RowWriter::integer(std::int64_t v) {
  if (v >= 0) return unsigned_integer(static_cast<std::uint64_t>(v));
  const DataType type = current().type;
  if (type == DataType::INT64) return put(v);
  if (type == DataType::INT32) {
    if (v < std::numeric_limits<std::int32_t>::min()) fail(std::to_string(v) + " does not fit INT32");
    return put(static_cast<std::int32_t>(v));
  }
  if (type == DataType::UINT32 || type == DataType::UINT64) {
    fail(std::to_string(v) + " does not fit " + std::string(data_type_name(type)));
  }
  wrong_kind("an integer");
}

void RowWriter::unsigned_integer(std::uint64_t v) {
  const DataType type = current().type;
  const auto fits = [&](std::uint64_t most) {
    if (v > most) fail(std::to_string(v) + " does not fit " + std::string(data_type_name(type)));
  };
  switch (type) {
    case DataType::INT32:
      fits(std::numeric_limits<std::int32_t>::max());
      return put(static_cast<std::int32_t>(v));
    case DataType::INT64:
      fits(std::numeric_limits<std::int64_t>::max());
      return put(static_cast<std::int64_t>(v));
    case DataType::UINT32:
      fits(std::numeric_limits<std::uint32_t>::max());
      return put(static_cast<std::uint32_t>(v));
    case DataType::UINT64:
      return put(v);
    default:
      wrong_kind("an integer");
  }
}

void RowWriter::real(double v) {
  if (std::isnan(v))
    v = std::numeric_limits<double>::quiet_NaN();  // one form, so that equal rows have equal bytes
  if (current().type == DataType::DOUBLE) return put(v);
  if (current().type != DataType::FLOAT) wrong_kind("a floating-point number");
  const auto narrow = static_cast<float>(v);
  if (std::isinf(narrow) && !std::isinf(v)) fail(number_text(v) + " does not fit FLOAT");
  put(narrow);
}

void RowWriter::text(std::string_view v) {
  if (current().type != DataType::STRING) wrong_kind("text");
  if (!db::IsUtf8(v)) fail("the text is not valid UTF-8: " + db::Quoted(v));
  if (v.size() > std::numeric_limits<std::uint32_t>::max()) {
    fail("the text has " + std::to_string(v.size()) + " bytes, at most 4294967295 can be stored");
  }
  put(static_cast<std::uint32_t>(v.size()));
  bytes_.append(v);
}

void RowWriter::bad_value(std::string_view what) const {
  if (column_ != kNoColumn) fail(std::string(what));
  throw RowError("collection '" + std::string(collection_) + "', primary key '" + schema_.primary_key() +
                 "': " + std::string(what));
}

void RowWriter::begin_list(std::size_t count) {
  if (!db::IsArray(static_cast<db::DataType>(current().type))) wrong_kind("a list");
  if (count > std::numeric_limits<std::uint32_t>::max()) {
    fail("the list has " + std::to_string(count) + " elements, at most 4294967295 can be stored");
  }
  put(static_cast<std::uint32_t>(count));
  element_ = 0;
}

void RowWriter::fail_element(const std::string& what) const {
  fail("element " + std::to_string(element_) + ": " + what);
}

void RowWriter::list_null() const { fail_element("is null, and a list in the database holds no nulls"); }

void RowWriter::list_boolean(bool v) {
  if (current().type != DataType::ARRAY_BOOL) wrong_kind("a list of bool");
  bytes_.push_back(v ? '\1' : '\0');
  ++element_;
}

/// One element of an integer array, in the width of the column.
template <class T>
void RowWriter::list_number(T v, DataType element) {
  const auto in_range = [&]<class Stored>(Stored) {
    if (!std::in_range<Stored>(v)) {
      fail_element(std::to_string(v) + " does not fit " + std::string(data_type_name(element)));
    }
    cocozvec::PutFixed(bytes_, static_cast<Stored>(v));
  };
  switch (current().type) {
    case DataType::ARRAY_INT32:
      in_range(std::int32_t{});
      break;
    case DataType::ARRAY_INT64:
      in_range(std::int64_t{});
      break;
    case DataType::ARRAY_UINT32:
      in_range(std::uint32_t{});
      break;
    case DataType::ARRAY_UINT64:
      in_range(std::uint64_t{});
      break;
    default:
      wrong_kind("a list of integers");
  }
  ++element_;
}

void RowWriter::list_integer(std::int64_t v) { list_number(v, element_type(current().type)); }
void RowWriter::list_unsigned(std::uint64_t v) { list_number(v, element_type(current().type)); }

void RowWriter::list_real(double v) {
  if (std::isnan(v)) v = std::numeric_limits<double>::quiet_NaN();
  if (current().type == DataType::ARRAY_DOUBLE) {
    cocozvec::PutFixed(bytes_, v);
  } else if (current().type == DataType::ARRAY_FLOAT) {
    const auto narrow = static_cast<float>(v);
    if (std::isinf(narrow) && !std::isinf(v)) fail_element(number_text(v) + " does not fit FLOAT");
    cocozvec::PutFixed(bytes_, narrow);
  } else {
    wrong_kind("a list of floating-point numbers");
  }
  ++element_;
}

void RowWriter::list_text(std::string_view v) {
  if (current().type != DataType::ARRAY_STRING) wrong_kind("a list of text");
  if (!db::IsUtf8(v)) fail_element("the text is not valid UTF-8: " + db::Quoted(v));
  if (v.size() > std::numeric_limits<std::uint32_t>::max()) {
    fail_element("the text has " + std::to_string(v.size()) + " bytes, at most 4294967295 can be stored");
  }
  cocozvec::PutFixed(bytes_, static_cast<std::uint32_t>(v.size()));
  bytes_.append(v);
  ++element_;
}

JsonWriter RowWriter::begin_json() {
  if (current().type != DataType::STRING) wrong_kind("a value that is stored as JSON");
  bytes_.push_back('\1');
  json_at_ = bytes_.size();
  cocozvec::PutFixed(bytes_, std::uint32_t{0});
  return JsonWriter(bytes_);
}

void RowWriter::end_json() {
  const std::size_t size = bytes_.size() - json_at_ - sizeof(std::uint32_t);
  if (size > std::numeric_limits<std::uint32_t>::max()) {
    fail("the JSON text has " + std::to_string(size) + " bytes, at most 4294967295 can be stored");
  }
  std::string length;
  cocozvec::PutFixed(length, static_cast<std::uint32_t>(size));
  bytes_.replace(json_at_, length.size(), length);
}

void RowWriter::check_dense(std::size_t size) const {
  if (current().kind != ColumnKind::dense) wrong_kind("a dense vector");
  if (size != current().dimension) {
    fail("the vector has " + std::to_string(size) + " elements, the schema says " +
         std::to_string(current().dimension));
  }
}

/// Converts, appends and then looks at what will be stored: a finite double may be an infinite half.
template <class Element, class Source>
void RowWriter::put_dense(std::span<const Source> v) {
  bytes_.push_back('\1');
  const std::size_t at = bytes_.size();
  if constexpr (std::is_same_v<Element, Source>) {
    bytes_.append(reinterpret_cast<const char*>(v.data()), v.size_bytes());
  } else {
    bytes_.resize(at + v.size() * sizeof(Element));
    for (std::size_t i = 0; i < v.size(); ++i) {
      const auto element = static_cast<Element>(static_cast<float>(v[i]));
      std::memcpy(bytes_.data() + at + i * sizeof element, &element, sizeof element);
    }
  }
  std::size_t bad = 0;
  if constexpr (sizeof(Element) == 2) {
    bad = first_not_finite<std::uint16_t, 0x7c00>(bytes_.data() + at, v.size());
  } else {
    bad = first_not_finite<std::uint32_t, 0x7f800000>(bytes_.data() + at, v.size());
  }
  if (bad != v.size()) {
    fail("element " + std::to_string(bad) + " of the vector is " + number_text(static_cast<double>(v[bad])) +
         ", which is not finite as " + std::string(data_type_name(current().type)));
  }
}

void RowWriter::dense(std::span<const float> v) {
  check_dense(v.size());
  current().type == DataType::VECTOR_FP16 ? put_dense<half>(v) : put_dense<float>(v);
}
void RowWriter::dense(std::span<const half> v) {
  check_dense(v.size());
  current().type == DataType::VECTOR_FP16 ? put_dense<half>(v) : put_dense<float>(v);
}
void RowWriter::dense(std::span<const double> v) {
  check_dense(v.size());
  current().type == DataType::VECTOR_FP16 ? put_dense<half>(v) : put_dense<float>(v);
}

void RowWriter::begin_sparse(std::size_t count) {
  if (current().kind != ColumnKind::sparse) wrong_kind("a sparse vector");
  if (count > db::kMaxSparseEntries) {
    fail("the sparse vector has " + std::to_string(count) + " entries, at most " +
         std::to_string(db::kMaxSparseEntries));
  }
  sparse_.clear();
}

void RowWriter::sparse_entry(std::int64_t index, double weight) {
  if (index < 0) fail("sparse index " + std::to_string(index) + " is outside 0 .. 4294967295");
  sparse_entry_unsigned(static_cast<std::uint64_t>(index), weight);
}

void RowWriter::sparse_entry_unsigned(std::uint64_t index, double weight) {
  if (index > std::numeric_limits<std::uint32_t>::max()) {
    fail("sparse index " + std::to_string(index) + " is outside 0 .. 4294967295");
  }
  const auto stored = static_cast<float>(weight);
  if (!std::isfinite(stored)) {
    fail("the weight of sparse index " + std::to_string(index) + " is " + number_text(weight) +
         ", which is not finite as float32");
  }
  sparse_.emplace_back(static_cast<std::uint32_t>(index), stored);
}

void RowWriter::end_sparse() {
  const auto less = [](const auto& a, const auto& b) { return a.first < b.first; };
  if (!std::is_sorted(sparse_.begin(), sparse_.end(), less)) std::sort(sparse_.begin(), sparse_.end(), less);
  put(static_cast<std::uint32_t>(sparse_.size()));
  for (std::size_t i = 0; i < sparse_.size(); ++i) {
    if (i > 0 && sparse_[i].first == sparse_[i - 1].first) {
      fail("sparse index " + std::to_string(sparse_[i].first) + " is given twice");
    }
    cocozvec::PutFixed(bytes_, sparse_[i].first);
  }
  for (const auto& [index, weight] : sparse_) cocozvec::PutFixed(bytes_, weight);
}

void RowWriter::encoder_failed() {
  std::string reason = "unknown exception";
  try {
    throw;
  } catch (const std::exception& e) {
    reason = e.what();
  } catch (...) {
  }
  std::throw_with_nested(RowError("collection '" + std::string(collection_) + "', document " +
                                  db::Quoted(id_) + ", column '" + current().name +
                                  "': the encoder failed: " + reason));
}

std::shared_ptr<const EncodedRow> RowWriter::finish() {
  const Fingerprint fingerprint = fingerprint_bytes(bytes_);
  return std::make_shared<const EncodedRow>(std::move(bytes_), fingerprint);
}

namespace {

template <class T>
std::vector<T> read_vector(cocozvec::Reader& in, std::size_t size) {
  const std::string_view raw = in.Raw(size * sizeof(T));
  std::vector<T> out(raw.size() / sizeof(T));
  if (!out.empty()) std::memcpy(out.data(), raw.data(), raw.size());
  return out;
}

template <class T>
std::vector<T> read_array(cocozvec::Reader& in) {
  return read_vector<T>(in, in.Read<std::uint32_t>());
}

std::vector<std::string> read_texts(cocozvec::Reader& in) {
  std::vector<std::string> out;
  for (std::uint32_t n = in.Read<std::uint32_t>(); n > 0 && in.ok(); --n) {
    out.emplace_back(in.Raw(in.Read<std::uint32_t>()));
  }
  return out;
}

std::vector<bool> read_booleans(cocozvec::Reader& in) {
  const std::string_view raw = in.Raw(in.Read<std::uint32_t>());
  std::vector<bool> out;
  out.reserve(raw.size());
  for (const char c : raw) out.push_back(c != 0);
  return out;
}

db::SparseVector read_sparse(cocozvec::Reader& in) {
  const std::uint64_t count = in.Read<std::uint32_t>();
  db::SparseVector v;
  v.indices = read_vector<std::uint32_t>(in, count);
  v.values = read_vector<float>(in, count);
  return v;
}

db::Value read_value(cocozvec::Reader& in, const Column& column) {
  switch (column.type) {
    case DataType::STRING:
      return std::string(in.Raw(in.Read<std::uint32_t>()));
    case DataType::BOOL:
      return in.Read<std::uint8_t>() != 0;
    case DataType::INT32:
      return in.Read<std::int32_t>();
    case DataType::INT64:
      return in.Read<std::int64_t>();
    case DataType::UINT32:
      return in.Read<std::uint32_t>();
    case DataType::UINT64:
      return in.Read<std::uint64_t>();
    case DataType::FLOAT:
      return in.Read<float>();
    case DataType::DOUBLE:
      return in.Read<double>();
    case DataType::VECTOR_FP16:
      return read_vector<db::Half>(in, column.dimension);
    case DataType::VECTOR_FP32:
      return read_vector<float>(in, column.dimension);
    case DataType::SPARSE_VECTOR_FP32:
      return read_sparse(in);
    case DataType::ARRAY_STRING:
      return read_texts(in);
    case DataType::ARRAY_BOOL:
      return read_booleans(in);
    case DataType::ARRAY_INT32:
      return read_array<std::int32_t>(in);
    case DataType::ARRAY_INT64:
      return read_array<std::int64_t>(in);
    case DataType::ARRAY_UINT32:
      return read_array<std::uint32_t>(in);
    case DataType::ARRAY_UINT64:
      return read_array<std::uint64_t>(in);
    case DataType::ARRAY_FLOAT:
      return read_array<float>(in);
    case DataType::ARRAY_DOUBLE:
      return read_array<double>(in);
  }
  in.Fail();
  return {};
}

}  // namespace

db::Doc decode_row(const SchemaCore& schema, std::string id, std::string_view bytes) {
  db::Doc doc(std::move(id));
  cocozvec::Reader in(bytes);
  if (in.Read<std::uint64_t>() != schema.layout()) in.Fail();
  doc.fields.reserve(schema.stored().size());
  for (const std::uint32_t i : schema.stored()) {
    if (!in.ok()) break;
    if (in.Read<std::uint8_t>() == 0) continue;  // null: left out
    const Column& column = schema.columns()[i];
    doc.fields.push_back({column.name, read_value(in, column)});
  }
  if (!in.done())
    throw std::logic_error("document '" + doc.id + "': the encoded row does not match its schema");
  return doc;
}

}  // namespace cocoindex::inline v0::connectors::zvec
