#include "cocoindex/runtime/plan.h"

#include <algorithm>
#include <cstring>

#include "base/coding.h"
#include "base/fault.h"
#include "cocoindex/errors.h"

namespace cocoindex::inline v0 {
namespace {

using layout::ItemRow;
using layout::NodeId;

/// The row says: one state, which is `fp`, written under `schema`. Without decoding it: most rows end here.
bool IsSingle(std::string_view value, const Fingerprint& fp, std::uint64_t schema) {
  return value.size() > 19 && value[0] == 1 && value[1] == 17 &&
         std::memcmp(value.data() + 2, fp.bytes.data(), 16) == 0 && schema < 0x80 &&
         static_cast<unsigned char>(value[18]) == schema && value[19] == 0;
}

class Planner {
 public:
  Planner(ReadTxn& txn, const PlanInput& in) : txn_(txn), in_(in) {}

  Plan make() {
    if (auto moves = txn_.get(layout::kMovesKey)) plan_.moves = *moves;
    for (DeclaredGroup& g : in_.declared->groups()) {
      g.cursor = 0;
      for (Declared& d : g.items) d.matched = false;
    }
    txn_.scan(layout::item_prefix(in_.node), [this](std::string_view key, std::string_view value) {
      on_row(key, value);
      return true;
    });
    for (DeclaredGroup& g : in_.declared->groups()) {
      for (const auto& place : g.order) {
        if (!g.items[place.index].matched) on_new(g, g.items[place.index]);
      }
    }
    auto before = [](const PlannedAction& a, const PlannedAction& b) {
      return a.removal != b.removal ? b.removal : a.path < b.path;
    };
    if (!std::is_sorted(plan_.actions.begin(), plan_.actions.end(), before)) {
      std::sort(plan_.actions.begin(), plan_.actions.end(), before);
    }
    return std::move(plan_);
  }

 private:
  void on_row(std::string_view key, std::string_view value) {
    const layout::ItemKey k = layout::parse_item_key(key);
    DeclaredGroup* g = in_.declared->find(k.provider_path());
    Declared* d = g ? seek(*g, k.key_fp()) : nullptr;
    if (d && k.provider_id == g->provider->generation.id) {
      d->matched = true;
      if (!unchanged(*g, *d, value))
        on_declared(*g, *d, std::string(key), std::string(k.path), layout::decode_item(value), value, true);
    } else if (d) {
      plan_.pruned.emplace_back(key);  // of a former incarnation; its path has a new row
    } else {
      on_undeclared(key, k, value);
    }
  }

  Declared* seek(DeclaredGroup& g, std::string_view key_fp) {
    const std::uint64_t prefix = fingerprint_prefix(key_fp.data());
    for (; g.cursor < g.order.size(); ++g.cursor) {
      const auto& place = g.order[g.cursor];
      if (place.prefix < prefix) continue;  // without touching the item
      if (place.prefix > prefix) return nullptr;
      Declared& d = g.items[place.index];
      const int c = std::memcmp(d.key_fp.bytes.data(), key_fp.data(), 16);
      if (c >= 0) return c == 0 ? &d : nullptr;
    }
    return nullptr;
  }

  bool unchanged(const DeclaredGroup& g, const Declared& d, std::string_view value) {
    if (!d.fingerprint || in_.run->full_reprocess || !g.provider->handler->tracks_fingerprint()) return false;
    if (!IsSingle(value, *d.fingerprint, g.provider->generation.schema)) return false;
    ++counts(*g.provider).unchanged;
    return true;
  }

  TargetCounts& counts(const TargetProvider::Impl& provider) {
    if (&provider != counted_) {
      counted_ = &provider;
      counted_counts_ = &plan_.counts[provider.container_path];
    }
    return *counted_counts_;
  }

  void on_new(DeclaredGroup& g, Declared& d) {
    std::string path = target_path(*g.provider, d.key_fp);
    const auto owner_row = txn_.get(layout::owner_key(path));
    const NodeId owner = owner_row ? layout::decode_id(*owner_row) : layout::kNoNode;
    if (owner != layout::kNoNode && owner != in_.node) {
      if (take_over(g, d, path, owner)) return;
    }
    PlannedItem item;
    item.row_key = layout::item_key(in_.node, path, g.provider->generation.id);
    item.path = path;
    item.claim = true;
    item.check_unowned = owner == layout::kNoNode;
    auto out = reconcile(g, d.key, d.value.get(), {}, true, mark_state(g, d, path));
    if (!out) {
      if (d.child) no_output_for_container(g, d);
      return;
    }
    ItemRow row;
    std::string key;
    encode_key(d.key, key);
    row.key = key;
    row.schema = g.provider->generation.schema;
    if (d.child) row.child = fresh_generation();
    if (out->record) {
      row.states = {std::nullopt, *out->record};
      item.staged = layout::encode_item(row);
      row.states = {*out->record};
      item.confirmed = layout::encode_item(row);
      item.confirm = true;
      item.clear_mark = d.child != nullptr;
      plan_.items.push_back(std::move(item));
    }
    act(g, d, *out, path, row.child);
  }

