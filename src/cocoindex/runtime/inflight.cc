#include "cocoindex/runtime/inflight.h"

#include <utility>

namespace cocoindex::inline v0 {

struct InflightLimit::Holder::Request {
  Holder* holder;
  std::function<void()> granted;
  std::list<std::shared_ptr<Request>>::iterator in_pool, in_parent;
};

bool InflightLimit::acquire(Holder& holder, std::function<void()> later) {
  cocozvec::MutexLock lock(mu_);
  Holder* parent = holder.parent_;
  if (parent && parent->has_ != Holder::Has::nothing && !parent->lent_) {
    parent->lent_ = true;
    holder.has_ = Holder::Has::borrowed;
    return true;
  }
  if (free_ > 0) {
    --free_;
    holder.has_ = Holder::Has::own;
    return true;
  }
  auto request = std::make_shared<Request>(Request{&holder, std::move(later), {}, {}});
  request->in_pool = waiting_.insert(waiting_.end(), request);
  if (parent) request->in_parent = parent->waiting_.insert(parent->waiting_.end(), request);
  return false;
}

std::function<void()> InflightLimit::grant(const std::shared_ptr<Request>& request, Holder::Has how) {
  Holder& holder = *request->holder;
  const std::shared_ptr<Request> keep = request;  // `request` may be an element of a list
  keep->holder->has_ = how;
  waiting_.erase(keep->in_pool);
  if (holder.parent_) holder.parent_->waiting_.erase(keep->in_parent);
  return std::move(keep->granted);
}

void InflightLimit::release(Holder& holder) {
  std::function<void()> granted;
  {
    cocozvec::MutexLock lock(mu_);
    switch (std::exchange(holder.has_, Holder::Has::nothing)) {
      case Holder::Has::nothing:
        return;
      case Holder::Has::borrowed:
        if (holder.parent_->waiting_.empty()) {
          holder.parent_->lent_ = false;
        } else {
          granted = grant(holder.parent_->waiting_.front(), Holder::Has::borrowed);
        }
        break;
      case Holder::Has::own:
        if (waiting_.empty()) {
          ++free_;
        } else {
          granted = grant(waiting_.front(), Holder::Has::own);
        }
    }
  }
  if (granted) granted();
}

}  // namespace cocoindex::inline v0
