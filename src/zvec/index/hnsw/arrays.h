// zvec/index/hnsw/arrays.h: large arrays that are made once and never move.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>

namespace zvec::inline v0::hnsw {

struct FreeBytes {
  void operator()(void* p) const noexcept { std::free(p); }
};
template <class T>
using Array = std::unique_ptr<T[], FreeBytes>;

/// Uninitialised, on cache lines; large ones on huge pages, where the system has them. Untouched pages cost
/// nothing.
void* AllocateBytes(std::size_t bytes);
template <class T>
Array<T> MakeArray(std::size_t count) {
  return Array<T>(static_cast<T*>(AllocateBytes(count * sizeof(T))));
}

}  // namespace zvec::inline v0::hnsw