  /// The item of another component becomes ours, with its records. False: there was only a dangling owner
  /// row.
  bool take_over(DeclaredGroup& g, Declared& d, const std::string& path, NodeId owner) {
    const std::string other_key = layout::item_key(owner, path, g.provider->generation.id);
    const auto other = txn_.get(other_key);
    if (!other) return false;
    if (in_.run->preview && !in_.run->preview_take(path)) return false;
    const std::string value(*other);
    const ItemRow row = layout::decode_item(value);
    if (row.states.size() > 1 && in_.run->app.in_flight.contains(owner)) {
      plan_.blocked_by = owner;
      return true;
    }
    plan_.moves_items = true;
    on_declared(g, d, layout::item_key(in_.node, path, g.provider->generation.id), path, row, value, false);
    PlannedItem& item = plan_.items.back();
    item.claim = true;
    item.preempted = owner;
    txn_.scan(layout::item_key(owner, path, 0).substr(0, 9 + path.size()),
              [&](std::string_view k, std::string_view) {
                if (layout::parse_item_key(k).path == path) item.preempted_rows.emplace_back(k);
                return true;
              });
    return true;
  }

  /// Declared, and there is a row (`current`, encoded, ours when `own`).
  void on_declared(DeclaredGroup& g, Declared& d, std::string row_key, std::string path, const ItemRow& row,
                   std::string_view current, bool own) {
    const std::vector<std::string_view> records = row.records();
    const std::uint64_t schema = g.provider->generation.schema;
    const bool missing = in_.run->full_reprocess || row.schema != schema || row.may_be_deleted();
    // A container whose removal was begun may stand there with children that are tracked no more.
    const bool doomed = d.child && g.provider->handler->has_mark() && !row.states.back();
    auto out = reconcile(g, d.key, d.value.get(), records, missing,
                         doomed ? MarkState::missing : mark_state(g, d, path));
    if (!out && d.child) no_output_for_container(g, d);

    PlannedItem item;
    item.row_key = std::move(row_key);
    ItemRow staged = row, confirmed = row;
    staged.key = confirmed.key = row.key;
    confirmed.schema = schema;
    if (d.child && out) {
      staged.child = confirmed.child = next_generation(row.child, out->child_invalidation);
      // After a loss the container may begin to count anew, also when its children are only doubted.
      item.clear_mark = !row.child || *confirmed.child != *row.child;
    }
    if (!out) {
      ++counts(*g.provider).unchanged;
      confirmed.states.clear();
      for (std::string_view r : records) confirmed.states.push_back(r);
    } else {
      append_state(staged, out->record ? std::optional<std::string_view>(*out->record) : std::nullopt);
      confirmed.states.clear();
      if (out->record) confirmed.states.push_back(*out->record);
    }
    finish_item(item, staged, confirmed, current, own, path);
    if (out) act(g, d, *out, path, confirmed.child);
  }

  void on_undeclared(std::string_view key, const layout::ItemKey& k, std::string_view value) {
    if (in_.is_protected && in_.is_protected(k.path)) return;
    const ProviderPtr provider = visible(k.provider_path());
    if (!provider || provider->generation.id != k.provider_id) {
      plan_.pruned.emplace_back(key);
      plan_.pruned_paths.emplace_back(k.path);
      return;
    }
    if (in_.run->preview && !in_.run->preview_release(std::string(k.path))) return;
    const ItemRow row = layout::decode_item(value);
    std::string_view encoded = row.key;
    const StableKey target_key = decode_key(encoded);
    const std::vector<std::string_view> records = row.records();
    ReconcileInput input{.key = target_key,
                         .desired = nullptr,
                         .previous = records,
                         .previous_may_be_missing = in_.run->full_reprocess || row.may_be_deleted() ||
                                                    row.schema != provider->generation.schema};
    if (row.child) input.mark = MarkState::unknown;
    auto out = provider->handler->reconcile(input);
    PlannedItem item;
    item.row_key = std::string(key);
    item.clear_mark = row.child.has_value() && out;
    ItemRow staged = row, confirmed = row;
    confirmed.schema = provider->generation.schema;
    confirmed.states.clear();
    if (!out) {
      for (std::string_view r : records) confirmed.states.push_back(r);
    } else {
      append_state(staged, out->record ? std::optional<std::string_view>(*out->record) : std::nullopt);
      if (out->record) confirmed.states.push_back(*out->record);
    }
    finish_item(item, staged, confirmed, value, true, std::string(k.path));
    if (!out || !out->action) return;
    if (!row.child) {
      TargetCounts& c = counts(*provider);
      ++(out->record ? c.upserted : c.deleted);
    }
    std::string display = target_display(*provider, target_key);
    check_sink(*out, display);
    plan_.actions.push_back(
        {std::string(k.path), std::move(display), true, out->action, out->sink, provider});
  }

