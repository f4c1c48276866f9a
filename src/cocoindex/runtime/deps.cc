#include "cocoindex/runtime/deps.h"

#include <algorithm>
#include <cstring>
#include <shared_mutex>
#include <unordered_map>
#include <vector>

#include "base/mutex.h"
#include "cocoindex/errors.h"
#include "cocoindex/reflect.h"

namespace cocoindex::inline v0 {
namespace {

struct FingerprintHash {
  std::size_t operator()(const Fingerprint& fp) const noexcept {
    std::size_t h;
    std::memcpy(&h, fp.bytes.data(), sizeof(h));
    return h;
  }
};

struct Known {
  Fingerprint version;
  const void* identity;
  bool memo;
};
struct Functions {
  cocozvec::SharedMutex mu;
  std::unordered_map<Fingerprint, Known, FingerprintHash> by_name ZVEC_GUARDED_BY(mu);
};
Functions& TheFunctions() {
  static auto* functions = new Functions;
  return *functions;
}

}  // namespace

std::size_t DepSet::Hash::operator()(const Dep& d) const noexcept {
  std::uint64_t id, value;
  std::memcpy(&id, d.id.bytes.data(), sizeof(id));
  std::memcpy(&value, d.value.bytes.data(), sizeof(value));
  return id ^ value * 0x9e3779b97f4a7c15ull;
}

std::string DepSet::encode() const {
  std::vector<const Dep*> sorted;
  for (const Dep& d : deps_) sorted.push_back(&d);
  std::sort(sorted.begin(), sorted.end(), [](const Dep* a, const Dep* b) {
    return std::tie(a->kind, a->id, a->value) < std::tie(b->kind, b->id, b->value);
  });
  std::string out;
  out.reserve(sorted.size() * kDepSize);
  for (const Dep* d : sorted) {
    out.push_back(static_cast<char>(d->kind));
    out.append(reinterpret_cast<const char*>(d->id.bytes.data()), 16);
    out.append(reinterpret_cast<const char*>(d->value.bytes.data()), 16);
  }
  return out;
}

bool all_deps(std::string_view encoded, const std::function<bool(const Dep&)>& holds) {
  for (; encoded.size() >= kDepSize; encoded.remove_prefix(kDepSize)) {
    Dep dep;
    dep.kind = static_cast<DepKind>(encoded[0]);
    std::memcpy(dep.id.bytes.data(), encoded.data() + 1, 16);
    std::memcpy(dep.value.bytes.data(), encoded.data() + 17, 16);
    if (!holds(dep)) return false;
  }
  return encoded.empty();
}

void DepSet::add_encoded(std::string_view deps) {
  all_deps(deps, [this](const Dep& dep) {
    deps_.insert(dep);
    return true;
  });
}

Dep function_dep(const FnInfo& info) {
  Hasher h;
  h.integer(info.version).unsigned_integer(info.deps);
  return {DepKind::function, fingerprint_bytes(info.name), h.finish()};
}

Fingerprint generation_value(std::uint64_t id, std::uint64_t schema) {
  Fingerprint out;  // no hash: both numbers fit
  std::memcpy(out.bytes.data(), &id, 8);
  std::memcpy(out.bytes.data() + 8, &schema, 8);
  return out;
}

bool function_dep_holds(const Dep& dep) {
  Functions& functions = TheFunctions();
  cocozvec::ReaderLock lock(functions.mu);
  auto it = functions.by_name.find(dep.id);
  return it == functions.by_name.end() || it->second.version == dep.value;
}

void internal::know_function(const FnInfo& info) {
  if (!info.identity) return;
  const Dep dep = function_dep(info);
  Functions& functions = TheFunctions();
  {
    cocozvec::ReaderLock lock(functions.mu);
    auto it = functions.by_name.find(dep.id);
    if (it != functions.by_name.end() && it->second.version == dep.value &&
        it->second.identity == info.identity)
      return;
  }
  cocozvec::WriterLock lock(functions.mu);
  auto [it, fresh] = functions.by_name.try_emplace(dep.id, Known{dep.value, info.identity, info.memo});
  if (fresh) return;
  if (it->second.identity != info.identity && (info.memo || it->second.memo)) {
    throw InvalidRequest("two functions are called " + std::string(info.name) +
                         ", and memos need to tell them apart: give one a .name");
  }
  it->second = {dep.value, info.identity, info.memo || it->second.memo};
}

std::string internal::type_name(const std::type_info& type) { return reflect::type_name(type); }

}  // namespace cocoindex::inline v0
