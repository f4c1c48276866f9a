#include "python/zvec/convert.h"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "python/zvec/errors.h"

namespace cocozvec_python {

using db::DataType;
using db::Value;

namespace {

// Drops the error of a conversion that failed, as ours says what was wanted; what a program does not catch as
// an Exception (Ctrl-C, SystemExit) goes on.
void DropError() {
  if (PyErr_Occurred() && !PyErr_ExceptionMatches(PyExc_Exception)) throw nb::python_error();
  PyErr_Clear();
}

[[noreturn]] void Expected(const FieldInfo& field, const std::string& what, nb::handle got) {
  DropError();
  nb::object type = nb::steal(PyObject_Repr(reinterpret_cast<PyObject*>(Py_TYPE(got.ptr()))));
  Raise(PyExc_TypeError, "Field '" + field.schema->name + "': expected " + what + ", got " +
                             std::string(TryText(type).value_or("?")));
}
[[noreturn]] void Expected(const FieldInfo& field, nb::handle got) {
  Expected(field, std::string(db::DataTypeName(field.schema->type)), got);
}

// NumPy's complex scalars convert to float, too, without their imaginary part.
bool IsComplex(nb::handle value) {
  static PyObject* numpys = nullptr;  // lives as long as the module, which is never unloaded
  if (!numpys) numpys = nb::object(nb::module_::import_("numpy").attr("complexfloating")).release().ptr();
  return PyComplex_Check(value.ptr()) ||
         PyObject_TypeCheck(value.ptr(), reinterpret_cast<PyTypeObject*>(numpys));
}

// An integer in [least, most], from int, bool, anything with __index__, and NumPy's floating scalars of whole
// value (which are no Python floats).
template <class T>
T Integer(const FieldInfo& field, nb::handle value) {
  nb::object held;
  PyObject* number = value.ptr();
  if (!PyLong_Check(number)) {
    if (PyFloat_Check(number)) Expected(field, value);
    if (PyIndex_Check(number)) {
      held = nb::steal(PyNumber_Index(number));
    } else if (nb::hasattr(value, "__float__") && nb::hasattr(value, "dtype") &&
               !nb::hasattr(value, "__len__") && !IsComplex(value)) {
      const double real = PyFloat_AsDouble(number);
      if (!PyErr_Occurred() && real == std::floor(real)) held = nb::steal(PyLong_FromDouble(real));
    }
    if (!held) Expected(field, value);
    number = held.ptr();
  }
  if constexpr (std::is_same_v<T, std::uint64_t>) {
    const unsigned long long wide = PyLong_AsUnsignedLongLong(number);
    if (PyErr_Occurred()) Expected(field, value);
    return wide;
  } else {
    int overflow = 0;
    const long long wide = PyLong_AsLongLongAndOverflow(number, &overflow);
    if (overflow != 0 || PyErr_Occurred()) Expected(field, value);
    if (wide < static_cast<long long>(std::numeric_limits<T>::min()) ||
        (sizeof(T) < sizeof(long long) && wide > static_cast<long long>(std::numeric_limits<T>::max())))
      Expected(field, value);
    return static_cast<T>(wide);
  }
}

double Real(const FieldInfo& field, nb::handle value) {
  if (PyFloat_CheckExact(value.ptr())) return PyFloat_AsDouble(value.ptr());
  if (IsComplex(value)) Expected(field, value);
  const double real = PyFloat_AsDouble(value.ptr());
  if (real == -1.0 && PyErr_Occurred()) Expected(field, value);  // an int beyond every double too
  return real;
}

float ToFloat(double real) {
  constexpr double kMost = std::numeric_limits<float>::max();
  if (real > kMost || real < -kMost) {
    // What rounds to the largest float stays finite; the rest is infinite. A plain cast would be undefined.
    constexpr double kHalfStep = 0x1p103;
    if (std::abs(real) < kMost + kHalfStep)
      return real > 0 ? static_cast<float>(kMost) : -static_cast<float>(kMost);
    return real > 0 ? std::numeric_limits<float>::infinity() : -std::numeric_limits<float>::infinity();
  }
  return static_cast<float>(real);
}

bool Boolean(const FieldInfo& field, nb::handle value) {
  if (value.ptr() == Py_True) return true;
  if (value.ptr() == Py_False) return false;
  if (!PyNumber_Check(value.ptr()) || nb::hasattr(value, "__len__")) Expected(field, value);
  const int truth = PyObject_IsTrue(value.ptr());
  if (truth < 0) Expected(field, value);
  return truth != 0;
}

std::string String(const FieldInfo& field, nb::handle value) {
  if (const auto text = TryText(value)) return std::string(*text);
  if (PyBytes_Check(value.ptr())) {
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(value.ptr(), &data, &size) != 0) throw nb::python_error();
    nb::object decoded = nb::steal(PyUnicode_DecodeUTF8(data, size, nullptr));
    if (decoded) return std::string(data, static_cast<std::size_t>(size));
    PyErr_Clear();
    Raise(PyExc_TypeError,
          "Field '" + field.schema->name + "': expected STRING, got bytes that are not UTF-8");
  }
  Expected(field, value);
}

// A list or tuple as it is; sets, arrays and other sized iterables as a list. Text, bytes and dicts are no
// sequences of numbers.
nb::object Sequence(const FieldInfo& field, nb::handle value) {
  PyObject* p = value.ptr();
  if (PyList_CheckExact(p) || PyTuple_CheckExact(p)) return nb::borrow(value);
  if (PyUnicode_Check(p) || PyBytes_Check(p) || PyDict_Check(p) || !nb::hasattr(value, "__len__"))
    Expected(field, value);
  if (IsMasked(value))
    Expected(field, std::string(db::DataTypeName(field.schema->type)) + " without masked elements", value);
  nb::object list = nb::steal(PySequence_List(p));
  if (!list) Expected(field, value);
  return list;
}

Py_ssize_t Size(nb::handle sequence) {
  return PyList_Check(sequence.ptr()) ? PyList_Size(sequence.ptr()) : PyTuple_Size(sequence.ptr());
}
// Held: converting an element may run Python code that shortens the list.
nb::object Item(nb::handle sequence, Py_ssize_t i) {
  PyObject* item =
      PyList_Check(sequence.ptr()) ? PyList_GetItem(sequence.ptr(), i) : PyTuple_GetItem(sequence.ptr(), i);
  if (!item) throw nb::python_error();
  return nb::borrow(item);
}

template <class T, class Convert>
std::vector<T> Elements(const FieldInfo& field, nb::handle value, Convert convert) {
  const nb::object sequence = Sequence(field, value);
  const Py_ssize_t size = Size(sequence);
  std::vector<T> out;
  out.reserve(static_cast<std::size_t>(size));
  for (Py_ssize_t i = 0; i < size; ++i) {
    const nb::object item = Item(sequence, i);
    if (item.is_none()) Expected(field, item);
    out.push_back(convert(field, item));
  }
  return out;
}

template <class T>
std::vector<T> Integers(const FieldInfo& field, nb::handle value) {
  return Elements<T>(field, value, [](const FieldInfo& f, nb::handle v) { return Integer<T>(f, v); });
}

// The bytes of a one-dimensional buffer of T, or nothing.
template <class T>
std::optional<std::vector<T>> Flat(nb::handle value, char kind) {
  if (PyList_CheckExact(value.ptr()) || PyTuple_CheckExact(value.ptr())) return std::nullopt;
  const Buffer buffer(value);
  if (!buffer || buffer.kind() != kind || buffer.ndim() != 1) return std::nullopt;
  std::vector<T> out(static_cast<std::size_t>(buffer.shape(0)));
  if (buffer.stride(0) == static_cast<Py_ssize_t>(sizeof(T))) {
    if (!out.empty()) std::memcpy(out.data(), buffer.data(), out.size() * sizeof(T));
  } else {
    for (std::size_t i = 0; i < out.size(); ++i)
      std::memcpy(&out[i], buffer.data() + static_cast<Py_ssize_t>(i) * buffer.stride(0), sizeof(T));
  }
  return out;
}

// A list of nothing but Python floats: what most programs pass, without a detour through NumPy.
std::optional<std::vector<float>> PlainFloats(nb::handle value) {
  if (!PyList_CheckExact(value.ptr())) return std::nullopt;
  std::vector<float> out(static_cast<std::size_t>(PyList_Size(value.ptr())));
  for (std::size_t i = 0; i < out.size(); ++i) {
    PyObject* item = PyList_GetItem(value.ptr(), static_cast<Py_ssize_t>(i));
    if (!item || !PyFloat_CheckExact(item)) return std::nullopt;
    out[i] = ToFloat(PyFloat_AsDouble(item));
  }
  return out;
}

std::vector<float> Floats(const FieldInfo& field, nb::handle value) {
  return Elements<float>(field, value, [](const FieldInfo& f, nb::handle v) { return ToFloat(Real(f, v)); });
}

Value Dense(const FieldInfo& field, nb::handle value) {
  const DataType type = field.schema->type;
  PyObject* p = value.ptr();
  if (!PyList_CheckExact(p) && !PyTuple_CheckExact(p)) {
    if (PyUnicode_Check(p) || PyBytes_Check(p) || PyDict_Check(p)) Expected(field, value);
    const Buffer buffer(value);
    if (buffer && buffer.ndim() != 1) Expected(field, "a vector of one dimension", value);
    if (buffer && buffer.kind() == KindOf(type)) return DenseFromBuffer(type, buffer, 0);
    if (buffer && buffer.is_complex()) Expected(field, value);
  }
  if (type == DataType::kVectorInt8) return Integers<std::int8_t>(field, value);
  if (auto floats = PlainFloats(value)) return *std::move(floats);
  return Floats(field, value);
}

[[noreturn]] void BadSparse(const FieldInfo& field) {
  DropError();
  Raise(PyExc_TypeError,
        "Field '" + field.schema->name + "': sparse vector key/value must be (uint32, float)");
}

Value Sparse(const FieldInfo& field, nb::handle value) {
  nb::object dict = nb::borrow(value);
  if (!PyDict_Check(value.ptr())) {
    if (PyUnicode_Check(value.ptr())) Expected(field, value);
    dict = nb::steal(
        PyObject_CallFunctionObjArgs(reinterpret_cast<PyObject*>(&PyDict_Type), value.ptr(), nullptr));
    if (!dict) Expected(field, value);
  }
  db::SparseVector out;
  // A copy: converting may run Python code that changes the dict.
  const nb::object items = nb::steal(PyDict_Items(dict.ptr()));
  if (!items) throw nb::python_error();
  const Py_ssize_t size = PyList_Size(items.ptr());
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* pair = PyList_GetItem(items.ptr(), i);
    PyObject* key = PyTuple_GetItem(pair, 0);
    if (PyFloat_Check(key) || !PyIndex_Check(key)) BadSparse(field);
    nb::object index = nb::steal(PyNumber_Index(key));
    const unsigned long long wide = index ? PyLong_AsUnsignedLongLong(index.ptr()) : 0;
    if (PyErr_Occurred() || wide > std::numeric_limits<std::uint32_t>::max()) BadSparse(field);
    PyObject* given = PyTuple_GetItem(pair, 1);
    if (IsComplex(given)) BadSparse(field);
    const double real = PyFloat_AsDouble(given);
    if (real == -1.0 && PyErr_Occurred()) BadSparse(field);
    out.indices.push_back(static_cast<std::uint32_t>(wide));
    out.values.push_back(ToFloat(real));
  }
  return out;
}

