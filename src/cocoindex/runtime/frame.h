// cocoindex/runtime/frame.h: one function call inside a component, as far as memos care.
// Threads: guarded by the lock of its Build.
#pragma once

#include <string>

#include "cocoindex/fingerprint.h"
#include "cocoindex/runtime/deps.h"

namespace cocoindex::inline v0::internal {

class Build;

/// The body of a component, or a memoised call inside it. Plain calls share the frame of their caller.
class Frame {
 public:
  Frame(Build& b, Frame* p, Fingerprint k) : build(b), parent(p), key(k) {}
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  bool is_call() const noexcept { return parent != nullptr; }
  bool is_inside_call(const Fingerprint& call_key) const noexcept {
    for (const Frame* f = this; f->parent; f = f->parent) {
      if (f->key == call_key) return true;
    }
    return false;
  }

  Build& build;
  Frame* const parent;
  const Fingerprint key;
  DepSet deps;
  const void* last_provider = nullptr;  ///< the dependency on it is in `deps`
  std::string targets;                  ///< calls: length-prefixed paths of what it declared
  std::string nested;                   ///< calls: keys of the memoised calls it made
};

}  // namespace cocoindex::inline v0::internal
