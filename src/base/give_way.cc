#include "base/give_way.h"

#ifdef __linux__
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#endif

namespace cocozvec::inline v0 {

void GiveWay(int by) noexcept {
#ifdef __linux__
  if (by <= 0) return;
  constexpr int kMostNice = 19;
  errno = 0;
  // On Linux a nice value is a thread's own, and 0 is the calling one.
  const int now = ::getpriority(PRIO_PROCESS, 0);
  if (now == -1 && errno != 0) return;
  (void)::setpriority(PRIO_PROCESS, 0, std::min(now + std::min(by, kMostNice), kMostNice));
#else
  (void)by;
#endif
}

}  // namespace cocozvec::inline v0
