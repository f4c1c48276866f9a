// Collections: the decision table of connector.md 2.3, and what each decision does to the directory.
#include <algorithm>
#include <utility>

#include "cocoindex/context.h"
#include "cocozvec/base/log.h"
#include "connectors/zvec/connection_impl.h"
#include "connectors/zvec/handlers.h"

namespace cocoindex::inline v0::connectors::zvec {

namespace db = ::zvec;

namespace {

enum class Step { none, insert, upsert, replace, remove };

std::string_view step_name(Step step) {
  switch (step) {
    case Step::none:
      return "keep";
    case Step::insert:
      return "create";
    case Step::upsert:
      return "open or create";
    case Step::replace:
      return "replace";
    case Step::remove:
      return "destroy";
  }
  return "?";
}

struct CollectionId {
  std::string key_name;
  std::string collection;
};

CollectionId parse_key(const StableKey& key) {
  const auto* parts = key.get_if<StableKey::Array>();
  if (parts != nullptr && parts->size() == 2) {
    const auto* name = (*parts)[0].get_if<std::string>();
    const auto* collection = (*parts)[1].get_if<std::string>();
    if (name != nullptr && collection != nullptr) return {*name, *collection};
  }
  throw StateError(std::string(kRootProvider) + ": " + key.display() + " is no key of a collection");
}

class CollectionAction final : public TargetAction {
 public:
  CollectionAction(Step step, CollectionId id, std::shared_ptr<const SchemaCore> schema, ManagedBy managed_by)
      : step(step), id(std::move(id)), schema(std::move(schema)), managed_by(managed_by) {}
  std::string describe() const override {
    return std::string(step_name(step)) + " collection '" + id.collection + "'";
  }

  const Step step;
  const CollectionId id;
  const std::shared_ptr<const SchemaCore> schema;  ///< null: no longer declared
  const ManagedBy managed_by;
};

std::shared_ptr<ManagedConnection::Impl> connection_of(const ContextProvider& context,
                                                       const CollectionId& id) {
  try {
    return context.get<ManagedConnection>(id.key_name).impl();
  } catch (const ContextError& e) {
    throw ContextError("collection '" + id.collection + "': " + e.what());
  }
}

class CollectionSink final : public TargetSink {
 public:
  ApplyResult apply(const ContextProvider& context, std::span<const std::shared_ptr<TargetAction>> actions,
                    const Fingerprint& store_id) override {
    for (const auto& action : actions)
      apply_one(context, static_cast<const CollectionAction&>(*action), store_id);
    return {};
  }

  std::shared_ptr<TargetHandler> child_handler(const ContextProvider& context,
                                               const TargetAction& action) override {
    const auto& wanted = static_cast<const CollectionAction&>(action);
    if (wanted.schema == nullptr) return nullptr;
    return std::make_shared<DocumentHandler>(connection_of(context, wanted.id), wanted.id.collection,
                                             wanted.schema, wanted.managed_by);
  }

 private:
  static void apply_one(const ContextProvider& context, const CollectionAction& action,
                        const Fingerprint& store_id) {
    if (action.step == Step::none) return;
    const auto connection = connection_of(context, action.id);
    const std::string& name = action.id.collection;
    if (action.step == Step::remove || action.step == Step::replace) connection->Destroy(name);
    if (action.step == Step::remove) return;
    const db::CollectionSchema wanted = action.schema->database_schema(name);
    const auto opened = connection->OpenOrCreate(name, wanted);
    if (!opened.created) adopt(*connection, *opened.handle, name, wanted, store_id);
  }

