// cocoindex/runtime/submit.h: makes the targets what a component declared, so that a crash at any point is
// healed.
//
//   plan     in a snapshot; nothing to do ends here
//   intent   one write: every record that may become true
//   apply    sinks, each once
//   confirm  one write: only what is true now, and what the caller adds (memos, rows of children)
// Steps run on the pool and give their thread back while the store or a sink works.
// Threads: start() once; `done` is called on a thread of the pool.
#pragma once

#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cocoindex/runtime/plan.h"
#include "cocoindex/runtime/run.h"

namespace cocoindex::inline v0 {

class Submitter : public std::enable_shared_from_this<Submitter> {
 public:
  struct Task {
    Run* run = nullptr;
    layout::NodeId node = layout::kNoNode;
    DeclaredSet declared;
    std::function<bool(std::string_view path)> is_protected;
    std::function<void(WriteTxn&)>
        with_intent;  ///< written with the intent; with the confirmation when there is none
    std::function<void(WriteTxn&)> with_confirm;  ///< the same for the confirmation
    std::function<void(std::exception_ptr, std::string collection)> done;
  };
  explicit Submitter(Task task) : task_(std::move(task)) {}
  void start();

 private:
  struct SinkGroup {
    std::shared_ptr<TargetSink> sink;
    std::vector<std::shared_ptr<TargetAction>> actions;
    std::vector<ProviderPtr> marked;  ///< containers that a mark returned by this sink belongs to
    std::string collection;
  };

  void plan();
  void write_intent();
  void intent_body(WriteTxn& txn);
  void intent_written(std::exception_ptr error);
  void write_items_intent(WriteTxn& txn) const;
  void make_child_handlers();
  void group_actions();
  void list_actions();
  void apply_next();
  void applied(const SinkGroup& group, const ApplyResult& result, std::exception_ptr error);
  void write_confirmation();
  void confirm_body(WriteTxn& txn) const;
  void confirmed(std::exception_ptr error);
  void resolve_containers();
  void finish(std::exception_ptr error);
  void guarded(void (Submitter::*step)());
  void then(void (Submitter::*step)());
  PlanInput input(bool in_write);
  void read_marks();

  Task task_;
  std::map<std::string, std::optional<std::uint64_t>> marks_read_;
  Plan plan_;
  std::vector<std::shared_ptr<TargetHandler>> child_handlers_;
  std::vector<SinkGroup> groups_;
  std::size_t next_group_ = 0;
  std::map<std::string, std::uint64_t> marks_;  ///< container path -> mark after our actions
  std::string collection_;                      ///< of the sink that failed
  bool in_flight_ = false;
  bool intent_in_confirmation_ = true;  ///< there was no intent, so one write does for both
  bool is_confirmed_ = false;
};

}  // namespace cocoindex::inline v0
