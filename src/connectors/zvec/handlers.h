// connectors/zvec/handlers.h: the two levels of target states: collections, and the documents in each.
//   "cocoindex/zvec/collection" / [context key name, collection name] / document id
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "cocoindex/connectors/zvec/column.h"
#include "cocoindex/connectors/zvec/connection.h"
#include "cocoindex/target_state.h"

namespace cocoindex::inline v0::connectors::zvec {

inline constexpr std::string_view kRootProvider = "cocoindex/zvec/collection";

/// Registers the provider on its first call.
const TargetProvider& root_provider();

/// What a declared collection is to the engine.
class CollectionValue final : public TargetValue {
 public:
  CollectionValue(std::shared_ptr<const SchemaCore> schema, ManagedBy managed_by)
      : schema(std::move(schema)), managed_by(managed_by) {}
  const std::shared_ptr<const SchemaCore> schema;
  const ManagedBy managed_by;
};

/// The tracked record: who manages it, the key's name, and every stored column by name (connector.md 2.2).
std::string collection_record(const SchemaCore& schema, ManagedBy managed_by);
bool is_user_managed(std::string_view record) noexcept;

class CollectionHandler final : public TargetHandler {
 public:
  CollectionHandler();
  std::optional<ReconcileOutput> reconcile(const ReconcileInput& in) override;
  bool has_mark() const noexcept override { return true; }
  std::optional<std::uint64_t> read_mark(const ContextProvider& context, const StableKey& key,
                                         const Fingerprint& store_id) override;

 private:
  const std::shared_ptr<TargetSink> sink_;
};

class DocumentHandler final : public TargetHandler {
 public:
  /// `schema` is compared with the collection's and used to make a missing one when `managed_by` is system.
  DocumentHandler(std::shared_ptr<ManagedConnection::Impl> connection, std::string collection,
                  std::shared_ptr<const SchemaCore> schema, ManagedBy managed_by);
  std::optional<ReconcileOutput> reconcile(const ReconcileInput& in) override;
  bool tracks_fingerprint() const noexcept override { return true; }

 private:
  const std::shared_ptr<TargetSink> sink_;
};

}  // namespace cocoindex::inline v0::connectors::zvec
