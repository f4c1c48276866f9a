#include "cocoindex/state/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <thread>

#include "base/fault.h"
#include "cocoindex/state/store.h"
#include "cocoindex/state/test_dir.h"

namespace cocoindex {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Collects what `done` was told, in order: "ok", or the message.
class Outcomes {
 public:
  std::function<void(std::exception_ptr)> Next() {
    ++expected_;
    return [this](std::exception_ptr error) {
      std::string text = "ok";
      try {
        if (error) std::rethrow_exception(error);
      } catch (const std::exception& e) {
        text = e.what();
      }
      std::lock_guard<std::mutex> lock(mu_);
      got_.push_back(text);
      changed_.notify_all();
    };
  }
  std::vector<std::string> Wait() {
    std::unique_lock<std::mutex> lock(mu_);
    changed_.wait(lock, [this] { return got_.size() == expected_; });
    return got_;
  }

 private:
  std::mutex mu_;
  std::condition_variable changed_;
  std::size_t expected_ = 0;
  std::vector<std::string> got_;
};

class WriterTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(4ull << 30); }
  void Open(std::uint64_t map_size) {
    app_.reset();
    store_.reset();
    StoreSettings s;
    s.path = dir_ / "store";
    s.map_size = map_size;
    s.durable = false;
    store_ = Store::open(s);
    app_ = store_->app("a");
  }
  /// Bodies queued by fill() wait for one that is already running, so that they share a transaction.
  void AsOneBatch(const std::function<void()>& fill) {
    std::promise<void> gate;
    const auto entered = std::make_shared<std::atomic_flag>();
    app_->write_async(
        [entered, opened = gate.get_future().share()](WriteTxn&) {
          entered->test_and_set();
          entered->notify_all();
          opened.wait();
        },
        {});
    entered->wait(false);  // or it would take along what is queued first
    fill();
    gate.set_value();
  }
  TestDir dir_;
  std::shared_ptr<Store> store_;
  std::shared_ptr<AppDb> app_;
  Outcomes outcomes_;
};

TEST_F(WriterTest, BodiesQueuedTogetherSeeEachOtherAndFinishInOrder) {
  std::vector<int> order;
  AsOneBatch([&] {
    for (int i = 0; i < 100; ++i) {
      app_->write_async(
          [i](WriteTxn& txn) {
            EXPECT_EQ(txn.get("last").value_or("-1"), std::to_string(i - 1));
            txn.put("last", std::to_string(i));
          },
          [&order, i, done = outcomes_.Next()](std::exception_ptr e) {
            order.push_back(i);
            done(e);
          });
    }
  });
  EXPECT_EQ(outcomes_.Wait(), std::vector<std::string>(100, "ok"));
  EXPECT_TRUE(std::is_sorted(order.begin(), order.end()));
  EXPECT_EQ(app_->read()->get("last"), "99");
}

TEST_F(WriterTest, DoneRunsAfterTheCommit) {
  std::promise<std::string> seen;
  app_->write_async(
      [](WriteTxn& txn) { txn.put("k", "v"); },
      [&](std::exception_ptr) { seen.set_value(std::string(app_->read()->get("k").value_or("absent"))); });
  EXPECT_EQ(seen.get_future().get(), "v");
}

// Guards: one component whose body throws took the commits of its neighbours with it.
TEST_F(WriterTest, AFailingBodyFailsOnlyItsOwnCaller) {
  std::vector<int> runs(5, 0);
  AsOneBatch([&] {
    for (int i = 0; i < 5; ++i) {
      app_->write_async(
          [&runs, i](WriteTxn& txn) {
            ++runs[i];
            txn.put("k" + std::to_string(i), "v");
            if (i == 1 || i == 3) throw std::runtime_error("body " + std::to_string(i));
          },
          outcomes_.Next());
    }
  });
  EXPECT_THAT(outcomes_.Wait(), ElementsAre("ok", "body 1", "ok", "body 3", "ok"));
  auto txn = app_->read();
  for (int i = 0; i < 5; ++i) EXPECT_EQ(txn->get("k" + std::to_string(i)).has_value(), i != 1 && i != 3) << i;
  for (const int n : runs) EXPECT_LE(n, 2);
}

