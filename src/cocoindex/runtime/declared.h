// cocoindex/runtime/declared.h: the target states that one run of a component has declared.
// Threads: the owner's lock, or one owner.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cocoindex/target/provider.h"

namespace cocoindex::inline v0 {

struct Declared {
  Fingerprint key_fp;
  StableKey key;
  std::shared_ptr<const TargetValue> value;
  std::optional<Fingerprint> fingerprint;
  ProviderPtr child;     ///< containers: the pending provider of its children
  bool matched = false;  ///< Planner's own
};

struct DeclaredGroup {
  ProviderPtr provider;
  std::vector<Declared> items;
  struct Place {
    std::uint64_t prefix;  ///< of key_fp, big-endian: most comparisons end here
    std::uint32_t index;
  };
  std::vector<Place> order;  ///< by key_fp, after sort()
  std::size_t cursor = 0;    ///< Planner's own
};

/// The first 8 bytes of a fingerprint, as a number in the order of the bytes.
inline std::uint64_t fingerprint_prefix(const void* bytes) {
  std::uint64_t v;
  std::memcpy(&v, bytes, sizeof(v));
  return __builtin_bswap64(v);  // base/coding.h: this machine is little-endian
}

class DeclaredSet {
 public:
  void add(const ProviderPtr& provider, Declared item) { group(provider).items.push_back(std::move(item)); }
  /// Throws InvalidRequest when a target state was declared twice.
  void sort();
  bool empty() const noexcept { return groups_.empty(); }
  std::vector<DeclaredGroup>& groups() noexcept { return groups_; }
  /// Null when nothing was declared there.
  DeclaredGroup* find(std::string_view provider_path);
  void clear() { groups_ = {}; }

 private:
  DeclaredGroup& group(const ProviderPtr& provider);
  std::vector<DeclaredGroup> groups_;
  std::size_t last_ = 0;
};

std::string target_path(const TargetProvider::Impl& provider, const Fingerprint& key_fp);
/// As in messages: container path and key.
std::string target_display(const TargetProvider::Impl& provider, const StableKey& key);

}  // namespace cocoindex::inline v0
