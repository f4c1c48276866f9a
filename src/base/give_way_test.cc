#include "base/give_way.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <thread>

namespace cocozvec::inline v0 {
namespace {

TEST(GiveWayTest, OnlyTheThreadAndThoseThatItStartsGiveWay) {
#ifndef __linux__
  GTEST_SKIP() << "a nice value is the process's here";
#endif
  const auto nice = [] { return ::getpriority(PRIO_PROCESS, 0); };
  const int before = nice();
  int same = -1, lower = -1, child = -1, least = -1;
  std::thread([&] {
    GiveWay(0);
    same = nice();
    GiveWay(3);
    lower = nice();
    std::thread([&] { child = nice(); }).join();
    GiveWay(1'000);
    least = nice();
  }).join();
  EXPECT_EQ(same, before);
  EXPECT_EQ(lower, std::min(before + 3, 19));
  EXPECT_EQ(child, lower);
  EXPECT_EQ(least, 19);
  EXPECT_EQ(nice(), before);
}

}  // namespace
}  // namespace cocozvec::inline v0
