// python/zvec/jobs.h: calls into the database without the interpreter lock; long ones so that Ctrl-C is
// heard. A long call runs on a thread of its own while the caller waits and looks for signals. When one
// raises, the caller goes on with the exception and the call ends by itself: the collection sees a whole call
// or none.
#pragma once

#include <nanobind/nanobind.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "python/zvec/errors.h"
#include "python/zvec/fork.h"

namespace cocozvec_python {

namespace nb = nanobind;

/// Whether the caller is the thread that Python delivers signals to.
bool OnMainThread() noexcept;
void RememberMainThread();  ///< at import, and in a child after fork

/// Long calls that nobody waits for any more are counted, so that the interpreter's exit can wait for them.
void JobBegins();
void JobEnds() noexcept;
void WaitForJobs();  ///< without the interpreter lock
/// In a child after fork: the jobs and threads of the parent are not here, and their lock may be held for
/// ever.
void ForgetJobs() noexcept;

/// Without the interpreter lock until the end of the scope. A daemon thread that wants it back while the
/// interpreter exits waits for ever in place of that: CPython (before 3.14) would end such a thread by
/// unwinding its stack, which ends the process where C++ is on it.
class Unlocked {
 public:
  Unlocked() noexcept;
  ~Unlocked();
  Unlocked(const Unlocked&) = delete;
  Unlocked& operator=(const Unlocked&) = delete;

 private:
  PyThreadState* const state_;
};

/// At the interpreter's exit, once only this thread and daemons are left: from now on no other thread gets
/// the lock back from an Unlocked. Without the interpreter lock; returns when those that were waiting for it
/// have it.
void KeepOthersUnlocked();

template <class F>
auto Released(F&& call) {
  const Unlocked unlocked;
  return call();
}

/// `call` owns all it uses, holds no Python object, and returns a value.
template <class F>
auto Interruptible(F call) {
  using R = decltype(call());
  if (!OnMainThread()) return Released(call);
  struct Job {
    explicit Job(F f) : call(std::move(f)) {}
    std::mutex mu;
    std::condition_variable ended;
    bool done = false;
    std::optional<F> call;  // dropped with what it owns before the end is announced
    std::optional<R> result;
    std::exception_ptr error;
  };
  auto job = std::make_shared<Job>(std::move(call));
  const unsigned generation = ForkGeneration();
  JobBegins();
  try {
    std::thread([job] {
      try {
        job->result.emplace((*job->call)());
      } catch (...) {
        job->error = std::current_exception();
      }
      job->call.reset();
      {
        std::lock_guard lock(job->mu);
        job->done = true;
      }
      job->ended.notify_one();
      JobEnds();
    }).detach();
  } catch (...) {
    JobEnds();
    throw;
  }
  for (bool done = false; !done;) {
    {
      const Unlocked unlocked;
      std::unique_lock lock(job->mu);
      done = job->ended.wait_for(lock, std::chrono::milliseconds(20), [&] { return job->done; });
    }
    if (!done && PyErr_CheckSignals() != 0) throw nb::python_error();
    // A handler may have forked: in the child nobody does the work, nor gives the job's lock back.
    if (!done && generation != ForkGeneration())
      Raise(PyExc_RuntimeError,
            "this process was forked while the call ran, which goes on in the parent only");
  }
  if (job->error) std::rethrow_exception(job->error);
  return *std::move(job->result);
}

}  // namespace cocozvec_python