TEST_F(WriterTest, AllBodiesMayFail) {
  AsOneBatch([&] {
    for (int i = 0; i < 3; ++i)
      app_->write_async([](WriteTxn&) { throw std::runtime_error("no"); }, outcomes_.Next());
  });
  EXPECT_THAT(outcomes_.Wait(), ElementsAre("no", "no", "no"));
  app_->write([](WriteTxn& txn) { txn.put("k", "v"); });
}

TEST_F(WriterTest, WhatIsThrownIsRethrownAsItIs) {
  struct Own {
    int value;
  };
  try {
    app_->write([](WriteTxn&) { throw Own{7}; });
    FAIL();
  } catch (const Own& own) {
    EXPECT_EQ(own.value, 7);
  }
}

TEST_F(WriterTest, GrowingTheMapRunsTheWholeBatchAgain) {
  Open(64 << 10);
  std::vector<int> runs(3, 0);
  AsOneBatch([&] {
    for (int i = 0; i < 3; ++i) {
      app_->write_async(
          [&runs, i](WriteTxn& txn) {
            ++runs[i];
            try {
              txn.put("k" + std::to_string(i), std::string(i == 2 ? 1 << 20 : 10, 'x'));
            } catch (const std::exception&) {
              ADD_FAILURE() << "a full map is not the body's business";
            }
          },
          outcomes_.Next());
    }
  });
  EXPECT_THAT(outcomes_.Wait(), ElementsAre("ok", "ok", "ok"));
  EXPECT_GE(runs[0], 2);
  EXPECT_EQ(app_->read()->get("k2")->size(), 1u << 20);
  EXPECT_EQ(app_->read()->get("k0")->size(), 10u);
}

TEST_F(WriterTest, ALargeBatchIsCutIntoTransactions) {
  std::atomic<int> committed_early = 0;
  AsOneBatch([&] {
    for (int i = 0; i < 40; ++i) {
      app_->write_async(
          [&, i](WriteTxn& txn) {
            if (i == 39 && app_->read()->get("k0")) ++committed_early;
            txn.put("k" + std::to_string(i), std::string(1 << 20, 'x'));
          },
          outcomes_.Next());
    }
  });
  EXPECT_EQ(outcomes_.Wait(), std::vector<std::string>(40, "ok"));
  EXPECT_EQ(committed_early, 1);
}

TEST_F(WriterTest, AnErrorThatIsNobodysReachesAllAndTheNextWriteWorks) {
  cocozvec::PlantFault("state.commit_fails", true);
  AsOneBatch([&] {
    for (int i = 0; i < 2; ++i) app_->write_async([](WriteTxn& txn) { txn.put("k", "v"); }, outcomes_.Next());
  });
  const std::vector<std::string> got = outcomes_.Wait();
  cocozvec::PlantFault("state.commit_fails", false);
  for (const std::string& text : got) {
    EXPECT_THAT(text, HasSubstr("commit"));
    EXPECT_THAT(text, HasSubstr(store_->path()));
  }
  EXPECT_EQ(app_->read()->get("k"), std::nullopt);
  app_->write([](WriteTxn& txn) { txn.put("k", "v"); });
  EXPECT_EQ(app_->read()->get("k"), "v");
}

TEST_F(WriterTest, AnOverlongOrEmptyKeyFailsItsBodyOnly) {
  AsOneBatch([&] {
    app_->write_async([](WriteTxn& txn) { txn.put("good", "v"); }, outcomes_.Next());
    app_->write_async([](WriteTxn& txn) { txn.put("", "v"); }, outcomes_.Next());
  });
  const auto got = outcomes_.Wait();
  EXPECT_EQ(got[0], "ok");
  EXPECT_THAT(got[1], HasSubstr("empty key"));
}

TEST_F(WriterTest, CallbacksThatThrowHarmNobody) {
  AsOneBatch([&] {
    app_->write_async([](WriteTxn&) {}, [](std::exception_ptr) { throw std::runtime_error("callback"); });
    app_->write_async([](WriteTxn&) {}, outcomes_.Next());
  });
  EXPECT_THAT(outcomes_.Wait(), ElementsAre("ok"));
}

