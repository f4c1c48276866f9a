#include "python/zvec/jobs.h"

#include <pthread.h>

#include <atomic>

namespace cocozvec_python {
namespace {

std::atomic<unsigned long> g_main_thread{0};

struct Counter {
  std::mutex mu;
  std::condition_variable none;
  int running = 0;
};

// Never destroyed: a job may end while the process exits.
std::atomic<Counter*> g_jobs{new Counter};
Counter& Jobs() { return *g_jobs.load(std::memory_order_relaxed); }

}  // namespace

bool OnMainThread() noexcept {
  return PyThread_get_thread_ident() == g_main_thread.load(std::memory_order_relaxed);
}

void RememberMainThread() {
  const auto ident =
      nb::cast<unsigned long>(nb::module_::import_("threading").attr("main_thread")().attr("ident"));
  g_main_thread.store(ident, std::memory_order_relaxed);
}

void ForgetJobs() noexcept { g_jobs.store(new Counter, std::memory_order_relaxed); }

void JobBegins() {
  std::lock_guard lock(Jobs().mu);
  ++Jobs().running;
}

void JobEnds() noexcept {
  std::lock_guard lock(Jobs().mu);
  if (--Jobs().running == 0) Jobs().none.notify_all();
}

void WaitForJobs() {
  std::unique_lock lock(Jobs().mu);
  Jobs().none.wait(lock, [] { return Jobs().running == 0; });
}

}  // namespace cocozvec_python
