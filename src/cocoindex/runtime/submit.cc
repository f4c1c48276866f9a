#include "cocoindex/runtime/submit.h"

#include <algorithm>
#include <utility>

#include "base/fault.h"
#include "cocoindex/errors.h"
#include "cocoindex/runtime/caught.h"
#include "cocoindex/target/sink_batcher.h"

namespace cocoindex::inline v0 {

void Submitter::then(void (Submitter::*step)()) {
  task_.run->pool.post_step([self = shared_from_this(), step] { self->guarded(step); });
}

void Submitter::guarded(void (Submitter::*step)()) {
  if (auto error = caught([&] { (this->*step)(); })) finish(std::move(error));
}

void Submitter::start() { guarded(&Submitter::plan); }

PlanInput Submitter::input(bool in_write) {
  return {task_.run, task_.node, &task_.declared, task_.is_protected, marks_read_, in_write};
}

void Submitter::read_marks() {
  Run& run = *task_.run;
  for (const DeclaredGroup& g : task_.declared.groups()) {
    if (!g.provider->handler->has_mark()) continue;
    for (const Declared& d : g.items) {
      if (!d.child) continue;
      marks_read_[d.child->path] = g.provider->handler->read_mark(run.context, d.key, run.app.store_id);
    }
  }
}

void Submitter::plan() {
  task_.declared.sort();
  read_marks();
  {
    const auto txn = task_.run->app.db->read();
    plan_ = make_plan(*txn, input(false));
  }
  if (!task_.run->preview && (plan_.needs_intent() || plan_.blocked_by != layout::kNoNode)) {
    write_intent();
  } else {
    make_child_handlers();
  }
}

void Submitter::write_intent() {
  auto self = shared_from_this();
  task_.run->app.db->write_async(
      [self](WriteTxn& txn) { self->intent_body(txn); },
      [self](std::exception_ptr error) {
        self->task_.run->pool.post_step([self, error] { self->intent_written(error); });
      });
}

void Submitter::intent_body(WriteTxn& txn) {
  if (!plan_still_holds(txn, plan_, task_.node)) plan_ = make_plan(txn, input(true));
  if (plan_.blocked_by != layout::kNoNode) return;
  task_.run->app.in_flight.enter(task_.node);
  in_flight_ = true;
  if (plan_.max_id != 0) IdAllocator::keep(txn, plan_.max_id);
  write_items_intent(txn);
  if (task_.with_intent) task_.with_intent(txn);
  intent_in_confirmation_ = false;
}

void Submitter::write_items_intent(WriteTxn& txn) const {
  for (const PlannedItem& item : plan_.items) {
    for (const std::string& row : item.preempted_rows) txn.del(row);
    if (item.staged) txn.put(item.row_key, *item.staged);
    if (item.claim) txn.put(layout::owner_key(item.path), layout::encode_id(task_.node));
  }
  if (!plan_.moves_items) return;
  const auto stored = txn.get(layout::kMovesKey);
  const std::string moves = layout::encode_id((stored ? layout::decode_id(*stored) : 0) + 1);
  txn.put(layout::kMovesKey, moves);
  for (const PlannedItem& item : plan_.items) {
    if (item.preempted != layout::kNoNode) txn.put(layout::robbed_key(item.preempted), moves);
  }
}

void Submitter::intent_written(std::exception_ptr error) {
  if (error) return finish(error);
  if (plan_.blocked_by != layout::kNoNode) {
    if (std::exchange(in_flight_, false))
      task_.run->app.in_flight.leave(task_.node);  // of a first try of the body
    // Its owner is between intent and confirmation in this process: our turn comes when it has finished.
    auto self = shared_from_this();
    task_.run->app.in_flight.when_left(plan_.blocked_by, [self] { self->then(&Submitter::plan); });
    return;
  }
  guarded(&Submitter::make_child_handlers);
}

void Submitter::make_child_handlers() {
  task_.declared.clear();  // the actions carry what is needed
  Run& run = *task_.run;
  for (const PlannedContainer& c : plan_.containers) {
    auto handler = c.sink->child_handler(run.context, *c.action);
    if (!handler)
      throw InvalidRequest("target state " + c.display + ": its sink makes no handler for children");
    child_handlers_.push_back(std::move(handler));
  }
  if (run.preview) return list_actions();
  group_actions();
  if (cocozvec::FaultPlanted("confirm_before_apply")) return write_confirmation();
  apply_next();
}

/// A preview ends here, as if all had been applied and confirmed.
void Submitter::list_actions() {
  std::vector<PlannedEffect> effects;
  for (PlannedAction& a : plan_.actions) {
    effects.push_back({std::move(a.display), a.removal, std::move(a.action)});
  }
  task_.run->add_planned(std::move(effects));
  resolve_containers();
  task_.run->count_targets(plan_.counts);
  finish(nullptr);
}

void Submitter::resolve_containers() {
  for (std::size_t i = 0; i < plan_.containers.size(); ++i) {
    const PlannedContainer& c = plan_.containers[i];
    c.child->resolve(child_handlers_[i], c.generation, c.has_mark);
    task_.run->add_provider(c.child);
  }
}

void Submitter::group_actions() {
  for (PlannedAction& a : plan_.actions) {
    auto it =
        std::find_if(groups_.begin(), groups_.end(), [&](const SinkGroup& g) { return g.sink == a.sink; });
    if (it == groups_.end()) {
      it = groups_.insert(groups_.end(), {a.sink, {}, {}, a.provider->container_path});
    }
    it->actions.push_back(std::move(a.action));
    if (a.provider->marked &&
        std::find(it->marked.begin(), it->marked.end(), a.provider) == it->marked.end()) {
      it->marked.push_back(a.provider);
    }
  }
  plan_.actions.clear();
}

void Submitter::apply_next() {
  if (next_group_ == groups_.size()) {
    if (is_confirmed_) return finish(nullptr);  // planted fault
    return write_confirmation();
  }
  SinkGroup& group = groups_[next_group_++];
  auto self = shared_from_this();
  SinkBatch batch;
  batch.actions = std::move(group.actions);
  batch.context = &task_.run->context;
  batch.store_id = task_.run->app.store_id;
  batch.post = [&pool = task_.run->pool](std::function<void()> f) { pool.post_step(std::move(f)); };
  batch.done = [self, &group](const ApplyResult& result, std::exception_ptr error) {
    self->task_.run->pool.post_step([self, &group, result, error] { self->applied(group, result, error); });
  };
  SinkBatcher::of(group.sink)->submit(std::move(batch));
}

void Submitter::applied(const SinkGroup& group, const ApplyResult& result, std::exception_ptr error) {
  if (error) {
    collection_ = group.collection;
    return finish(error);  // what was staged stays: the next run sees every record that may be true
  }
  if (result.mark) {
    for (const ProviderPtr& p : group.marked) marks_[p->path] = std::max(marks_[p->path], *result.mark);
  }
  guarded(&Submitter::apply_next);
}

void Submitter::write_confirmation() {
  if (!plan_.needs_confirmation() && marks_.empty() && !task_.with_confirm &&
      !(intent_in_confirmation_ && task_.with_intent)) {
    return confirmed(nullptr);
  }
  auto self = shared_from_this();
  task_.run->app.db->write_async([self](WriteTxn& txn) { self->confirm_body(txn); },
                                 [self](std::exception_ptr error) {
                                   self->task_.run->pool.post_step([self, error] { self->confirmed(error); });
                                 });
}

void Submitter::confirm_body(WriteTxn& txn) const {
  if (intent_in_confirmation_ && task_.with_intent) task_.with_intent(txn);
  auto release = [&](const std::string& path) {
    const std::string row = layout::item_key(task_.node, path, 0);
    bool left = false;
    txn.scan(std::string_view(row).substr(0, row.size() - 8), [&](std::string_view key, std::string_view) {
      left = layout::parse_item_key(key).path == path;
      return !left;
    });
    const std::string owner = layout::owner_key(path);
    const auto owned_by = left ? std::nullopt : txn.get(owner);
    if (owned_by && layout::decode_id(*owned_by) == task_.node) txn.del(owner);
  };
  for (const std::string& row : plan_.pruned) txn.del(row);
  for (const PlannedItem& item : plan_.items) {
    // Not with the intent: a crash before the container was rebuilt must find it stale again.
    if (item.clear_mark) txn.del(layout::mark_key(item.path));
    if (!item.confirm || (item.must_exist && !txn.get(item.row_key))) continue;
    if (item.confirmed) {
      txn.put(item.row_key, *item.confirmed);
    } else {
      txn.del(item.row_key);
      release(item.path);
    }
  }
  for (const std::string& path : plan_.pruned_paths) release(path);
  for (const auto& [path, mark] : marks_) {
    const std::string key = layout::mark_key(path);
    const auto before = txn.get(key);
    if (!before || layout::decode_id(*before) < mark) txn.put(key, layout::encode_id(mark));
  }
  // The plan has seen what others took until it was made, and nothing was kept because a memo said so.
  const std::string robbed = layout::robbed_key(task_.node);
  const auto taken = task_.is_protected ? std::nullopt : txn.get(robbed);
  if (taken && *taken <= plan_.moves) txn.del(robbed);
  if (task_.with_confirm) task_.with_confirm(txn);
}

void Submitter::confirmed(std::exception_ptr error) {
  if (error) return finish(error);
  if (in_flight_) {
    in_flight_ = false;
    task_.run->app.in_flight.leave(task_.node);
  }
  resolve_containers();
  task_.run->count_targets(plan_.counts);
  if (cocozvec::FaultPlanted("confirm_before_apply") && !is_confirmed_) {
    is_confirmed_ = true;
    return guarded(&Submitter::apply_next);
  }
  finish(nullptr);
}

void Submitter::finish(std::exception_ptr error) {
  if (in_flight_) {
    in_flight_ = false;
    task_.run->app.in_flight.leave(task_.node);
  }
  auto done = std::move(task_.done);
  task_.with_intent = task_.with_confirm = nullptr;
  plan_ = {};
  if (done) done(error, collection_);
}

}  // namespace cocoindex::inline v0
