#include "cocoindex/runtime/removal.h"

#include "cocoindex/runtime/caught.h"
#include "cocoindex/runtime/submit.h"

namespace cocoindex::inline v0 {

void Removal::all(Run& run, InflightLimit::Holder* parent, std::vector<Orphan> orphans,
                  std::function<void(bool)> done) {
  struct Left {
    std::atomic<std::size_t> count;
    std::atomic<bool> ok{true};
    std::function<void(bool)> done;
  };
  if (orphans.empty()) return done(true);
  auto left = std::make_shared<Left>();
  left->count = orphans.size();
  left->done = std::move(done);
  for (Orphan& orphan : orphans) {
    std::make_shared<Removal>(run, parent, std::move(orphan), [left](bool ok) {
      if (!ok) left->ok = false;
      if (left->count.fetch_sub(1) == 1) left->done(left->ok);
    })->start();
  }
}

void Removal::start() {
  if (run_.cancelled()) return done_(false);
  auto self = shared_from_this();
  if (!has_states()) return remove_children();
  auto go = [self] { self->run_.pool.post_step([self] { self->admitted(); }); };
  if (run_.limit.acquire(token_, go)) go();
}

void Removal::admitted() {
  if (run_.cancelled()) {  // meanwhile
    run_.limit.release(token_);
    return done_(false);
  }
  const std::string& name = orphan_.name.empty() ? std::string("<unknown>") : orphan_.name;
  run_.count(name, &ComponentCounts::execution_starts);
  auto self = shared_from_this();
  Submitter::Task task;
  task.run = &run_;
  task.node = orphan_.place.id;
  // Before anything is reverted, nothing may claim any more that it is there.
  task.with_intent = [self](WriteTxn& txn) {
    txn.del_prefix(layout::call_memo_prefix(self->orphan_.place.id));
    const std::string key = self->orphan_.place.row_key();
    const auto stored = txn.get(key);
    if (!stored) return;
    layout::NodeRow row = layout::decode_node(*stored);
    row.memo = {};
    row.has_call_memos = false;
    const std::string changed = layout::encode_node(row);
    if (changed != *stored) txn.put(key, changed);
  };
  task.done = [self](std::exception_ptr error, const std::string& collection) {
    self->own_states_gone(error, collection);
  };
  std::make_shared<Submitter>(std::move(task))->start();
}

void Removal::own_states_gone(std::exception_ptr error, const std::string& collection) {
  if (error) return finish(error, collection);
  if (orphan_.demoted) return children_gone(true);  // what lies below belongs to someone else now
  remove_children();
}

void Removal::remove_children() {
  auto thrown = caught([&] {
    std::vector<Orphan> children;
    {
      const auto txn = run_.app.db->read();
      children = children_of(*txn, orphan_.place.id, orphan_.path);
    }
    // A plain directory has no token to lend, so it passes on its parent's.
    all(run_, has_states() ? &token_ : parent_, std::move(children),
        [self = shared_from_this()](bool ok) { self->children_gone(ok); });
  });
  if (thrown) finish(std::move(thrown));
}

void Removal::children_gone(bool ok) {
  if (!ok) {  // reported by the child
    run_.limit.release(token_);
    return done_(false);
  }
  if (run_.preview) return finish(nullptr);
  auto self = shared_from_this();
  auto body = [self](WriteTxn& txn) {
    const std::string key = self->orphan_.place.row_key();
    txn.del(layout::robbed_key(self->orphan_.place.id));
    if (!self->orphan_.demoted) {
      txn.del(key);
      return;
    }
    const auto stored = txn.get(key);
    if (!stored) return;
    layout::NodeRow row = layout::decode_node(*stored);
    row.residue = row.tracked = false;
    row.name = {};
    txn.put(key, layout::encode_node(row));
  };
  auto thrown = caught([&] {
    run_.app.db->write_async(body, [self](std::exception_ptr error) {
      self->run_.pool.post_step([self, error] { self->finish(error); });
    });
  });
  if (thrown) finish(std::move(thrown));
}

void Removal::finish(std::exception_ptr error, const std::string& collection) {
  const std::string name = orphan_.name.empty() ? std::string("<unknown>") : orphan_.name;
  if (is_component() || !orphan_.name.empty()) {
    run_.count(name, error ? &ComponentCounts::errors : &ComponentCounts::deletes);
  }
  if (error) run_.add_failure({orphan_.path, name, collection, what(error), error});
  run_.limit.release(token_);
  done_(!error);
}

}  // namespace cocoindex::inline v0
