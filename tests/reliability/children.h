// tests/reliability/children.h: runs cases in child processes, so that one that crashes or hangs is a
// violation with a number, and the others go on.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "harness.h"

namespace reliability {

/// What came of a case: `counted` is added to the figures; a `problem` is a violation.
struct Outcome {
  std::string counted;
  std::string problem;
};

/// Runs `body(case)` for each of the cases [from, from + count). Seconds until a case counts as hanging: 10.
void RunInChildren(std::uint64_t from, std::uint64_t count, Tally& tally,
                   const std::function<Outcome(std::uint64_t)>& body);

}  // namespace reliability