template <class T>
Value Array(const FieldInfo& field, nb::handle value, char kind) {
  if (auto flat = Flat<T>(value, kind)) return *std::move(flat);
  if constexpr (std::is_integral_v<T>) {
    return Integers<T>(field, value);
  } else {
    return Elements<T>(field, value, [](const FieldInfo& f, nb::handle v) {
      if constexpr (std::is_same_v<T, float>) return ToFloat(Real(f, v));
      return static_cast<T>(Real(f, v));
    });
  }
}

template <class T>
constexpr char Code() {
  if constexpr (std::is_same_v<T, float>) return 'f';
  if constexpr (std::is_same_v<T, double>) return 'd';
  if constexpr (sizeof(T) == 1) return 'b';
  if constexpr (sizeof(T) == 4) return std::is_signed_v<T> ? 'i' : 'I';
  return std::is_signed_v<T> ? 'q' : 'Q';
}

}  // namespace

std::optional<std::string_view> TryText(nb::handle text) {
  if (!PyUnicode_Check(text.ptr())) return std::nullopt;
  Py_ssize_t size = 0;
  const char* data = PyUnicode_AsUTF8AndSize(text.ptr(), &size);
  if (!data) {
    PyErr_Clear();
    return std::nullopt;
  }
  return std::string_view(data, static_cast<std::size_t>(size));
}

