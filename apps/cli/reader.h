// cli/reader.h: a store opened for reading: what was indexed, and how.
#pragma once

#include <memory>
#include <string>

#include "store_config.h"
#include "zvec/collection.h"

namespace cocozvec::cli {

struct OpenedStore {
  StorePaths paths;
  StoreConfig config;
  std::shared_ptr<zvec::Collection> collection;
};

/// Opens read-only. Errors: kNotFound (no store there, or a first run that did not finish), those of Inspect,
/// DecodeConfig and Collection::Open; each names the path.
Result<OpenedStore> OpenForReading(const std::string& store);

}  // namespace cocozvec::cli
