#include "cocoindex/runtime/environment.h"

#include <cstdlib>
#include <thread>

#include "cocoindex/errors.h"
#include "cocozvec/base/log.h"

namespace cocoindex::inline v0 {
namespace {

struct Default {
  cocozvec::Mutex mu;
  Environment::Lifespan lifespan ZVEC_GUARDED_BY(mu);
  std::weak_ptr<Environment::Impl> environment ZVEC_GUARDED_BY(mu);  // stops with its last app
};
Default& TheDefault() {
  static auto* d = new Default;
  return *d;
}

}  // namespace

lifespan::lifespan(Environment::Lifespan f) {
  Default& d = TheDefault();
  cocozvec::MutexLock lock(d.mu);
  if (d.lifespan) {
    cocozvec::Log(cocozvec::LogLevel::kWarning,
                  "a second lifespan is registered for the default environment: it wins");
  }
  d.lifespan = std::move(f);
}

Environment::Environment(Settings settings, Lifespan lifespan)
    : impl_(std::make_shared<Impl>(std::move(settings), std::move(lifespan))) {}

Environment Environment::default_environment() {
  Default& d = TheDefault();
  cocozvec::MutexLock lock(d.mu);
  if (auto known = d.environment.lock()) return Environment(std::move(known));
  Environment made(Settings{}, [](EnvironmentBuilder& builder) {
    Lifespan f;
    {
      Default& now = TheDefault();
      cocozvec::MutexLock inner(now.mu);
      f = now.lifespan;
    }
    if (f) f(builder);
  });
  d.environment = made.impl_;
  return made;
}

void Environment::start() const { impl_->session(); }
void Environment::stop() const { impl_->stop(); }
const ContextProvider& Environment::context() const { return impl_->session()->context; }
std::vector<std::string> Environment::app_names() const { return impl_->session()->store->app_names(); }

Environment::Impl::~Impl() {
  try {
    stop();
  } catch (const std::exception& e) {
    cocozvec::Log(cocozvec::LogLevel::kError, std::string("an environment did not stop well: ") + e.what());
  }
}

std::shared_ptr<Session> Environment::Impl::open() const {
  auto session = std::make_shared<Session>();
  EnvironmentBuilder builder(&session->context);
  builder.settings = settings;
  if (lifespan_fn) lifespan_fn(builder);
  Settings& s = session->settings = builder.settings;
  if (s.db_path.empty()) {
    const char* path = std::getenv("COCOINDEX_DB");
    if (!path || !*path)
      throw InvalidRequest("Settings::db_path is empty and the variable COCOINDEX_DB is not set");
    s.db_path = path;
  }
  if (s.max_inflight_components == 0)
    throw InvalidRequest("Settings::max_inflight_components is 0, at least 1 is needed");
  session->store =
      Store::open({.path = s.db_path, .max_dbs = s.max_dbs, .map_size = s.map_size, .durable = s.durable});
  session->pool =
      std::make_unique<Pool>(s.threads ? s.threads : std::max(1u, std::thread::hardware_concurrency()));
  return session;
}

std::shared_ptr<Session> Environment::Impl::get_session(std::size_t new_operations) {
  {
    // Without waiting for a stop(), which may itself wait for the body that asks here.
    cocozvec::MutexLock lock(mu_);
    if (session_) {
      operations_ += new_operations;
      return session_;
    }
  }
  cocozvec::MutexLock starting(start_mu_);
  {
    cocozvec::MutexLock lock(mu_);
    if (session_) {
      operations_ += new_operations;
      return session_;
    }
  }
  auto session = open();  // the lifespan is the user's code: not under mu_
  cocozvec::MutexLock lock(mu_);
  operations_ += new_operations;
  return session_ = std::move(session);
}

void Environment::Impl::stop() {
  cocozvec::MutexLock starting(start_mu_);
  std::shared_ptr<Session> session;
  {
    cocozvec::MutexLock lock(mu_);
    if (session_ && session_->pool->on_pool_thread()) {
      throw InvalidRequest("an environment cannot stop from inside one of its components");
    }
    while (operations_ > 0) idle_.Wait(mu_);
    session = std::move(session_);
  }
  if (!session) return;
  session->pool.reset();
  session->context.clear();
  session->store->close();
}

void Environment::Impl::add_app(const std::string& name) {
  cocozvec::MutexLock lock(mu_);
  if (!apps_.insert(name).second)
    throw InvalidRequest("app \"" + name + "\" exists already in this environment");
}

void Environment::Impl::remove_app(const std::string& name) {
  cocozvec::MutexLock lock(mu_);
  apps_.erase(name);
}

void Environment::Impl::operation_ended() {
  cocozvec::MutexLock lock(mu_);
  --operations_;
  idle_.NotifyAll();
}

}  // namespace cocoindex::inline v0
