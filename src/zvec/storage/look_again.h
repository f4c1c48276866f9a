// zvec/storage/look_again.h: how often whoever reads beside a writer looks again: a file may get another
// name, or be retired, between two calls.
#pragma once

#include <chrono>
#include <thread>

#include "zvec/schema.h"

namespace zvec::inline v0 {

inline constexpr int kLooks = 20;

/// After look `look` (from 1) and before the next one. The first looks follow each other at once.
inline void PauseAfterLook(int look) {
  constexpr int kAtOnce = 5;
  if (look > kAtOnce) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace zvec::inline v0
