#include "zvec/storage/cell.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>

#include "base/coding.h"
#include "zvec/schema/text.h"

namespace zvec::inline v0 {
namespace {

using cocozvec::PutFixed;

// Names of the alternatives of Value, in their order.
constexpr std::string_view kValueNames[] = {
    "null",        "BOOL",         "INT32",         "INT64",         "UINT32",
    "UINT64",      "FLOAT",        "DOUBLE",        "STRING",        "ARRAY_STRING",
    "ARRAY_BOOL",  "ARRAY_INT32",  "ARRAY_INT64",   "ARRAY_UINT32",  "ARRAY_UINT64",
    "float array", "ARRAY_DOUBLE", "an FP16 array", "an INT8 array", "a sparse vector"};
static_assert(std::size(kValueNames) == std::variant_size_v<Value>);

Status FieldError(const FieldSchema& field, std::string problem) {
  return Status::InvalidArgument("field " + Quoted(field.name) + ": " + problem);
}

Status TypeMismatch(const FieldSchema& field, const Value& value) {
  return FieldError(field, "type " + std::string(DataTypeName(field.type)) + " expected, " +
                               std::string(kValueNames[value.index()]) + " given");
}

template <class T>
Status EncodeScalar(const FieldSchema& field, const Value& value, std::string& out) {
  const T* v = std::get_if<T>(&value);
  if (!v) return TypeMismatch(field, value);
  PutFixed(out, *v);
  return Status::Ok();
}

Status CheckSize(const FieldSchema& field, std::size_t bytes) {
  if (bytes <= kMaxCellBytes) return Status::Ok();
  return FieldError(field,
                    "value of " + std::to_string(bytes) + " bytes, at most " + std::to_string(kMaxCellBytes));
}

template <class T>
void AppendRaw(std::string& out, const std::vector<T>& elements) {
  out.append(reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(T));
}

template <class T>
Status EncodeArray(const FieldSchema& field, const Value& value, std::string& out) {
  const auto* v = std::get_if<std::vector<T>>(&value);
  if (!v) return TypeMismatch(field, value);
  ZVEC_RETURN_IF_ERROR(CheckSize(field, v->size() * sizeof(T)));
  AppendRaw(out, *v);
  return Status::Ok();
}

Status EncodeBoolArray(const FieldSchema& field, const Value& value, std::string& out) {
  const auto* v = std::get_if<std::vector<bool>>(&value);
  if (!v) return TypeMismatch(field, value);
  ZVEC_RETURN_IF_ERROR(CheckSize(field, v->size()));
  for (const bool b : *v) out += static_cast<char>(b);
  return Status::Ok();
}

Status EncodeString(const FieldSchema& field, const Value& value, std::string& out) {
  const auto* v = std::get_if<std::string>(&value);
  if (!v) return TypeMismatch(field, value);
  ZVEC_RETURN_IF_ERROR(CheckSize(field, v->size()));
  if (!IsUtf8(*v)) return FieldError(field, "the text " + Quoted(*v) + " is not valid UTF-8");
  out += *v;
  return Status::Ok();
}

Status EncodeStringArray(const FieldSchema& field, const Value& value, std::string& out) {
  const auto* v = std::get_if<std::vector<std::string>>(&value);
  if (!v) return TypeMismatch(field, value);
  std::size_t bytes = sizeof(std::uint32_t) * (v->size() + 2);
  for (const std::string& s : *v) bytes += s.size();
  ZVEC_RETURN_IF_ERROR(CheckSize(field, bytes));
  for (const std::string& s : *v) {
    if (!IsUtf8(s)) {
      return FieldError(
          field, "element " + std::to_string(&s - v->data()) + ", " + Quoted(s) + ", is not valid UTF-8");
    }
  }
  PutFixed(out, static_cast<std::uint32_t>(v->size()));
  std::uint32_t end = 0;
  PutFixed(out, end);
  for (const std::string& s : *v) PutFixed(out, end += static_cast<std::uint32_t>(s.size()));
  for (const std::string& s : *v) out += s;
  return Status::Ok();
}

Status ElementError(const FieldSchema& field, std::size_t element, float value) {
  return FieldError(field, "element " + std::to_string(element) + " is " + std::to_string(value) +
                               "; vectors of type " + std::string(DataTypeName(field.type)) +
                               " hold finite numbers within its range");
}

// The first element that is not finite, or `count`.
std::size_t FirstNotFinite(const float* values, std::size_t count) {
  // One pass without a branch per element, of which the compiler makes vector code: infinities and NaN have
  // every bit of the exponent set.
  constexpr std::uint32_t kExponent = 0x7f800000;
  std::uint32_t bad = 0;
  for (std::size_t i = 0; i < count; ++i)
    bad |= static_cast<std::uint32_t>((std::bit_cast<std::uint32_t>(values[i]) & kExponent) == kExponent);
  if (bad == 0) return count;
  return static_cast<std::size_t>(
      std::find_if(values, values + count, [](float x) { return !std::isfinite(x); }) - values);
}

Status CheckDimension(const FieldSchema& field, std::size_t given) {
  if (given == field.dimension) return Status::Ok();
  return FieldError(field, "dimension " + std::to_string(field.dimension) + " expected, " +
                               std::to_string(given) + " elements given");
}

Status EncodeFp32Vector(const FieldSchema& field, const Value& value, std::string& out) {
  const auto* v = std::get_if<std::vector<float>>(&value);
  if (!v) return TypeMismatch(field, value);
  ZVEC_RETURN_IF_ERROR(CheckDimension(field, v->size()));
  const std::size_t bad = FirstNotFinite(v->data(), v->size());
  if (bad < v->size()) return ElementError(field, bad, (*v)[bad]);
  AppendRaw(out, *v);
  return Status::Ok();
}

Status EncodeFp16Vector(const FieldSchema& field, const Value& value, std::string& out) {
  if (const auto* halves = std::get_if<std::vector<Half>>(&value)) {
    ZVEC_RETURN_IF_ERROR(CheckDimension(field, halves->size()));
    for (std::size_t i = 0; i < halves->size(); ++i) {
      const float x = FromHalf((*halves)[i]);
      if (!std::isfinite(x)) return ElementError(field, i, x);
    }
    AppendRaw(out, *halves);
    return Status::Ok();
  }
  const auto* floats = std::get_if<std::vector<float>>(&value);
  if (!floats) return TypeMismatch(field, value);
  ZVEC_RETURN_IF_ERROR(CheckDimension(field, floats->size()));
  for (std::size_t i = 0; i < floats->size(); ++i) {
    const Half half = ToHalf((*floats)[i]);
    if (!std::isfinite(FromHalf(half))) return ElementError(field, i, (*floats)[i]);
    PutFixed(out, half.bits);
  }
  return Status::Ok();
}

Status EncodeInt8Vector(const FieldSchema& field, const Value& value, std::string& out) {
  const auto* v = std::get_if<std::vector<std::int8_t>>(&value);
  if (!v) return TypeMismatch(field, value);
  ZVEC_RETURN_IF_ERROR(CheckDimension(field, v->size()));
  AppendRaw(out, *v);
  return Status::Ok();
}

Status CheckSparse(const FieldSchema& field, const SparseVector& v, const std::vector<std::uint32_t>& order) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::uint32_t at = order[i];
    if (i > 0 && v.indices[at] == v.indices[order[i - 1]]) {
      return FieldError(field, "index " + std::to_string(v.indices[at]) + " is given twice, with " +
                                   std::to_string(v.values[order[i - 1]]) + " and " +
                                   std::to_string(v.values[at]));
    }
    const float x = field.type == DataType::kSparseVectorFp16 ? FromHalf(ToHalf(v.values[at])) : v.values[at];
    if (!std::isfinite(x)) return ElementError(field, at, v.values[at]);
  }
  return Status::Ok();
}

