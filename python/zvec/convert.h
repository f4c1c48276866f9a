// python/zvec/convert.h: Python values as values of the database and back. Every mistake is a Python
// exception.
#pragma once

#include <nanobind/nanobind.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "python/zvec/schema_info.h"
#include "zvec/doc.h"
#include "zvec/query.h"

namespace cocozvec_python {

/// The UTF-8 of a str; nothing when it holds a lone surrogate (no exception is left behind) or is no str.
std::optional<std::string_view> TryText(nb::handle text);
/// The same; ValueError that names `what` for a surrogate, TypeError for another type.
std::string Text(nb::handle text, const char* what);
/// An id: str or bytes of UTF-8, TypeError otherwise.
std::string Id(nb::handle id);
/// One id or any iterable of ids.
std::vector<std::string> Ids(nb::handle ids, bool* single);
db::OutputFields Names(nb::handle names);
/// A switch: bool, a number, NumPy's bool, None for false; TypeError that names `what` for anything else.
bool Switch(nb::handle value, const char* what);

/// What a document gives for a field; None is null.
db::Value ToValue(const FieldInfo& field, nb::handle value);
/// What a document that holds `value` for a field of that kind gives back once it was stored and read.
nb::object AsStored(nb::handle name, nb::handle type, bool nullable, nb::handle value);
/// A query vector: whatever NumPy can turn into the field's type, flattened.
decltype(db::VectorQuery::vector) ToQueryVector(const FieldInfo& field, nb::handle value);
/// UTF-8 as str.
nb::object TextOf(const std::string& text);
/// bool, int, float, str, list or dict; None for null.
nb::object FromValue(const db::Value& value);

/// A view of a Python buffer, or nothing when the object has none. Released at the end of the scope.
class Buffer {
 public:
  explicit Buffer(nb::handle object);
  ~Buffer() {
    if (valid_) PyBuffer_Release(&view_);
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;

  explicit operator bool() const noexcept { return valid_; }
  int ndim() const noexcept { return view_.ndim; }
  Py_ssize_t shape(int axis) const noexcept { return view_.shape[axis]; }
  /// Bytes from one element to the next along the axis.
  Py_ssize_t stride(int axis) const noexcept;
  const char* data() const noexcept { return static_cast<const char*>(view_.buf); }
  Py_ssize_t itemsize() const noexcept { return view_.itemsize; }
  /// The struct code of one native element ('f', 'e', 'b', 'q', ...); 0 for anything else, other byte orders
  /// too.
  char kind() const noexcept { return kind_; }
  bool is_complex() const noexcept { return is_complex_; }

 private:
  Py_buffer view_{};
  bool valid_ = false;
  char kind_ = 0;
  bool is_complex_ = false;
};

/// Whether it is an array of numpy.ma with elements that are not there; its buffer shows numbers in their
/// places.
bool IsMasked(nb::handle value);

/// The struct code of the elements of a dense vector type.
char KindOf(db::DataType type) noexcept;
/// Row `row` of a 2-D buffer (or the whole of a 1-D one, row 0) whose kind fits the type.
db::Value DenseFromBuffer(db::DataType type, const Buffer& buffer, Py_ssize_t row);
/// numpy.ascontiguousarray(value, dtype of the field): for what is no array of that dtype and byte order.
/// ValueError when it holds anything but real numbers.
nb::object AsArray(const FieldInfo& field, nb::handle value);

}  // namespace cocozvec_python
