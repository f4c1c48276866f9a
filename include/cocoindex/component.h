// cocoindex/component.h: Ctx, what a component's function may do.
//
// A component is a mounted function at a stable path: the unit of ownership, of commit, of garbage
// collection, of memos and of failure. When its body has returned and all its children have committed, the
// engine compares what it declared with what it had declared before, applies the difference and confirms it.
// Threads: a Ctx is used by the call it was given to; map() gives each concurrent call one of its own.
#pragma once

#include <concepts>
#include <cstddef>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "cocoindex/context.h"
#include "cocoindex/errors.h"
#include "cocoindex/function.h"
#include "cocoindex/key.h"

namespace cocoindex::inline v0 {

namespace internal {
class Build;
class Frame;
class MapRun;
struct Readiness;
struct CtxAccess;
}  // namespace internal

/// Where a child is mounted, below the component: a plain text is one key, subpath(...) one key an argument.
struct MountPath {
  StablePath path;
  MountPath(StablePath p) : path(std::move(p)) {}                           // NOLINT: all meant to convert
  MountPath(StableKey key) : path({std::move(key)}) {}                      // NOLINT
  MountPath(const char* key) : path({StableKey(key)}) {}                    // NOLINT
  MountPath(const std::string& key) : path({StableKey(key)}) {}             // NOLINT
  MountPath(std::string_view key) : path({StableKey(std::string(key))}) {}  // NOLINT
};

/// Of one child or of all of a mount_each. May be dropped: the parent waits for its children anyway.
class MountHandle {
 public:
  MountHandle() = default;
  explicit MountHandle(std::shared_ptr<internal::Readiness> state) : state_(std::move(state)) {}
  /// Waits until the child and all below it have committed or failed; the waiting thread runs descendants
  /// meanwhile. A child's failure does not show here: it is in UpdateResult::failures.
  void ready() const;

 private:
  std::shared_ptr<internal::Readiness> state_;
};

class Ctx {
 public:
  Ctx(const Ctx&) = delete;
  Ctx& operator=(const Ctx&) = delete;

  // -- what is around
  // ---------------------------------------------------------------------------------------------
  /// The value of a context key; the memos around this call depend on it when the key detects changes.
  /// Throws ContextError.
  template <class T>
  T& use(const ContextKey<T>& key) {
    T& value = context().get(key);
    if (key.detect_change()) note_context(key.name());
    return value;
  }
  const ContextProvider& context() const noexcept;
  const StablePath& path() const noexcept;
  bool cancelled() const noexcept;
  void check_cancelled() const;  ///< throws CancelledError
  bool full_reprocess() const noexcept;

  // -- children
  // --------------------------------------------------------------------------------------------------- The
  // path is parent / subpath; without one, the function's name as a Symbol (fn<> only). Arguments are
  // decay-copied. Errors: InvalidRequest "already exists" (path mounted twice), "is not a directory" (below a
  // mounted component), inside a memoised call, after the component has finished; CancelledError.

  /// Runs `f(ctx, args...)` as a child beside this one. Waits while the limit of components in flight is
  /// reached.
  template <class F, class... Args>
  MountHandle mount(MountPath path, F f, Args&&... args) {
    return mount_child(std::move(path.path),
                       internal::make_processor(std::move(f), std::forward<Args>(args)...), nullptr);
  }
  template <auto F, class... Args>
  MountHandle mount(Fn<F> f, Args&&... args) {
    return mount(own_path(f.info), f, std::forward<Args>(args)...);
  }

  /// Runs a child now, waits until it and all below it have committed, returns its value; rethrows its error.
  template <class F, class... Args>
  auto use_mount(MountPath path, F f, Args&&... args) {
    auto processor = internal::make_processor(std::move(f), std::forward<Args>(args)...);
    use_child(std::move(path.path), processor);
    return processor->take_result();
  }
  template <auto F, class... Args>
  auto use_mount(Fn<F> f, Args&&... args) {
    return use_mount(own_path(f.info), f, std::forward<Args>(args)...);
  }

