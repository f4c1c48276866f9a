#include "python/zvec/jobs.h"

#include <pthread.h>
#include <unistd.h>

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

std::atomic<bool> g_exiting{false};
std::atomic<unsigned long> g_exit_thread{0};  // that closes all: mostly the main one
std::atomic<int> g_returning{0};  // threads between asking whether the interpreter exits and having its lock

}  // namespace

Unlocked::Unlocked() noexcept : state_(PyEval_SaveThread()) {}

Unlocked::~Unlocked() {
  // In one order with KeepOthersUnlocked: either that sees this thread returning, or this thread sees the
  // exit.
  g_returning.fetch_add(1);
  if (g_exiting.load() && PyThread_get_thread_ident() != g_exit_thread.load()) {
    g_returning.fetch_sub(1);
    for (;;) pause();
  }
  PyEval_RestoreThread(state_);
  g_returning.fetch_sub(1);
}

void KeepOthersUnlocked() {
  g_exit_thread.store(PyThread_get_thread_ident());
  g_exiting.store(true);
  while (g_returning.load() != 0) usleep(1000);
}

bool OnMainThread() noexcept {
  return PyThread_get_thread_ident() == g_main_thread.load(std::memory_order_relaxed);
}

void RememberMainThread() {
  const auto ident =
      nb::cast<unsigned long>(nb::module_::import_("threading").attr("main_thread")().attr("ident"));
  g_main_thread.store(ident, std::memory_order_relaxed);
}

void ForgetJobs() noexcept {
  g_jobs.store(new Counter, std::memory_order_relaxed);
  g_returning.store(0);
  g_exiting.store(false);
}

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
