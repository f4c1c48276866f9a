// python/zvec/errors.h: a Status of the database as the Python exception that programs expect for it.
#pragma once

#include <nanobind/nanobind.h>

#include <string>
#include <string_view>

#include "cocozvec/base/status.h"

namespace cocozvec_python {

namespace nb = nanobind;

/// The peer's number of a code (zvec.StatusCode).
int StatusNumber(cocozvec::StatusCode code) noexcept;

/// What was asked for decides what "not found" or "invalid" becomes: opening what is no collection is a
/// RuntimeError.
enum class Action { kCreate, kOpen, kRead, kWrite, kOther };

[[noreturn]] void Raise(PyObject* type, const std::string& message);
[[noreturn]] void RaiseStatus(const cocozvec::Status& status, Action action);

template <class T>
T Take(cocozvec::Result<T> result, Action action) {
  if (!result.ok()) RaiseStatus(result.status(), action);
  return *std::move(result);
}
inline void Check(const cocozvec::Status& status, Action action) {
  if (!status.ok()) RaiseStatus(status, action);
}

/// cocozvec.zvec.CollectionClosedError: an AttributeError and a ValueError at once, as callers of the peer
/// catch either. Made once at import.
void MakeErrors(nb::module_& m);
PyObject* ClosedError() noexcept;

}  // namespace cocozvec_python