  /// One child for each (key, value) at subpath / key, called f(ctx, value, args...). `items` is a range of
  /// pairs, or a callable that returns std::optional of a pair and is called as children are admitted
  /// (back-pressure).
  template <class F, class Items, class... Args>
  MountHandle mount_each(MountPath path, F f, Items&& items, const Args&... args) {
    auto group = new_group();
    auto one = [&](auto&& item) {
      using Item = decltype(item);
      mount_child(path.path / StableKey(std::get<0>(item)),
                  internal::make_processor(f, std::get<1>(std::forward<Item>(item)), args...), group);
    };
    if constexpr (std::invocable<Items&>) {
      while (auto item = items()) one(std::move(*item));
    } else if constexpr (std::is_lvalue_reference_v<Items>) {
      for (auto&& item : items) one(item);
    } else {
      for (auto&& item : items) one(std::move(item));
    }
    return MountHandle(std::move(group));
  }
  template <auto F, class Items, class... Args>
  MountHandle mount_each(Fn<F> f, Items&& items, const Args&... args) {
    return mount_each(own_path(f.info), f, std::forward<Items>(items), args...);
  }

  // -- calls inside this component
  // ----------------------------------------------------------------------------------
  /// Calls f(ctx, args...). With .memo, the value and the declared target states of an equal earlier call of
  /// this component are kept and the body is skipped. Equal calls at one time: one runs, the others wait. A
  /// memoised call may not mount.
  template <auto F, class... Args>
  auto call(Fn<F> f, Args&&... args) {
    auto processor = internal::make_processor(f, std::forward<Args>(args)...);
    call_function(*processor);
    return processor->take_result();
  }

  /// f(ctx, item, args...) for all items, concurrently, inside this component; results in the order of the
  /// items. Waits for all that were started; then the first failure in that order is thrown.
  template <class Items, class F, class... Args>
  auto map(const Items& items, F f, const Args&... args) {
    using Item = decltype(*std::begin(items));
    using R =
        decltype(call_plain(std::declval<const F&>(), std::declval<Ctx&>(), std::declval<Item>(), args...));
    std::vector<std::remove_reference_t<Item>*> refs;
    for (auto& item : items) refs.push_back(&item);
    if constexpr (std::is_void_v<R>) {
      parallel(refs.size(), [&](Ctx& ctx, std::size_t i) { call_plain(f, ctx, *refs[i], args...); });
    } else {
      std::vector<std::optional<std::remove_cvref_t<R>>> slots(refs.size());
      parallel(refs.size(),
               [&](Ctx& ctx, std::size_t i) { slots[i].emplace(call_plain(f, ctx, *refs[i], args...)); });
      std::vector<std::remove_cvref_t<R>> out;
      out.reserve(slots.size());
      for (auto& slot : slots) out.push_back(std::move(*slot));
      return out;
    }
  }

 private:
  friend struct internal::CtxAccess;
  Ctx(internal::Frame* frame, const internal::MapRun* map) : frame_(frame), map_(map) {}

  template <class F, class... Args>
  static decltype(auto) call_plain(const F& f, Ctx& ctx, Args&&... args) {
    if constexpr (internal::kIsFn<F>) {
      return ctx.call(f, std::forward<Args>(args)...);
    } else if constexpr (std::invocable<const F&, Ctx&, Args...>) {
      return f(ctx, std::forward<Args>(args)...);
    } else {
      return f(std::forward<Args>(args)...);
    }
  }
  static MountPath own_path(const FnInfo& info) { return StableKey(Symbol{std::string(info.short_name)}); }

  void note_context(std::string_view name);
  std::shared_ptr<internal::Readiness> new_group();
  MountHandle mount_child(StablePath path, std::shared_ptr<internal::Processor> processor,
                          std::shared_ptr<internal::Readiness> group);
  void use_child(StablePath path, std::shared_ptr<internal::Processor> processor);
  void call_function(internal::Processor& processor);
  void parallel(std::size_t n, const std::function<void(Ctx&, std::size_t)>& f);

  internal::Frame* frame_;
  const internal::MapRun* map_;  ///< the innermost map around, or null
};

}  // namespace cocoindex::inline v0
