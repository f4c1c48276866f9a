#include "base/array.h"

#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <new>

namespace cocozvec::inline v0 {
namespace {

constexpr std::size_t kLine = 64;
std::atomic<std::uint64_t> mapped{0};
#if defined(ZVEC_TEST_HOOKS)
std::atomic<bool (*)(std::size_t) noexcept> fails{nullptr};
#endif

std::size_t RoundUp(std::size_t size, std::size_t unit) { return (size + unit - 1) / unit * unit; }

/// `size`: whole pages.
std::byte* Map(std::size_t size) {
  void* p = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return static_cast<std::byte*>(p);
}

/// Begins on a huge page.
std::byte* MapHuge(std::size_t size) {
  std::byte* const begin = Map(size + kHugePageBytes);
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t before = RoundUp(address, kHugePageBytes) - address;
  if (before != 0) (void)::munmap(begin, before);
  if (before != kHugePageBytes) (void)::munmap(begin + before + size, kHugePageBytes - before);
  (void)::madvise(begin + before, size, MADV_HUGEPAGE);
  return begin + before;
}

}  // namespace

void FreeArray::operator()(void* p) const noexcept {
  if (mapped_bytes == 0) return std::free(p);
  (void)::munmap(p, mapped_bytes);
  mapped.fetch_sub(mapped_bytes, std::memory_order_relaxed);
}

std::size_t MappedBytesOf(std::size_t size) noexcept {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size < kLeastMappedBytes ? 0 : RoundUp(size, page);
}

Array<std::byte> MakeBytes(std::size_t size, Touched touched) {
  if (size > SIZE_MAX / 4) throw std::bad_alloc();
#if defined(ZVEC_TEST_HOOKS)
  if (const auto asked = fails.load(std::memory_order_relaxed); asked != nullptr && asked(size))
    throw std::bad_alloc();
#endif
  if (const std::size_t whole = MappedBytesOf(size); whole != 0) {
    const bool huge = touched == Touched::kAtRandom && whole >= kHugePageBytes;
    Array<std::byte> out(huge ? MapHuge(whole) : Map(whole), FreeArray{whole});
    mapped.fetch_add(whole, std::memory_order_relaxed);
    return out;
  }
  void* p = std::aligned_alloc(kLine, size != 0 ? RoundUp(size, kLine) : kLine);
  if (p == nullptr) throw std::bad_alloc();
  return Array<std::byte>(static_cast<std::byte*>(p), FreeArray{});
}

#if defined(ZVEC_TEST_HOOKS)
void AskBeforeArrays(bool (*asked)(std::size_t size) noexcept) noexcept { fails = asked; }
#endif

void GiveBackFreed() noexcept {
#if defined(__GLIBC__)
  (void)::malloc_trim(0);
#endif
}

std::uint64_t MappedArrayBytes() noexcept { return mapped.load(std::memory_order_relaxed); }

}  // namespace cocozvec::inline v0
