#include "cocoindex/target/sink_batcher.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "cocoindex/context.h"

namespace cocoindex::inline v0 {
namespace {

struct Number : TargetAction {
  explicit Number(int v) : value(v) {}
  int value;
};

class RecordingSink final : public TargetSink {
 public:
  ApplyResult apply(const ContextProvider&, std::span<const std::shared_ptr<TargetAction>> actions,
                    const Fingerprint&) override {
    calls.push_back(actions.size());
    if (on_first_call) std::exchange(on_first_call, nullptr)();
    for (const auto& a : actions) {
      if (dynamic_cast<const Number&>(*a).value == bad) throw std::runtime_error("rejected");
    }
    return {};
  }
  int bad = -1;
  std::function<void()> on_first_call;
  std::vector<std::size_t> calls;
};

class SinkBatcherTest : public ::testing::Test {
 protected:
  SinkBatch Batch(int value) {
    SinkBatch batch;
    batch.actions = {std::make_shared<Number>(value)};
    batch.context = &context_;
    batch.post = [this](std::function<void()> f) { later_.push_back(std::move(f)); };
    batch.done = [this, value](const ApplyResult&, std::exception_ptr error) {
      (error ? failed_ : done_).push_back(value);
    };
    return batch;
  }
  void RunLater() {
    while (!later_.empty()) {
      auto f = std::move(later_.front());
      later_.erase(later_.begin());
      f();
    }
  }
  const ContextProvider context_;
  std::shared_ptr<RecordingSink> sink_ = std::make_shared<RecordingSink>();
  std::vector<std::function<void()>> later_;
  std::vector<int> done_, failed_;
};

TEST_F(SinkBatcherTest, TheFirstRunsAtOnceAndWhatArrivesMeanwhileSharesTheNextCall) {
  auto batcher = SinkBatcher::of(sink_);
  EXPECT_EQ(SinkBatcher::of(sink_), batcher);
  sink_->on_first_call = [&] {
    for (int i = 1; i <= 4; ++i) batcher->submit(Batch(i));
  };
  batcher->submit(Batch(0));
  RunLater();
  EXPECT_EQ(sink_->calls, (std::vector<std::size_t>{1, 4}));
  EXPECT_EQ(done_, (std::vector<int>{0, 1, 2, 3, 4}));
}

TEST_F(SinkBatcherTest, AFailingMergedCallIsBisectedAlongComponents) {
  auto batcher = SinkBatcher::of(sink_);
  sink_->bad = 3;
  sink_->on_first_call = [&] {
    for (int i = 1; i <= 4; ++i) batcher->submit(Batch(i));
  };
  batcher->submit(Batch(0));
  RunLater();
  EXPECT_EQ(sink_->calls, (std::vector<std::size_t>{1, 4, 2, 2, 1, 1}));
  EXPECT_EQ(done_, (std::vector<int>{0, 1, 2, 4}));
  EXPECT_EQ(failed_, (std::vector<int>{3}));
}

TEST_F(SinkBatcherTest, AFailedCallDoesNotBlockLaterOnes) {
  auto batcher = SinkBatcher::of(sink_);
  sink_->bad = 1;
  batcher->submit(Batch(1));
  batcher->submit(Batch(2));
  RunLater();
  EXPECT_EQ(failed_, (std::vector<int>{1}));
  EXPECT_EQ(done_, (std::vector<int>{2}));
}

}  // namespace
}  // namespace cocoindex::inline v0
