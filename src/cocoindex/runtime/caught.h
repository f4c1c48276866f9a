// cocoindex/runtime/caught.h: an error as a value.
#pragma once

#include <exception>
#include <utility>

namespace cocoindex::inline v0 {

/// What `body` threw, or null. Outside of any handler the caller holds the only reference of its own and may
/// move it on: a handler that is still open would drop its reference after, and beside, those who were told.
template <class Body>
std::exception_ptr caught(Body&& body) noexcept {
  try {
    std::forward<Body>(body)();
  } catch (...) {
    return std::current_exception();
  }
  return nullptr;
}

}  // namespace cocoindex::inline v0
