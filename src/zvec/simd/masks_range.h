// What a mask asks of one cell. Of its own in each file that includes it (masks_impl.h), like every kernel.
#pragma once

#include <type_traits>

namespace {

/// Without a branch: of a loop over it the compiler makes vector code.
template <class T>
bool InRange(T x, T lower, T upper) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(x - lower) <= static_cast<T>(upper - lower);
  } else {
    return (int{x >= lower} & int{x <= upper}) != 0;
  }
}

}  // namespace
