// cli/reader.h: a store opened for reading: what was indexed, and how.
#pragma once

#include <functional>
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

/// How a collection is opened for reading; a test does more in between.
using CollectionOpener = std::function<Result<std::shared_ptr<zvec::Collection>>(const std::string& path)>;
Result<std::shared_ptr<zvec::Collection>> OpenCollectionForReading(const std::string& path);

/// Opens read-only. The embedder is that of the collection's vectors, also when another process makes them
/// anew meanwhile. Errors: kNotFound (no store there, or a first run that did not finish), those of Inspect,
/// DecodeConfig and Collection::Open; kBusy, with both identities, when the embedder changes again and again.
/// Each names the path.
Result<OpenedStore> OpenForReading(const std::string& store,
                                   const CollectionOpener& open = OpenCollectionForReading);

}  // namespace cocozvec::cli
