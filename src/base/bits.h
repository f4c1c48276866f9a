// base/bits.h: counting bits without an instruction that not every CPU has: the compiler makes vector code of
// a loop of these, where std::popcount is a call.
#pragma once

#include <cstdint>

namespace cocozvec::inline v0 {

inline std::uint64_t CountBits(std::uint64_t word) noexcept {
  word -= (word >> 1) & 0x5555555555555555u;
  word = (word & 0x3333333333333333u) + ((word >> 2) & 0x3333333333333333u);
  word = (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fu;
  word += word >> 8;
  word += word >> 16;
  word += word >> 32;
  return word & 0x7f;
}

}  // namespace cocozvec::inline v0