std::string Text(nb::handle text, const char* what) {
  if (const auto found = TryText(text)) return std::string(*found);
  nb::object shown = nb::steal(PyObject_ASCII(text.ptr()));
  if (!shown) throw nb::python_error();
  const std::string name(TryText(shown).value_or("?"));
  if (PyUnicode_Check(text.ptr()))
    Raise(PyExc_ValueError, std::string(what) + " " + name + " is not valid UTF-8");
  Raise(PyExc_TypeError, std::string(what) + " must be a string, got " + name);
}

std::string Id(nb::handle id) {
  if (const auto text = TryText(id)) return std::string(*text);
  nb::object shown = nb::steal(PyObject_ASCII(id.ptr()));
  if (!shown) throw nb::python_error();
  std::string name(TryText(shown).value_or("?"));
  if (PyBytes_Check(id.ptr())) {
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (PyBytes_AsStringAndSize(id.ptr(), &data, &size) != 0) throw nb::python_error();
    nb::object decoded = nb::steal(PyUnicode_DecodeUTF8(data, size, nullptr));
    if (decoded) return std::string(data, static_cast<std::size_t>(size));
    PyErr_Clear();
    Raise(PyExc_ValueError, "Invalid doc: id[" + name + "] is not valid UTF-8");
  }
  if (PyUnicode_Check(id.ptr())) Raise(PyExc_TypeError, "Invalid doc: id[" + name + "] is not valid UTF-8");
  Raise(PyExc_TypeError, "Invalid doc: id must be str, got " + name);
}

