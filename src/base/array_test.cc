#include "base/array.h"

#include <gtest/gtest.h>

#include <cstring>
#include <new>
#include <vector>

namespace cocozvec {
namespace {

TEST(Array, LiesOnLinesAndWhatIsTouchedAtRandomOnHugePages) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{100}, kLeastMappedBytes - 1,
                                 kLeastMappedBytes, kHugePageBytes, kHugePageBytes + 5'000}) {
    const auto array = MakeArray<unsigned char>(size, Touched::kAtRandom);
    const auto at = reinterpret_cast<std::uintptr_t>(array.get());
    EXPECT_EQ(at % (size >= kHugePageBytes ? kHugePageBytes : 64), 0u) << size;
    if (size != 0) std::memset(array.get(), 7, size);
  }
}

TEST(Array, LargeOnesGoBackToTheSystemWhenTheyAreFreed) {
  const std::uint64_t before = MappedArrayBytes();
  {
    auto large = MakeArray<std::uint32_t>(100'001);
    const std::uint64_t held = MappedArrayBytes() - before;
    EXPECT_GE(held, 400'004u);
    EXPECT_LT(held, 500'000u);
    const auto small = MakeArray<std::uint32_t>(10);
    EXPECT_EQ(MappedArrayBytes() - before, held);
    large = MakeArray<std::uint32_t>(1'000'000);
    EXPECT_GE(MappedArrayBytes() - before, 4'000'000u);
    EXPECT_LT(MappedArrayBytes() - before, 4'100'000u);  // the first is gone
  }
  EXPECT_EQ(MappedArrayBytes(), before);
}

TEST(Array, AVectorOfThemGrowsAndGoes) {
  const std::uint64_t before = MappedArrayBytes();
  {
    std::vector<std::uint64_t, ArrayAllocator<std::uint64_t>> numbers;
    for (std::uint64_t i = 0; i < 200'000; ++i) numbers.push_back(i);
    for (std::uint64_t i = 0; i < 200'000; ++i) ASSERT_EQ(numbers[i], i);
    EXPECT_GE(MappedArrayBytes() - before, 1'600'000u);
  }
  EXPECT_EQ(MappedArrayBytes(), before);
}

#if defined(ZVEC_TEST_HOOKS)
TEST(Array, OneThatIsRefusedIsBadAllocAndLeavesWhatThereWas) {
  const std::uint64_t before = MappedArrayBytes();
  LargeVector<std::uint64_t> numbers(20'000, 7);
  AskBeforeArrays([](std::size_t size) noexcept { return size > 1'000; });
  EXPECT_THROW((void)MakeBytes(1'001), std::bad_alloc);
  EXPECT_THROW((void)MakeArray<float>(100'000), std::bad_alloc);
  EXPECT_THROW(numbers.resize(40'000), std::bad_alloc);
  EXPECT_NO_THROW((void)MakeBytes(1'000));
  AskBeforeArrays(nullptr);
  EXPECT_EQ(numbers.size(), 20'000u);
  EXPECT_EQ(numbers.back(), 7u);
  numbers = LargeVector<std::uint64_t>();
  EXPECT_EQ(MappedArrayBytes(), before);
  EXPECT_NO_THROW((void)MakeArray<float>(100'000));
}
#endif

TEST(Array, WhatNoMachineHasIsBadAlloc) {
  EXPECT_THROW((void)MakeBytes(SIZE_MAX), std::bad_alloc);
  EXPECT_THROW((void)MakeBytes(SIZE_MAX / 5), std::bad_alloc);
}

}  // namespace
}  // namespace cocozvec
