#include "cocoindex/app.h"

#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "base/mutex.h"
#include "cocoindex/reflect.h"
#include "cocoindex/runtime/build.h"
#include "cocoindex/runtime/caught.h"
#include "cocoindex/runtime/environment.h"
#include "cocoindex/runtime/layout.h"
#include "cocoindex/runtime/removal.h"
#include "cocoindex/runtime/run.h"

namespace cocoindex::inline v0 {

namespace internal {

/// One update or drop, from the call until its result has been read.
struct UpdateState {
  std::atomic<bool> cancel{false};
  cocozvec::Mutex mu;
  cocozvec::CondVar changed;
  bool done ZVEC_GUARDED_BY(mu) = false;
  UpdateResult result ZVEC_GUARDED_BY(mu);
  std::exception_ptr error ZVEC_GUARDED_BY(mu);
  std::shared_ptr<Run> run ZVEC_GUARDED_BY(mu);
  // Set before it is queued.
  UpdateOptions options;
  bool is_drop = false;
  std::shared_ptr<Processor> processor;
  std::function<std::shared_ptr<void>(Processor&)> take_result;
  const std::type_info* result_type = nullptr;
  // Set when it begins.
  std::shared_ptr<Session> session;
};

UpdateHandle CtxAccess::handle(std::shared_ptr<UpdateState> state) {
  UpdateHandle h;
  h.state_ = std::move(state);
  return h;
}
const std::shared_ptr<UpdateState>& CtxAccess::state(const UpdateHandle& handle) { return handle.state_; }
void CtxAccess::set_value(UpdateResult& result, std::shared_ptr<void> value, const std::type_info* type) {
  result.value_ = std::move(value);
  result.type_ = type;
}

}  // namespace internal

using internal::CtxAccess;
using StatePtr = std::shared_ptr<internal::UpdateState>;

struct App::Impl {
  Impl(Environment e, std::string n, internal::MainFunction m)
      : env(std::move(e)), name(std::move(n)), main(std::move(m)) {
    env.impl()->add_app(name);
  }
  ~Impl() {
    {
      cocozvec::MutexLock lock(mu);
      while (!operations.empty()) idle.Wait(mu);
    }
    env.impl()->remove_app(name);
  }

  void enqueue(StatePtr state);
  void begin(const StatePtr& state);
  void begin_update(const StatePtr& state, Run& run);
  void begin_drop(const StatePtr& state, Run& run);
  void end(const StatePtr& state, std::exception_ptr error);
  void prepare(Session& session, bool preview);