  /// Records what to write so that `current` becomes `staged`, then `confirmed`.
  void finish_item(PlannedItem& item, const ItemRow& staged, const ItemRow& confirmed,
                   std::string_view current, bool own, const std::string& path) {
    std::string s = layout::encode_item(staged);
    if (!own || s != current) item.staged = std::move(s);
    if (!confirmed.states.empty()) item.confirmed = layout::encode_item(confirmed);
    item.release = !item.confirmed;
    const std::string_view before = item.staged ? std::string_view(*item.staged) : current;
    item.confirm = !item.confirmed || *item.confirmed != before;
    item.must_exist = !item.staged;
    if (!item.staged && !item.confirm && !item.clear_mark) return;
    item.path = path;
    plan_.items.push_back(std::move(item));
  }

  static void append_state(ItemRow& row, std::optional<std::string_view> state) {
    std::erase(row.states, state);  // the same attempt again adds nothing
    row.states.push_back(state);
  }

  std::optional<ReconcileOutput> reconcile(const DeclaredGroup& g, const StableKey& key,
                                           const TargetValue* desired,
                                           std::span<const std::string_view> previous, bool missing,
                                           MarkState mark) {
    return g.provider->handler->reconcile({.key = key,
                                           .desired = desired,
                                           .previous = previous,
                                           .previous_may_be_missing = missing,
                                           .mark = mark});
  }

  MarkState mark_state(const DeclaredGroup& g, const Declared& d, const std::string& path) {
    if (!d.child || !g.provider->handler->has_mark()) return MarkState::unsupported;
    const auto stored = txn_.get(layout::mark_key(path));
    if (!stored) return MarkState::unknown;
    const std::uint64_t recorded = layout::decode_id(*stored);
    auto it = in_.marks.find(path);
    if (it == in_.marks.end() || !it->second) return MarkState::missing;
    return *it->second >= recorded ? MarkState::current : MarkState::stale;
  }

  Generation fresh_generation() {
    Generation g{in_.run->app.ids.next(), 0};
    plan_.max_id = std::max(plan_.max_id, g.id);
    return g;
  }
  Generation next_generation(const std::optional<Generation>& before, ChildInvalidation invalidation) {
    const bool forget = cocozvec::FaultPlanted("forget_generation");
    if (!before || (invalidation == ChildInvalidation::destructive && !forget)) return fresh_generation();
    return {before->id, before->schema + (invalidation == ChildInvalidation::lossy ? 1 : 0)};
  }

  void act(const DeclaredGroup& g, const Declared& d, const ReconcileOutput& out, const std::string& path,
           const std::optional<Generation>& child) {
    const std::string display = d.child || !out.sink || !out.action || in_.run->preview
                                    ? target_display(*g.provider, d.key)
                                    : std::string();
    if (d.child) {
      check_sink(out, display);
      if (!out.action) throw InvalidRequest("target state " + display + ": a container needs an action");
      plan_.containers.push_back({d.child, child.value_or(Generation{}), g.provider->handler->has_mark(),
                                  out.action, out.sink, display});
    } else if (out.action) {
      TargetCounts& c = counts(*g.provider);
      ++(out.record ? c.upserted : c.deleted);
    }
    if (!out.action) return;
    check_sink(out, display);
    plan_.actions.push_back({path, display, false, out.action, out.sink, g.provider});
  }

  static void check_sink(const ReconcileOutput& out, const std::string& display) {
    if (!out.sink)
      throw InvalidRequest("target state " + display + ": the handler gave an action without a sink");
  }
  [[noreturn]] static void no_output_for_container(const DeclaredGroup& g, const Declared& d) {
    throw InvalidRequest("target state " + target_display(*g.provider, d.key) +
                         ": the handler of a container must give an output whenever it is declared");
  }

  const ProviderPtr& visible(std::string_view path) {
    if (!last_visible_ || last_visible_path_ != path) {
      last_visible_path_ = path;
      last_visible_ = in_.run->find_provider(path);
    }
    return last_visible_;
  }

  ReadTxn& txn_;
  const PlanInput& in_;
  Plan plan_;
  const TargetProvider::Impl* counted_ = nullptr;
  TargetCounts* counted_counts_ = nullptr;
  std::string last_visible_path_;
  ProviderPtr last_visible_;
};

}  // namespace

bool Plan::needs_intent() const {
  // Also what a former run has staged already: only who is in flight is waited for by whoever takes items
  // over.
  return std::any_of(items.begin(), items.end(),
                     [](const PlannedItem& i) { return i.staged || i.claim || (i.must_exist && i.confirm); });
}

bool Plan::needs_confirmation() const {
  return !pruned.empty() || std::any_of(items.begin(), items.end(),
                                        [](const PlannedItem& i) { return i.confirm || i.clear_mark; });
}

Plan make_plan(ReadTxn& txn, const PlanInput& in) { return Planner(txn, in).make(); }

bool plan_still_holds(WriteTxn& txn, const Plan& plan, layout::NodeId) {
  if (plan.moves_items || plan.blocked_by != layout::kNoNode) return false;
  if (txn.get(layout::kMovesKey).value_or(std::string_view()) != plan.moves) return false;
  return std::all_of(plan.items.begin(), plan.items.end(), [&](const PlannedItem& item) {
    return !item.check_unowned || !txn.get(layout::owner_key(item.path));
  });
}

}  // namespace cocoindex::inline v0
