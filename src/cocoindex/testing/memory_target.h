// cocoindex/testing/memory_target.h: a target in memory for tests of the engine: rows of text, alone or in
// tables.
//
// The handler of rows gives no action when nothing may be missing and all previous records equal the desired
// one; on absence it deletes only when there is a previous record; the record is the value. Tables: replaced
// (destructive) when their definition changes, "a:1" -> "a:2" counts as lossy. Threads: all functions from
// any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "cocoindex/cocoindex.h"

namespace cocoindex::inline v0::testing {

struct Text : TargetValue {
  explicit Text(std::string t) : text(std::move(t)) {}
  std::string text;
};

/// One action as it reached a sink.
struct Op {
  std::string table;  ///< "" for rows without one, "*" for actions on tables
  std::string key;
  std::optional<std::string> value;  ///< nothing: a delete
  std::vector<std::string> previous;
  bool missing = false;
  std::string kind;             ///< of table actions: insert, upsert, replace, remove, none
  std::string display() const;  ///< `a=1 prev=[..] missing`
};

class MemoryTarget {
 public:
  using Rows = std::map<std::string, std::string>;

  MemoryTarget();
  ~MemoryTarget();

  const TargetProvider& rows_provider() const { return rows_provider_; }
  const TargetProvider& tables_provider() const { return tables_provider_; }
  TargetState table(const std::string& name, const std::string& definition) const;

  Rows rows(const std::string& table = "");
  bool has_table(const std::string& table);
  std::vector<std::string> take_ops();         ///< display() of all since the last call
  std::vector<std::size_t> take_call_sizes();  ///< actions of each call of a sink of rows
  std::size_t reconcile_count() const;

  /// Called for each action before it is applied; may throw. `after`: when all of the call were applied.
  std::function<void(const Op&)> before;
  std::function<void()> after;
  std::function<void(const std::string& key)> on_reconcile;  ///< may throw
  std::function<void(const std::string& table)> on_child_handler;
  std::function<void(MarkState)> on_declared_table;  ///< what the engine knows about its mark
  bool tracks_fingerprint = false;
  bool marked = false;  ///< tables keep marks
  std::map<std::string, std::uint64_t> marks;

  struct State;

 private:
  std::string name_;
  std::shared_ptr<State> state_;
  TargetProvider rows_provider_, tables_provider_;
};

void declare(Ctx& ctx, const TargetProvider& provider, StableKey key, const std::string& value);
/// A key as these tests write it: text as it is, everything else displayed.
std::string key_text(const StableKey& key);

}  // namespace cocoindex::inline v0::testing
