// Full reprocess, drop, cancellation, provider generations, marks (cocoindex-engine.md 28: 53, 54, 56, 57,
// 70, 74).
#include <atomic>
#include <chrono>
#include <latch>
#include <thread>

#include "base/fault.h"
#include "cocoindex/runtime/engine_test.h"
#include "cocoindex/state/store.h"

namespace cocoindex::inline v0 {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr ContextKey<int> kNumber{"number"};
std::atomic<int> runs = 0;
void counted(Ctx& ctx, const std::string& key, const TargetProvider& rows) {
  ++runs;
  testing::declare(ctx, rows, key, "1");
}
int counted_call(Ctx&, int n) {
  ++runs;
  return n;
}

class RunModes : public EngineTest {
 protected:
  RunModes() { runs = 0; }
  std::string definition_ = "d1";
  bool mount_row_ = true;
  void table_main() {
    main_ = [this](Ctx& ctx) {
      TargetProvider t = mount_target(ctx, target_.table("t", definition_));
      ctx.mount("a", [t](Ctx& c) { declare(c, t, "ka", "v"); });
      if (mount_row_) ctx.mount("b", [t](Ctx& c) { declare(c, t, "kb", "v"); });
    };
  }
};

class OneAtATime : public EngineTest {
 protected:
  OneAtATime() : EngineTest({.max_inflight_components = 1}) {}
};

TEST_F(RunModes, FullReprocessRunsEveryBodyAndWritesEveryRowAgain) {
  main_ = [this](Ctx& ctx) {
    ctx.mount("a", fn<&counted>({.memo = true, .version = 1}), std::string("a"), target_.rows_provider());
    ctx.call(fn<&counted_call>({.memo = true, .version = 1}), 3);
    declare_row(ctx, "root", "1");
  };
  run();
  EXPECT_EQ(runs, 2);
  target_.take_ops();
  run({.full_reprocess = true});
  EXPECT_EQ(runs, 4);
  EXPECT_THAT(target_.take_ops(), UnorderedElementsAre("a=1 prev=[1] missing", "root=1 prev=[1] missing"));
  run();
  EXPECT_EQ(runs, 4);
  EXPECT_THAT(target_.take_ops(), IsEmpty());
}

TEST_F(RunModes, FullReprocessDeletesAndDoesNotResurrect) {
  table_main();
  run();
  target_.take_ops();
  mount_row_ = false;
  run({.full_reprocess = true});
  EXPECT_THAT(target_.take_ops(),
              UnorderedElementsAre("upsert */t=d1 prev=[d1] missing", "t/ka=v prev=[v] missing",
                                   "t/kb gone prev=[v] missing"));
  run();
  EXPECT_THAT(target_.take_ops(), IsEmpty());
}

TEST_F(RunModes, DropRevertsEverythingAndTheAppStartsAsNew) {
  table_main();
  run();
  target_.take_ops();
  const UpdateStats stats = app_->drop_blocking();
  EXPECT_THAT(target_.take_ops(), ElementsAre("remove */t gone prev=[d1]"));
  EXPECT_EQ(stats.total().deletes, 4u);  // root, table, a, b
  EXPECT_THAT(env_->app_names(), IsEmpty());
  run();
  EXPECT_EQ(target_.rows("t").size(), 2u);
  EXPECT_THAT(env_->app_names(), ElementsAre("app"));
}

TEST_F(RunModes, ADropCancelsTheUpdateThatRunsAndThoseThatWait) {
  std::latch started(1);
  std::atomic<int> began{0};
  main_ = [&](Ctx& ctx) {
    if (++began == 1) started.count_down();
    ctx.use_mount("a", [this](Ctx& c) { declare_row(c, "a", "1"); });
    const auto patience = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!ctx.cancelled() && std::chrono::steady_clock::now() < patience) std::this_thread::yield();
    ctx.check_cancelled();
  };
  UpdateHandle running = app_->update();
  started.wait();
  UpdateHandle waiting = app_->update();
  app_->drop_blocking();
  EXPECT_THROW(running.result(), CancelledError);
  EXPECT_THROW(waiting.result(), CancelledError);
  EXPECT_EQ(target_.rows(), Rows{});
  EXPECT_THAT(env_->app_names(), IsEmpty());
  main_ = [this](Ctx& ctx) { declare_row(ctx, "b", "1"); };
  run();
  EXPECT_EQ(target_.rows(), (Rows{{"b", "1"}}));
}

