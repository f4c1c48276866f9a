// cocoindex/connectors/zvec/target.h: collections and documents as target states.
//
//   auto target = zc::mount_collection_target(ctx, ZVEC_DB, "docs", schema);
//   for (const Doc& doc : docs) target.declare_row(ctx, doc);
//
// The rows declared in a run are the documents that shall exist: new ones are added, changed ones replaced,
// those no longer declared removed. Errors: SchemaError when the collection is declared, RowError when a row
// is, ContextError when the connection is not provided, ::zvec::StatusError when the database refuses.
// Threads: a CollectionTarget is a cheap value, shared freely between components.
#pragma once

#include <concepts>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "cocoindex/app.h"
#include "cocoindex/component.h"
#include "cocoindex/connectors/zvec/connection.h"
#include "cocoindex/connectors/zvec/schema.h"
#include "cocoindex/target_state.h"

namespace cocoindex::inline v0::state {
struct Pending {};
struct Resolved {};
}  // namespace cocoindex::inline v0::state

namespace cocoindex::inline v0::connectors::zvec {

struct CollectionOptions {
  /// system: created and destroyed as needed. user: must exist already, only its documents are managed, and
  /// they stay when the collection is no longer declared.
  ManagedBy managed_by = ManagedBy::system;
};

namespace detail {
/// Every check of a declared collection happens here.
TargetState MakeCollectionState(std::string_view key_name, const std::string& collection,
                                std::shared_ptr<const SchemaCore> schema, ManagedBy managed_by);
/// Key of a collection below the root provider.
StableKey CollectionKey(std::string_view key_name, std::string_view collection);
std::uint64_t CountDocuments(const App& app, std::string_view key_name, std::string_view collection);
}  // namespace detail

/// The rows of one collection. `State` says whether rows may be declared already.
template <class Row, class State = state::Resolved>
class CollectionTarget {
 public:
  CollectionTarget(TargetProvider provider, std::string collection, CollectionSchema<Row> schema)
      : shared_(
            std::make_shared<const Shared>(std::move(provider), std::move(collection), std::move(schema))) {}
  /// A pending target is resolved by returning it from a component mounted with use_mount().
  template <class Other>
    requires(std::same_as<State, state::Resolved> && std::same_as<Other, state::Pending>)
  CollectionTarget(const CollectionTarget<Row, Other>& pending)  // NOLINT: meant to convert
      : CollectionTarget(pending.provider(), pending.collection(), pending.schema()) {}

  /// Declares one document. The row is checked and encoded at once. Throws RowError; InvalidRequest when its
  /// id is declared twice in a component.
  void declare_row(Ctx& ctx, const Row& row) const {
    static_assert(std::same_as<State, state::Resolved>,
                  "cocoindex: this target is pending: use mount_collection_target() or return it from a "
                  "component mounted "
                  "with use_mount()");
    if constexpr (std::same_as<State, state::Resolved>) {
      std::string id;
      auto encoded = shared_->schema.encode(row, shared_->collection, &id);
      const Fingerprint fingerprint = encoded->fingerprint();
      declare_target_state(
          ctx, TargetState{shared_->provider, StableKey(std::move(id)), std::move(encoded), fingerprint});
    }
  }

  /// Target-state path and generation: changes when the collection is replaced, and with nothing else.
  std::string memo_key() const { return shared_->provider.memo_key(); }
  friend std::string coco_memo_key(const CollectionTarget& target) { return target.memo_key(); }

  const TargetProvider& provider() const noexcept { return shared_->provider; }
  const std::string& collection() const noexcept { return shared_->collection; }
  const CollectionSchema<Row>& schema() const noexcept { return shared_->schema; }

 private:
  struct Shared {
    Shared(TargetProvider p, std::string c, CollectionSchema<Row> s)
        : provider(std::move(p)), collection(std::move(c)), schema(std::move(s)) {}
    TargetProvider provider;
    std::string collection;
    CollectionSchema<Row> schema;
  };
  std::shared_ptr<const Shared> shared_;
};

/// The bare target state, for mount_target().
template <class Row>
TargetState collection_target(const ContextKey<ManagedConnection>& db, const std::string& collection,
                              const CollectionSchema<Row>& schema, CollectionOptions options = {}) {
  return detail::MakeCollectionState(db.name(), collection, schema.core(), options.managed_by);
}

/// Declares the collection in the running component. The target is pending until that has committed.
template <class Row>
CollectionTarget<Row, state::Pending> declare_collection_target(Ctx& ctx,
                                                                const ContextKey<ManagedConnection>& db,
                                                                std::string collection,
                                                                CollectionSchema<Row> schema,
                                                                CollectionOptions options = {}) {
  auto provider = declare_target_state_with_child(ctx, collection_target(db, collection, schema, options));
  return {std::move(provider), std::move(collection), std::move(schema)};
}

/// Declares the collection in a small component of its own and waits for it: rows may be declared at once.
template <class Row>
CollectionTarget<Row> mount_collection_target(Ctx& ctx, const ContextKey<ManagedConnection>& db,
                                              std::string collection, CollectionSchema<Row> schema,
                                              CollectionOptions options = {}) {
  auto provider = mount_target(ctx, collection_target(db, collection, schema, options));
  return {std::move(provider), std::move(collection), std::move(schema)};
}

/// How many documents of a collection the app manages, from the engine's own records: the collection is not
/// opened.
inline std::uint64_t count_documents(const App& app, const ContextKey<ManagedConnection>& db,
                                     std::string_view collection) {
  return detail::CountDocuments(app, db.name(), collection);
}

}  // namespace cocoindex::inline v0::connectors::zvec
