// cocoindex/app.h: environments, apps, updates and what they report.
//
//   coco::Environment env{{.db_path = "./state"},
//                         [](coco::EnvironmentBuilder& b) { b.provide(DB, connect("./data")); }};
//   coco::App app{env, "docs", coco::fn<&app_main>(), "./folder"};
//   coco::UpdateResult result = app.update_blocking();
//
// Threads: everything here may be used from any thread. Updates and drops of one app run one after another.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "cocoindex/component.h"
#include "cocoindex/context.h"
#include "cocoindex/errors.h"
#include "cocoindex/function.h"
#include "cocoindex/key.h"

namespace cocoindex::inline v0 {

class TargetAction;

struct Settings {
  std::string db_path = {};  ///< directory of the engine's own memory; empty: the variable COCOINDEX_DB
  unsigned max_dbs = 1024;   ///< apps in one environment
  std::uint64_t map_size = 4ull << 30;  ///< bytes of address space at first; doubled when full
  bool durable = true;                  ///< false: a commit survives the death of the process only
  unsigned threads = 0;                 ///< of the pool; 0: one for each processor
  unsigned max_inflight_components =
      1024;  ///< builds and deletions at one time (times the depth of the tree), an app
};

/// What a lifespan function fills in.
class EnvironmentBuilder {
 public:
  Settings settings;

  /// The value is destroyed when the environment stops, last provided first. Throws ContextError when the
  /// name is taken by another type, or the key detects changes and the value cannot be hashed.
  template <class T>
  T& provide(const ContextKey<T>& key, std::type_identity_t<T> value) {
    return context_->provide(key, std::make_shared<T>(std::move(value)));
  }
  template <class T>
  T& provide(const ContextKey<T>& key, std::shared_ptr<T> value) {
    return context_->provide(key, std::move(value));
  }
  /// Called when the environment stops, in the same backward order.
  void on_exit(std::function<void()> f) { context_->on_exit(std::move(f)); }

  explicit EnvironmentBuilder(ContextProvider* context) : context_(context) {}

 private:
  ContextProvider* context_;
};

/// One state store, context values and threads; hosts several apps. A cheap handle; starts at first use.
class Environment {
 public:
  using Lifespan = std::function<void(EnvironmentBuilder&)>;
  explicit Environment(Settings settings, Lifespan lifespan = {});
  /// The one that `App{"name", ...}` uses: settings from COCOINDEX_DB and the registered lifespan. It stops
  /// when its last app is gone.
  static Environment default_environment();

  /// Throws StateBusyError (another process), StateError, InvalidRequest (no db_path), and what the lifespan
  /// throws.
  void start() const;
  /// Waits for updates, destroys the context values (last provided first), closes the store. A later use
  /// starts again.
  void stop() const;
  const ContextProvider& context() const;
  /// Apps that have state in the store.
  std::vector<std::string> app_names() const;

  struct Impl;
  const std::shared_ptr<Impl>& impl() const noexcept { return impl_; }

 private:
  explicit Environment(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  std::shared_ptr<Impl> impl_;
};

/// `const coco::lifespan registered{f};` at namespace scope: f fills the default environment. A later one
/// wins.
struct lifespan {
  explicit lifespan(Environment::Lifespan f);
};

/// Counts components, by name of their function (cocoindex-engine.md 16.1).
struct ComponentCounts {
  std::uint64_t execution_starts = 0, unchanged = 0, adds = 0, reprocesses = 0, deletes = 0, errors = 0;
  std::uint64_t processed() const { return unchanged + adds + reprocesses + deletes; }
  std::uint64_t finished() const { return processed() + errors; }
  std::uint64_t in_progress() const {
    return execution_starts > finished() ? execution_starts - finished() : 0;
  }
  ComponentCounts& operator+=(const ComponentCounts& other);
};

/// Counts target states of one container (or of the leaves of one root provider).
struct TargetCounts {
  std::uint64_t upserted = 0, deleted = 0;  ///< applied and confirmed
  std::uint64_t unchanged = 0;              ///< declared again, nothing to do; not those kept by memos
  TargetCounts& operator+=(const TargetCounts& other);
};

struct UpdateStats {
  std::map<std::string, ComponentCounts> by_component;
  /// By StablePath display of provider name and container key: /"cocoindex/zvec/collection"/["db", "docs"].
  std::map<std::string, TargetCounts> by_target;
  std::uint64_t executed = 0;  ///< components below the root whose body ran (mount_target's own left out)
  ComponentCounts total() const;
  TargetCounts target_total() const;
};

/// A component below the root that failed, and whose failure nobody caught.
struct Failure {
  StablePath path;
  std::string component;   ///< name of its function
  std::string collection;  ///< of a failed write to a target: as in UpdateStats::by_target; else empty
  std::string message;
  std::exception_ptr cause;  ///< the first, with its type
};

struct UpdateOptions {
  /// No memo counts, and every declared item is written again ("may be missing").
  bool full_reprocess = false;
  /// Runs the functions, and says in UpdateResult::planned what would be done to targets; does none of it and
  /// records nothing, so that a following update does exactly that. Counters count what would have been done.
  bool preview = false;
};

/// One action of a preview, as its sink would get it.
struct PlannedEffect {
  std::string target;       ///< /"provider"/container key/key, as in messages
  bool is_removal = false;  ///< of what is declared no more
  std::shared_ptr<const TargetAction> action;
  std::string describe() const;  ///< `target: what the action says of itself`
};

class UpdateResult {
 public:
  UpdateStats stats;
  /// Of a preview only: the actions of a component stand in the order in which they would be applied, and
  /// containers before what lies in them. A container's action is there also when nothing is to be done.
  std::vector<PlannedEffect> planned;
  std::vector<Failure> failures;  ///< empty: everything that was declared is there