TEST_F(RunModes, AnAppThatNeverRanCanBeDropped) {
  app_->drop_blocking();
  app_->drop_blocking();
  EXPECT_THAT(env_->app_names(), IsEmpty());
}

TEST_F(RunModes, AFailedDropCanBeRepeated) {
  main_ = [this](Ctx& ctx) {
    declare_row(ctx, "a", "1");
    ctx.mount("c", [this](Ctx& c) { declare_row(c, "b", "1"); });
  };
  run();
  fail_next_call();
  EXPECT_THROW(app_->drop_blocking(), std::runtime_error);
  restart();
  app_->drop_blocking();
  EXPECT_EQ(target_.rows(), Rows{});
}

TEST_F(RunModes, ADestructiveChangeStartsTheRowsAnew) {
  table_main();
  run();
  target_.take_ops();
  definition_ = "d2";
  run();
  EXPECT_THAT(target_.take_ops(), UnorderedElementsAre("replace */t=d2 prev=[d1]", "t/ka=v prev=[] missing",
                                                       "t/kb=v prev=[] missing"));
  run();
  EXPECT_THAT(target_.take_ops(), IsEmpty());
  EXPECT_EQ(target_.rows("t").size(), 2u);
}

TEST_F(RunModes, ALossyChangeWritesTheRowsAgain) {
  definition_ = "d:1";
  table_main();
  run();
  target_.take_ops();
  definition_ = "d:2";
  run();
  EXPECT_THAT(target_.take_ops(), UnorderedElementsAre("alter */t=d:2 prev=[d:1]", "t/ka=v prev=[v] missing",
                                                       "t/kb=v prev=[v] missing"));
  run();
  EXPECT_THAT(target_.take_ops(), IsEmpty());
}

TEST_F(RunModes, TracksOfAPredecessorCauseNoDeletes) {
  bool rows = true, table = true;
  main_ = [&](Ctx& ctx) {
    if (!table) return;
    TargetProvider t = mount_target(ctx, target_.table("t", definition_));
    ctx.mount("a", [t, &rows](Ctx& c) {
      if (rows) declare(c, t, "k", "v");
      declare(c, t, "stays", "v");
    });
  };
  run();
  definition_ = "d2";
  rows = false;  // not declared in the run that replaces the table, nor later
  target_.take_ops();
  run();
  EXPECT_THAT(target_.take_ops(), ElementsAre("replace */t=d2 prev=[d1]", "t/stays=v prev=[] missing"));
  const std::string root = *target_.tables_provider().impl()->keys[0].get_if<std::string>();
  EXPECT_EQ(app_->count_target_states(root, "t"), 1u);
}

// Guards: a count that went on to count the rows of a replaced table whose component had failed since.
TEST_F(RunModes, RowsOfAReplacedTableAreNotCounted) {
  bool fails = false;
  main_ = [&](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", definition_));
    ctx.mount("a", [t](Ctx& c) { declare(c, t, "in a", "v"); });
    ctx.mount("b", [t, &fails](Ctx& c) {
      if (fails) throw std::runtime_error("cannot be read");
      declare(c, t, "in b", "v");
    });
  };
  const std::string root = *target_.tables_provider().impl()->keys[0].get_if<std::string>();
  run();
  EXPECT_EQ(app_->count_target_states(root, "t"), 2u);
  definition_ = "d2";
  fails = true;
  EXPECT_EQ(update().failures.size(), 1u);
  EXPECT_EQ(target_.rows("t").size(), 1u);
  EXPECT_EQ(app_->count_target_states(root, "t"), 1u);
  fails = false;
  run();
  EXPECT_EQ(app_->count_target_states(root, "t"), 2u);
}