std::vector<std::string> Ids(nb::handle ids, bool* single) {
  *single = PyUnicode_Check(ids.ptr()) || PyBytes_Check(ids.ptr());
  std::vector<std::string> out;
  if (*single) {
    out.push_back(Id(ids));
    return out;
  }
  nb::object each = nb::steal(PyObject_GetIter(ids.ptr()));
  if (!each) {
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw nb::python_error();
    PyErr_Clear();
    Id(ids);  // says that this is no id
  }
  for (nb::handle id : nb::iter(each)) out.push_back(Id(id));
  return out;
}

db::OutputFields Names(nb::handle names) {
  if (names.is_none()) return std::nullopt;
  if (!PyList_Check(names.ptr()) && !PyTuple_Check(names.ptr()))
    Raise(PyExc_TypeError, "output_fields must be a list of field names or None");
  std::vector<std::string> out;
  for (nb::handle name : nb::iter(names)) {
    if (!PyUnicode_Check(name.ptr())) Raise(PyExc_TypeError, "output_fields must hold strings only");
    out.push_back(Text(name, "output field"));
  }
  return out;
}

bool Switch(nb::handle value, const char* what) {
  if (value.ptr() == Py_True) return true;
  if (value.ptr() == Py_False || value.is_none()) return false;
  // Text and containers are always a mistake.
  if (PyNumber_Check(value.ptr()) && !nb::hasattr(value, "__len__")) {
    const int truth = PyObject_IsTrue(value.ptr());
    if (truth < 0) throw nb::python_error();
    return truth != 0;
  }
  nb::object shown = nb::steal(PyObject_ASCII(value.ptr()));
  if (!shown) throw nb::python_error();
  Raise(PyExc_TypeError,
        std::string(what) + " must be a bool, got " + std::string(TryText(shown).value_or("?")));
}

Buffer::Buffer(nb::handle object) {
  if (!PyObject_CheckBuffer(object.ptr()) || IsMasked(object)) return;
  if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_STRIDES | PyBUF_FORMAT) != 0) {
    PyErr_Clear();
    return;
  }
  valid_ = true;
  const char* format = view_.format ? view_.format : "B";
  if (*format == '@' || *format == '=' || *format == '<')
    ++format;  // the machines we run on are little-endian
  is_complex_ = format[0] == 'Z';
  if (format[0] == 0 || format[1] != 0) return;
  kind_ = format[0];
  if (kind_ == 'l') kind_ = view_.itemsize == 8 ? 'q' : 'i';
  if (kind_ == 'L') kind_ = view_.itemsize == 8 ? 'Q' : 'I';
}