  Environment env;
  const std::string name;
  const internal::MainFunction main;
  std::atomic<bool> cancel{false};
  AppState state;
  cocozvec::Mutex mu;
  cocozvec::CondVar idle;
  std::deque<StatePtr> operations ZVEC_GUARDED_BY(mu);  ///< the first one runs
};

// Operations of one app run one after another: so a path is never built twice at once, and a second update
// with nothing new finds the first one's memos.
void App::Impl::enqueue(StatePtr op) {
  op->session = env.impl()->session_for_operation();
  if (op->session->pool->on_pool_thread()) {
    env.impl()->operation_ended();
    throw InvalidRequest("app \"" + name + "\" cannot be updated or dropped from inside a component");
  }
  bool first;
  {
    cocozvec::MutexLock lock(mu);
    first = operations.empty();
    if (op->is_drop) {  // what they would bring about goes anyway
      for (const StatePtr& o : operations) o->cancel = o->cancel || !o->is_drop;
    }
    operations.push_back(op);
  }
  if (first) begin(op);
}

void App::Impl::prepare(Session& session, bool preview) {
  auto db = session.store->app(name);
  if (db != state.db) {
    state.db = db;
    state.store_id = session.store->id();
  }
  std::string format;
  {
    const auto txn = db->read();
    if (auto stored = txn->get(layout::kFormatKey)) format = *stored;
    state.ids.start_at(IdAllocator::load(*txn));
  }
  if (format == layout::kFormat) return;
  if (!format.empty()) {
    throw StateError("store " + session.store->path() + ", app \"" + name + "\": written as \"" + format +
                     "\", this program reads \"" + std::string(layout::kFormat) + "\"");
  }
  if (preview) return;
  db->write([](WriteTxn& txn) { txn.put(layout::kFormatKey, layout::kFormat); });
}

void App::Impl::begin(const StatePtr& op) {
  cancel = false;
  auto thrown = caught([&] {
    prepare(*op->session, op->options.preview);
    auto run = std::make_shared<Run>(state, *op->session->pool, op->session->context, op->options, op->cancel,
                                     cancel, op->session->settings.max_inflight_components);
    {
      cocozvec::MutexLock lock(op->mu);
      op->run = run;
    }
    op->is_drop ? begin_drop(op, *run) : begin_update(op, *run);
  });
  if (thrown) end(op, std::move(thrown));
}

void App::Impl::begin_update(const StatePtr& op, Run& run) {
  MountTree::Mounted mounted;
  mounted.place = {layout::kNoNode, "", layout::kRootNode};
  {
    const auto txn = state.db->read();
    if (auto row = txn->get(mounted.place.row_key())) mounted.row = *row;
    run.load_robbed(*txn);
  }
  auto root = std::make_shared<internal::Build>(run, nullptr, StablePath(), std::move(mounted), op->processor,
                                                internal::Build::Mode::root);
  root->start_root([this, op](std::exception_ptr error) { end(op, error); });
}

void App::Impl::begin_drop(const StatePtr& op, Run& run) {
  Orphan root;
  root.place = {layout::kNoNode, "", layout::kRootNode};
  root.kind = layout::Kind::component;
  {
    const auto txn = state.db->read();
    if (auto row = txn->get(root.place.row_key())) root.row = *row;
  }
  if (root.row.empty()) return end(op, nullptr);
  root.name = layout::decode_node(root.row).name;
  Removal::all(run, nullptr, {std::move(root)}, [this, op](bool ok) {
    std::exception_ptr error;
    cocozvec::MutexLock lock(op->mu);
    if (!ok) {
      op->result.failures = op->run->take_failures();
      error = op->result.failures.empty() ? std::make_exception_ptr(CancelledError("the drop was cancelled"))
                                          : op->result.failures.front().cause;
    }
    op->session->pool->post_step([this, op, error] { end(op, error); });
  });
}

void App::Impl::end(const StatePtr& op, std::exception_ptr error) {
  try {
    if (op->is_drop && !error) {
      op->session->store->drop_app(name);
    }
    if (!error && op->take_result) {
      auto value = op->take_result(*op->processor);
      cocozvec::MutexLock lock(op->mu);
      CtxAccess::set_value(op->result, std::move(value), op->result_type);
    }
  } catch (...) {
    error = std::current_exception();
  }
  {
    cocozvec::MutexLock lock(op->mu);
    if (op->run) {
      op->result.stats = op->run->stats();
      op->result.planned = op->run->take_planned();
      if (op->result.failures.empty()) op->result.failures = op->run->take_failures();
    }
    op->error = error;
  }
  op->processor.reset();
  // From `done` on, whoever waited may destroy the app, and from operation_ended() on the environment with
  // its threads.
  Environment::Impl* const environment = env.impl().get();
  Pool* const pool = op->session->pool.get();
  op->session.reset();
  {
    cocozvec::MutexLock lock(op->mu);
    op->run.reset();
    op->done = true;
    op->changed.NotifyAll();
  }
  StatePtr next;
  {
    cocozvec::MutexLock lock(mu);
    operations.pop_front();
    if (operations.empty()) {
      idle.NotifyAll();
    } else {
      next = operations.front();
      pool->post_step([this, next] { begin(next); });
    }
  }
  next.reset();
  environment->operation_ended();
}

App::App(Environment env, std::string name, internal::MainFunction main, int)
    : impl_(std::make_shared<Impl>(std::move(env), std::move(name), std::move(main))) {}
App::~App() = default;
App::App(App&&) noexcept = default;
App& App::operator=(App&&) noexcept = default;

const std::string& App::name() const noexcept { return impl_->name; }
const Environment& App::environment() const noexcept { return impl_->env; }
void App::cancel() noexcept { impl_->cancel.store(true, std::memory_order_relaxed); }

UpdateHandle App::start_update(UpdateOptions options, std::shared_ptr<const void> args,
                               const std::type_info* type) {
  const internal::MainFunction& main = impl_->main;
  if (type && *type != *main.arguments_type) {
    throw InvalidRequest("app \"" + impl_->name + "\": updated with arguments " + reflect::type_name(*type) +
                         ", made with " + reflect::type_name(*main.arguments_type));
  }
  auto op = std::make_shared<internal::UpdateState>();
  op->options = options;
  op->processor = main.make(args ? args.get() : main.arguments.get());
  op->take_result = main.take_result;
  op->result_type = main.result_type;
  impl_->enqueue(op);
  return CtxAccess::handle(std::move(op));
}

UpdateStats App::drop_blocking() {
  auto op = std::make_shared<internal::UpdateState>();
  op->is_drop = true;
  impl_->enqueue(op);
  return CtxAccess::handle(std::move(op)).result().stats;
}

namespace {

/// Which incarnation of each container is the current one. Rows of a former one stay until their component is
/// built again, and stand for nothing.
class ContainerIds {
 public:
  explicit ContainerIds(ReadTxn& txn) : txn_(txn) {}
  /// Nothing for a container that is not on record, and below one.
  std::optional<std::uint64_t> of(std::string_view path) {
    if (path.size() <= kSegment) return 0;  // a root
    const auto known = ids_.find(path);
    return known != ids_.end() ? known->second : ids_.emplace(path, read(path)).first->second;
  }

