// Memoised calls and concurrent calls inside one component.
#include <optional>

#include "cocoindex/errors.h"
#include "cocoindex/runtime/build.h"
#include "cocozvec/base/log.h"

namespace cocoindex::inline v0::internal {

void Build::call(Frame& frame, const MapRun* map, Processor& processor) {
  run_.check_cancelled();
  know_function(processor.info);
  if (!processor.info.memo) {
    if (processor.info.identity) {
      cocozvec::MutexLock lock(mu_);
      if (frame.is_call() || deps_needed_) frame.deps.add(function_dep(processor.info));
    }
    Ctx ctx = CtxAccess::make(&frame, map);
    processor.run(ctx);
    return;
  }
  const Fingerprint key = memo_key("call", processor);
  std::string row;  // of an entry that may be reused
  {
    cocozvec::MutexLock lock(mu_);
    calls_.load(run_.app);
    CallMemos::Entry* e = calls_.find(key);
    while (e && e->status == CallMemos::Status::running) {
      if (frame.is_inside_call(key)) {
        throw InvalidRequest("memoised function " + std::string(processor.info.name) +
                             " calls itself with equal arguments");
      }
      call_ended_.Wait(mu_);
      e = calls_.find(key);
    }
    if (e && (e->status == CallMemos::Status::hit || e->status == CallMemos::Status::executed)) {
      const layout::MemoRow memo = layout::decode_memo(e->row);
      processor.decode_result(memo.result);
      fold(frame, processor.info, key, memo.deps);
      return;
    }
    if (!e) e = &calls_.add(key);
    if (e->status == CallMemos::Status::stored && e->on_disk && memos_count_) row = e->row;
    e->status = CallMemos::Status::running;
  }
  std::optional<MemoStates> states;
  try {
    if (!row.empty() && reuse_call(frame, processor, key, row, states)) return;
    execute_call(frame, map, processor, key, std::move(states));
  } catch (...) {
    cocozvec::MutexLock lock(mu_);
    calls_.find(key)->status = CallMemos::Status::failed;
    call_ended_.NotifyAll();
    throw;
  }
}

bool Build::reuse_call(Frame& frame, Processor& processor, const Fingerprint& key, const std::string& row,
                       std::optional<MemoStates>& states) {
  layout::MemoRow memo = layout::decode_memo(row);
  if (!memo_usable(memo)) return false;
  const std::vector<std::string> stored_states = split_strings(memo.states);
  states = processor.collect_states(&stored_states);
  if (!states->states.empty() && !states->valid) return false;
  try {
    processor.decode_result(memo.result);
  } catch (const std::exception& e) {
    cocozvec::Log(cocozvec::LogLevel::kWarning, "a stored result of " + std::string(processor.info.name) +
                                                    " cannot be read and is computed again: " + e.what());
    return false;
  }
  cocozvec::MutexLock lock(mu_);
  CallMemos::Entry& e = *calls_.find(key);
  if (states->changed) {
    const std::string encoded = encode_states(*states);
    memo.states = encoded;
    e.row = layout::encode_memo(memo);
    e.rewritten = true;
  }
  e.status = CallMemos::Status::stored;
  calls_.protect(key);  // refreshed or not: what it declared stays
  fold(frame, processor.info, key, memo.deps);
  call_ended_.NotifyAll();
  return true;
}

void Build::execute_call(Frame& frame, const MapRun* map, Processor& processor, const Fingerprint& key,
                         std::optional<MemoStates> states) {
  if (!states) states = processor.collect_states(nullptr);
  Frame inner(*this, &frame, key);
  try {
    Ctx ctx = CtxAccess::make(&inner, map);
    processor.run(ctx);
  } catch (...) {
    cocozvec::MutexLock lock(mu_);
    frame.deps.add_all(inner.deps);
    throw;
  }
  cocozvec::MutexLock lock(mu_);
  NewMemo memo{.key = key,
               .deps = inner.deps.encode(),
               .states = encode_states(*states),
               .targets = std::move(inner.targets),
               .nested = std::move(inner.nested)};
  CallMemos::Entry& e = *calls_.find(key);
  e.row = encode_new_memo(memo, processor);
  e.status = CallMemos::Status::executed;
  fold(frame, processor.info, key, memo.deps);
  call_ended_.NotifyAll();
}

void Build::fold(Frame& frame, const FnInfo& info, const Fingerprint& key, std::string_view deps) {
  if (frame.is_call() || deps_needed_) {
    frame.deps.add_encoded(deps);
    frame.deps.add(function_dep(info));
  }
  if (frame.is_call()) frame.nested.append(reinterpret_cast<const char*>(key.bytes.data()), key.bytes.size());
}

/// The items of one map, beside each other. A scope of its own: whoever waits for them may be inside a
/// memoised call, and must not pick up an item of a map around it, which may wait for that call.
class MapRun final : public Scope, public std::enable_shared_from_this<MapRun> {
 public:
  MapRun(const Scope& around, const MapRun* outer, std::size_t n)
      : Scope(outer ? outer : &around),
        left(n),
        errors(n),
        outer_(outer ? outer->shared_from_this() : nullptr) {}

  std::atomic<std::size_t> next{0}, left;
  std::vector<std::exception_ptr> errors;
  WaitPoint all_done;

 private:
  const std::shared_ptr<const MapRun> outer_;  // a helper that comes late is still found below it
};

void Build::parallel(Frame& frame, const MapRun* map, std::size_t n,
                     const std::function<void(Ctx&, std::size_t)>& f) {
  if (n == 0) return;
  auto items = std::make_shared<MapRun>(*this, map, n);
  // `f` and `frame` live until all n are done, and a helper that comes later finds nothing to do.
  auto work = [this, &frame, &f, n, items] {
    for (std::size_t i; (i = items->next.fetch_add(1)) < n;) {
      try {
        run_.check_cancelled();
        Ctx ctx = CtxAccess::make(&frame, items.get());
        f(ctx, i);
      } catch (...) {
        items->errors[i] = std::current_exception();
      }
      if (items->left.fetch_sub(1) == 1) run_.pool.signal(items->all_done);
    }
  };
  const std::size_t helpers = std::min<std::size_t>(n, run_.pool.size()) - 1;
  auto self = shared_from_this();
  for (std::size_t i = 0; i < helpers; ++i) run_.pool.post_body(*items, [self, work] { work(); });
  work();
  run_.pool.wait(items->all_done, *items);
  for (const std::exception_ptr& e : items->errors) {
    if (e) std::rethrow_exception(e);
  }
}

}  // namespace cocoindex::inline v0::internal