Status EncodeSparseVector(const FieldSchema& field, const Value& value, std::string& out) {
  const auto* v = std::get_if<SparseVector>(&value);
  if (!v) return TypeMismatch(field, value);
  if (v->indices.size() != v->values.size()) {
    return FieldError(field, std::to_string(v->indices.size()) + " indices and " +
                                 std::to_string(v->values.size()) + " values given");
  }
  if (v->indices.size() > kMaxSparseEntries) {
    return FieldError(field, std::to_string(v->indices.size()) + " sparse entries given, at most " +
                                 std::to_string(kMaxSparseEntries));
  }
  std::vector<std::uint32_t> order(v->indices.size());
  std::iota(order.begin(), order.end(), 0u);
  if (!std::is_sorted(v->indices.begin(), v->indices.end())) {
    std::sort(order.begin(), order.end(), [&](auto a, auto b) {
      return v->indices[a] != v->indices[b] ? v->indices[a] < v->indices[b] : a < b;
    });
  }
  ZVEC_RETURN_IF_ERROR(CheckSparse(field, *v, order));
  PutFixed(out, static_cast<std::uint32_t>(order.size()));
  for (const std::uint32_t at : order) PutFixed(out, v->indices[at]);
  for (const std::uint32_t at : order) {
    if (field.type == DataType::kSparseVectorFp16) {
      PutFixed(out, ToHalf(v->values[at]).bits);
    } else {
      PutFixed(out, v->values[at]);
    }
  }
  return Status::Ok();
}

