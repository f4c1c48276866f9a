// zvec/collection/background.h: work that nobody waits for, one step after the other: on a thread of its own,
// which starts with the first step, or in the calls that gave rise to it, or not at all.
// Threads: all functions from any; a step must call none of them but Progress and Wake. Forks: a child that
// inherited one may destroy it.
#pragma once

#include <functional>
#include <memory>

#include "base/cancel.h"
#include "base/fork.h"
#include "zvec/options.h"

namespace zvec::inline v0 {

class Background {
 public:
  /// Does a part of the work and returns true when there may be more. Ends early when it is cancelled. May
  /// throw std::bad_alloc, nothing else: then the work is given up until the next Wake. Never two at a time.
  using Step = std::function<bool(const cocozvec::Cancel& cancel)>;

  /// `nice`: by how much the thread gives way to others (base/give_way.h).
  Background(Maintenance mode, Step step, int nice = 0);
  ~Background();  ///< Stop
  Background(const Background&) = delete;
  Background& operator=(const Background&) = delete;

  /// There may be something to do. kInline: it is done now, by the caller; behind the step that it is
  /// called from; where there is a Quiet, by the next Wake.
  void Wake();
  /// Returns when `wanted()` is false, or when nobody is at work that could make it so (a Quiet keeps them
  /// from it). kBackground only;
  /// else at once. `wanted` is called under a lock that nobody takes while holding one that it takes.
  void WaitWhile(const std::function<bool()>& wanted);
  /// In this thread, in the place of the steps: what runs is cancelled and nothing else begins before its
  /// end, which Stop waits for. Not two at a time. False: stopped before.
  bool Run(const std::function<void(const cocozvec::Cancel& cancel)>& work);
  /// From a step: what WaitWhile waits for may have changed.
  void Progress();
  bool busy() const;
  /// Cancels what runs; nothing begins any more.
  void BeginStop();
  /// And waits for its end.
  void Stop();

  /// While one lives, nothing runs.
  class Quiet {
   public:
    explicit Quiet(Background& background);
    ~Quiet();
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;

   private:
    Background& background_;
  };

 private:
  struct State;
  static void Work(State& state);
  static bool RunStep(State& state);

  const Maintenance mode_;
  const cocozvec::BornHere process_;
  std::unique_ptr<State> state_;  ///< left alone in a forked child: its locks may be taken for ever
};

}  // namespace zvec::inline v0
