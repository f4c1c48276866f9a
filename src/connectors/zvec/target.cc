#include "cocoindex/connectors/zvec/target.h"

#include "connectors/zvec/handlers.h"

namespace cocoindex::inline v0::connectors::zvec::detail {

StableKey CollectionKey(std::string_view key_name, std::string_view collection) {
  return StableKey::Array{StableKey(key_name), StableKey(collection)};
}

TargetState MakeCollectionState(std::string_view key_name, const std::string& collection,
                                std::shared_ptr<const SchemaCore> schema, ManagedBy managed_by) {
  if (managed_by != ManagedBy::system && managed_by != ManagedBy::user) {
    throw SchemaError("collection '" + collection + "': managed_by is " +
                      std::to_string(static_cast<int>(managed_by)) + "; known: system, user");
  }
  schema->check_collection(collection);
  return {.provider = root_provider(),
          .key = CollectionKey(key_name, collection),
          .value = std::make_shared<const CollectionValue>(std::move(schema), managed_by),
          .fingerprint = std::nullopt};
}

std::uint64_t CountDocuments(const App& app, std::string_view key_name, std::string_view collection) {
  return app.count_target_states(kRootProvider, CollectionKey(key_name, collection));
}

}  // namespace cocoindex::inline v0::connectors::zvec::detail
