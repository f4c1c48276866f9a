// cocozvec.zvec._core: the database for the Python modules beside it, which make the public surface.
#include <nanobind/nanobind.h>

#include "python/zvec/collection.h"
#include "python/zvec/doc.h"
#include "python/zvec/errors.h"
#include "python/zvec/fork.h"
#include "python/zvec/jobs.h"
#include "python/zvec/logging.h"

NB_MODULE(_core, m) {
  using namespace cocozvec_python;
  nb::set_leak_warnings(false);  // what a program still holds when it exits is no leak
  WatchForks();
  RememberMainThread();
  MakeErrors(m);
  BindDoc(m);
  BindCollection(m);
  BindLogging(m);
}
