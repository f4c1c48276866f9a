// cocoindex/runtime/pool.h: the engine's threads.
//
// Two kinds of work. A *step* is short and never waits for other work: anyone may run it. A *body* is a
// user's function: it may wait for its descendants. A thread that waits runs steps and the bodies below what
// it waits for, nothing else: so with a single thread nothing that is needed is stuck below an unrelated
// function that waits in turn. Threads: all functions from any thread.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <vector>

#include "base/mutex.h"

namespace cocoindex::inline v0 {

/// A node of the tree of components; ancestors are found in O(log depth).
class Scope {
 public:
  explicit Scope(const Scope* parent) noexcept;
  bool is_within(const Scope& ancestor) const noexcept;  ///< itself included

 private:
  const Scope* parent_;
  const Scope* jump_;
  std::uint32_t depth_;
};

/// Something to wait for, once.
class WaitPoint {
 private:
  friend class Pool;
  bool done_ = false;  // under Pool::mu_
  cocozvec::CondVar changed_;
};

class Pool {
 public:
  using Work = std::function<void()>;

  explicit Pool(unsigned threads);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool();  ///< waits until the queues are empty

  void post_step(Work work);
  /// `scope` must live until the work has run.
  void post_body(const Scope& scope, Work work);
  /// Returns after signal(point). On a thread of the pool, runs steps and bodies within `scope` meanwhile.
  void wait(WaitPoint& point, const Scope& scope);
  void signal(WaitPoint& point);
  bool is_signalled(WaitPoint& point);

  /// This thread belongs to the pool.
  bool on_pool_thread() const noexcept;
  unsigned size() const noexcept { return static_cast<unsigned>(threads_.size()); }

 private:
  struct Body {
    const Scope* scope;
    Work work;
  };
  struct Sleeper {
    const Scope* scope;  // null: takes everything
    cocozvec::CondVar* wake;
    bool woken = false;
  };
  static void* thread_main(void* pool);
  void work_loop();
  bool take(const Scope* scope, Work& out) ZVEC_REQUIRES(mu_);
  void sleep(const Scope* scope, cocozvec::CondVar& wake) ZVEC_REQUIRES(mu_);
  void wake_for(const Scope* scope) ZVEC_REQUIRES(mu_);

  cocozvec::Mutex mu_;
  std::deque<Work> steps_ ZVEC_GUARDED_BY(mu_);
  std::list<Body> bodies_ ZVEC_GUARDED_BY(mu_);
  std::list<Sleeper*> sleepers_ ZVEC_GUARDED_BY(mu_);
  bool stopping_ ZVEC_GUARDED_BY(mu_) = false;
  std::vector<pthread_t> threads_;
};

}  // namespace cocoindex::inline v0
