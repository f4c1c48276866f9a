#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <atomic>
#include <stdexcept>
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

TEST(ThreadPool, AnExceptionOfABodyIsThrownByParallelForAfterTheOthersHaveReturned) {
  ThreadPool pool(3);
  for (int round = 0; round < 200; ++round) {
    std::atomic<int> inside = 0, began = 0;
    const auto body = [&](std::size_t i) {
      ++inside;
      ++began;
      const bool throws = i % 7 == 3;
      --inside;
      if (throws) throw std::runtime_error("body");
    };
    EXPECT_THROW(pool.ParallelFor(1'000, body), std::runtime_error);
    EXPECT_EQ(inside, 0);
    EXPECT_LT(began, 1'000);
  }
  int ran = 0;
  pool.ParallelFor(1, [&](std::size_t) { ++ran; });
  EXPECT_EQ(ran, 1);
}

}  // namespace
}  // namespace cocozvec
