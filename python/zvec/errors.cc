#include "python/zvec/errors.h"

namespace cocozvec_python {

using cocozvec::StatusCode;

namespace {
PyObject* g_closed_error = nullptr;  // lives as long as the module, which is never unloaded

PyObject* ExceptionFor(StatusCode code, Action action) {
  switch (code) {
    case StatusCode::kInvalidArgument:
      return action == Action::kOpen ? PyExc_RuntimeError : PyExc_ValueError;
    case StatusCode::kNotFound:
      // A name or id that the program gave; elsewhere a file that should be there.
      return action == Action::kRead || action == Action::kWrite ? PyExc_ValueError : PyExc_RuntimeError;
    case StatusCode::kAlreadyExists:
      return PyExc_ValueError;
    case StatusCode::kUnimplemented:
      return PyExc_NotImplementedError;
    case StatusCode::kClosed:
      return g_closed_error;
    default:
      return PyExc_RuntimeError;
  }
}
}  // namespace

int StatusNumber(StatusCode code) noexcept {
  switch (code) {
    case StatusCode::kOk:
      return 0;
    case StatusCode::kNotFound:
      return 1;
    case StatusCode::kAlreadyExists:
      return 2;
    case StatusCode::kInvalidArgument:
      return 3;
    case StatusCode::kPermissionDenied:
      return 4;
    case StatusCode::kFailedPrecondition:
    case StatusCode::kClosed:
      return 5;
    case StatusCode::kResourceExhausted:
      return 6;
    case StatusCode::kBusy:
      return 7;
    case StatusCode::kIoError:
    case StatusCode::kDataLoss:
    case StatusCode::kInternal:
      return 8;
    case StatusCode::kUnimplemented:
      return 9;
    case StatusCode::kCancelled:
      return 10;
  }
  return 10;
}

void Raise(PyObject* type, const std::string& message) {
  // Not PyErr_SetString: a message may quote a text with a zero in it.
  nb::object text = nb::steal(
      PyUnicode_DecodeUTF8(message.data(), static_cast<Py_ssize_t>(message.size()), "backslashreplace"));
  if (text) PyErr_SetObject(type, text.ptr());
  throw nb::python_error();
}

void RaiseStatus(const cocozvec::Status& status, Action action) {
  std::string message(status.message());
  // A code that shares its Python type with others says which it is.
  if (ExceptionFor(status.code(), action) == PyExc_RuntimeError) message = status.ToString();
  Raise(ExceptionFor(status.code(), action), message);
}

void MakeErrors(nb::module_& m) {
  nb::object bases = nb::steal(PyTuple_Pack(2, PyExc_AttributeError, PyExc_ValueError));
  g_closed_error =
      PyErr_NewExceptionWithDoc("cocozvec.zvec.CollectionClosedError",
                                "The collection was closed before this call.", bases.ptr(), nullptr);
  if (!g_closed_error) throw nb::python_error();
  m.attr("CollectionClosedError") = nb::borrow(g_closed_error);
}

PyObject* ClosedError() noexcept { return g_closed_error; }

}  // namespace cocozvec_python
