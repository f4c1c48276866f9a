#include "cocoindex/testing/memory_target.h"

#include <atomic>

#include "cocoindex/target/provider.h"

namespace cocoindex::inline v0::testing {

struct MemoryTarget::State {
  explicit State(MemoryTarget* t) : target(t) {}
  MemoryTarget* const target;
  cocozvec::Mutex mu;
  std::map<std::string, Rows> tables ZVEC_GUARDED_BY(mu){{"", {}}};
  std::vector<std::string> ops ZVEC_GUARDED_BY(mu);
  std::vector<std::size_t> call_sizes ZVEC_GUARDED_BY(mu);
  std::atomic<std::size_t> reconciled{0};
};

namespace {

struct OpAction : TargetAction {
  Op op;
  std::string describe() const override { return op.display(); }
};

class RowSink final : public TargetSink {
 public:
  explicit RowSink(MemoryTarget::State* state) : state_(*state) {}

  ApplyResult apply(const ContextProvider&, std::span<const std::shared_ptr<TargetAction>> actions,
                    const Fingerprint&) override {
    {
      cocozvec::MutexLock lock(state_.mu);
      state_.call_sizes.push_back(actions.size());
    }
    for (const auto& a : actions) {
      const Op& op = static_cast<const OpAction&>(*a).op;
      {
        cocozvec::MutexLock lock(state_.mu);
        state_.ops.push_back(op.display());
      }
      if (state_.target->before) state_.target->before(op);
    }
    ApplyResult result;
    {
      cocozvec::MutexLock lock(state_.mu);
      for (const auto& a : actions) Apply(static_cast<const OpAction&>(*a).op, result);
    }
    if (state_.target->after) state_.target->after();
    return result;
  }

 private:
  void Apply(const Op& op, ApplyResult& result) ZVEC_REQUIRES(state_.mu) {
    MemoryTarget::Rows& rows = state_.tables[op.table];
    if (op.value) {
      rows[op.key] = *op.value;
    } else {
      rows.erase(op.key);
    }
    if (state_.target->marked && !op.table.empty()) result.mark = ++state_.target->marks[op.table];
  }
  MemoryTarget::State& state_;
};

class RowHandler final : public TargetHandler {
 public:
  RowHandler(MemoryTarget::State* state, std::string table)
      : state_(state), table_(std::move(table)), sink_(std::make_shared<RowSink>(state)) {}

  bool tracks_fingerprint() const noexcept override { return state_->target->tracks_fingerprint; }

  std::optional<ReconcileOutput> reconcile(const ReconcileInput& in) override {
    ++state_->reconciled;
    if (state_->target->on_reconcile) state_->target->on_reconcile(key_text(in.key));
    const auto* text = static_cast<const Text*>(in.desired);
    std::optional<std::string> record;
    if (text) {
      record = text->text;
      if (tracks_fingerprint()) record = std::string(as_bytes(fingerprint_bytes(text->text)));
      bool same = !in.previous_may_be_missing;
      for (std::string_view p : in.previous) same = same && p == *record;
      if (same) return std::nullopt;
    } else if (in.previous.empty()) {
      return std::nullopt;
    }
    auto action = std::make_shared<OpAction>();
    action->op.table = table_;
    action->op.key = key_text(in.key);
    if (text) action->op.value = text->text;
    action->op.previous.assign(in.previous.begin(), in.previous.end());
    action->op.missing = in.previous_may_be_missing;
    return ReconcileOutput{std::move(action), sink_, std::move(record)};
  }

 private:
  MemoryTarget::State* const state_;
  const std::string table_;
  const std::shared_ptr<RowSink> sink_;
};

const char* NameOf(DiffAction d) {
  switch (d) {
    case DiffAction::none:
      return "none";
    case DiffAction::insert:
      return "insert";
    case DiffAction::upsert:
      return "upsert";
    case DiffAction::replace:
      return "replace";
    case DiffAction::remove:
      return "remove";
  }
  return "?";
}

class TableSink final : public TargetSink {
 public:
  explicit TableSink(MemoryTarget::State* state) : state_(*state) {}

  ApplyResult apply(const ContextProvider&, std::span<const std::shared_ptr<TargetAction>> actions,
                    const Fingerprint&) override {
    for (const auto& a : actions) {
      const Op& op = static_cast<const OpAction&>(*a).op;
      if (op.kind != "none") {
        cocozvec::MutexLock lock(state_.mu);
        state_.ops.push_back(op.display());
      }
      if (state_.target->before) state_.target->before(op);
      cocozvec::MutexLock lock(state_.mu);
      if (op.kind == "replace" || op.kind == "remove") {
        state_.tables.erase(op.key);
        state_.target->marks.erase(op.key);
      }
      if (op.value) state_.tables[op.key];
    }
    return {};
  }
  std::shared_ptr<TargetHandler> child_handler(const ContextProvider&, const TargetAction& action) override {
    const Op& op = static_cast<const OpAction&>(action).op;
    if (state_.target->on_child_handler) state_.target->on_child_handler(op.key);
    return std::make_shared<RowHandler>(&state_, op.key);
  }