TEST_F(RunModes, ALostTargetIsNoticedByItsMarkAndHealed) {
  target_.marked = true;
  table_main();
  run();
  run();
  target_.take_ops();
  run();
  EXPECT_THAT(target_.take_ops(), IsEmpty());
  target_.marks.clear();
  run();
  EXPECT_THAT(target_.take_ops(), UnorderedElementsAre("upsert */t=d1 prev=[d1]", "t/ka=v prev=[v] missing",
                                                       "t/kb=v prev=[v] missing"));
  run();
  EXPECT_THAT(target_.take_ops(), IsEmpty());
}

TEST_F(RunModes, ARestoredCopyIsNoticedByItsOlderMark) {
  target_.marked = true;
  table_main();
  run();
  const auto copy = target_.marks;
  definition_ = "d1";
  main_ = [this](Ctx& ctx) {
    TargetProvider t = mount_target(ctx, target_.table("t", definition_));
    ctx.mount("a", [t](Ctx& c) { declare(c, t, "ka", "v2"); });
  };
  run();
  target_.take_ops();
  target_.marks = copy;
  run();
  EXPECT_THAT(target_.take_ops(), ElementsAre("upsert */t=d1 prev=[d1]", "t/ka=v2 prev=[v2] missing"));
  target_.marks["t"] += 10;  // written, not confirmed before a crash: no reason for anything
  run();
  EXPECT_THAT(target_.take_ops(), IsEmpty());
}

// Guards: the mark was forgotten with the intent, so a crash before the rebuild hid that the copy was old.
TEST_F(RunModes, AnOlderMarkIsNoticedAgainWhenTheRebuildFailed) {
  target_.marked = true;
  table_main();
  run();
  const auto copy = target_.marks;
  run({.full_reprocess = true});
  target_.marks = copy;
  target_.before = [](const testing::Op& op) {
    if (op.table == "*") throw std::runtime_error("disk full");
  };
  EXPECT_THROW(update(), std::runtime_error);
  target_.before = nullptr;
  target_.take_ops();
  run();
  EXPECT_THAT(target_.take_ops(), UnorderedElementsAre("upsert */t=d1 prev=[d1]", "t/ka=v prev=[v] missing",
                                                       "t/kb=v prev=[v] missing"));
  run();
  EXPECT_THAT(target_.take_ops(), IsEmpty());
}

// Guards: a table whose removal had failed was taken for whole when it was declared again, with rows in it of
// which nothing was known any more.
TEST_F(RunModes, ATableWhoseRemovalFailedIsTakenForLost) {
  target_.marked = true;
  table_main();
  run();
  const auto with_table = main_;
  main_ = [](Ctx&) {};
  target_.before = [](const testing::Op& op) {
    if (op.table == "*") throw std::runtime_error("disk full");
  };
  EXPECT_FALSE(update().failures.empty());
  target_.before = nullptr;
  target_.take_ops();
  main_ = with_table;
  mount_row_ = false;
  std::vector<MarkState> marks;
  target_.on_declared_table = [&](MarkState mark) { marks.push_back(mark); };
  run();
  EXPECT_THAT(marks, ::testing::Each(MarkState::missing));
  EXPECT_THAT(marks, ::testing::Not(IsEmpty()));
  EXPECT_THAT(target_.take_ops(), ElementsAre("upsert */t=d1 prev=[d1] missing", "t/ka=v prev=[] missing"));
  run();
  EXPECT_THAT(target_.take_ops(), IsEmpty());
}

