#include "zvec/collection/background.h"

#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "base/give_way.h"
#include "base/mutex.h"
#include "cocozvec/base/log.h"

namespace zvec::inline v0 {

using cocozvec::MutexLock;

struct Background::State {
  State(Step s, int n) : step(std::move(s)), nice(n) {}

  const Step step;
  const int nice;
  cocozvec::Cancel cancel;
  cocozvec::Mutex mu;
  cocozvec::CondVar wake;      ///< for the thread
  cocozvec::CondVar progress;  ///< for those who wait for it
  bool wanted ZVEC_GUARDED_BY(mu) = false;
  bool running ZVEC_GUARDED_BY(mu) = false;
  std::thread::id runner ZVEC_GUARDED_BY(mu);  ///< while something runs
  bool stopped ZVEC_GUARDED_BY(mu) = false;
  bool threadless ZVEC_GUARDED_BY(mu) = false;  ///< the system had no thread to give
  int quiet ZVEC_GUARDED_BY(mu) = 0;
  std::thread thread;  ///< started under `mu`, joined by Stop
};

Background::Background(Maintenance mode, Step step, int nice)
    : mode_(mode), state_(std::make_unique<State>(std::move(step), nice)) {}

Background::~Background() {
  if (process_.inherited())
    (void)state_.release();
  else
    Stop();
}

/// One step, by the thread or by the caller of an inline Wake: `running` is set.
bool Background::RunStep(State& state) {
  bool more = false;
  try {
    more = state.step(state.cancel);
  } catch (const std::bad_alloc&) {  // not even enough to say so
  }
  MutexLock lock(state.mu);
  state.running = false;
  state.runner = {};
  if (more) state.wanted = true;
  state.progress.NotifyAll();
  return state.wanted;
}

void Background::Work(State& state) {
  for (;;) {
    {
      MutexLock lock(state.mu);
      while (!state.stopped && (!state.wanted || state.quiet > 0)) state.wake.Wait(state.mu);
      if (state.stopped) return;
      state.wanted = false;
      state.running = true;
      state.runner = std::this_thread::get_id();
    }
    (void)RunStep(state);
  }
}

void Background::Wake() {
  if (mode_ == Maintenance::kManual) return;
  State& state = *state_;
  if (mode_ == Maintenance::kInline) {
    do {
      MutexLock lock(state.mu);
      if (state.quiet > 0 || (state.running && state.runner == std::this_thread::get_id())) {
        state.wanted = true;  // the call may have been made inside a step, which is done first
        return;
      }
      while (!state.stopped && state.running) state.progress.Wait(state.mu);
      if (state.stopped) return;
      state.wanted = state.quiet > 0;  // it may have begun meanwhile
      if (state.wanted) return;
      state.running = true;
      state.runner = std::this_thread::get_id();
    } while (RunStep(state));
    return;
  }
  MutexLock lock(state.mu);
  if (state.stopped) return;
  state.wanted = true;
  if (!state.thread.joinable() && !state.threadless) {
    try {
      state.thread = std::thread([&state] {
        cocozvec::GiveWay(state.nice);
        Work(state);
      });
    } catch (const std::system_error&) {
      state.threadless = true;
      cocozvec::Log(cocozvec::LogLevel::kWarning,
                    "the system gives no thread for maintenance: it is left to Optimize");
    }
  }
  state.wake.NotifyOne();
}

void Background::WaitWhile(const std::function<bool()>& wanted) {
  if (mode_ != Maintenance::kBackground || !wanted()) return;
  State& state = *state_;
  MutexLock lock(state.mu);
  if (state.running && state.runner == std::this_thread::get_id()) return;  // it would wait for itself
  // A Quiet keeps everybody from work: that may take long.
  while (!state.stopped && !state.threadless && (state.running || (state.wanted && state.quiet == 0)) &&
         wanted())
    state.progress.Wait(state.mu);
}

bool Background::Run(const std::function<void(const cocozvec::Cancel& cancel)>& work) {
  State& state = *state_;
  {
    MutexLock lock(state.mu);
    ++state.quiet;
    state.cancel.Raise();
    while (state.running) state.progress.Wait(state.mu);
    state.cancel.Lower();
    if (state.stopped) {
      --state.quiet;
      return false;
    }
    state.running = true;
    state.runner = std::this_thread::get_id();
  }
  struct End {
    State& state;
    ~End() {
      MutexLock lock(state.mu);
      state.running = false;
      state.runner = {};
      --state.quiet;
      state.wake.NotifyAll();
      state.progress.NotifyAll();
    }
  } end{state};
  work(state.cancel);
  return true;
}

void Background::Progress() {
  MutexLock lock(state_->mu);
  state_->progress.NotifyAll();
}

bool Background::busy() const {
  MutexLock lock(state_->mu);
  return state_->running ||
         (state_->wanted && mode_ == Maintenance::kBackground && !state_->stopped && !state_->threadless);
}

void Background::BeginStop() {
  State& state = *state_;
  MutexLock lock(state.mu);
  if (!state.stopped) state.cancel.Raise();
  state.stopped = true;
  state.wake.NotifyAll();
  state.progress.NotifyAll();
}

void Background::Stop() {
  BeginStop();
  State& state = *state_;
  std::thread thread;
  {
    MutexLock lock(state.mu);
    while (state.running) state.progress.Wait(state.mu);
    thread.swap(state.thread);
  }
  if (thread.joinable()) thread.join();
}

Background::Quiet::Quiet(Background& background) : background_(background) {
  State& state = *background_.state_;
  MutexLock lock(state.mu);
  ++state.quiet;
  state.cancel.Raise();
  state.progress.NotifyAll();
  while (state.running) state.progress.Wait(state.mu);
}

Background::Quiet::~Quiet() {
  State& state = *background_.state_;
  MutexLock lock(state.mu);
  --state.quiet;
  state.cancel.Lower();
  state.wake.NotifyAll();
  state.progress.NotifyAll();
}

}  // namespace zvec::inline v0
