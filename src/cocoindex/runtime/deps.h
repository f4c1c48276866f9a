// cocoindex/runtime/deps.h: what a memo rests on besides its key: versions of the functions it called,
// detected context values, generations of the target containers it wrote to. Threads: DepSet is the caller's;
// the registry of functions is locked.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

#include "cocoindex/fingerprint.h"
#include "cocoindex/function.h"

namespace cocoindex::inline v0 {

enum class DepKind : std::uint8_t { function = 1, context = 2, provider = 3 };

struct Dep {
  DepKind kind;
  Fingerprint id;     ///< of the name or path
  Fingerprint value;  ///< of the version, value or generation
  bool operator==(const Dep&) const = default;
};
inline constexpr std::size_t kDepSize = 33;

class DepSet {
 public:
  void add(const Dep& dep) { deps_.insert(dep); }
  void add_encoded(std::string_view deps);
  void add_all(const DepSet& other) { deps_.insert(other.deps_.begin(), other.deps_.end()); }
  bool empty() const noexcept { return deps_.empty(); }
  std::string encode() const;  ///< sorted, kDepSize bytes each

 private:
  struct Hash {
    std::size_t operator()(const Dep& d) const noexcept;
  };
  std::unordered_set<Dep, Hash> deps_;
};

/// True when `holds` is true of every one.
bool all_deps(std::string_view encoded, const std::function<bool(const Dep&)>& holds);

/// Of a function as it is now.
Dep function_dep(const FnInfo& info);
Fingerprint generation_value(std::uint64_t id, std::uint64_t schema);
/// Unknown functions hold: nobody has said that they changed.
bool function_dep_holds(const Dep& dep);

}  // namespace cocoindex::inline v0