TEST_F(RunModes, AReplacedTableBeginsWithANewMark) {
  target_.marked = true;
  table_main();
  run();
  for (int i = 0; i < 3; ++i) run({.full_reprocess = true});
  definition_ = "d2";
  run();
  target_.take_ops();
  run();  // the mark is smaller than that of the predecessor
  EXPECT_THAT(target_.take_ops(), IsEmpty());
}

TEST_F(RunModes, CancellingEndsTheUpdateAndTheNextOneGoesOn) {
  std::latch started(1);
  std::atomic<bool> hold{true};
  main_ = [&](Ctx& ctx) {
    for (int i = 0; i < 200; ++i) {
      ctx.mount(subpath(i), [&, i](Ctx& c) {
        if (i == 5) started.count_down();
        while (hold && i >= 5 && !c.cancelled()) std::this_thread::yield();
        c.check_cancelled();
        declare_row(c, i, "1");
      });
    }
  };
  UpdateHandle handle = app_->update();
  started.wait();
  app_->cancel();
  EXPECT_THROW(handle.result(), CancelledError);
  EXPECT_LT(target_.rows().size(), 200u);
  hold = false;
  run();
  EXPECT_EQ(target_.rows().size(), 200u);
}

// Guards: an update that was cancelled while it cleaned up was reported as a success.
TEST_F(OneAtATime, AnUpdateCancelledWhileItCleansUpIsNoSuccess) {
  main_ = [this](Ctx& ctx) {
    for (int i = 0; i < 50; ++i) ctx.mount(subpath(i), [this, i](Ctx& c) { declare_row(c, i, "1"); });
  };
  run();
  main_ = [](Ctx&) {};
  target_.before = [this](const testing::Op&) { app_->cancel(); };
  EXPECT_THROW(update(), CancelledError);
  target_.before = nullptr;
  EXPECT_EQ(target_.rows().size(), 49u);
  run();
  EXPECT_EQ(target_.rows(), Rows{});
}

TEST_F(RunModes, AHandleCancelsItsOwnUpdateOnly) {
  std::atomic<bool> hold{true};
  main_ = [&](Ctx& ctx) {
    while (hold) {
      ctx.check_cancelled();
      std::this_thread::yield();
    }
    declare_row(ctx, "a", "1");
  };
  UpdateHandle first = app_->update();
  UpdateHandle second = app_->update();
  EXPECT_FALSE(first.wait_for(std::chrono::milliseconds(1)));
  first.cancel();
  EXPECT_THROW(first.result(), CancelledError);
  hold = false;
  EXPECT_NO_THROW(second.result());
  EXPECT_TRUE(second.done());
  EXPECT_EQ(target_.rows().size(), 1u);
}

TEST_F(RunModes, ASecondStoreOwnerIsRefused) {
  run();
  Environment other{settings_};
  EXPECT_THROW(other.start(), StateError);
  // Another app of the same environment shares the store.
  App second{*env_, "second", [](Ctx&) {}};
  second.update_blocking();
  EXPECT_THAT(env_->app_names(), ElementsAre("app", "second"));
}

TEST_F(RunModes, AnEnvironmentCanStopAndStartAgain) {
  int starts = 0;
  lifespan_ = [&](EnvironmentBuilder& b) {
    ++starts;
    b.on_exit([&] { starts += 10; });
  };
  restart();
  main_ = [this](Ctx& ctx) { declare_row(ctx, "a", "1"); };
  run();
  env_->stop();
  EXPECT_EQ(starts, 11);
  target_.take_ops();
  run();
  EXPECT_EQ(starts, 12);
  EXPECT_THAT(target_.take_ops(), IsEmpty());
  stop();  // its exit reads `starts`
  EXPECT_EQ(starts, 22);
}

