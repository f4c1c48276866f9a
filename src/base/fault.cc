#include "base/fault.h"

#if defined(ZVEC_TEST_HOOKS)

#include <atomic>
#include <cstdlib>
#include <deque>
#include <set>
#include <string>

#include "base/mutex.h"

namespace cocozvec::inline v0 {
namespace {

using Names = std::set<std::string, std::less<>>;

/// Readers take no lock: one would order the threads that ask, and hide their races from ThreadSanitizer.
struct Faults {
  Mutex mu;
  std::deque<Names> all ZVEC_GUARDED_BY(mu);  ///< every set there was: somebody may still read it
  std::atomic<const Names*> planted;

  Faults() ZVEC_NO_THREAD_SAFETY_ANALYSIS {
    Names names;
    const char* env = std::getenv("COCOZVEC_FAULT");
    for (std::string_view rest = env ? env : ""; !rest.empty();) {
      const std::size_t comma = rest.find(',');
      if (comma != 0) names.emplace(rest.substr(0, comma));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
    planted = &all.emplace_back(std::move(names));
  }
};

Faults& TheFaults() {
  static Faults* const faults = new Faults;
  return *faults;
}

}  // namespace

bool FaultPlanted(std::string_view name) noexcept {
  return TheFaults().planted.load(std::memory_order_acquire)->contains(name);
}

void PlantFault(std::string_view name, bool on) {
  Faults& faults = TheFaults();
  MutexLock lock(faults.mu);
  Names names = faults.all.back();
  if (on) {
    names.emplace(name);
  } else if (const auto it = names.find(name); it != names.end()) {
    names.erase(it);
  }
  faults.planted.store(&faults.all.emplace_back(std::move(names)), std::memory_order_release);
}

}  // namespace cocozvec::inline v0

#endif
