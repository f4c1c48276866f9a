#include "cocoindex/runtime/declared.h"

#include <algorithm>

#include "cocoindex/errors.h"

namespace cocoindex::inline v0 {
namespace {

void Sort(DeclaredGroup& group) {
  group.order.clear();
  group.order.reserve(group.items.size());
  for (std::uint32_t i = 0; i < group.items.size(); ++i)
    group.order.push_back({fingerprint_prefix(group.items[i].key_fp.bytes.data()), i});
  const auto& items = group.items;
  std::sort(group.order.begin(), group.order.end(), [&](const auto& a, const auto& b) {
    return a.prefix != b.prefix ? a.prefix < b.prefix : items[a.index].key_fp < items[b.index].key_fp;
  });
  auto twice = std::adjacent_find(group.order.begin(), group.order.end(), [&](const auto& a, const auto& b) {
    return a.prefix == b.prefix && items[a.index].key_fp == items[b.index].key_fp;
  });
  if (twice != group.order.end()) {
    throw InvalidRequest("Target state already declared in this component: " +
                         target_display(*group.provider, items[twice->index].key));
  }
}

}  // namespace

DeclaredGroup& DeclaredSet::group(const ProviderPtr& provider) {
  if (last_ < groups_.size() && groups_[last_].provider == provider) return groups_[last_];
  for (last_ = 0; last_ < groups_.size(); ++last_) {
    if (groups_[last_].provider->path == provider->path) return groups_[last_];
  }
  return groups_.emplace_back(DeclaredGroup{.provider = provider, .items = {}, .order = {}});
}

DeclaredGroup* DeclaredSet::find(std::string_view provider_path) {
  if (last_ < groups_.size() && groups_[last_].provider->path == provider_path) return &groups_[last_];
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    if (groups_[i].provider->path == provider_path) return &groups_[last_ = i];
  }
  return nullptr;
}

void DeclaredSet::sort() {
  for (DeclaredGroup& g : groups_) Sort(g);
  std::sort(groups_.begin(), groups_.end(),
            [](const auto& a, const auto& b) { return a.provider->path < b.provider->path; });
}

std::string target_path(const TargetProvider::Impl& provider, const Fingerprint& key_fp) {
  std::string path;
  path.reserve(provider.path.size() + 16);
  path += provider.path;
  path += as_bytes(key_fp);
  return path;
}

std::string target_display(const TargetProvider::Impl& provider, const StableKey& key) {
  return provider.container_path + "/" + key.display();
}

}  // namespace cocoindex::inline v0
