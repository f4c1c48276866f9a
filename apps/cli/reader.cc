#include "reader.h"

namespace cocozvec::cli {
namespace {

constexpr int kAttempts = 5;  // each that fails is a rebuild by another process

Status NotIndexed(const std::string& store) {
  return Status::NotFound(
      "store '" + store +
      "': no completed index is there (none was made yet, or one is being made anew); run: "
      "cocozvec index DIR --store '" +
      store + "'");
}

}  // namespace

Result<std::shared_ptr<zvec::Collection>> OpenCollectionForReading(const std::string& path) {
  zvec::CollectionOptions options;
  options.read_only = true;
  return zvec::Collection::Open(path, options);
}

// The config is read without a lock, and another process may drop the vectors and make those of another
// embedder before they are opened: then the config has changed, too, since it is written in between.
Result<OpenedStore> OpenForReading(const std::string& store, const CollectionOpener& open) {
  const StorePaths paths(store);
  ZVEC_ASSIGN_OR_RETURN(const StoreKind kind, Inspect(paths));
  if (kind == StoreKind::kNothing) return Status::NotFound("store '" + store + "': nothing is there");
  if (kind == StoreKind::kStarted) return NotIndexed(store);
  ZVEC_ASSIGN_OR_RETURN(StoreConfig config, ReadConfig(paths));
  std::string before, after = IdentityOf(config.embedder);
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    before = after;
    auto collection = open(paths.collection());
    if (collection.status().IsNotFound()) return NotIndexed(store);
    if (!collection.ok()) return collection.status();
    ZVEC_ASSIGN_OR_RETURN(config, ReadConfig(paths));
    after = IdentityOf(config.embedder);
    if (after == before) return OpenedStore{paths, std::move(config), *std::move(collection)};
  }
  return Status::Busy("store '" + store + "': its embedder changed " + std::to_string(kAttempts) +
                      " times while it was opened, the last time from '" + before + "' to '" + after +
                      "'; another process rebuilds it");
}

}  // namespace cocozvec::cli
