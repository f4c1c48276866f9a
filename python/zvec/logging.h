// python/zvec/logging.h: log lines of the database to standard error or a file.
#pragma once

#include <nanobind/nanobind.h>

namespace cocozvec_python {

namespace nb = nanobind;

/// log_to(path, least level): "" is standard error.
void BindLogging(nb::module_& m);

}  // namespace cocozvec_python