  /// What the main function returned. Throws InvalidRequest for another type.
  template <class T>
  T& value() const {
    return *static_cast<T*>(check_value(typeid(T)));
  }

 private:
  friend struct internal::CtxAccess;
  void* check_value(const std::type_info& type) const;
  std::shared_ptr<void> value_;
  const std::type_info* type_ = nullptr;
};

namespace internal {
struct UpdateState;

/// The main function with its arguments, from which each update makes its processor.
struct MainFunction {
  std::function<std::shared_ptr<Processor>(const void* arguments)> make;  ///< a tuple of `arguments_type`
  std::function<std::shared_ptr<void>(Processor&)> take_result;
  std::shared_ptr<const void> arguments;
  const std::type_info* arguments_type = nullptr;
  const std::type_info* result_type = nullptr;
};

template <class F, class... Args>
MainFunction main_function(F f, Args&&... args) {
  using Tuple = std::tuple<std::decay_t<Args>...>;
  using P = ProcessorImpl<F, std::decay_t<Args>...>;
  MainFunction m;
  m.make = [f](const void* arguments) {
    return std::make_shared<P>(f, *static_cast<const Tuple*>(arguments));
  };
  m.arguments = std::make_shared<const Tuple>(std::forward<Args>(args)...);
  m.arguments_type = &typeid(Tuple);
  if constexpr (!std::is_void_v<typename P::Result>) {
    m.result_type = &typeid(typename P::Stored);
    m.take_result = [](Processor& p) -> std::shared_ptr<void> {
      return std::make_shared<typename P::Stored>(std::move(static_cast<P&>(p).result()));
    };
  }
  return m;
}
}  // namespace internal

/// A running or finished update. Dropping the handle does not stop it.
class UpdateHandle {
 public:
  /// Waits; throws the root's failure with its type (CancelledError when cancelled).
  const UpdateResult& result() const;
  UpdateStats stats() const;  ///< so far
  bool done() const;
  bool wait_for(std::chrono::milliseconds timeout) const;  ///< done()
  void cancel() const noexcept;  ///< only sets a flag: may be called in a signal handler

 private:
  friend struct internal::CtxAccess;
  std::shared_ptr<internal::UpdateState> state_;
};

class App {
 public:
  /// `f` is fn<&main>(...) or anything callable with (Ctx&, args...) more than once; args are decay-copied
  /// and copied again for each update. Throws InvalidRequest when the environment has a living app of this
  /// name.
  template <class F, class... Args>
  App(Environment env, std::string name, F f, Args&&... args)
      : App(std::move(env), std::move(name),
            internal::main_function(std::move(f), std::forward<Args>(args)...), 0) {}
  template <class F, class... Args>
  App(std::string name, F f, Args&&... args)
      : App(Environment::default_environment(), std::move(name),
            internal::main_function(std::move(f), std::forward<Args>(args)...), 0) {}
  ~App();
  App(App&&) noexcept;
  App& operator=(App&&) noexcept;

  /// Starts an update on the engine's threads. Arguments, if any, replace those of the constructor and have
  /// their types.
  template <class... Args>
  UpdateHandle update(UpdateOptions options = {}, Args&&... args) {
    if constexpr (sizeof...(args) == 0) {
      return start_update(options, nullptr, nullptr);
    } else {
      using Tuple = std::tuple<std::decay_t<Args>...>;
      return start_update(options, std::make_shared<const Tuple>(std::forward<Args>(args)...),
                          &typeid(Tuple));
    }
  }
  /// Throws what the root threw, CancelledError, StateError, StateBusyError; failures of other components are
  /// in the result.
  template <class... Args>
  UpdateResult update_blocking(UpdateOptions options = {}, Args&&... args) {
    return update(options, std::forward<Args>(args)...).result();
  }
  /// Cancels updates that run or wait, reverts everything from the root, then forgets the app. Throws when
  /// anything failed; then it can be repeated.
  UpdateStats drop_blocking();
  /// Stops the update or drop that runs, soon. Only sets a flag: may be called in a signal handler.
  void cancel() noexcept;

  /// Target states now recorded below a container, from the store alone; 0 for an unknown one. Those of a
  /// container that was replaced since are not counted. Reads the keys of all of the app's target states.
  std::uint64_t count_target_states(std::string_view root_provider_name,
                                    const StableKey& container_key) const;

  const std::string& name() const noexcept;
  const Environment& environment() const noexcept;
  struct Impl;

 private:
  App(Environment env, std::string name, internal::MainFunction main, int);
  UpdateHandle start_update(UpdateOptions options, std::shared_ptr<const void> args,
                            const std::type_info* type);
  std::shared_ptr<Impl> impl_;
};

}  // namespace cocoindex::inline v0
