#include "reader.h"

namespace cocozvec::cli {
namespace {

Status NeverIndexed(const std::string& store) {
  return Status::NotFound("store '" + store +
                          "': no index was ever completed there; run: cocozvec index DIR --store '" + store +
                          "'");
}

}  // namespace

Result<OpenedStore> OpenForReading(const std::string& store) {
  const StorePaths paths(store);
  ZVEC_ASSIGN_OR_RETURN(const StoreKind kind, Inspect(paths));
  if (kind == StoreKind::kNothing) return Status::NotFound("store '" + store + "': nothing is there");
  if (kind == StoreKind::kStarted) return NeverIndexed(store);
  ZVEC_ASSIGN_OR_RETURN(StoreConfig config, ReadConfig(paths));
  zvec::CollectionOptions options;
  options.read_only = true;
  auto collection = zvec::Collection::Open(paths.collection(), options);
  if (collection.status().IsNotFound()) return NeverIndexed(store);
  if (!collection.ok()) return collection.status();
  return OpenedStore{paths, std::move(config), *std::move(collection)};
}

}  // namespace cocozvec::cli
