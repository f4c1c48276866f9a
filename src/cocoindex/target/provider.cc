#include "cocoindex/target/provider.h"

#include <map>

#include "base/mutex.h"
#include "cocoindex/errors.h"

namespace cocoindex::inline v0 {
namespace {

struct Registry {
  cocozvec::Mutex mu;
  std::map<std::string, ProviderPtr, std::less<>> by_path ZVEC_GUARDED_BY(mu);
};
Registry& TheRegistry() {
  static auto* registry = new Registry;  // never destroyed: handlers may be used while statics go
  return *registry;
}

std::vector<StableKey> Append(const TargetProvider::Impl* parent, StableKey key) {
  std::vector<StableKey> keys;
  if (parent) keys = parent->keys;
  keys.push_back(std::move(key));
  return keys;
}

std::string AppendPath(const TargetProvider::Impl* parent, const StableKey& key) {
  // A root's segment is the fingerprint of its name as text, a child's that of its key.
  std::string path = parent ? parent->path : std::string();
  path += as_bytes(key_fingerprint(key));
  return path;
}

}  // namespace

std::optional<std::uint64_t> TargetHandler::read_mark(const ContextProvider&, const StableKey&,
                                                      const Fingerprint&) {
  return std::nullopt;
}

std::shared_ptr<TargetHandler> TargetSink::child_handler(const ContextProvider&, const TargetAction&) {
  return nullptr;
}

TargetProvider::Impl::Impl(const Impl* parent, StableKey key)
    : keys(Append(parent, std::move(key))),
      path(AppendPath(parent, keys.back())),
      path_fp(fingerprint_bytes(path)),
      container_path(StablePath(keys).display()) {}

void TargetProvider::Impl::resolve(std::shared_ptr<TargetHandler> h, Generation g, bool has_mark) {
  handler = std::move(h);
  generation = g;
  marked = has_mark;
  resolved_.store(true, std::memory_order_release);
}

std::string TargetProvider::memo_key() const {
  if (!impl_) throw InvalidRequest("an empty TargetProvider is an argument of a memoised function");
  if (!impl_->resolved()) {
    throw InvalidRequest(
        "target provider " + impl_->container_path +
        " is pending: it cannot be an argument of a memoised function before its component has committed");
  }
  return impl_->path + "@" + std::to_string(impl_->generation.id) + "." +
         std::to_string(impl_->generation.schema);
}

Fingerprint key_fingerprint(const StableKey& key) {
  thread_local std::string buffer;
  buffer.clear();
  encode_key(key, buffer);
  return fingerprint_bytes(buffer);
}

TargetProvider register_root_target_states_provider(std::string name,
                                                    std::shared_ptr<TargetHandler> handler) {
  if (!handler) throw InvalidRequest("target states provider \"" + name + "\": no handler");
  auto impl = std::make_shared<TargetProvider::Impl>(nullptr, StableKey(name));
  impl->resolve(std::move(handler), {}, false);
  Registry& registry = TheRegistry();
  cocozvec::MutexLock lock(registry.mu);
  if (!registry.by_path.emplace(impl->path, impl).second) {
    throw InvalidRequest("target states provider \"" + name + "\" is already registered");
  }
  return TargetProvider(std::move(impl));
}

ProviderPtr find_root_provider(std::string_view path) {
  Registry& registry = TheRegistry();
  cocozvec::MutexLock lock(registry.mu);
  auto it = registry.by_path.find(path);
  return it == registry.by_path.end() ? nullptr : it->second;
}

void unregister_root_provider(std::string_view name) {
  Registry& registry = TheRegistry();
  cocozvec::MutexLock lock(registry.mu);
  registry.by_path.erase(std::string(as_bytes(key_fingerprint(StableKey(name)))));
}

}  // namespace cocoindex::inline v0
