#include "base/fault.h"

#if defined(ZVEC_TEST_HOOKS)

#include <cstdlib>
#include <set>
#include <string>

#include "base/mutex.h"

namespace cocozvec::inline v0 {
namespace {

struct Faults {
  Mutex mu;
  std::set<std::string, std::less<>> planted ZVEC_GUARDED_BY(mu);

  Faults() ZVEC_NO_THREAD_SAFETY_ANALYSIS {
    const char* env = std::getenv("COCOZVEC_FAULT");
    for (std::string_view rest = env ? env : ""; !rest.empty();) {
      const std::size_t comma = rest.find(',');
      if (comma != 0) planted.emplace(rest.substr(0, comma));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
};

Faults& TheFaults() {
  static Faults* const faults = new Faults;
  return *faults;
}

}  // namespace

bool FaultPlanted(std::string_view name) noexcept {
  Faults& faults = TheFaults();
  MutexLock lock(faults.mu);
  return faults.planted.contains(name);
}

void PlantFault(std::string_view name, bool on) {
  Faults& faults = TheFaults();
  MutexLock lock(faults.mu);
  if (on) {
    faults.planted.emplace(name);
  } else if (auto it = faults.planted.find(name); it != faults.planted.end()) {
    faults.planted.erase(it);
  }
}

}  // namespace cocozvec::inline v0

#endif
