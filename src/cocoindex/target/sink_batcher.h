// cocoindex/target/sink_batcher.h: one call at a time per sink; what arrives meanwhile goes into the next
// call.
//
// The first batch runs at once on the thread that brings it. A merged call that fails is taken apart along
// component boundaries until each component has an outcome of its own (cocoindex-engine.md 8.3). Threads:
// submit() from any; `done` is called on the thread that ran the sink.
#pragma once

#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/mutex.h"
#include "cocoindex/target_state.h"

namespace cocoindex::inline v0 {

/// What one component has for one sink.
struct SinkBatch {
  std::vector<std::shared_ptr<TargetAction>> actions;
  const ContextProvider* context = nullptr;  ///< only batches of one context share a call
  Fingerprint store_id{};
  std::function<void(std::function<void()>)> post;  ///< runs something later on the component's threads
  std::function<void(const ApplyResult&, std::exception_ptr)> done;
};

class SinkBatcher : public std::enable_shared_from_this<SinkBatcher> {
 public:
  explicit SinkBatcher(std::shared_ptr<TargetSink> sink) : sink_(std::move(sink)) {}
  /// The one of this sink, process-wide.
  static std::shared_ptr<SinkBatcher> of(const std::shared_ptr<TargetSink>& sink);

  void submit(SinkBatch batch);

 private:
  void run_next();
  void apply(std::span<SinkBatch> batches);
  ApplyResult call(std::span<SinkBatch> batches);

  const std::shared_ptr<TargetSink> sink_;
  cocozvec::Mutex mu_;
  std::deque<SinkBatch> waiting_ ZVEC_GUARDED_BY(mu_);
  bool running_ ZVEC_GUARDED_BY(mu_) = false;
};

}  // namespace cocoindex::inline v0
