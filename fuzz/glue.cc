// fuzz/glue.cc: what libFuzzer calls, and what it does not know of memory.
#include <malloc.h>
#include <sys/mman.h>
#include <sys/types.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <new>

#include "fuzz.h"

namespace {

constexpr long kAllowed = 64L << 20;
/// Of 16 inputs, so many get checksums that are right.
constexpr unsigned kSealed = 15;

std::atomic<bool> watching = false;  // a target may have threads
std::atomic<long> in_hand = 0, most_in_hand = 0;

void Took(long bytes) {
  if (!watching) return;
  const long now = in_hand.fetch_add(bytes, std::memory_order_relaxed) + bytes;
  if (now > most_in_hand) fuzz::Fail("more memory than the input is worth", std::to_string(now));
}

/// Before it is tried: what is too much must not depend on the machine.
void CheckOne(std::size_t size) {
  if (watching && size > static_cast<std::size_t>(most_in_hand.load()))
    fuzz::Fail("one allocation larger than the input is worth", std::to_string(size));
}

void* Allocate(std::size_t size) noexcept {
  CheckOne(size);
  void* p = std::malloc(size != 0 ? size : 1);
  if (p != nullptr) Took(static_cast<long>(malloc_usable_size(p)));
  return p;
}

void Release(void* p) noexcept {
  if (p != nullptr && watching) in_hand -= static_cast<long>(malloc_usable_size(p));
  std::free(p);
}

}  // namespace

// Large arrays (base/array.cc) and vectors that are read, not mapped: the linker sends the calls here
// (--wrap). Mappings count while they are in hand, aligned blocks one by one: who frees them calls free, as
// all do.
extern "C" {
void* __real_aligned_alloc(std::size_t alignment, std::size_t size);
void* __real_mmap(void* address, std::size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void* address, std::size_t size);

void* __wrap_aligned_alloc(std::size_t alignment, std::size_t size) {
  CheckOne(size);
  return __real_aligned_alloc(alignment, size);
}
void* __wrap_mmap(void* address, std::size_t size, int protection, int flags, int fd, off_t offset) {
  CheckOne(size);
  void* p = __real_mmap(address, size, protection, flags, fd, offset);
  if (p != MAP_FAILED) Took(static_cast<long>(size));
  return p;
}
int __wrap_munmap(void* address, std::size_t size) {
  if (watching) in_hand -= static_cast<long>(size);
  return __real_munmap(address, size);
}
}

void* operator new(std::size_t size, const std::nothrow_t&) noexcept { return Allocate(size); }
void* operator new(std::size_t size) {
  if (void* p = Allocate(size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { Release(p); }
void operator delete(void* p, std::size_t) noexcept { Release(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { Release(p); }

namespace fuzz {

AllocationWatch::AllocationWatch(std::size_t input_bytes) {
  in_hand = 0;
  most_in_hand = kAllowed + static_cast<long>(input_bytes);
  watching = true;
}
AllocationWatch::~AllocationWatch() { watching = false; }

void Fail(std::string_view what, std::string_view more) {
  watching = false;
  std::fprintf(stderr, "fuzz: %.*s: %.*s\n", static_cast<int>(what.size()), what.data(),
               static_cast<int>(more.size()), more.data());
  std::abort();
}

}  // namespace fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const fuzz::AllocationWatch watch(size);
  fuzz::Run({reinterpret_cast<const char*>(data), size});
  return 0;
}

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t most,
                                               unsigned seed) {
  fuzz::Random random(seed);
  std::string input(reinterpret_cast<const char*>(data), size);
  for (unsigned changes = 1 + random() % 3; changes > 0; --changes) fuzz::Vary(input, most, random);
  if (random() % 16 < kSealed) fuzz::Seal(input);
  if (input.size() > most) input.resize(most);
  std::memcpy(data, input.data(), input.size());
  return input.size();
}
