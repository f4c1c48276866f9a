// cocoindex/target/provider.h: what a TargetProvider is inside, and the registry of root providers.
// Threads: a provider is written once, before `resolved` is set, and read-only afterwards; the registry is
// locked.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "cocoindex/fingerprint.h"
#include "cocoindex/key.h"
#include "cocoindex/target_state.h"

namespace cocoindex::inline v0 {

/// Which incarnation of a container its children belong to (cocoindex-engine.md 8.5). Roots have 0, 0.
struct Generation {
  std::uint64_t id = 0;
  std::uint64_t schema = 0;
  bool operator==(const Generation&) const = default;
};

struct TargetProvider::Impl {
  Impl(const Impl* parent, StableKey key);

  const std::vector<StableKey> keys;  ///< root name, then container keys
  const std::string path;             ///< 16 bytes a segment
  const Fingerprint path_fp;          ///< of `path`: its identity in memo dependencies
  const std::string container_path;   ///< display of `keys`: for counts and messages

  // Set once by resolve().
  std::shared_ptr<TargetHandler> handler;
  Generation generation;
  bool marked = false;  ///< the container's handler keeps a mark

  void resolve(std::shared_ptr<TargetHandler> h, Generation g, bool has_mark);
  bool resolved() const noexcept { return resolved_.load(std::memory_order_acquire); }

 private:
  std::atomic<bool> resolved_{false};
};

using ProviderPtr = std::shared_ptr<TargetProvider::Impl>;

/// The last 16 bytes of a target's path.
Fingerprint key_fingerprint(const StableKey& key);
inline std::string_view as_bytes(const Fingerprint& fp) {
  return {reinterpret_cast<const char*>(fp.bytes.data()), fp.bytes.size()};
}

/// Null when nothing of this path is registered.
ProviderPtr find_root_provider(std::string_view path);
/// For tests: a name can then be registered again.
void unregister_root_provider(std::string_view name);

}  // namespace cocoindex::inline v0
