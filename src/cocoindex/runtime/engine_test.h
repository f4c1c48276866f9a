// cocoindex/runtime/engine_test.h: one app on a store of its own, beside a target in memory.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cocoindex/cocoindex.h"
#include "cocoindex/state/test_dir.h"
#include "cocoindex/target/provider.h"
#include "cocoindex/testing/memory_target.h"

namespace cocoindex::inline v0 {

using testing::declare;
using testing::MemoryTarget;
using testing::Op;
using Ops = std::vector<std::string>;
using Rows = MemoryTarget::Rows;

class EngineTest : public ::testing::Test {
 protected:
  explicit EngineTest(Settings settings = {}) : settings_(std::move(settings)) {
    settings_.db_path = dir_ / "state";
    settings_.map_size = 64u << 20;
    settings_.durable = false;
    if (settings_.threads == 0) settings_.threads = 3;
    restart();
  }
  ~EngineTest() override { stop(); }

  void stop() {
    app_.reset();
    if (env_) env_->stop();
    env_.reset();
  }
  /// As after the end of the process and a new start.
  void restart() {
    stop();
    env_.emplace(settings_, [this](EnvironmentBuilder& b) {
      if (lifespan_) lifespan_(b);
    });
    app_.emplace(*env_, "app", [this](Ctx& ctx) { main_(ctx); });
  }

  UpdateResult update(UpdateOptions options = {}) { return app_->update_blocking(options); }
  /// Fails the test when a component failed.
  UpdateStats run(UpdateOptions options = {}) {
    UpdateResult r = update(options);
    for (const Failure& f : r.failures) ADD_FAILURE() << f.path.display() << ": " << f.message;
    return r.stats;
  }
  /// One run of `main`; the actions that it took.
  Ops ops_of(std::function<void(Ctx&)> main) {
    main_ = std::move(main);
    run();
    return target_.take_ops();
  }
  void declare_row(Ctx& ctx, StableKey key, const std::string& value) {
    declare(ctx, target_.rows_provider(), std::move(key), value);
  }
  void fail_next_call() {
    target_.after = [this] {
      target_.after = nullptr;
      throw std::runtime_error("sink failed after it had applied");
    };
  }

  TestDir dir_;
  Settings settings_;
  MemoryTarget target_;
  std::function<void(EnvironmentBuilder&)> lifespan_;
  std::function<void(Ctx&)> main_ = [](Ctx&) {};
  std::optional<Environment> env_;
  std::optional<App> app_;
};

}  // namespace cocoindex::inline v0
