// cocoindex/context.h: values that live as long as an environment (connections, models, settings), by typed
// key. Threads: a ContextProvider is filled by the lifespan and read-only afterwards; what it gives out is
// shared by all components, so a value must bear use from several threads.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>

#include "cocoindex/errors.h"
#include "cocoindex/fingerprint.h"
#include "cocoindex/internal/memo_bridge.h"

namespace cocoindex::inline v0 {

struct ContextKeyOptions {
  /// True: memos that used the key are void when another value is provided. The value must be hashable
  /// (memo.h).
  bool detect_change = false;
};

/// A constant object; its address may be a template argument:
///   inline constexpr coco::ContextKey<Db> DB{"main_db"};
/// The name is persistent identity: connectors keep it, so a renamed key is another target.
template <class T>
class ContextKey {
 public:
  using value_type = T;
  constexpr explicit ContextKey(const char* name, ContextKeyOptions options = {})
      : name_(name), detect_change_(options.detect_change) {}
  constexpr std::string_view name() const noexcept { return name_; }
  constexpr bool detect_change() const noexcept { return detect_change_; }

 private:
  const char* name_;
  bool detect_change_;
};

class ContextProvider {
 public:
  ContextProvider();
  ~ContextProvider();  ///< destroys the values, last provided first
  ContextProvider(const ContextProvider&) = delete;
  ContextProvider& operator=(const ContextProvider&) = delete;

  /// Throws ContextError when the key is not provided, or is provided with another type (names both).
  template <class T>
  T& get(const ContextKey<T>& key) const {
    return get<T>(key.name());
  }
  template <class T>
  T& get(std::string_view name) const {
    return *static_cast<T*>(find(name, typeid(T)));
  }
  bool has(std::string_view name) const noexcept;
  /// Of the value of a key with detect_change; nothing for others.
  std::optional<Fingerprint> fingerprint_of(std::string_view name) const noexcept;
  /// True when the key whose name has the fingerprint `name_fp` has a value with the fingerprint `value_fp`.
  bool holds(const Fingerprint& name_fp, const Fingerprint& value_fp) const noexcept;

  // For EnvironmentBuilder and tests.
  template <class T>
  T& provide(const ContextKey<T>& key, std::shared_ptr<T> value) {
    std::optional<Fingerprint> fp;
    if (key.detect_change()) fp = fingerprint<T>(key.name(), *value);
    T& ref = *value;
    add(key.name(), std::move(value), typeid(T), fp);
    return ref;
  }
  void on_exit(std::function<void()> f);
  /// Runs what ~ContextProvider would, now.
  void clear();

 private:
  struct Impl;
  template <class T>
  static Fingerprint fingerprint(std::string_view name, const T& value) {
    if constexpr (internal::kMemoHashable<T>) {
      Hasher h;
      h.text(name);
      internal::hash_arg(h, value);
      return h.finish();
    } else {
      throw_not_hashable(name, typeid(T));
    }
  }
  [[noreturn]] static void throw_not_hashable(std::string_view name, const std::type_info& type);
  void* find(std::string_view name, const std::type_info& type) const;
  void add(std::string_view name, std::shared_ptr<void> value, const std::type_info& type,
           std::optional<Fingerprint> fp);

  std::unique_ptr<Impl> impl_;
};

}  // namespace cocoindex::inline v0