Status EncodeInto(const FieldSchema& field, const Value& value, std::string& out) {
  switch (field.type) {
    case DataType::kString:
      return EncodeString(field, value, out);
    case DataType::kBool:
      return EncodeScalar<bool>(field, value, out);
    case DataType::kInt32:
      return EncodeScalar<std::int32_t>(field, value, out);
    case DataType::kInt64:
      return EncodeScalar<std::int64_t>(field, value, out);
    case DataType::kUint32:
      return EncodeScalar<std::uint32_t>(field, value, out);
    case DataType::kUint64:
      return EncodeScalar<std::uint64_t>(field, value, out);
    case DataType::kFloat:
      return EncodeScalar<float>(field, value, out);
    case DataType::kDouble:
      return EncodeScalar<double>(field, value, out);
    case DataType::kVectorFp16:
      return EncodeFp16Vector(field, value, out);
    case DataType::kVectorFp32:
      return EncodeFp32Vector(field, value, out);
    case DataType::kVectorInt8:
      return EncodeInt8Vector(field, value, out);
    case DataType::kSparseVectorFp16:
    case DataType::kSparseVectorFp32:
      return EncodeSparseVector(field, value, out);
    case DataType::kArrayString:
      return EncodeStringArray(field, value, out);
    case DataType::kArrayBool:
      return EncodeBoolArray(field, value, out);
    case DataType::kArrayInt32:
      return EncodeArray<std::int32_t>(field, value, out);
    case DataType::kArrayInt64:
      return EncodeArray<std::int64_t>(field, value, out);
    case DataType::kArrayUint32:
      return EncodeArray<std::uint32_t>(field, value, out);
    case DataType::kArrayUint64:
      return EncodeArray<std::uint64_t>(field, value, out);
    case DataType::kArrayFloat:
      return EncodeArray<float>(field, value, out);
    case DataType::kArrayDouble:
      return EncodeArray<double>(field, value, out);
    case DataType::kUndefined:
      break;
  }
  return FieldError(field, "no value fits type UNDEFINED");
}

// Bytes of one element of a packed array or dense vector, or of a scalar; 0 for text and sparse vectors.
std::size_t ElementWidth(DataType type) {
  switch (ElementType(type)) {
    case DataType::kBool:
    case DataType::kVectorInt8:
      return 1;
    case DataType::kVectorFp16:
      return 2;
    case DataType::kInt32:
    case DataType::kUint32:
    case DataType::kFloat:
    case DataType::kVectorFp32:
      return 4;
    case DataType::kInt64:
    case DataType::kUint64:
    case DataType::kDouble:
      return 8;
    default:
      return 0;
  }
}

template <class T>
T Load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof(T));
  return value;
}

template <class T>
std::vector<T> LoadAll(std::string_view cell) {
  std::vector<T> values(cell.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), cell.data(), values.size() * sizeof(T));
  return values;
}

Status CellError(const FieldSchema& field, std::string problem) {
  return Status::DataLoss("cell of field " + Quoted(field.name) + " (" +
                          std::string(DataTypeName(field.type)) + "): " + problem);
}