 private:
  MemoryTarget::State& state_;
};

class TableHandler final : public TargetHandler {
 public:
  explicit TableHandler(MemoryTarget::State* state)
      : state_(state), sink_(std::make_shared<TableSink>(state)) {}

  bool has_mark() const noexcept override { return state_->target->marked; }
  std::optional<std::uint64_t> read_mark(const ContextProvider&, const StableKey& key,
                                         const Fingerprint&) override {
    cocozvec::MutexLock lock(state_->mu);
    auto it = state_->target->marks.find(key_text(key));
    if (it == state_->target->marks.end()) return std::nullopt;
    return it->second;
  }

  std::optional<ReconcileOutput> reconcile(const ReconcileInput& in) override {
    const auto* text = static_cast<const Text*>(in.desired);
    std::string_view wanted;
    if (text) wanted = text->text;
    if (text && state_->target->on_declared_table) state_->target->on_declared_table(in.mark);
    const bool lost = in.mark == MarkState::missing || in.mark == MarkState::stale;
    const DiffAction d = diff(text ? &wanted : nullptr, in.previous, in.previous_may_be_missing || lost);
    if (!text && d == DiffAction::none) return std::nullopt;
    auto action = std::make_shared<OpAction>();
    action->op = {"*",
                  key_text(in.key),
                  std::nullopt,
                  {in.previous.begin(), in.previous.end()},
                  in.previous_may_be_missing,
                  NameOf(d)};
    if (text) action->op.value = text->text;
    ReconcileOutput out{action, sink_, std::nullopt, ChildInvalidation::none};
    if (text) out.record = text->text;
    if (d == DiffAction::replace) {
      const bool only_lossy = in.previous.size() == 1 && Base(in.previous[0]) == Base(wanted);
      if (only_lossy) action->op.kind = "alter";
      out.child_invalidation = only_lossy ? ChildInvalidation::lossy : ChildInvalidation::destructive;
    } else if (lost) {
      out.child_invalidation = ChildInvalidation::lossy;
    }
    return out;
  }

 private:
  static std::string_view Base(std::string_view definition) {
    return definition.substr(0, definition.find(':'));
  }
  MemoryTarget::State* const state_;
  const std::shared_ptr<TableSink> sink_;
};

}  // namespace

std::string key_text(const StableKey& key) {
  const auto* text = key.get_if<std::string>();
  return text ? *text : key.display();
}

std::string Op::display() const {
  std::string out = (table.empty() ? "" : table + "/") + key + (value ? "=" + *value : " gone") + " prev=[";
  for (std::size_t i = 0; i < previous.size(); ++i) out += (i ? "," : "") + previous[i];
  out += missing ? "] missing" : "]";
  return kind.empty() ? out : kind + " " + out;
}

MemoryTarget::MemoryTarget() : state_(std::make_shared<State>(this)) {
  static std::atomic<int> count{0};
  name_ = "test/" + std::to_string(++count);
  rows_provider_ =
      register_root_target_states_provider(name_ + "/rows", std::make_shared<RowHandler>(state_.get(), ""));
  tables_provider_ =
      register_root_target_states_provider(name_ + "/tables", std::make_shared<TableHandler>(state_.get()));
}

MemoryTarget::~MemoryTarget() {
  unregister_root_provider(name_ + "/rows");
  unregister_root_provider(name_ + "/tables");
}

TargetState MemoryTarget::table(const std::string& name, const std::string& definition) const {
  return {tables_provider_, name, std::make_shared<Text>(definition), std::nullopt};
}

MemoryTarget::Rows MemoryTarget::rows(const std::string& table) {
  cocozvec::MutexLock lock(state_->mu);
  auto it = state_->tables.find(table);
  return it == state_->tables.end() ? Rows() : it->second;
}

bool MemoryTarget::has_table(const std::string& table) {
  cocozvec::MutexLock lock(state_->mu);
  return state_->tables.contains(table);
}

std::vector<std::string> MemoryTarget::take_ops() {
  cocozvec::MutexLock lock(state_->mu);
  return std::exchange(state_->ops, {});
}

std::vector<std::size_t> MemoryTarget::take_call_sizes() {
  cocozvec::MutexLock lock(state_->mu);
  return std::exchange(state_->call_sizes, {});
}

std::size_t MemoryTarget::reconcile_count() const { return state_->reconciled; }

void declare(Ctx& ctx, const TargetProvider& provider, StableKey key, const std::string& value) {
  declare_target_state(ctx,
                       {provider, std::move(key), std::make_shared<Text>(value), fingerprint_bytes(value)});
}

}  // namespace cocoindex::inline v0::testing
