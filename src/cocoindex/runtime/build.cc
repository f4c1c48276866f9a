#include "cocoindex/runtime/build.h"

#include <utility>

#include "base/coding.h"
#include "cocoindex/errors.h"
#include "cocoindex/runtime/caught.h"
#include "cocoindex/runtime/removal.h"
#include "cocoindex/runtime/submit.h"
#include "cocozvec/base/log.h"

namespace cocoindex::inline v0::internal {
namespace {

layout::NodeId IdOf(const std::shared_ptr<Build>&, const MountTree::Mounted& m) { return m.place.id; }

bool HasCallMemos(const std::string& row) { return !row.empty() && layout::decode_node(row).has_call_memos; }

bool IsInternal(const FnInfo& info) { return info.name.starts_with("cocoindex/"); }

}  // namespace

void Readiness::add() {
  cocozvec::MutexLock lock(mu);
  ++left;
}

void Readiness::finished_one() {
  std::vector<WaitPoint*> ready;
  {
    cocozvec::MutexLock lock(mu);
    if (--left == 0) ready.swap(waiting);
  }
  for (WaitPoint* p : ready) parent->run().pool.signal(*p);
}

void Readiness::wait() {
  WaitPoint point;
  {
    cocozvec::MutexLock lock(mu);
    if (left == 0) return;
    waiting.push_back(&point);
  }
  parent->run().pool.wait(point, *parent);
}

Fingerprint memo_key(std::string_view kind, const Processor& p) {
  Hasher h;
  h.tag(kind).text(p.info.name).integer(p.info.version).unsigned_integer(p.info.deps).begin();
  p.hash_arguments(h);
  h.end();
  return h.finish();
}

std::string encode_states(const MemoStates& states) {
  std::string out;
  for (const std::string& s : states.states) append_string(out, s);
  return out;
}

std::string encode_new_memo(const NewMemo& memo, const Processor& processor) {
  layout::MemoRow row{.key = memo.key,
                      .deps = memo.deps,
                      .states = memo.states,
                      .targets = memo.targets,
                      .nested = memo.nested,
                      .has_result = processor.result_storable(),
                      .result = {}};
  const std::string result = row.has_result ? processor.encode_result() : std::string();
  row.result = result;
  return layout::encode_memo(row);
}

Build::Build(Run& run, std::shared_ptr<Build> parent, StablePath path, MountTree::Mounted mounted,
             std::shared_ptr<Processor> processor, Mode mode)
    : Scope(parent.get()),
      run_(run),
      parent_(std::move(parent)),
      path_(std::move(path)),
      place_(mounted.place),
      directories_(std::move(mounted.directories)),
      memo_above_(mounted.memo_above),
      memos_count_(!run.full_reprocess && !run.was_robbed(place_.id)),
      mode_(mode),
      processor_(std::move(processor)),
      info_(processor_->info),
      deps_needed_(info_.memo || (parent_ && parent_->deps_needed_)),
      token_(parent_ ? &parent_->token_ : nullptr),
      row_(std::move(mounted.row)),
      root_frame_(*this, nullptr, {}),
      tree_(IdOf(parent_, mounted), !row_.empty()),
      calls_(place_.id, HasCallMemos(row_)) {
  if (!row_.empty()) was_tracked_ = layout::decode_node(row_).tracked;
}

void Build::start_root(std::function<void(std::exception_ptr)> done) {
  root_done_ = std::move(done);
  know_function(info_);
  run_.count(info_.name, &ComponentCounts::execution_starts);
  auto self = shared_from_this();
  auto go = [self] { self->run_.pool.post_body(*self, [self] { self->run_body(); }); };
  if (run_.limit.acquire(token_, go)) go();
}

// -- mounting
// ---------------------------------------------------------------------------------------------------------

std::shared_ptr<Build> Build::mount_child(Frame& frame, StablePath path,
                                          const std::shared_ptr<Processor>& processor, Mode mode) {
  if (frame.is_call()) {
    throw InvalidRequest("a memoised call cannot mount (" + std::string(processor->info.name) +
                         "): Either mount the function as a component, or set memo=False");
  }
  run_.check_cancelled();
  know_function(processor->info);
  MountTree::Mounted mounted;
  {
    cocozvec::MutexLock lock(mu_);
    mounted = tree_.mount(path, run_.app, path_);
  }
  run_.count(processor->info.name, &ComponentCounts::execution_starts);
  if (processor->info.memo && !run_.full_reprocess && !mounted.row.empty() && processor->state_count() == 0 &&
      !run_.was_robbed(mounted.place.id) && hit_at_once(*processor, mounted.row, mode)) {
    return nullptr;
  }
  auto child =
      std::make_shared<Build>(run_, shared_from_this(), path_ / path, std::move(mounted), processor, mode);
  pending_.fetch_add(1);
  WaitPoint granted;
  if (!run_.limit.acquire(child->token_, [&] { run_.pool.signal(granted); })) run_.pool.wait(granted, *this);
  return child;
}

bool Build::hit_at_once(Processor& processor, const std::string& row, Mode mode) {
  const layout::NodeRow node = layout::decode_node(row);
  if (node.memo.empty() || node.kind != layout::Kind::component) return false;
  const layout::MemoRow memo = layout::decode_memo(node.memo);
  if (memo.key != memo_key("component", processor) || !memo_usable(memo)) return false;
  if (mode == Mode::foreground) {
    if (!memo.has_result) return false;
    try {
      processor.decode_result(memo.result);
    } catch (const std::exception& e) {
      cocozvec::Log(cocozvec::LogLevel::kWarning, "a stored result of " + std::string(processor.info.name) +
                                                      " cannot be read and is computed again: " + e.what());
      return false;
    }
  }
  run_.count(processor.info.name, &ComponentCounts::unchanged);
  if (deps_needed_) {
    cocozvec::MutexLock lock(mu_);
    root_frame_.deps.add_encoded(memo.deps);
    root_frame_.deps.add(function_dep(processor.info));
  }
  return true;
}

bool Build::memo_usable(const layout::MemoRow& row) const {
  return all_deps(row.deps, [this](const Dep& dep) { return run_.dep_holds(dep); });
}

void Build::mount(Frame& frame, StablePath path, std::shared_ptr<Processor> processor,
                  std::shared_ptr<Readiness> group) {
  auto child = mount_child(frame, std::move(path), processor, Mode::background);
  if (!child) return;
  if (group) group->add();
  child->group_ = std::move(group);
  processor.reset();
  run_.pool.post_body(*child, [child] { child->run_body(); });
}

void Build::use_mount(Frame& frame, StablePath path, std::shared_ptr<Processor> processor) {
  auto child = mount_child(frame, std::move(path), processor, Mode::foreground);
  if (!child) return;
  child->run_body();
  run_.pool.wait(child->done_, *child);
  if (!child->error_) return;
  {
    cocozvec::MutexLock lock(mu_);
    rethrown_ = child->error_;
    rethrown_collection_ = child->failed_collection_;
  }
  std::rethrow_exception(child->error_);
}

// -- running
// ----------------------------------------------------------------------------------------------------------

void Build::run_body() {
  try {
    run_.check_cancelled();
    if (info_.memo && try_memo()) return;
    write_start();
    if (mode_ != Mode::root && !IsInternal(info_)) run_.count_executed();
    Ctx ctx = CtxAccess::make(&root_frame_);
    processor_->run(ctx);
  } catch (...) {
    error_ = std::current_exception();
  }
  processor_->release_arguments();
  part_finished();
}

/// True: a hit, and the component ends. Otherwise key and states are known for the memo to come.
bool Build::try_memo() {
  memo_key_ = memo_key("component", *processor_);
  std::vector<std::string> stored_states;
  std::string stored;
  if (!row_.empty()) stored = layout::decode_node(row_).memo;
  const bool candidate = !stored.empty() && memos_count_ && layout::decode_memo(stored).key == memo_key_ &&
                         memo_usable(layout::decode_memo(stored));
  if (candidate) stored_states = split_strings(layout::decode_memo(stored).states);
  const MemoStates states = processor_->collect_states(candidate ? &stored_states : nullptr);
  memo_states_ = encode_states(states);
  if (!candidate || (!states.states.empty() && !states.valid)) return false;
  layout::MemoRow memo = layout::decode_memo(stored);
  if (mode_ != Mode::background) {
    if (!memo.has_result) return false;
    try {
      processor_->decode_result(memo.result);
    } catch (const std::exception& e) {
      cocozvec::Log(cocozvec::LogLevel::kWarning, "a stored result of " + std::string(info_.name) +
                                                      " cannot be read and is computed again: " + e.what());
      return false;
    }
  }
  hit_ = true;
  root_frame_.deps.add_encoded(memo.deps);
  if (!states.changed || run_.preview) {
    complete(nullptr);
    return true;
  }
  memo.states = memo_states_;
  const std::string new_memo = layout::encode_memo(memo);
  layout::NodeRow node = layout::decode_node(row_);
  node.memo = new_memo;
  auto self = shared_from_this();
  run_.app.db->write_async(
      [key = place_.row_key(), row = layout::encode_node(node)](WriteTxn& txn) { txn.put(key, row); },
      [self](std::exception_ptr error) {
        self->run_.pool.post_step([self, error] { self->complete(error); });
      });
  return true;
}

/// Before the body: the path is recorded, so that a crash leaves nothing unknown, and a stored memo is
/// removed, so that it cannot vouch for what a failing run has half changed. Not waited for: later writes
/// come behind it.
void Build::write_start() {
  if (run_.preview) return;
  layout::NodeRow node;
  if (!row_.empty()) node = layout::decode_node(row_);
  if (!row_.empty() && node.kind == layout::Kind::component && node.memo.empty() && !memo_above_) return;
  const bool fresh = row_.empty();
  node.id = place_.id;
  node.kind = layout::Kind::component;
  node.residue = false;
  node.memo = {};
  if (fresh) node.name = info_.name;
  row_ = layout::encode_node(node);
  auto self = shared_from_this();
  start_ = Start::queued;
  try {
    run_.app.db->write_async([self, row = row_, fresh](WriteTxn& txn) { self->start_body(txn, row, fresh); },
                             [self](std::exception_ptr error) { self->start_written(error); });
  } catch (...) {
    start_ = Start::none;
    throw;
  }
}

void Build::start_body(WriteTxn& txn, const std::string& row, bool fresh) const {
  for (const NodePlace& d : directories_) {
    const std::string key = d.row_key();
    const auto stored = txn.get(key);
    if (!stored) {
      IdAllocator::keep(txn, d.id);
      txn.put(key, layout::encode_node({.id = d.id, .kind = layout::Kind::directory}));
      continue;
    }
    layout::NodeRow was = layout::decode_node(*stored);
    if (was.memo.empty()) continue;
    was.memo = {};  // of the component that it was: it vouches for us, and we are about to change
    txn.put(key, layout::encode_node(was));
  }
  if (fresh) IdAllocator::keep(txn, place_.id);
  txn.put(place_.row_key(), row);
}

void Build::start_written(const std::exception_ptr& error) {
  if (error) start_failed_ = true;
  if (start_.exchange(Start::written) != Start::awaited) return;
  run_.pool.post_step(
      [self = shared_from_this()] { self->complete(self->error_, self->failed_collection_); });
}

void Build::part_finished() {
  if (pending_.fetch_sub(1) == 1) submit();
}

// -- committing
// -------------------------------------------------------------------------------------------------------

void Build::submit() {
  if (auto error = caught([&] { submit_checked(); })) complete(std::move(error));
}

void Build::submit_checked() {
  if (error_) return complete(error_);
  run_.check_cancelled();
  Submitter::Task task;
  task.run = &run_;
  task.node = place_.id;
  auto self = shared_from_this();
  bool memo_now = false;
  {
    cocozvec::MutexLock lock(mu_);
    {
      const auto txn = run_.app.db->read();
      difference_ = tree_.compare(*txn, path_);
    }
    task.declared = std::move(declared_);
    memo_now = info_.memo && !descendant_failed_ && difference_.orphans.empty();
    if (calls_.protects_anything()) {
      task.is_protected = [self](std::string_view path) ZVEC_NO_THREAD_SAFETY_ANALYSIS {
        return self->calls_.is_protected(path);  // the body has ended: nobody writes any more
      };
    }
    if (calls_.has_stale_rows()) {
      task.with_intent = [self](WriteTxn& txn)
                             ZVEC_NO_THREAD_SAFETY_ANALYSIS { self->calls_.remove_stale_rows(txn); };
    }
    submitted_row_ = row_after(memo_now);
    if (submitted_row_ != row_ || calls_.has_new_rows() || !difference_.changed_rows.empty() ||
        run_.was_robbed(place_.id)) {
      task.with_confirm = [self](WriteTxn& txn) ZVEC_NO_THREAD_SAFETY_ANALYSIS {
        if (self->submitted_row_ != self->row_) txn.put(self->place_.row_key(), self->submitted_row_);
        self->calls_.write_new_rows(txn);
        for (const auto& [key, row] : self->difference_.changed_rows) txn.put(key, row);
      };
    }
  }
  memo_stored_ = memo_now;
  task.done = [self](std::exception_ptr error, const std::string& collection) {
    self->submitted(error, collection);
  };
  std::make_shared<Submitter>(std::move(task))->start();
}

std::string Build::row_after(bool with_memo) const ZVEC_NO_THREAD_SAFETY_ANALYSIS {
  std::string memo;
  if (with_memo) {
    memo = encode_new_memo({.key = memo_key_,
                            .deps = root_frame_.deps.encode(),
                            .states = memo_states_,
                            .targets = {},
                            .nested = {}},
                           *processor_);
  }
  return layout::encode_node({.id = place_.id,
                              .kind = layout::Kind::component,
                              .tracked = true,
                              .residue = false,
                              .has_call_memos = calls_.any_left(),
                              .name = info_.name,
                              .memo = memo});
}

void Build::submitted(std::exception_ptr error, const std::string& collection) {
  if (!error && start_failed_) {
    error = std::make_exception_ptr(
        StateError("component " + path_.display() + ": its place could not be recorded"));
  }
  if (error) return complete(error, collection);
  row_ = submitted_row_;
  auto self = shared_from_this();
  Removal::all(run_, &token_, std::move(difference_.orphans), [self](bool ok) { self->orphans_gone(ok); });
}

void Build::orphans_gone(bool ok) {
  bool write_memo = false;
  {
    cocozvec::MutexLock lock(mu_);
    if (!ok) descendant_failed_ = true;  // so that no memo keeps the next run from trying again
    write_memo = info_.memo && !memo_stored_ && !descendant_failed_;
  }
  if (!ok && run_.cancelled()) {
    return complete(std::make_exception_ptr(CancelledError("the update was cancelled")));
  }
  if (!write_memo || run_.preview) return complete(nullptr);
  auto thrown = caught([&] {
    auto self = shared_from_this();
    run_.app.db->write_async(
        [key = place_.row_key(), row = row_after(true)](WriteTxn& txn) { txn.put(key, row); },
        [self](std::exception_ptr error) {
          self->run_.pool.post_step([self, error] { self->memo_written(error); });
        });
  });
  if (thrown) memo_written(std::move(thrown));
}

void Build::memo_written(std::exception_ptr error) {
  if (error) {
    cocozvec::Log(cocozvec::LogLevel::kWarning,
                  "the memo of " + path_.display() + " could not be stored: " + what(error));
  }
  complete(nullptr);
}

/// A component that fails before any other write may be faster than its start; the run must not end before
/// that.
bool Build::await_start(const std::exception_ptr& error, const std::string& collection) {
  if (start_ != Start::queued) return false;
  error_ = error;
  failed_collection_ = collection;
  Start queued = Start::queued;
  return start_.compare_exchange_strong(queued, Start::awaited);
}

void Build::complete(std::exception_ptr error, const std::string& collection) {
  if (await_start(error, collection)) return;
  auto self = shared_from_this();
  error_ = error;
  failed_collection_ = collection;
  if (hit_ && !error) {
    run_.count(info_.name, &ComponentCounts::unchanged);
  } else if (!error || !run_.cancelled()) {
    run_.count(info_.name, error          ? &ComponentCounts::errors
                           : was_tracked_ ? &ComponentCounts::reprocesses
                                          : &ComponentCounts::adds);
  }
  bool failed = error != nullptr;
  {
    cocozvec::MutexLock lock(mu_);
    failed = failed || descendant_failed_;
    declared_.clear();
    if (error && error == rethrown_) failed_collection_ = rethrown_collection_;
  }
  if (error && mode_ == Mode::background && !run_.cancelled()) {
    run_.add_failure({path_, std::string(info_.name), failed_collection_, what(error), error});
  }
  if (parent_) parent_->absorb(root_frame_.deps, failed);
  if (parent_ && deps_needed_ && info_.identity) {
    DepSet own;
    own.add(function_dep(info_));
    parent_->absorb(own, false);
  }
  if (mode_ == Mode::background) processor_.reset();
  run_.limit.release(token_);
  if (group_) group_->finished_one();
  run_.pool.signal(done_);
  auto parent = parent_;
  if (parent && parent->pending_.fetch_sub(1) == 1)
    parent->run_.pool.post_step([parent] { parent->submit(); });
  if (root_done_) std::exchange(root_done_, nullptr)(error);  // last: the run may end with it
}

void Build::absorb(const DepSet& deps, bool failed) {
  cocozvec::MutexLock lock(mu_);
  if (failed) descendant_failed_ = true;
  if (deps_needed_) root_frame_.deps.add_all(deps);
}

// -- declaring
// --------------------------------------------------------------------------------------------------------

void Build::declare(Frame& frame, TargetState state, ProviderPtr child) {
  const ProviderPtr& provider = state.provider.impl();
  Declared d{key_fingerprint(state.key), std::move(state.key), std::move(state.value), state.fingerprint,
             std::move(child)};
  cocozvec::MutexLock lock(mu_);
  if (frame.is_call()) append_string(frame.targets, target_path(*provider, d.key_fp));
  if ((frame.is_call() || deps_needed_) && frame.last_provider != provider.get() &&
      provider->path.size() > 16) {
    frame.last_provider = provider.get();
    frame.deps.add({DepKind::provider, provider->path_fp,
                    generation_value(provider->generation.id, provider->generation.schema)});
  }
  declared_.add(provider, std::move(d));
}

void Build::note_context(Frame& frame, std::string_view key_name) {
  const auto fp = run_.context.fingerprint_of(key_name);
  if (!fp) return;
  cocozvec::MutexLock lock(mu_);
  if (frame.is_call() || deps_needed_) frame.deps.add(context_dep(key_name, *fp));
}

}  // namespace cocoindex::inline v0::internal