Status CheckStringArrayCell(const FieldSchema& field, std::string_view cell) {
  cocozvec::Reader reader(cell);
  const auto count = reader.Read<std::uint32_t>();
  const std::string_view offsets = reader.Raw((std::uint64_t{count} + 1) * sizeof(std::uint32_t));
  if (!reader.ok()) {
    return CellError(
        field, std::to_string(cell.size()) + " bytes are too few for " + std::to_string(count) + " elements");
  }
  std::uint32_t last = 0;
  for (std::uint64_t i = 0; i <= count; ++i) {
    const auto offset = Load<std::uint32_t>(offsets.data() + i * sizeof(std::uint32_t));
    if (offset < last || (i == 0 && offset != 0)) {
      return CellError(field, "offset " + std::to_string(i) + " is " + std::to_string(offset) + ", after " +
                                  std::to_string(last));
    }
    last = offset;
  }
  if (last == reader.remaining()) return Status::Ok();
  return CellError(field, "offsets end at " + std::to_string(last) + ", the text at " +
                              std::to_string(reader.remaining()));
}

Status CheckSparseCell(const FieldSchema& field, std::string_view cell) {
  cocozvec::Reader reader(cell);
  const auto count = reader.Read<std::uint32_t>();
  if (!reader.ok() || count > kMaxSparseEntries) {
    return CellError(field, std::to_string(count) + " entries in " + std::to_string(cell.size()) +
                                " bytes, at most " + std::to_string(kMaxSparseEntries));
  }
  const std::size_t value_bytes = field.type == DataType::kSparseVectorFp16 ? 2 : 4;
  const std::size_t expected = 4 + count * (4 + value_bytes);
  if (cell.size() != expected) {
    return CellError(field, std::to_string(cell.size()) + " bytes, " + std::to_string(expected) +
                                " expected for " + std::to_string(count) + " entries");
  }
  const SparseCell view = ViewSparse(cell);
  for (std::uint32_t i = 1; i < count; ++i) {
    const auto before = Load<std::uint32_t>(view.indices + 4 * (i - 1));
    const auto index = Load<std::uint32_t>(view.indices + 4 * i);
    if (before >= index) {
      return CellError(field, "index " + std::to_string(index) + " follows " + std::to_string(before));
    }
  }
  return Status::Ok();
}

Status CheckBools(const FieldSchema& field, std::string_view cell) {
  for (const char c : cell) {
    if (c != 0 && c != 1) {
      return CellError(field,
                       "byte " + std::to_string(static_cast<unsigned char>(c)) + " is neither 0 nor 1");
    }
  }
  return Status::Ok();
}

std::vector<std::string> LoadStrings(std::string_view cell) {
  std::vector<std::string> values;
  const std::uint32_t count = ArrayLength(DataType::kArrayString, cell);
  values.reserve(count);
  for (std::uint32_t i = 0; i < count; ++i) values.emplace_back(StringElement(cell, i));
  return values;
}

SparseVector LoadSparse(DataType type, std::string_view cell) {
  const SparseCell view = ViewSparse(cell);
  SparseVector vector;
  vector.indices.resize(view.count);
  vector.values.resize(view.count);
  for (std::uint32_t i = 0; i < view.count; ++i) {
    vector.indices[i] = Load<std::uint32_t>(view.indices + 4 * i);
    vector.values[i] = type == DataType::kSparseVectorFp16
                           ? FromHalf({Load<std::uint16_t>(view.values + 2 * i)})
                           : Load<float>(view.values + 4 * i);
  }
  return vector;
}

}  // namespace

std::size_t CellWidth(const FieldSchema& field) noexcept {
  if (IsArray(field.type)) return 0;
  return ElementWidth(field.type) * (IsDenseVector(field.type) ? field.dimension : 1);
}

Status EncodeCell(const FieldSchema& field, const Value& value, std::string& out) {
  const std::size_t before = out.size();
  Status status = EncodeInto(field, value, out);
  if (!status.ok()) out.resize(before);
  return status;
}

bool IsFp32Cell(const FieldSchema& field, std::span<const float> values) noexcept {
  return field.type == DataType::kVectorFp32 && values.size() == field.dimension &&
         FirstNotFinite(values.data(), values.size()) == values.size();
}