// Guards: a body that asked for its environment waited for a stop() that waited for the body.
TEST_F(RunModes, ABodyMayAskForItsEnvironmentWhileItIsStopped) {
  std::latch started(1), stopping(1);
  main_ = [&](Ctx&) {
    started.count_down();
    stopping.wait();
    for (int i = 0; i < 2000; ++i) {  // until the other thread is certainly inside stop()
      EXPECT_THAT(env_->app_names(), ElementsAre("app"));
      std::this_thread::yield();
    }
  };
  UpdateHandle handle = app_->update();
  started.wait();
  std::thread stopper([&] {
    stopping.count_down();
    env_->stop();
  });
  EXPECT_NO_THROW(handle.result());
  stopper.join();
}

TEST_F(RunModes, AnUpdateFromInsideAComponentIsRefused) {
  main_ = [this](Ctx&) { EXPECT_THROW(app_->update_blocking(), InvalidRequest); };
  run();
}

TEST_F(RunModes, SettingsWithoutAPathAreRefused) {
  Environment env{Settings{}};
  App app{env, "x", [](Ctx&) {}};
  EXPECT_THROW(app.update_blocking(), InvalidRequest);
}

TEST_F(RunModes, TheDefaultEnvironmentTakesTheLifespanAndStopsWithItsLastApp) {
  stop();
  static std::vector<std::string> seen;
  seen.clear();
  const std::string path = settings_.db_path;
  const lifespan registered{[path](EnvironmentBuilder& b) {
    b.settings.db_path = path;
    b.provide(kNumber, 7);
    b.on_exit([] { seen.push_back("stopped"); });
  }};
  {
    App app{"default app", [](Ctx& ctx) { seen.push_back(std::to_string(ctx.use(kNumber))); }};
    app.update_blocking();
    EXPECT_EQ(Environment::default_environment().context().get(kNumber), 7);
  }
  EXPECT_THAT(seen, ElementsAre("7", "stopped"));
  restart();
  EXPECT_THAT(env_->app_names(), ElementsAre("default app"));
}

#if defined(ZVEC_TEST_HOOKS)
// The fault that the crash harness must catch: what was confirmed is not there.
TEST_F(RunModes, ThePlantedFaultConfirmsBeforeItApplies) {
  cocozvec::PlantFault("confirm_before_apply", true);
  main_ = [this](Ctx& ctx) { declare_row(ctx, "a", "1"); };
  target_.before = [](const Op&) { throw std::runtime_error("crash here"); };
  EXPECT_THROW(update(), std::runtime_error);
  target_.before = nullptr;
  run();
  EXPECT_EQ(target_.rows(), Rows{});  // lost for good
  cocozvec::PlantFault("confirm_before_apply", false);
}
#endif

// Every sink call fails after, or before, it was applied, at every place of a sequence of programs; what is
// there after a good run is what was declared, and the run after that does nothing.
TEST_F(RunModes, AFailureAtAnyCallIsHealedByTheNextRun) {
  const std::vector<Rows> programs = {{{"a", "1"}, {"b", "1"}}, {{"a", "2"}, {"c", "1"}}, {{"c", "2"}}, {}};
  for (int fail_at = 0; fail_at < 8; ++fail_at) {
    for (bool applied : {false, true}) {
      int calls = 0;
      bool fails = true;
      auto fail = [&] {
        if (fails && calls++ == fail_at) throw std::runtime_error("planned");
      };
      for (const Rows& program : programs) {
        main_ = [this, &program](Ctx& ctx) {
          for (const auto& [k, v] : program) {
            ctx.mount(subpath("row", k), [this, k, v](Ctx& c) { declare_row(c, k, v); });
          }
        };
        target_.before = applied ? std::function<void(const Op&)>() : [&](const Op&) { fail(); };
        target_.after = applied ? std::function<void()>(fail) : nullptr;
        fails = true;
        update();
        fails = false;
        run();
        EXPECT_EQ(target_.rows(), program);
        target_.take_ops();
        run();
        EXPECT_THAT(target_.take_ops(), IsEmpty());
      }
    }
  }
}

}  // namespace
}  // namespace cocoindex::inline v0
