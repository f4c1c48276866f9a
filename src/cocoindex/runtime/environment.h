// cocoindex/runtime/environment.h: what an Environment is inside.
// Threads: all functions from any thread.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "base/mutex.h"
#include "cocoindex/app.h"
#include "cocoindex/runtime/pool.h"
#include "cocoindex/state/store.h"

namespace cocoindex::inline v0 {

/// One start of an environment. Destroyed when it stops and no operation uses it any more.
struct Session {
  Settings settings;
  std::shared_ptr<Store> store;
  ContextProvider context;
  std::unique_ptr<Pool> pool;
};

struct Environment::Impl {
  Impl(Settings s, Lifespan l) : settings(std::move(s)), lifespan_fn(std::move(l)) {}
  ~Impl();

  /// Starts when needed; the session stays while it is in use.
  std::shared_ptr<Session> session() { return get_session(0); }
  /// The same, and stop() waits for operation_ended().
  std::shared_ptr<Session> session_for_operation() { return get_session(1); }
  void operation_ended();
  void stop();

  void add_app(const std::string& name);  ///< throws InvalidRequest when it lives already
  void remove_app(const std::string& name);

  Settings settings;
  Lifespan lifespan_fn;

 private:
  std::shared_ptr<Session> open() const;
  std::shared_ptr<Session> get_session(std::size_t new_operations);

  cocozvec::Mutex start_mu_;  ///< held over a start or stop
  cocozvec::Mutex mu_;
  cocozvec::CondVar idle_;
  std::shared_ptr<Session> session_ ZVEC_GUARDED_BY(mu_);
  std::size_t operations_ ZVEC_GUARDED_BY(mu_) = 0;
  std::set<std::string> apps_ ZVEC_GUARDED_BY(mu_);
};

}  // namespace cocoindex::inline v0
