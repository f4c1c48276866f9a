// tests/reliability/damage.h: damaged copies of one file of a victim.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "life.h"
#include "victim.h"

namespace reliability {

using Files = std::map<std::string, const std::string*>;

/// The case's number spread over [0, total): as many cases as that take every place once.
inline std::uint64_t Spread(std::uint64_t n, std::uint64_t total) {
  constexpr std::uint64_t kPrime = 4'294'967'291;
  return (n - 1) % total * (kPrime % total) % total;
}

struct Changed {
  std::string name, other;  ///< the file, and the one that its new bytes are from
  std::string content, what;
};

/// C1. `at`: of bytes x 3; `n` chooses the bit.
Changed FlipOneByte(const Victim& victim, std::uint64_t at, std::uint64_t n);

/// C4. A block or the whole of one of the files, or of its older copy, in the place of another.
Changed Misplace(const Victim& victim, const std::vector<std::string>& names, Random& random);

}  // namespace reliability