TEST_F(WriterTest, ManyThreadsWriteAndReadAtOnce) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 100; ++i) {
        const std::string key = std::to_string(t) + "/" + std::to_string(i);
        app_->write([&](WriteTxn& txn) { txn.put(key, "v"); });
        EXPECT_EQ(app_->read()->get(key), "v");
      }
    });
  }
  for (std::thread& t : threads) t.join();
  int count = 0;
  app_->read()->scan("", [&](std::string_view, std::string_view) { return ++count > 0; });
  EXPECT_EQ(count, 800);
}

TEST_F(WriterTest, CloseFinishesWhatWasSubmitted) {
  for (int i = 0; i < 50; ++i)
    app_->write_async([i](WriteTxn& txn) { txn.put(std::to_string(i), "v"); }, outcomes_.Next());
  store_->close();
  EXPECT_EQ(outcomes_.Wait(), std::vector<std::string>(50, "ok"));
}

/// Writes 0, 1, 2, ... and reports each to the pipe once it is committed, until it is killed.
[[noreturn]] void WriteForever(const std::string& path, int report) {
  StoreSettings s;
  s.path = path;
  s.durable = false;
  auto app = Store::open(s)->app("a");
  for (std::uint32_t i = 0;; ++i) {
    app->write([&](WriteTxn& txn) {
      txn.put("n" + std::to_string(i), std::string(i % 5000, 'x'));
      txn.put("last", std::to_string(i));
    });
    if (::write(report, &i, sizeof(i)) != sizeof(i)) ::_exit(1);
  }
}

TEST(WriterDeath, AKilledProcessLosesNothingAcknowledgedAndLeavesNoLock) {
  for (int round = 0; round < 5; ++round) {
    TestDir dir;
    int fds[2];
    ASSERT_EQ(::pipe(fds), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(fds[0]);
      WriteForever(dir / "store", fds[1]);
    }
    ::close(fds[1]);
    std::uint32_t acknowledged = 0;
    do {
      ASSERT_EQ(::read(fds[0], &acknowledged, sizeof(acknowledged)), 4);
    } while (acknowledged < 100u * round + 20);
    StoreSettings s;
    s.path = dir / "store";
    try {
      Store::open(s);
      ADD_FAILURE() << "two processes have the store";
    } catch (const StateBusyError& e) {
      EXPECT_THAT(e.what(), HasSubstr("process " + std::to_string(child) + " ("));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(fds[0], &acknowledged, sizeof(acknowledged)) == 4) {
    }
    ::close(fds[0]);
    auto txn = Store::open(s)->app("a")->read();
    const std::uint32_t last = static_cast<std::uint32_t>(std::stoul(std::string(*txn->get("last"))));
    EXPECT_GE(last, acknowledged);
    EXPECT_LE(last, acknowledged + 1);
    for (std::uint32_t i = 0; i <= last; ++i) EXPECT_EQ(txn->get("n" + std::to_string(i))->size(), i % 5000);
  }
}

/// Writes until the file may not grow any more; 0 when that is told as it should be and nothing acknowledged
/// is lost.
int FillDisk(const std::string& path) {
  ::signal(SIGXFSZ, SIG_IGN);
  const rlimit limit{2 << 20, 2 << 20};
  if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) return 2;
  StoreSettings s;
  s.path = path;
  s.durable = false;
  auto app = Store::open(s)->app("a");
  int acknowledged = 0;
  try {
    for (;; ++acknowledged) {
      app->write(
          [&](WriteTxn& txn) { txn.put("n" + std::to_string(acknowledged), std::string(100'000, 'x')); });
    }
  } catch (const StateError& e) {
    if (std::string_view(e.what()).find(path) == std::string_view::npos) return 3;
  }
  for (int i = 0; i < acknowledged; ++i) {
    if (app->read()->get("n" + std::to_string(i))->size() != 100'000) return 4;
  }
  return acknowledged < 5 ? 5 : 0;
}

TEST(WriterDeath, AFullDiskIsAnErrorThatNamesTheStoreAndKeepsWhatWasAcknowledged) {
  TestDir dir;
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) ::_exit(FillDisk(dir / "store"));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  StoreSettings s;
  s.path = dir / "store";
  EXPECT_EQ(Store::open(s)->app("a")->read()->get("n4")->size(), 100'000u);
}

}  // namespace
}  // namespace cocoindex