 private:
  static constexpr std::size_t kSegment = 16;

  std::optional<std::uint64_t> read(std::string_view path) {
    const auto above = of(path.substr(0, path.size() - kSegment));
    const auto owner = txn_.get(layout::owner_key(std::string(path)));
    if (!above || !owner) return std::nullopt;
    const auto row = txn_.get(layout::item_key(layout::decode_id(*owner), path, *above));
    const auto child = row ? layout::decode_item(*row).child : std::nullopt;
    return child ? std::optional(child->id) : std::nullopt;
  }

  ReadTxn& txn_;
  std::map<std::string, std::optional<std::uint64_t>, std::less<>> ids_;
};

}  // namespace

std::uint64_t App::count_target_states(std::string_view root_provider_name,
                                       const StableKey& container_key) const {
  std::string path(as_bytes(key_fingerprint(StableKey(root_provider_name))));
  path += as_bytes(key_fingerprint(container_key));
  const auto session = impl_->env.impl()->session();
  const auto db = session->store->app(impl_->name);
  const auto txn = db->read();
  ContainerIds ids(*txn);
  if (!ids.of(path)) return 0;
  std::uint64_t count = 0;
  txn->scan(layout::all_items_prefix(), [&](std::string_view key, std::string_view) {
    const layout::ItemKey item = layout::parse_item_key(key);
    const bool below = item.path.size() > path.size() && item.path.starts_with(path);
    count += below && ids.of(item.provider_path()) == item.provider_id;
    return true;
  });
  return count;
}

std::string PlannedEffect::describe() const {
  const std::string what = action->describe();
  return target + ": " + (what.empty() ? is_removal ? "remove" : "write" : what);
}

// The result is written before `done` and never again.
const UpdateResult& UpdateHandle::result() const ZVEC_NO_THREAD_SAFETY_ANALYSIS {
  cocozvec::MutexLock lock(state_->mu);
  while (!state_->done) state_->changed.Wait(state_->mu);
  if (state_->error) std::rethrow_exception(state_->error);
  return state_->result;
}

UpdateStats UpdateHandle::stats() const {
  cocozvec::MutexLock lock(state_->mu);
  if (state_->done) return state_->result.stats;
  return state_->run ? state_->run->stats() : UpdateStats();
}

bool UpdateHandle::done() const {
  cocozvec::MutexLock lock(state_->mu);
  return state_->done;
}

bool UpdateHandle::wait_for(std::chrono::milliseconds timeout) const {
  const auto until = std::chrono::steady_clock::now() + timeout;
  cocozvec::MutexLock lock(state_->mu);
  while (!state_->done) {
    const auto left = until - std::chrono::steady_clock::now();
    if (left.count() <= 0) break;
    state_->changed.WaitFor(state_->mu, left);
  }
  return state_->done;
}

void UpdateHandle::cancel() const noexcept { state_->cancel.store(true, std::memory_order_relaxed); }

void* UpdateResult::check_value(const std::type_info& type) const {
  if (!type_)
    throw InvalidRequest("the main function returned nothing, asked for " + reflect::type_name(type));
  if (*type_ != type) {
    throw InvalidRequest("the main function returned " + reflect::type_name(*type_) + ", asked for " +
                         reflect::type_name(type));
  }
  return value_.get();
}

}  // namespace cocoindex::inline v0
