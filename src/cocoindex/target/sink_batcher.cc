#include "cocoindex/target/sink_batcher.h"

#include <unordered_map>

#include "cocozvec/base/log.h"

namespace cocoindex::inline v0 {
namespace {

struct Batchers {
  cocozvec::Mutex mu;
  std::unordered_map<const TargetSink*, std::weak_ptr<SinkBatcher>> by_sink ZVEC_GUARDED_BY(mu);
  std::size_t sweep_at ZVEC_GUARDED_BY(mu) = 64;
};
Batchers& TheBatchers() {
  static auto* batchers = new Batchers;
  return *batchers;
}

std::string What(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "unknown exception";
  }
}

}  // namespace

std::shared_ptr<SinkBatcher> SinkBatcher::of(const std::shared_ptr<TargetSink>& sink) {
  Batchers& all = TheBatchers();
  cocozvec::MutexLock lock(all.mu);
  if (all.by_sink.size() >= all.sweep_at) {
    std::erase_if(all.by_sink, [](const auto& entry) { return entry.second.expired(); });
    all.sweep_at = 2 * all.by_sink.size() + 64;
  }
  // A batcher holds its sink, so a living one cannot belong to another sink of the same address.
  std::weak_ptr<SinkBatcher>& slot = all.by_sink[sink.get()];
  if (auto known = slot.lock()) return known;
  auto made = std::make_shared<SinkBatcher>(sink);
  slot = made;
  return made;
}

void SinkBatcher::submit(SinkBatch batch) {
  {
    cocozvec::MutexLock lock(mu_);
    waiting_.push_back(std::move(batch));
    if (running_) return;
    running_ = true;
  }
  run_next();
}

void SinkBatcher::run_next() {
  std::vector<SinkBatch> batches;
  {
    cocozvec::MutexLock lock(mu_);
    while (!waiting_.empty() && (batches.empty() || waiting_.front().context == batches.front().context)) {
      batches.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  apply(batches);
  std::function<void(std::function<void()>)> post;
  {
    cocozvec::MutexLock lock(mu_);
    if (waiting_.empty()) {
      running_ = false;
      return;
    }
    post = waiting_.front().post;
  }
  // Not a loop: this thread may have something else to wait for.
  post([self = shared_from_this()] { self->run_next(); });
}

void SinkBatcher::apply(std::span<SinkBatch> batches) {
  ApplyResult result;
  std::exception_ptr error;
  try {
    result = call(batches);
  } catch (...) {
    error = std::current_exception();
  }
  if (error && batches.size() > 1) {
    cocozvec::Log(cocozvec::LogLevel::kWarning, "a write for " + std::to_string(batches.size()) +
                                                    " components failed and is tried apart: " + What(error));
    apply(batches.first(batches.size() / 2));
    apply(batches.subspan(batches.size() / 2));
    return;
  }
  for (SinkBatch& batch : batches) {
    auto done = std::move(batch.done);
    batch.actions.clear();
    done(result, error);
  }
}

ApplyResult SinkBatcher::call(std::span<SinkBatch> batches) {
  const SinkBatch& first = batches.front();
  if (batches.size() == 1) return sink_->apply(*first.context, first.actions, first.store_id);
  std::vector<std::shared_ptr<TargetAction>> all;
  for (const SinkBatch& batch : batches) all.insert(all.end(), batch.actions.begin(), batch.actions.end());
  return sink_->apply(*first.context, all, first.store_id);
}

}  // namespace cocoindex::inline v0