bool IsMasked(nb::handle value) {
  static PyObject* array = nullptr;  // lives as long as the module, which is never unloaded
  if (!array) array = nb::object(nb::module_::import_("numpy").attr("ndarray")).release().ptr();
  PyTypeObject* plain = reinterpret_cast<PyTypeObject*>(array);
  if (Py_TYPE(value.ptr()) == plain || !PyObject_TypeCheck(value.ptr(), plain) || !nb::hasattr(value, "mask"))
    return false;
  return nb::cast<bool>(nb::module_::import_("numpy.ma").attr("is_masked")(value));
}

Py_ssize_t Buffer::stride(int axis) const noexcept {
  if (view_.strides) return view_.strides[axis];
  // ctypes leaves them out, though it was asked for them: its arrays have no gaps.
  Py_ssize_t bytes = view_.itemsize;
  for (int inner = view_.ndim - 1; inner > axis; --inner) bytes *= view_.shape[inner];
  return bytes;
}

char KindOf(DataType type) noexcept {
  return type == DataType::kVectorFp32 ? 'f' : type == DataType::kVectorFp16 ? 'e' : 'b';
}

namespace {

// `size` elements of T, `stride` bytes apart.
template <class T>
std::vector<T> Gather(const char* from, std::size_t size, Py_ssize_t stride) {
  if (stride == static_cast<Py_ssize_t>(sizeof(T)) &&
      reinterpret_cast<std::uintptr_t>(from) % alignof(T) == 0) {
    const T* first = reinterpret_cast<const T*>(from);
    return std::vector<T>(first, first + size);  // without the zeros that a vector of a size begins with
  }
  std::vector<T> out(size);
  for (std::size_t i = 0; i < size; ++i)
    std::memcpy(out.data() + i, from + static_cast<Py_ssize_t>(i) * stride, sizeof(T));
  return out;
}

}  // namespace

Value DenseFromBuffer(DataType type, const Buffer& buffer, Py_ssize_t row) {
  const bool two = buffer.ndim() == 2;
  const char* from = buffer.data() + (two ? row * buffer.stride(0) : 0);
  const auto size = static_cast<std::size_t>(buffer.shape(two ? 1 : 0));
  const Py_ssize_t stride = buffer.stride(two ? 1 : 0);
  if (type == DataType::kVectorFp32) return Gather<float>(from, size, stride);
  if (type == DataType::kVectorFp16) return Gather<db::Half>(from, size, stride);
  return Gather<std::int8_t>(from, size, stride);
}

namespace {

// Text that looks like numbers, times and the real part of complex numbers are no vectors. Objects that are
// numbers are (Decimal, ints of more than 64 bits), and so are element types that NumPy has from other
// packages (bfloat16).
bool HoldsNumbers(nb::handle array) {
  const nb::object dtype = array.attr("dtype");
  const std::string kind = nb::cast<std::string>(dtype.attr("kind"));
  if (kind == "V") return nb::cast<int>(dtype.attr("isbuiltin")) == 2;
  if (kind != "O") return kind.find_first_of("biuf") != std::string::npos;
  for (nb::handle item : nb::iter(nb::object(array.attr("ravel")().attr("tolist")())))
    if (!PyNumber_Check(item.ptr()) || IsComplex(item) || PyUnicode_Check(item.ptr())) return false;
  return true;
}

}  // namespace

nb::object AsArray(const FieldInfo& field, nb::handle value) {
  const DataType type = field.schema->type;
  const nb::object numpy = nb::module_::import_("numpy");
  const nb::object array = numpy.attr("asarray")(value);
  const bool masked = IsMasked(value);
  if (masked || !HoldsNumbers(array)) {
    const nb::object dtype = masked ? nb::str("masked elements") : nb::str(array.attr("dtype"));
    Raise(PyExc_ValueError, "Field '" + field.schema->name + "': expected an array of numbers, got one of " +
                                std::string(TryText(dtype).value_or("?")));
  }
  const char* dtype = type == DataType::kVectorFp32 ? "f4" : type == DataType::kVectorFp16 ? "f2" : "i1";
  return numpy.attr("ascontiguousarray")(
      value, dtype);  // not `array`: numbers of a list may be too large, and it says so
}

