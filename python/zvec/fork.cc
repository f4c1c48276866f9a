#include "python/zvec/fork.h"

#include <pthread.h>

#include <atomic>

#include "python/zvec/jobs.h"

namespace cocozvec_python {
namespace {
std::atomic<unsigned> g_generation{0};
}

unsigned ForkGeneration() noexcept { return g_generation.load(std::memory_order_relaxed); }

void WatchForks() {
  pthread_atfork(nullptr, nullptr, [] {
    g_generation.fetch_add(1, std::memory_order_relaxed);
    ForgetJobs();
  });
}

}  // namespace cocozvec_python
