#include "zvec/collection/background.h"

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <thread>

namespace zvec::inline v0 {
namespace {

TEST(BackgroundTest, EveryWakeIsWorkedOffUntilNothingIsLeft) {
  std::atomic<int> left = 0;
  Background background(Maintenance::kBackground, [&](const cocozvec::Cancel&) { return --left > 0; });
  for (int round = 0; round < 3; ++round) {
    left = 50;
    background.Wake();
    background.WaitWhile([&] { return left > 0; });
    EXPECT_EQ(left, 0);
  }
}

TEST(BackgroundTest, InlineWorkIsDoneWhenWakeReturns) {
  int done = 0;
  Background background(Maintenance::kInline, [&](const cocozvec::Cancel&) { return ++done < 5; });
  background.Wake();
  EXPECT_EQ(done, 5);
  EXPECT_FALSE(background.busy());
}

// A step that stayed "running" would let Optimize and Close wait for ever.
TEST(BackgroundTest, AStepWithoutMemoryIsGivenUpUntilTheNextWake) {
  for (const Maintenance mode : {Maintenance::kInline, Maintenance::kBackground}) {
    std::atomic<int> calls = 0;
    Background background(mode, [&](const cocozvec::Cancel&) -> bool {
      if (++calls == 1) throw std::bad_alloc();
      return false;
    });
    background.Wake();
    background.WaitWhile([&] { return calls < 1; });
    while (background.busy()) std::this_thread::yield();
    {
      const Background::Quiet quiet(background);
    }
    background.Wake();
    background.WaitWhile([&] { return calls < 2; });
    EXPECT_EQ(calls, 2);
  }
}

TEST(BackgroundTest, ItsThreadGivesWayAndNoOther) {
#ifndef __linux__
  GTEST_SKIP() << "a nice value is the process's here";
#endif
  const int mine = ::getpriority(PRIO_PROCESS, 0);
  for (const Maintenance mode : {Maintenance::kInline, Maintenance::kBackground}) {
    std::atomic<int> seen = 1'000;
    Background background(
        mode,
        [&](const cocozvec::Cancel&) {
          seen = ::getpriority(PRIO_PROCESS, 0);
          return false;
        },
        5);
    background.Wake();
    background.WaitWhile([&] { return seen == 1'000; });
    EXPECT_EQ(seen, mode == Maintenance::kInline ? mine : std::min(mine + 5, 19));
    EXPECT_EQ(::getpriority(PRIO_PROCESS, 0), mine);
  }
}

TEST(BackgroundTest, ManualNeverWorksAndNobodyWaits) {
  Background background(Maintenance::kManual, [](const cocozvec::Cancel&) { return ADD_FAILURE(), false; });
  background.Wake();
  background.WaitWhile([] { return true; });
}

TEST(BackgroundTest, NobodyWaitsForWorkThatWasGivenUp) {
  Background background(Maintenance::kBackground, [](const cocozvec::Cancel&) { return false; });
  background.Wake();
  background.WaitWhile([] { return true; });  // never comes true
  EXPECT_FALSE(background.busy());
}

TEST(BackgroundTest, RunTakesThePlaceOfTheStepsAndStopWaitsForIt) {
  std::atomic<int> begun = 0;
  std::atomic<bool> inside = false;
  Background background(Maintenance::kBackground, [&](const cocozvec::Cancel& cancel) {
    EXPECT_FALSE(inside);
    ++begun;
    while (!cancel.raised()) std::this_thread::yield();
    return true;
  });
  background.Wake();
  while (begun == 0) std::this_thread::yield();
  int before = 0;
  EXPECT_TRUE(background.Run([&](const cocozvec::Cancel& cancel) {
    inside = true;
    before = begun;  // behind Run the next step may have begun already, which ends with Stop only
    EXPECT_FALSE(cancel.raised());  // that was the step's
    background.Wake();
    background.WaitWhile([] { return true; });  // by itself nobody waits for itself
    EXPECT_TRUE(background.busy());
    inside = false;
  }));
  while (begun == before) std::this_thread::yield();  // and goes on
  std::atomic<bool> running = false, ended = false;
  std::thread runner([&] {
    EXPECT_TRUE(background.Run([&](const cocozvec::Cancel& cancel) {
      running = true;
      while (!cancel.raised()) std::this_thread::yield();
      ended = true;
    }));
  });
  while (!running) std::this_thread::yield();
  background.Stop();
  EXPECT_TRUE(ended);
  runner.join();
  EXPECT_FALSE(background.Run([](const cocozvec::Cancel&) { ADD_FAILURE(); }));
}

TEST(BackgroundTest, InlineAWakeInsideAStepIsWorkedOffBehindIt) {
  int begun = 0, ended = 0;
  Background* self = nullptr;
  Background background(Maintenance::kInline, [&](const cocozvec::Cancel&) {
    EXPECT_EQ(begun, ended);
    if (++begun < 3) self->Wake();
    ++ended;
    return false;
  });
  self = &background;
  background.Wake();
  EXPECT_EQ(ended, 3);
}

TEST(BackgroundTest, NobodyWaitsForWorkThatAQuietKeepsBackAndProgressOfARunIsSeen) {
  Background background(Maintenance::kBackground, [](const cocozvec::Cancel&) { return false; });
  {
    const Background::Quiet quiet(background);
    background.Wake();
    background.WaitWhile([] { return true; });
  }
  std::atomic<bool> running = false, wanted = true, waited = false;
  std::thread runner([&] {
    EXPECT_TRUE(background.Run([&](const cocozvec::Cancel&) {
      running = true;
      wanted = false;
      while (!waited) {  // it returns before this ends
        background.Progress();
        std::this_thread::yield();
      }
    }));
  });
  while (!running) std::this_thread::yield();
  background.WaitWhile([&] { return wanted.load(); });
  waited = true;
  runner.join();
}

TEST(BackgroundTest, QuietCancelsAndHoldsBackUntilItsEnd) {
  std::atomic<int> cancelled = 0, begun = 0;
  Background background(Maintenance::kBackground, [&](const cocozvec::Cancel& cancel) {
    ++begun;
    while (!cancel.raised()) std::this_thread::yield();
    ++cancelled;
    return true;
  });
  background.Wake();
  while (begun == 0) std::this_thread::yield();
  {
    const Background::Quiet quiet(background);
    const int seen = cancelled;
    EXPECT_GT(seen, 0);
    background.Wake();
    const Background::Quiet another(background);
    EXPECT_EQ(cancelled, seen);
    EXPECT_EQ(begun, seen);
  }
  const int before = begun;
  while (begun == before) std::this_thread::yield();
  background.Stop();
  EXPECT_EQ(begun, cancelled);
  background.Wake();
  EXPECT_FALSE(background.busy());
}

}  // namespace
}  // namespace zvec::inline v0
