#include "cocoindex/runtime/pool.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "cocoindex/errors.h"

namespace cocoindex::inline v0 {
namespace {

// Address space, not memory: a thousand use_mounts inside each other run on one stack.
constexpr std::size_t kStackSize = 64u << 20;

thread_local const Pool* current_pool = nullptr;

}  // namespace

Scope::Scope(const Scope* parent) noexcept : parent_(parent), jump_(this), depth_(0) {
  if (!parent) return;
  depth_ = parent->depth_ + 1;
  // Skew-binary jump pointers (Myers 1983): the jump of a node spans what two jumps of its parent span, when
  // equal.
  const Scope* j = parent->jump_;
  jump_ = parent->depth_ - j->depth_ == j->depth_ - j->jump_->depth_ ? j->jump_ : parent;
}

bool Scope::is_within(const Scope& ancestor) const noexcept {
  const Scope* s = this;
  while (s->depth_ > ancestor.depth_) s = s->jump_->depth_ >= ancestor.depth_ ? s->jump_ : s->parent_;
  return s == &ancestor;
}

Pool::Pool(unsigned threads) {
  pthread_attr_t attr;
  pthread_attr_init(&attr);
  pthread_attr_setstacksize(&attr, kStackSize);
  for (unsigned i = 0; i < std::max(threads, 1u); ++i) {
    pthread_t thread;
    if (int rc = pthread_create(&thread, &attr, &Pool::thread_main, this); rc != 0) {
      if (i > 0) break;  // fewer threads are slower, not wrong
      pthread_attr_destroy(&attr);
      throw StateError(std::string("cannot start a thread: ") + std::strerror(rc));
    }
    threads_.push_back(thread);
  }
  pthread_attr_destroy(&attr);
}

Pool::~Pool() {
  {
    cocozvec::MutexLock lock(mu_);
    stopping_ = true;
    for (Sleeper* s : sleepers_) {
      s->woken = true;
      s->wake->NotifyAll();
    }
    sleepers_.clear();
  }
  for (pthread_t thread : threads_) pthread_join(thread, nullptr);
}

void* Pool::thread_main(void* pool) {
  static_cast<Pool*>(pool)->work_loop();
  return nullptr;
}

bool Pool::on_pool_thread() const noexcept { return current_pool == this; }

void Pool::work_loop() {
  current_pool = this;
  cocozvec::CondVar wake;
  for (;;) {
    Work work;
    {
      cocozvec::MutexLock lock(mu_);
      while (!take(nullptr, work)) {
        if (stopping_) return;
        sleep(nullptr, wake);
      }
    }
    work();
  }
}

bool Pool::take(const Scope* scope, Work& out) {
  if (!steps_.empty()) {
    out = std::move(steps_.front());
    steps_.pop_front();
    return true;
  }
  if (!scope) {
    if (bodies_.empty()) return false;
    out = std::move(bodies_.front().work);
    bodies_.pop_front();
    return true;
  }
  // From the back: what lies below a waiter came late.
  for (auto it = bodies_.end(); it != bodies_.begin();) {
    --it;
    if (!it->scope->is_within(*scope)) continue;
    out = std::move(it->work);
    bodies_.erase(it);
    return true;
  }
  return false;
}

void Pool::sleep(const Scope* scope, cocozvec::CondVar& wake) {
  Sleeper me{scope, &wake};
  auto it = sleepers_.insert(sleepers_.end(), &me);
  wake.Wait(mu_);
  if (!me.woken) sleepers_.erase(it);  // whoever wakes takes it from the list
}

void Pool::wake_for(const Scope* scope) {
  auto wake = [this](std::list<Sleeper*>::iterator it) ZVEC_REQUIRES(mu_) {
    (*it)->woken = true;
    (*it)->wake->NotifyAll();
    return sleepers_.erase(it);
  };
  // An idle thread is sure to take it; a waiter may find that its own wait is over, so then all that could
  // are woken.
  for (auto it = sleepers_.begin(); it != sleepers_.end(); ++it) {
    if ((*it)->scope == nullptr) return static_cast<void>(wake(it));
  }
  for (auto it = sleepers_.begin(); it != sleepers_.end();) {
    it = !scope || scope->is_within(*(*it)->scope) ? wake(it) : std::next(it);
  }
}

void Pool::post_step(Work work) {
  cocozvec::MutexLock lock(mu_);
  steps_.push_back(std::move(work));
  wake_for(nullptr);
}

void Pool::post_body(const Scope& scope, Work work) {
  cocozvec::MutexLock lock(mu_);
  bodies_.push_back({&scope, std::move(work)});
  wake_for(&scope);
}

void Pool::wait(WaitPoint& point, const Scope& scope) {
  const bool may_work = on_pool_thread();
  for (;;) {
    Work work;
    {
      cocozvec::MutexLock lock(mu_);
      for (;;) {
        if (point.done_) return;
        if (!may_work) {
          point.changed_.Wait(mu_);
        } else if (take(&scope, work)) {
          break;
        } else {
          sleep(&scope, point.changed_);
        }
      }
    }
    work();
  }
}

void Pool::signal(WaitPoint& point) {
  cocozvec::MutexLock lock(mu_);
  point.done_ = true;
  point.changed_.NotifyAll();
}

bool Pool::is_signalled(WaitPoint& point) {
  cocozvec::MutexLock lock(mu_);
  return point.done_;
}

}  // namespace cocoindex::inline v0
