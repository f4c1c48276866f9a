#include "cocozvec/base/log.h"

#include <atomic>
#include <memory>

#include "base/mutex.h"

namespace cocozvec::inline v0 {
namespace {

constexpr int kSilent = 100;

struct Sink {
  std::atomic<int> least{kSilent};
  Mutex mu;
  std::shared_ptr<const LogCallback> callback ZVEC_GUARDED_BY(mu);
};

Sink& TheSink() {
  static Sink* const sink = new Sink;  // never destroyed: threads may log until the very end
  return *sink;
}

}  // namespace

void SetLogCallback(LogCallback callback, LogLevel least) {
  Sink& sink = TheSink();
  auto shared = callback ? std::make_shared<const LogCallback>(std::move(callback)) : nullptr;
  MutexLock lock(sink.mu);
  sink.least.store(shared ? static_cast<int>(least) : kSilent, std::memory_order_relaxed);
  sink.callback.swap(shared);
}

void Log(LogLevel level, std::string_view message) noexcept {
  Sink& sink = TheSink();
  if (static_cast<int>(level) < sink.least.load(std::memory_order_relaxed)) return;
  std::shared_ptr<const LogCallback> callback;
  {
    MutexLock lock(sink.mu);
    callback = sink.callback;
  }
  if (callback) (*callback)(level, message);
}

}  // namespace cocozvec::inline v0