  /// Something is there already: only a collection of the same schema may be taken over (R97).
  static void adopt(const ManagedConnection::Impl& connection, const db::Collection& there,
                    const std::string& name, const db::CollectionSchema& wanted,
                    const Fingerprint& store_id) {
    const std::string difference = SchemaDifference(there.schema(), wanted);
    if (!difference.empty()) {
      throw db::StatusError(db::Status::FailedPrecondition(
          "collection '" + name + "' in " + there.path() +
          ": the directory holds a collection of another schema:\n" + difference));
    }
    const auto mark = connection.ReadMark(name);
    const bool ours = mark && mark->store_id == store_id;
    if (!ours && there.Stats().doc_count > 0) {
      cocozvec::Log(cocozvec::LogLevel::kWarning,
                    "collection '" + name + "' in " + there.path() + ": adopted with " +
                        std::to_string(there.Stats().doc_count) +
                        " documents that this store does not know; those that are not declared stay");
    }
  }
};

/// What the records that may be true now say, user-managed ones apart.
struct Previous {
  bool any = false;
  bool any_user = false;
  bool any_system = false;
  bool system_differs = false;
};

Previous look_at(std::span<const std::string_view> records, std::string_view wanted) {
  Previous previous;
  for (const std::string_view record : records) {
    previous.any = true;
    if (is_user_managed(record)) {
      previous.any_user = true;
    } else {
      previous.any_system = true;
      previous.system_differs = previous.system_differs || record != wanted;
    }
  }
  return previous;
}

struct Decision {
  Step step = Step::none;
  ChildInvalidation children = ChildInvalidation::none;
};

/// The directory may not be the one that the records are about: it is gone, or an older copy, or only its
/// mark is damaged. One of ours is made anew; in the user's what the records say to be there is written
/// again, and what is no longer declared is still deleted.
bool is_lost(MarkState mark) { return mark == MarkState::missing || mark == MarkState::stale; }

Decision decide_system(const Previous& previous, bool may_be_missing, MarkState mark) {
  if (previous.system_differs) return {Step::replace, ChildInvalidation::destructive};
  const ChildInvalidation children = is_lost(mark) ? ChildInvalidation::lossy : ChildInvalidation::none;
  if (!previous.any_system) {
    if (may_be_missing || !previous.any) return {Step::insert, children};
    return {is_lost(mark) ? Step::upsert : Step::none,
            children};  // it was the user's until now: taken over as it is
  }
  // An older copy was put back, or the mark alone is damaged: what is there may hold documents that were
  // deleted since or are no longer declared, and nobody would know them.
  if (is_lost(mark)) return {Step::replace, ChildInvalidation::destructive};
  return {may_be_missing ? Step::upsert : Step::none, children};
}

}  // namespace

CollectionHandler::CollectionHandler() : sink_(std::make_shared<CollectionSink>()) {}

std::optional<ReconcileOutput> CollectionHandler::reconcile(const ReconcileInput& in) {
  const CollectionId id = parse_key(in.key);
  ReconcileOutput out;
  out.sink = sink_;
  if (in.desired == nullptr) {
    const Previous previous = look_at(in.previous, {});
    if (!previous.any) return std::nullopt;
    const Step step = previous.any_user ? Step::none : Step::remove;
    out.action = std::make_shared<CollectionAction>(step, id, nullptr,
                                                    previous.any_user ? ManagedBy::user : ManagedBy::system);
    return out;
  }
  const auto& wanted = static_cast<const CollectionValue&>(*in.desired);
  out.record = collection_record(*wanted.schema, wanted.managed_by);
  Decision decision;
  if (wanted.managed_by == ManagedBy::user) {
    decision.children = is_lost(in.mark) ? ChildInvalidation::lossy : ChildInvalidation::none;
  } else {
    decision = decide_system(look_at(in.previous, *out.record), in.previous_may_be_missing, in.mark);
  }
  out.action = std::make_shared<CollectionAction>(decision.step, id, wanted.schema, wanted.managed_by);
  out.child_invalidation = decision.children;
  return out;
}

std::optional<std::uint64_t> CollectionHandler::read_mark(const ContextProvider& context,
                                                          const StableKey& key, const Fingerprint& store_id) {
  const CollectionId id = parse_key(key);
  if (!context.has(id.key_name)) return std::nullopt;  // reported where the connection is needed
  const auto mark = connection_of(context, id)->ReadMark(id.collection);
  if (!mark) return std::nullopt;
  return mark->store_id == store_id ? mark->counter : 0;
}

const TargetProvider& root_provider() {
  static const TargetProvider provider =
      register_root_target_states_provider(std::string(kRootProvider), std::make_shared<CollectionHandler>());
  return provider;
}

}  // namespace cocoindex::inline v0::connectors::zvec
