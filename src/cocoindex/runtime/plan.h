// cocoindex/runtime/plan.h: compares what a component declared with what is recorded, and says what to write
// and to do.
//
// Pure but for reading the transaction it is given: made in a snapshot first, and again inside the write
// transaction only when something moved meanwhile (cocoindex-engine.md 8.2, 8.5, 9, 10). Threads: one Planner
// belongs to one call.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cocoindex/runtime/declared.h"
#include "cocoindex/runtime/layout.h"
#include "cocoindex/runtime/run.h"

namespace cocoindex::inline v0 {

struct PlannedItem {
  std::string row_key;
  std::string path;
  std::optional<std::string> staged;  ///< row after the commit of intent, when it differs from what is there
  std::optional<std::string> confirmed;  ///< row after the confirmation; nothing: no row
  bool confirm = false;                  ///< the confirmation has something to write
  bool must_exist = false;     ///< staged by a former run: confirmed only when the row is still there
  bool claim = false;          ///< becomes the owner of the path
  bool check_unowned = false;  ///< planned as if nobody owned the path
  bool release = false;        ///< no row of the path is left: no owner either
  bool clear_mark = false;     ///< the container starts anew, or goes
  layout::NodeId preempted = layout::kNoNode;
  std::vector<std::string> preempted_rows;
};

struct PlannedAction {
  std::string path;     ///< order: declared ones by path, then deletions
  std::string display;  ///< of previews
  bool removal = false;
  std::shared_ptr<TargetAction> action;
  std::shared_ptr<TargetSink> sink;
  ProviderPtr provider;
};

struct PlannedContainer {
  ProviderPtr child;
  Generation generation;
  bool has_mark = false;
  std::shared_ptr<TargetAction> action;
  std::shared_ptr<TargetSink> sink;
  std::string display;
};

struct Plan {
  std::vector<PlannedItem> items;
  std::vector<std::string> pruned;  ///< rows of former incarnations of a container: dropped without an action
  std::vector<std::string> pruned_paths;
  std::vector<PlannedAction> actions;
  std::vector<PlannedContainer> containers;
  std::map<std::string, TargetCounts> counts;
  std::uint64_t max_id = 0;                     ///< largest number given out
  std::string moves;                            ///< value of kMovesKey that it was made under
  layout::NodeId blocked_by = layout::kNoNode;  ///< its items are in flight: wait, plan again
  bool moves_items = false;  ///< takes items of other components: only true inside the write transaction

  bool needs_intent() const;
  bool needs_confirmation() const;
};

struct PlanInput {
  Run* run;
  layout::NodeId node;
  DeclaredSet* declared;                                      ///< sorted
  std::function<bool(std::string_view path)> is_protected;    ///< by the hit of a call memo; may be empty
  std::map<std::string, std::optional<std::uint64_t>> marks;  ///< container path -> mark read now
  bool in_write;                                              ///< false: a snapshot
};

Plan make_plan(ReadTxn& txn, const PlanInput& in);
/// Inside the write transaction: nothing has moved since the plan was made in a snapshot.
bool plan_still_holds(WriteTxn& txn, const Plan& plan, layout::NodeId node);

}  // namespace cocoindex::inline v0