Value ToValue(const FieldInfo& field, nb::handle value) {
  if (value.is_none()) {
    if (field.schema->nullable) return std::monostate();
    Raise(PyExc_ValueError, "Field '" + field.schema->name + "': expected non-nullable type");
  }
  switch (field.schema->type) {
    case DataType::kString:
      return String(field, value);
    case DataType::kBool:
      return Boolean(field, value);
    case DataType::kInt32:
      return Integer<std::int32_t>(field, value);
    case DataType::kInt64:
      return Integer<std::int64_t>(field, value);
    case DataType::kUint32:
      return Integer<std::uint32_t>(field, value);
    case DataType::kUint64:
      return Integer<std::uint64_t>(field, value);
    case DataType::kFloat:
      return ToFloat(Real(field, value));
    case DataType::kDouble:
      return Real(field, value);
    case DataType::kArrayString:
      return Elements<std::string>(field, value, String);
    case DataType::kArrayBool:
      return Elements<bool>(field, value, Boolean);
    case DataType::kArrayInt32:
      return Array<std::int32_t>(field, value, Code<std::int32_t>());
    case DataType::kArrayInt64:
      return Array<std::int64_t>(field, value, Code<std::int64_t>());
    case DataType::kArrayUint32:
      return Array<std::uint32_t>(field, value, Code<std::uint32_t>());
    case DataType::kArrayUint64:
      return Array<std::uint64_t>(field, value, Code<std::uint64_t>());
    case DataType::kArrayFloat:
      return Array<float>(field, value, Code<float>());
    case DataType::kArrayDouble:
      return Array<double>(field, value, Code<double>());
    case DataType::kVectorFp32:
    case DataType::kVectorFp16:
    case DataType::kVectorInt8:
      return Dense(field, value);
    case DataType::kSparseVectorFp16:
    case DataType::kSparseVectorFp32:
      return Sparse(field, value);
    case DataType::kUndefined:
      break;
  }
  Expected(field, value);
}

nb::object AsStored(nb::handle name, nb::handle type, bool nullable, nb::handle value) {
  db::FieldSchema field;
  field.name = Text(name, "field name");
  field.type = TypeFromPython(type);
  field.nullable = nullable;
  Value stored = ToValue({&field, nb::none(), db::IsVector(field.type)}, value);
  const auto round = [](float real) { return db::FromHalf(db::ToHalf(real)); };
  if (field.type == DataType::kVectorFp16) {
    if (auto* floats = std::get_if<std::vector<float>>(&stored))
      std::transform(floats->begin(), floats->end(), floats->begin(), round);
  } else if (auto* sparse = std::get_if<db::SparseVector>(&stored);
             sparse && field.type == DataType::kSparseVectorFp16) {
    std::transform(sparse->values.begin(), sparse->values.end(), sparse->values.begin(), round);
  }
  return FromValue(stored);
}

namespace {

// NumPy cuts fractions off, as zvec does; what it wrapped around or had no number for is refused.
void CheckInt8(const FieldInfo& field, nb::handle made, nb::handle given) {
  const nb::object numpy = nb::module_::import_("numpy");
  const nb::object numbers = numpy.attr("asarray")(given).attr("ravel")();
  if (nb::cast<std::string>(numbers.attr("dtype").attr("kind")) == "b") return;
  if (nb::cast<bool>(numpy.attr("array_equal")(numpy.attr("trunc")(numbers), made))) return;
  if (!nb::cast<bool>(numpy.attr("array_equal")(numbers, numbers)))
    Raise(PyExc_ValueError, "Field '" + field.schema->name + "': an element is nan");
  Raise(PyExc_OverflowError, "Field '" + field.schema->name + "': expected numbers from -128 to 127");
}

}  // namespace

namespace {

// A buffer of one dimension and the type's kind.
decltype(db::VectorQuery::vector) QueryFromBuffer(DataType type, const Buffer& buffer) {
  const auto size = static_cast<std::size_t>(buffer.shape(0));
  if (type == DataType::kVectorFp32) return Gather<float>(buffer.data(), size, buffer.stride(0));
  if (type == DataType::kVectorFp16) return Gather<db::Half>(buffer.data(), size, buffer.stride(0));
  return Gather<std::int8_t>(buffer.data(), size, buffer.stride(0));
}

}  // namespace

