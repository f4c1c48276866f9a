// base/array.h: large arrays that are made once and never move. The large ones come from the system and go
// back to it when they are freed: the allocator would keep them, and their neighbours, for a next time.
// Threads: plain functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace cocozvec::inline v0 {

/// Arrays of so many bytes are the system's, in whole pages.
inline constexpr std::size_t kLeastMappedBytes = 128 << 10;
inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

/// What is touched at random lies on huge pages from kHugePageBytes on, where the system has them: with small
/// ones every step would miss the address cache too. What fills up in order does not: its first byte would
/// cost all of one.
enum class Touched : bool { kInOrder, kAtRandom };

struct FreeArray {
  std::size_t mapped_bytes = 0;  ///< 0: the allocator's
  void operator()(void* p) const noexcept;
};
template <class T>
using Array = std::unique_ptr<T[], FreeArray>;

/// FreeArray::mapped_bytes of an array of so many bytes.
std::size_t MappedBytesOf(std::size_t size) noexcept;
/// On cache lines, with any content. Throws std::bad_alloc.
std::unique_ptr<std::byte[], FreeArray> MakeBytes(std::size_t size, Touched touched = Touched::kInOrder);

/// Uninitialised; T is trivial. Untouched pages of a large one cost nothing.
template <class T>
Array<T> MakeArray(std::size_t count, Touched touched = Touched::kInOrder) {
  auto bytes = MakeBytes(count * sizeof(T), touched);
  const FreeArray free = bytes.get_deleter();
  return Array<T>(reinterpret_cast<T*>(bytes.release()), free);
}

/// Of standard containers that may become large.
template <class T>
struct ArrayAllocator {
  using value_type = T;
  ArrayAllocator() = default;
  template <class U>
  ArrayAllocator(const ArrayAllocator<U>&) noexcept {}
  T* allocate(std::size_t count) {
    if (MappedBytesOf(count * sizeof(T)) == 0) return std::allocator<T>().allocate(count);
    return MakeArray<T>(count).release();
  }
  void deallocate(T* p, std::size_t count) noexcept {
    const std::size_t mapped = MappedBytesOf(count * sizeof(T));
    mapped == 0 ? std::allocator<T>().deallocate(p, count) : FreeArray{mapped}(p);
  }
  bool operator==(const ArrayAllocator&) const = default;
};

template <class T>
using LargeVector = std::vector<T, ArrayAllocator<T>>;
using LargeString = std::basic_string<char, std::char_traits<char>, ArrayAllocator<char>>;

/// Of all large arrays of this process that live.
std::uint64_t MappedArrayBytes() noexcept;

/// What was freed goes back to the system, as far as the allocator can give it (glibc's): it keeps what many
/// small pieces took. Looks at all that the process has freed and locks each heap meanwhile, so only after
/// work that takes far longer.
void GiveBackFreed() noexcept;

#if defined(ZVEC_TEST_HOOKS)
/// Asked before each array is made, from any thread; true: there is no memory for it. Null: nobody is asked.
void AskBeforeArrays(bool (*fails)(std::size_t size) noexcept) noexcept;
#endif

}  // namespace cocozvec::inline v0
