// cocoindex/runtime/inflight.h: how many components may be in flight.
//
// A component holds a token from before its body until its memo is stored, and lends it to its children, one
// at a time: a parent that waits always has one child that can run, so a limit of 1 works at any depth
// (cocoindex-engine.md 5.4). Threads: all functions from any thread. Callbacks are made without a lock held.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>

#include "base/mutex.h"

namespace cocoindex::inline v0 {

class InflightLimit {
 public:
  explicit InflightLimit(unsigned tokens) : free_(tokens) {}

  /// A component's part in it; must outlive what it holds.
  class Holder {
   public:
    explicit Holder(Holder* parent) : parent_(parent) {}

   private:
    friend class InflightLimit;
    enum class Has { nothing, own, borrowed };
    struct Request;
    Holder* const parent_;
    Has has_ = Has::nothing;
    bool lent_ = false;
    std::list<std::shared_ptr<Request>> waiting_;  // children
  };

  /// True: granted now, and `later` is dropped. False: `later` is called when it is.
  bool acquire(Holder& holder, std::function<void()> later);
  void release(Holder& holder);

 private:
  using Request = Holder::Request;
  std::function<void()> grant(const std::shared_ptr<Request>& request, Holder::Has how) ZVEC_REQUIRES(mu_);

  cocozvec::Mutex mu_;
  unsigned free_ ZVEC_GUARDED_BY(mu_);
  std::list<std::shared_ptr<Request>> waiting_ ZVEC_GUARDED_BY(mu_);
};

}  // namespace cocoindex::inline v0
