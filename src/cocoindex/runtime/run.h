// cocoindex/runtime/run.h: one update or drop of one app, and what its components share.
// Threads: all functions from any thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/mutex.h"
#include "cocoindex/app.h"
#include "cocoindex/context.h"
#include "cocoindex/runtime/deps.h"
#include "cocoindex/runtime/inflight.h"
#include "cocoindex/runtime/layout.h"
#include "cocoindex/runtime/pool.h"
#include "cocoindex/state/store.h"
#include "cocoindex/target/provider.h"

namespace cocoindex::inline v0 {

struct FingerprintHash {
  std::size_t operator()(const Fingerprint& fp) const noexcept {
    std::size_t h;
    std::memcpy(&h, fp.bytes.data(), sizeof(h));
    return h;
  }
};

/// Numbers for nodes and provider generations: never given twice, also over a crash.
class IdAllocator {
 public:
  void start_at(std::uint64_t next) { next_ = std::max(next_.load(), next); }
  std::uint64_t next() { return next_.fetch_add(1, std::memory_order_relaxed); }
  /// In every transaction that stores a number from next().
  static void keep(WriteTxn& txn, std::uint64_t id);
  static std::uint64_t load(ReadTxn& txn);

 private:
  std::atomic<std::uint64_t> next_{layout::kRootNode + 1};
};

/// Components between the commits of intent and confirmation: what they staged may not be taken from them.
class InFlight {
 public:
  void enter(layout::NodeId node);
  void leave(layout::NodeId node);
  bool contains(layout::NodeId node) const;
  /// Calls `f` when the node has left, at once when it is not in.
  void when_left(layout::NodeId node, std::function<void()> f);

 private:
  mutable cocozvec::Mutex mu_;
  std::unordered_map<layout::NodeId, std::vector<std::function<void()>>> nodes_ ZVEC_GUARDED_BY(mu_);
};

/// What an app keeps between updates.
struct AppState {
  std::shared_ptr<AppDb> db;
  Fingerprint store_id{};
  IdAllocator ids;
  InFlight in_flight;
};

class Run {
 public:
  Run(AppState& app_state, Pool& threads, const ContextProvider& values, const UpdateOptions& options,
      const std::atomic<bool>& cancel_flag, const std::atomic<bool>& cancel_all, unsigned max_inflight)
      : app(app_state),
        pool(threads),
        context(values),
        full_reprocess(options.full_reprocess),
        preview(options.preview),
        limit(max_inflight),
        cancelled_(cancel_flag),
        all_cancelled_(cancel_all) {}

  AppState& app;
  Pool& pool;
  const ContextProvider& context;
  const bool full_reprocess;
  const bool preview;  ///< nothing is written or applied
  InflightLimit limit;

  bool cancelled() const noexcept {
    return cancelled_.load(std::memory_order_relaxed) || all_cancelled_.load(std::memory_order_relaxed);
  }
  void check_cancelled() const;

  // Providers that are usable in this run.
  void add_provider(const ProviderPtr& provider);
  ProviderPtr find_provider(std::string_view path);
  bool dep_holds(const Dep& dep);

  /// Another component took target states of this one, or of one below it, and this one has not run since.
  bool was_robbed(layout::NodeId node) const { return !robbed_.empty() && robbed_.contains(node); }
  void load_robbed(ReadTxn& txn);

  // Of a preview. Without writes the store does not say which target states have changed hands.
  void add_planned(std::vector<PlannedEffect> effects);
  std::vector<PlannedEffect> take_planned();
  /// A component takes the state of another one: false when that one has given it up before.
  bool preview_take(const std::string& path) { return preview_move(path, true); }
  /// Its owner gives it up: false when it was taken before.
  bool preview_release(const std::string& path) { return preview_move(path, false); }

  // Counters and failures.
  void count(std::string_view name, std::uint64_t ComponentCounts::* counter);
  void count_executed();
  void count_targets(const std::map<std::string, TargetCounts>& counts);
  void add_failure(Failure failure);
  UpdateStats stats() const;
  std::vector<Failure> take_failures();

 private:
  bool preview_move(const std::string& path, bool taken);

  const std::atomic<bool>& cancelled_;
  const std::atomic<bool>& all_cancelled_;
  std::unordered_set<layout::NodeId> robbed_;  ///< as of the beginning
  cocozvec::SharedMutex providers_mu_;
  std::map<std::string, ProviderPtr, std::less<>> providers_ ZVEC_GUARDED_BY(providers_mu_);
  std::unordered_map<Fingerprint, ProviderPtr, FingerprintHash> providers_by_fp_
      ZVEC_GUARDED_BY(providers_mu_);
  mutable cocozvec::Mutex stats_mu_;
  UpdateStats stats_ ZVEC_GUARDED_BY(stats_mu_);
  std::map<std::string, ComponentCounts, std::less<>> components_ ZVEC_GUARDED_BY(stats_mu_);
  std::vector<Failure> failures_ ZVEC_GUARDED_BY(stats_mu_);
  std::vector<PlannedEffect> planned_ ZVEC_GUARDED_BY(stats_mu_);
  std::unordered_map<std::string, bool> preview_moves_ ZVEC_GUARDED_BY(stats_mu_);  ///< path -> taken
};

Dep context_dep(std::string_view key_name, const Fingerprint& value);
std::string what(const std::exception_ptr& error);

}  // namespace cocoindex::inline v0