decltype(db::VectorQuery::vector) ToQueryVector(const FieldInfo& field, nb::handle value) {
  const DataType type = field.schema->type;
  if (db::IsSparseVector(type)) {
    if (!PyDict_Check(value.ptr())) Expected(field, "a sparse vector as dict", value);
    return std::get<db::SparseVector>(Sparse(field, value));
  }
  if (type == DataType::kVectorFp32) {
    if (auto floats = PlainFloats(value)) return *std::move(floats);
  }
  if (const Buffer direct(value); direct && direct.ndim() == 1 && direct.kind() == KindOf(type))
    return QueryFromBuffer(type, direct);
  nb::object held = nb::borrow(value);
  const bool sized = nb::hasattr(value, "__len__");
  if (!sized || PyUnicode_Check(value.ptr()) || PyBytes_Check(value.ptr()) || PyDict_Check(value.ptr()))
    Expected(field, "what NumPy can convert to a vector of one dimension", value);
  try {
    // Numbers that are no int8 come through an array without an error; CheckInt8 says which kind they are.
    if (type == DataType::kVectorInt8) held = nb::module_::import_("numpy").attr("asanyarray")(value);
    held = AsArray(field, held).attr("ravel")();
  } catch (nb::python_error& error) {
    if (error.matches(PyExc_OverflowError) || !error.matches(PyExc_Exception)) throw;
    Expected(field, "what NumPy can convert to a vector of one dimension", value);
  }
  if (type == DataType::kVectorInt8 && !held.is(value)) CheckInt8(field, held, value);
  const Buffer buffer(held);
  if (!buffer || buffer.ndim() != 1 || buffer.kind() != KindOf(type)) Expected(field, value);
  return QueryFromBuffer(type, buffer);
}

namespace {

PyObject* New(bool v) { return PyBool_FromLong(v); }
PyObject* New(std::int8_t v) { return PyLong_FromLong(v); }
PyObject* New(std::int32_t v) { return PyLong_FromLong(v); }
PyObject* New(std::int64_t v) { return PyLong_FromLongLong(v); }
PyObject* New(std::uint32_t v) { return PyLong_FromUnsignedLong(v); }
PyObject* New(std::uint64_t v) { return PyLong_FromUnsignedLongLong(v); }
PyObject* New(double v) { return PyFloat_FromDouble(v); }
PyObject* New(float v) { return PyFloat_FromDouble(static_cast<double>(v)); }
PyObject* New(db::Half v) { return New(db::FromHalf(v)); }
PyObject* New(const std::string& v) {
  return PyUnicode_DecodeUTF8(v.data(), static_cast<Py_ssize_t>(v.size()), "replace");
}

template <class T>
PyObject* New(const std::vector<T>& values) {
  nb::object list = nb::steal(PyList_New(static_cast<Py_ssize_t>(values.size())));
  if (!list) throw nb::python_error();
  for (std::size_t i = 0; i < values.size(); ++i) {
    PyObject* item = New(static_cast<T>(values[i]));
    if (!item) throw nb::python_error();
    NB_LIST_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), item);
  }
  return list.release().ptr();
}

PyObject* New(const db::SparseVector& sparse) {
  nb::dict out;
  for (std::size_t i = 0; i < sparse.indices.size(); ++i) {
    nb::object key = nb::steal(New(sparse.indices[i]));
    nb::object value = nb::steal(New(sparse.values[i]));
    if (!key || !value || PyDict_SetItem(out.ptr(), key.ptr(), value.ptr()) != 0) throw nb::python_error();
  }
  return out.release().ptr();
}

PyObject* New(std::monostate) { return nb::none().release().ptr(); }

}  // namespace

nb::object TextOf(const std::string& text) {
  nb::object out = nb::steal(New(text));
  if (!out) throw nb::python_error();
  return out;
}

nb::object FromValue(const Value& value) {
  nb::object out = nb::steal(std::visit([](const auto& v) { return New(v); }, value));
  if (!out) throw nb::python_error();
  return out;
}

}  // namespace cocozvec_python