Status CheckCell(const FieldSchema& field, std::string_view cell) {
  if (const std::size_t width = CellWidth(field); width != 0) {
    if (cell.size() != width) {
      return CellError(field, std::to_string(cell.size()) + " bytes, " + std::to_string(width) + " expected");
    }
    return field.type == DataType::kBool ? CheckBools(field, cell) : Status::Ok();
  }
  if (cell.size() > kMaxCellBytes) {
    return CellError(field, std::to_string(cell.size()) + " bytes, at most " + std::to_string(kMaxCellBytes));
  }
  if (IsSparseVector(field.type)) return CheckSparseCell(field, cell);
  if (field.type == DataType::kArrayString) return CheckStringArrayCell(field, cell);
  if (field.type == DataType::kString) return Status::Ok();
  const std::size_t width = ElementWidth(field.type);
  if (width == 0) return CellError(field, "no cell has this type");
  if (cell.size() % width != 0) {
    return CellError(field,
                     std::to_string(cell.size()) + " bytes are no multiple of " + std::to_string(width));
  }
  return field.type == DataType::kArrayBool ? CheckBools(field, cell) : Status::Ok();
}

Result<Value> DecodeCell(const FieldSchema& field, std::string_view cell) {
  ZVEC_RETURN_IF_ERROR(CheckCell(field, cell));
  switch (field.type) {
    case DataType::kString:
      return Value(std::string(cell));
    case DataType::kBool:
      return Value(cell[0] != 0);
    case DataType::kInt32:
      return Value(Load<std::int32_t>(cell.data()));
    case DataType::kInt64:
      return Value(Load<std::int64_t>(cell.data()));
    case DataType::kUint32:
      return Value(Load<std::uint32_t>(cell.data()));
    case DataType::kUint64:
      return Value(Load<std::uint64_t>(cell.data()));
    case DataType::kFloat:
      return Value(Load<float>(cell.data()));
    case DataType::kDouble:
      return Value(Load<double>(cell.data()));
    case DataType::kVectorFp16:
      return Value(LoadAll<Half>(cell));
    case DataType::kVectorFp32:
    case DataType::kArrayFloat:
      return Value(LoadAll<float>(cell));
    case DataType::kVectorInt8:
      return Value(LoadAll<std::int8_t>(cell));
    case DataType::kSparseVectorFp16:
    case DataType::kSparseVectorFp32:
      return Value(LoadSparse(field.type, cell));
    case DataType::kArrayString:
      return Value(LoadStrings(cell));
    case DataType::kArrayBool:
      return Value(std::vector<bool>(cell.begin(), cell.end()));
    case DataType::kArrayInt32:
      return Value(LoadAll<std::int32_t>(cell));
    case DataType::kArrayInt64:
      return Value(LoadAll<std::int64_t>(cell));
    case DataType::kArrayUint32:
      return Value(LoadAll<std::uint32_t>(cell));
    case DataType::kArrayUint64:
      return Value(LoadAll<std::uint64_t>(cell));
    case DataType::kArrayDouble:
      return Value(LoadAll<double>(cell));
    case DataType::kUndefined:
      break;
  }
  return CellError(field, "no cell has this type");
}

std::uint32_t ArrayLength(DataType array_type, std::string_view cell) noexcept {
  if (array_type == DataType::kArrayString) return Load<std::uint32_t>(cell.data());
  return static_cast<std::uint32_t>(cell.size() / ElementWidth(array_type));
}

std::string_view StringElement(std::string_view cell, std::uint32_t i) noexcept {
  const auto count = Load<std::uint32_t>(cell.data());
  const char* offsets = cell.data() + sizeof(std::uint32_t);
  const std::string_view text = cell.substr(sizeof(std::uint32_t) * (std::size_t{count} + 2));
  const auto begin = Load<std::uint32_t>(offsets + sizeof(std::uint32_t) * std::size_t{i});
  const auto end = Load<std::uint32_t>(offsets + sizeof(std::uint32_t) * (std::size_t{i} + 1));
  return text.substr(begin, end - begin);
}

SparseCell ViewSparse(std::string_view cell) noexcept {
  const auto count = Load<std::uint32_t>(cell.data());
  const char* indices = cell.data() + sizeof(std::uint32_t);
  return {count, indices, indices + sizeof(std::uint32_t) * std::size_t{count}};
}

}  // namespace zvec::inline v0
