// python/zvec/write.h: documents and arrays from Python into the database.
#pragma once

#include <nanobind/nanobind.h>

#include <cstddef>

#include "python/zvec/collection.h"

namespace cocozvec_python {

/// From this many documents on a call is run so that Ctrl-C is heard (jobs.h).
inline constexpr std::size_t kLongCall = 256;

/// write, write_arrays, delete: each returns (count, failures), where failures is None or a list of
/// (index, code, message).
void BindWrite(nb::class_<Handle>& handle);

}  // namespace cocozvec_python
