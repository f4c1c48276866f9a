#include "cocoindex/state/environment.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "cocoindex/errors.h"
#include "cocoindex/state/test_dir.h"

namespace cocoindex {
namespace {

std::shared_ptr<MdbEnvironment> Open(const TestDir& dir, unsigned max_readers) {
  EnvironmentOptions options;
  options.store_path = dir.path();
  options.folder = dir.path();
  options.max_readers = max_readers;
  options.map_size = 1 << 20;
  return std::make_shared<MdbEnvironment>(options, nullptr);
}

TEST(Environment, AReaderWaitsForASlotInsteadOfFailing) {
  TestDir dir;
  auto env = Open(dir, 2);
  std::atomic<bool> released = false;
  const MdbRead first = env->BeginRead();
  const MdbRead second = env->BeginRead();
  std::thread third([&] {
    const MdbRead txn = env->BeginRead();
    EXPECT_TRUE(released);
    env->EndRead(txn);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  released = true;
  env->EndRead(second);
  env->EndRead(first);
  third.join();
}

TEST(Environment, SlotsAreReused) {
  TestDir dir;
  auto env = Open(dir, 2);
  for (int i = 0; i < 1000; ++i) {
    std::thread([&] {
      const MdbRead txn = env->BeginRead();
      EXPECT_EQ(MdbEnvironment::ReadsOnThisThread(), 1);
      env->EndRead(txn);
      EXPECT_EQ(MdbEnvironment::ReadsOnThisThread(), 0);
    }).join();
  }
}

// Guards: the thread that ended it had one less than none, and the one that began it one too many for ever.
TEST(Environment, AReadThatAnotherThreadEndsIsNoLongerHeldByTheOneThatBeganIt) {
  TestDir dir;
  auto env = Open(dir, 2);
  const MdbRead handed = env->BeginRead();
  EXPECT_EQ(MdbEnvironment::ReadsOnThisThread(), 1);
  std::thread([&] {
    EXPECT_EQ(MdbEnvironment::ReadsOnThisThread(), 0);
    const MdbRead own = env->BeginRead();
    env->EndRead(handed);
    EXPECT_EQ(MdbEnvironment::ReadsOnThisThread(), 1);
    env->EndRead(own);
    EXPECT_EQ(MdbEnvironment::ReadsOnThisThread(), 0);
  }).join();
  EXPECT_EQ(MdbEnvironment::ReadsOnThisThread(), 0);
  MdbRead left;  // by a thread that is gone
  std::thread([&] { left = env->BeginRead(); }).join();
  env->EndRead(left);
  EXPECT_EQ(MdbEnvironment::ReadsOnThisThread(), 0);
  env->Grow();  // which waits for reads
}

TEST(Environment, AFolderThatIsNotThereIsNamed) {
  TestDir dir;
  EnvironmentOptions options;
  options.store_path = "the store";
  options.folder = dir / "missing";
  options.map_size = 1 << 20;
  try {
    MdbEnvironment env(options, nullptr);
    FAIL();
  } catch (const StateError& e) {
    EXPECT_NE(std::string(e.what()).find("the store"), std::string::npos);
  }
}

}  // namespace
}  // namespace cocoindex
