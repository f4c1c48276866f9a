#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

namespace cocozvec {
namespace {

TEST(ThreadPool, ShutdownRunsWhatWasAccepted) {
  std::atomic<int> ran = 0;
  ThreadPool pool(2);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(pool.Submit([&] { ++ran; }));
  pool.Shutdown();
  EXPECT_EQ(ran, 100);
  EXPECT_FALSE(pool.Submit([&] { ++ran; }));
  EXPECT_EQ(ran, 100);
  pool.Shutdown();
}

TEST(ThreadPool, OneWorkerKeepsTheOrder) {
  std::vector<int> order;
  {
    ThreadPool pool(1);
    for (int i = 0; i < 5; ++i) pool.Submit([&, i] { order.push_back(i); });
  }
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST(ThreadPool, ParallelForCallsEachIndexOnce) {
  ThreadPool pool(3);
  std::vector<std::atomic<int>> calls(1000);
  pool.ParallelFor(calls.size(), [&](std::size_t i) { ++calls[i]; });
  for (const auto& n : calls) EXPECT_EQ(n, 1);
  pool.ParallelFor(0, [](std::size_t) { FAIL(); });
}

// Guards: every worker waits in an outer loop for inner loops that nobody is left to run.
TEST(ThreadPool, ParallelForInsideTasksDoesNotDeadlock) {
  ThreadPool pool(2);
  std::atomic<int> ran = 0;
  pool.ParallelFor(8, [&](std::size_t) { pool.ParallelFor(8, [&](std::size_t) { ++ran; }); });
  EXPECT_EQ(ran, 64);
}

TEST(ThreadPool, ParallelForAfterShutdownRunsOnTheCaller) {
  ThreadPool pool(2);
  pool.Shutdown();
  int ran = 0;
  pool.ParallelFor(3, [&](std::size_t) { ++ran; });
  EXPECT_EQ(ran, 3);
}

}  // namespace
}  // namespace cocozvec
