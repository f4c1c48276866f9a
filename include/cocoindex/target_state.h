// cocoindex/target_state.h: the contract of a connector: handlers decide, sinks act, the engine remembers.
//
// A target state is one externally visible item: provider + key + desired value. The engine never reads a
// target back: for each item it keeps the *tracking records* that may be true now, asks the provider's
// handler what to do
// (`reconcile`, pure), runs the actions through their sinks, and only then keeps the new record alone.
// Threads: handlers and sinks are called from any thread, sinks one call at a time per sink.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cocoindex/fingerprint.h"
#include "cocoindex/key.h"

namespace cocoindex::inline v0 {

class ContextProvider;
class Ctx;
class TargetHandler;
class TargetSink;

/// What a connector wants to be there; opaque to the engine, seen again by the handler that made sense of it.
class TargetValue {
 public:
  virtual ~TargetValue() = default;
};

/// What a sink shall do; opaque to the engine.
class TargetAction {
 public:
  virtual ~TargetAction() = default;
  virtual std::string describe() const { return {}; }  ///< for listings and messages
};

enum class ChildInvalidation {
  none,
  lossy,        ///< children may have lost data: every child item is reconciled as "may be missing"
  destructive,  ///< all children are gone: they are new, and nothing is deleted one by one
};

/// What the mark of a container says (`TargetHandler::read_mark`), compared with what the engine last
/// recorded.
enum class MarkState {
  unsupported,  ///< this kind of container has no mark
  unknown,      ///< nothing recorded yet
  current,      ///< the recorded one, or newer: written, but not confirmed before a crash
  missing,      ///< recorded, but gone: the container was lost
  stale,        ///< older than recorded, or of another store: the container was restored from a copy
};

struct ReconcileInput {
  const StableKey& key;
  const TargetValue* desired;                  ///< null: no longer declared
  std::span<const std::string_view> previous;  ///< every record that may be true now; "deleted" is left out
  bool previous_may_be_missing;
  MarkState mark = MarkState::unsupported;  ///< containers only
};

struct ReconcileOutput {
  std::shared_ptr<TargetAction> action;
  std::shared_ptr<TargetSink>
      sink;  ///< one object per handler or longer lived: actions are batched by its identity
  std::optional<std::string> record;  ///< none: it will not exist
  ChildInvalidation child_invalidation = ChildInvalidation::none;
};

class TargetHandler {
 public:
  virtual ~TargetHandler() = default;
  /// Nothing: the state is as it should be, and the record stays. Pure, quick, no I/O: it runs inside the
  /// store's write transaction and may run more than once. A container handler answers on every run in which
  /// its children are used.
  virtual std::optional<ReconcileOutput> reconcile(const ReconcileInput& in) = 0;
  /// True: the record of an item is the 16 bytes of TargetState::fingerprint, and equal records mean nothing
  /// to do. Then reconcile is not called for an item that is certainly there with an equal record.
  virtual bool tracks_fingerprint() const noexcept { return false; }
  /// Containers: a counter that travels with the container's data and that every applied batch of child
  /// actions raises (TargetSink::apply returns it). Read before reconcile, outside of any transaction; no
  /// lock, no open. nullopt: the container or its mark is surely not there. Throws: it cannot be known.
  virtual bool has_mark() const noexcept { return false; }
  virtual std::optional<std::uint64_t> read_mark(const ContextProvider& context, const StableKey& key,
                                                 const Fingerprint& store_id);
};

struct ApplyResult {
  /// The container's mark after this batch; kept by the engine together with the records it covers.
  std::optional<std::uint64_t> mark;
};

class TargetSink {
 public:
  virtual ~TargetSink() = default;
  /// Applies actions of one or several components, in order; all must be durable when it returns. Idempotent:
  /// actions come again after a crash or a failed call; what is to be deleted may be absent, what is to be
  /// inserted present. Throws: nothing of it counts as done. The engine then tries the components of the
  /// batch apart.
  virtual ApplyResult apply(const ContextProvider& context,
                            std::span<const std::shared_ptr<TargetAction>> actions,
                            const Fingerprint& store_id) = 0;
  /// Containers: the handler of the children, made from the action before anything is applied. No side
  /// effects; throws when it cannot be made, and then nothing of the component is applied. Null: a leaf.
  virtual std::shared_ptr<TargetHandler> child_handler(const ContextProvider& context,
                                                       const TargetAction& action);
};

/// A namespace of target states that share a handler: a root provider, or the children of a container.
/// Cheap to copy. Its identity for memos is path + generation.
class TargetProvider {
 public:
  struct Impl;
  TargetProvider() = default;
  explicit TargetProvider(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  explicit operator bool() const noexcept { return impl_ != nullptr; }
  const std::shared_ptr<Impl>& impl() const noexcept { return impl_; }
  /// Text of the path of fingerprints and the generation.
  std::string memo_key() const;
  friend std::string coco_memo_key(const TargetProvider& p) { return p.memo_key(); }

 private:
  std::shared_ptr<Impl> impl_;
};

struct TargetState {
  TargetProvider provider;
  StableKey key;
  std::shared_ptr<const TargetValue> value;
  std::optional<Fingerprint> fingerprint;  ///< of the value, for handlers with tracks_fingerprint()
};

/// Process-wide; `name` is persistent identity ("cocoindex/zvec/collection"). Throws InvalidRequest on a
/// second one.
TargetProvider register_root_target_states_provider(std::string name, std::shared_ptr<TargetHandler> handler);

/// Declares a leaf: it should exist when the component has run. Throws InvalidRequest when declared twice in
/// a component.
void declare_target_state(Ctx& ctx, TargetState state);
/// Declares a container. The provider of its children is *pending*: usable once the declaring component has
/// committed, so return it from a component mounted with use_mount, or use mount_target.
TargetProvider declare_target_state_with_child(Ctx& ctx, TargetState state);
/// Declares the container in a small component of its own, waits for its commit, returns the resolved child
/// provider.
TargetProvider mount_target(Ctx& ctx, TargetState state);

// Helpers that nearly all connectors share (cocoindex-engine.md 12).
enum class ManagedBy : std::uint8_t { system = 0, user = 1 };
enum class DiffAction { none, insert, upsert, replace, remove };
/// desired, previous records equal or not, may be missing -> what to do.
DiffAction diff(const std::string_view* desired, std::span<const std::string_view> previous,
                bool may_be_missing);

}  // namespace cocoindex::inline v0
