#include "cocoindex/runtime/run.h"

#include <algorithm>
#include <mutex>

#include "cocozvec/base/log.h"

namespace cocoindex::inline v0 {

namespace {
constexpr std::uint64_t kIdsAtOnce = 1024;  // a crash loses at most so many numbers of 2^64
}  // namespace

std::uint64_t IdAllocator::load(ReadTxn& txn) {
  auto stored = txn.get(layout::kNextIdKey);
  return stored ? layout::decode_id(*stored) : layout::kRootNode + 1;
}

void IdAllocator::keep(WriteTxn& txn, std::uint64_t id) {
  if (id < load(txn)) return;
  txn.put(layout::kNextIdKey, layout::encode_id(id + kIdsAtOnce));
}

void InFlight::enter(layout::NodeId node) {
  cocozvec::MutexLock lock(mu_);
  nodes_.try_emplace(node);
}

void InFlight::leave(layout::NodeId node) {
  std::vector<std::function<void()>> waiting;
  {
    cocozvec::MutexLock lock(mu_);
    auto it = nodes_.find(node);
    if (it == nodes_.end()) return;
    waiting = std::move(it->second);
    nodes_.erase(it);
  }
  for (auto& f : waiting) f();
}

bool InFlight::contains(layout::NodeId node) const {
  cocozvec::MutexLock lock(mu_);
  return nodes_.contains(node);
}

void InFlight::when_left(layout::NodeId node, std::function<void()> f) {
  {
    cocozvec::MutexLock lock(mu_);
    if (auto it = nodes_.find(node); it != nodes_.end()) {
      it->second.push_back(std::move(f));
      return;
    }
  }
  f();
}

void Run::check_cancelled() const {
  if (cancelled()) throw CancelledError("the update was cancelled");
}

void Run::load_robbed(ReadTxn& txn) {
  std::vector<layout::NodeId> robbed;
  txn.scan(layout::robbed_prefix(), [&](std::string_view key, std::string_view) {
    robbed.push_back(layout::robbed_component(key));
    return true;
  });
  if (robbed.empty()) return;  // but for a run after one that was cut off
  std::unordered_map<layout::NodeId, layout::NodeId> parents;
  txn.scan(layout::all_nodes_prefix(), [&](std::string_view key, std::string_view value) {
    parents.emplace(layout::decode_node(value).id, layout::parent_of(key));
    return true;
  });
  // The memos above a component speak for it too.
  for (layout::NodeId node : robbed) {
    while (node != layout::kNoNode && robbed_.insert(node).second) {
      const auto it = parents.find(node);
      node = it == parents.end() ? layout::kNoNode : it->second;
    }
  }
}

void Run::add_provider(const ProviderPtr& provider) {
  cocozvec::WriterLock lock(providers_mu_);
  providers_[provider->path] = provider;
  providers_by_fp_[provider->path_fp] = provider;
}

ProviderPtr Run::find_provider(std::string_view path) {
  if (path.size() == 16) return find_root_provider(path);
  cocozvec::ReaderLock lock(providers_mu_);
  auto it = providers_.find(path);
  return it == providers_.end() ? nullptr : it->second;
}

bool Run::dep_holds(const Dep& dep) {
  switch (dep.kind) {
    case DepKind::function:
      return function_dep_holds(dep);
    case DepKind::context:
      return context.holds(dep.id, dep.value);
    case DepKind::provider: {
      cocozvec::ReaderLock lock(providers_mu_);
      auto it = providers_by_fp_.find(dep.id);
      // One that is not visible is no mismatch: nobody has said that it was rebuilt.
      return it == providers_by_fp_.end() ||
             generation_value(it->second->generation.id, it->second->generation.schema) == dep.value;
    }
  }
  return false;
}

void Run::count(std::string_view name, std::uint64_t ComponentCounts::* counter) {
  cocozvec::MutexLock lock(stats_mu_);
  auto it = components_.find(name);
  if (it == components_.end()) it = components_.emplace(std::string(name), ComponentCounts{}).first;
  ++(it->second.*counter);
}

void Run::count_executed() {
  cocozvec::MutexLock lock(stats_mu_);
  ++stats_.executed;
}

void Run::count_targets(const std::map<std::string, TargetCounts>& counts) {
  cocozvec::MutexLock lock(stats_mu_);
  for (const auto& [name, c] : counts) stats_.by_target[name] += c;
}

void Run::add_failure(Failure failure) {
  cocozvec::Log(cocozvec::LogLevel::kError,
                "component build failed: " + failure.path.display() + ": " + failure.message);
  cocozvec::MutexLock lock(stats_mu_);
  failures_.push_back(std::move(failure));
}

UpdateStats Run::stats() const {
  cocozvec::MutexLock lock(stats_mu_);
  UpdateStats out = stats_;
  for (const auto& [name, c] : components_) out.by_component[name] = c;
  return out;
}

std::vector<Failure> Run::take_failures() {
  cocozvec::MutexLock lock(stats_mu_);
  return std::move(failures_);
}

void Run::add_planned(std::vector<PlannedEffect> effects) {
  cocozvec::MutexLock lock(stats_mu_);
  for (PlannedEffect& e : effects) planned_.push_back(std::move(e));
}

std::vector<PlannedEffect> Run::take_planned() {
  cocozvec::MutexLock lock(stats_mu_);
  return std::move(planned_);
}

bool Run::preview_move(const std::string& path, bool taken) {
  cocozvec::MutexLock lock(stats_mu_);
  return preview_moves_.try_emplace(path, taken).first->second == taken;
}

Dep context_dep(std::string_view key_name, const Fingerprint& value) {
  return {DepKind::context, fingerprint_bytes(key_name), value};
}

std::string what(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    return e.what();
  } catch (...) {
    return "an exception that is no std::exception";
  }
}

ComponentCounts& ComponentCounts::operator+=(const ComponentCounts& o) {
  execution_starts += o.execution_starts;
  unchanged += o.unchanged;
  adds += o.adds;
  reprocesses += o.reprocesses;
  deletes += o.deletes;
  errors += o.errors;
  return *this;
}

TargetCounts& TargetCounts::operator+=(const TargetCounts& o) {
  upserted += o.upserted;
  deleted += o.deleted;
  unchanged += o.unchanged;
  return *this;
}

ComponentCounts UpdateStats::total() const {
  ComponentCounts sum;
  for (const auto& [name, c] : by_component) sum += c;
  return sum;
}

TargetCounts UpdateStats::target_total() const {
  TargetCounts sum;
  for (const auto& [name, c] : by_target) sum += c;
  return sum;
}

}  // namespace cocoindex::inline v0
