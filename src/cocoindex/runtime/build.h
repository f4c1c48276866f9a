// cocoindex/runtime/build.h: one run of one component, from its mount to the end of its commit.
//
//   mount -> (memo hit: done) -> token -> body -> children -> submit -> orphans removed -> memo -> done
// A state machine, not a blocked thread: only the body occupies one. The parent's count of pending parts (its
// body, its children) decides when it goes on. Threads: public functions from any thread; `mu_` guards what
// concurrent calls of one body share.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "cocoindex/component.h"
#include "cocoindex/runtime/call_memos.h"
#include "cocoindex/runtime/declared.h"
#include "cocoindex/runtime/frame.h"
#include "cocoindex/runtime/inflight.h"
#include "cocoindex/runtime/mount_tree.h"
#include "cocoindex/runtime/pool.h"
#include "cocoindex/runtime/run.h"

namespace cocoindex::inline v0::internal {

/// What a MountHandle waits for. `left` reaches zero more than once while a mount_each goes on.
struct Readiness {
  explicit Readiness(std::shared_ptr<Build> b) : parent(std::move(b)) {}
  void add();
  void finished_one();
  void wait();

  const std::shared_ptr<Build> parent;
  cocozvec::Mutex mu;
  std::size_t left ZVEC_GUARDED_BY(mu) = 0;
  std::vector<WaitPoint*> waiting ZVEC_GUARDED_BY(mu);
};

struct CtxAccess {
  static Ctx make(Frame* frame, const MapRun* map = nullptr) { return Ctx(frame, map); }
  static Frame& frame(const Ctx& ctx) { return *ctx.frame_; }
  static void use_child(Ctx& ctx, StablePath path, std::shared_ptr<Processor> p) {
    ctx.use_child(std::move(path), std::move(p));
  }
  static UpdateHandle handle(std::shared_ptr<UpdateState> state);
  static const std::shared_ptr<UpdateState>& state(const UpdateHandle& handle);
  static void set_value(UpdateResult& result, std::shared_ptr<void> value, const std::type_info* type);
};

/// A row of a memo as it is to be kept.
struct NewMemo {
  Fingerprint key{};
  std::string deps, states, targets, nested;
};
std::string encode_new_memo(const NewMemo& memo, const Processor& processor);
Fingerprint memo_key(std::string_view kind, const Processor& processor);
std::string encode_states(const MemoStates& states);

class Build : public Scope, public std::enable_shared_from_this<Build> {
 public:
  enum class Mode { root, background, foreground };
  Build(Run& run, std::shared_ptr<Build> parent, StablePath path, MountTree::Mounted mounted,
        std::shared_ptr<Processor> processor, Mode mode);

  /// The root's; `done` is called on a pool thread when everything has ended.
  void start_root(std::function<void(std::exception_ptr)> done);

  // Called by bodies, through Ctx and declare_target_state.
  void mount(Frame& frame, StablePath path, std::shared_ptr<Processor> processor,
             std::shared_ptr<Readiness> group);
  void use_mount(Frame& frame, StablePath path, std::shared_ptr<Processor> processor);
  void call(Frame& frame, const MapRun* map, Processor& processor);
  void parallel(Frame& frame, const MapRun* map, std::size_t n,
                const std::function<void(Ctx&, std::size_t)>& f);
  void declare(Frame& frame, TargetState state, ProviderPtr child);
  void note_context(Frame& frame, std::string_view key_name);

  Run& run() noexcept { return run_; }
  const StablePath& path() const noexcept { return path_; }

 private:
  // build.cc: the life of a component.
  std::shared_ptr<Build> mount_child(Frame& frame, StablePath path,
                                     const std::shared_ptr<Processor>& processor, Mode mode);
  bool hit_at_once(Processor& processor, const std::string& row, Mode mode);
  void run_body();
  bool try_memo();
  void write_start();
  void start_body(WriteTxn& txn, const std::string& row, bool fresh) const;
  void start_written(const std::exception_ptr& error);
  void part_finished();
  void submit();
  void submit_checked();
  void submitted(std::exception_ptr error, const std::string& collection);
  void orphans_gone(bool ok);
  void memo_written(std::exception_ptr error);
  void complete(std::exception_ptr error, const std::string& collection = {});
  bool await_start(const std::exception_ptr& error, const std::string& collection);
  void absorb(const DepSet& deps, bool failed);
  std::string row_after(bool with_memo) const;
  bool memo_usable(const layout::MemoRow& row) const;

  // call.cc: memoised calls.
  bool reuse_call(Frame& frame, Processor& processor, const Fingerprint& key, const std::string& row,
                  std::optional<MemoStates>& states);
  void execute_call(Frame& frame, const MapRun* map, Processor& processor, const Fingerprint& key,
                    std::optional<MemoStates> states);
  void fold(Frame& frame, const FnInfo& info, const Fingerprint& key, std::string_view deps)
      ZVEC_REQUIRES(mu_);

  Run& run_;
  const std::shared_ptr<Build> parent_;
  const StablePath path_;
  const NodePlace place_;
  const std::vector<NodePlace> directories_;
  const bool memo_above_;   ///< one of them was a component and has its memo still
  const bool memos_count_;  ///< what is stored for this component may be relied on
  const Mode mode_;
  std::shared_ptr<Processor> processor_;
  const FnInfo info_;
  const bool deps_needed_;  ///< some memo at or above this component rests on what it does
  InflightLimit::Holder token_;
  std::shared_ptr<Readiness> group_;
  std::function<void(std::exception_ptr)> root_done_;
  WaitPoint done_;

  std::string row_;  ///< as recorded now
  bool was_tracked_ = false;
  Fingerprint memo_key_{};
  std::string memo_states_;
  bool hit_ = false;
  bool memo_stored_ = false;
  std::exception_ptr error_;
  std::atomic<std::size_t> pending_{1};  ///< the body and the children
  enum class Start { none, queued, written, awaited };
  std::atomic<Start> start_{Start::none};
  std::atomic<bool> start_failed_{false};
  std::string failed_collection_;
  MountTree::Difference difference_;
  std::string submitted_row_;

  mutable cocozvec::Mutex mu_;
  cocozvec::CondVar call_ended_;
  Frame root_frame_;
  MountTree tree_ ZVEC_GUARDED_BY(mu_);
  DeclaredSet declared_ ZVEC_GUARDED_BY(mu_);
  CallMemos calls_ ZVEC_GUARDED_BY(mu_);
  bool descendant_failed_ ZVEC_GUARDED_BY(mu_) = false;
  std::exception_ptr rethrown_
      ZVEC_GUARDED_BY(mu_);  ///< of the last use_mount that failed, and where it came from
  std::string rethrown_collection_ ZVEC_GUARDED_BY(mu_);
};

}  // namespace cocoindex::inline v0::internal
