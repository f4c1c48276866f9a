// Ctx and the declaring functions: what a body reaches the engine through.
#include "cocoindex/component.h"
#include "cocoindex/runtime/build.h"
#include "cocoindex/target_state.h"

namespace cocoindex::inline v0 {

using internal::Build;
using internal::CtxAccess;

void MountHandle::ready() const {
  if (state_) state_->wait();
}

const ContextProvider& Ctx::context() const noexcept { return frame_->build.run().context; }
const StablePath& Ctx::path() const noexcept { return frame_->build.path(); }
bool Ctx::cancelled() const noexcept { return frame_->build.run().cancelled(); }
void Ctx::check_cancelled() const { frame_->build.run().check_cancelled(); }
bool Ctx::full_reprocess() const noexcept { return frame_->build.run().full_reprocess; }

void Ctx::note_context(std::string_view name) { frame_->build.note_context(*frame_, name); }

std::shared_ptr<internal::Readiness> Ctx::new_group() {
  return std::make_shared<internal::Readiness>(frame_->build.shared_from_this());
}

MountHandle Ctx::mount_child(StablePath path, std::shared_ptr<internal::Processor> processor,
                             std::shared_ptr<internal::Readiness> group) {
  if (!group) group = new_group();
  frame_->build.mount(*frame_, std::move(path), std::move(processor), group);
  return MountHandle(std::move(group));
}

void Ctx::use_child(StablePath path, std::shared_ptr<internal::Processor> processor) {
  frame_->build.use_mount(*frame_, std::move(path), std::move(processor));
}

void Ctx::call_function(internal::Processor& processor) { frame_->build.call(*frame_, map_, processor); }

void Ctx::parallel(std::size_t n, const std::function<void(Ctx&, std::size_t)>& f) {
  frame_->build.parallel(*frame_, map_, n, f);
}

namespace {

void Check(const TargetState& state) {
  if (!state.provider) throw InvalidRequest("target state " + state.key.display() + ": it has no provider");
  const TargetProvider::Impl& p = *state.provider.impl();
  if (!p.resolved()) {
    throw InvalidRequest("target state " + p.container_path + "/" + state.key.display() +
                         ": provider not ready: the component that declared the container has not committed");
  }
  if (!state.value) {
    throw InvalidRequest("target state " + p.container_path + "/" + state.key.display() +
                         ": no value to declare");
  }
}

/// The component that mount_target makes.
class TargetComponent final : public internal::Processor {
 public:
  explicit TargetComponent(TargetState state)
      : Processor(FnInfo{.name = "cocoindex/mount_target"}), state_(std::move(state)) {}
  void run(Ctx& ctx) override { child_ = declare_target_state_with_child(ctx, std::move(state_)); }
  void hash_arguments(Hasher&) const override {}
  std::size_t state_count() const override { return 0; }
  MemoStates collect_states(const std::vector<std::string>*) const override { return {}; }
  bool result_storable() const noexcept override { return false; }
  std::string encode_result() const override { return {}; }
  void decode_result(std::string_view) override {}
  void release_arguments() noexcept override { state_ = {}; }
  TargetProvider child() const { return child_; }

 private:
  TargetState state_;
  TargetProvider child_;
};

}  // namespace

void declare_target_state(Ctx& ctx, TargetState state) {
  Check(state);
  internal::Frame& frame = CtxAccess::frame(ctx);
  frame.build.declare(frame, std::move(state), nullptr);
}

TargetProvider declare_target_state_with_child(Ctx& ctx, TargetState state) {
  Check(state);
  internal::Frame& frame = CtxAccess::frame(ctx);
  auto child = std::make_shared<TargetProvider::Impl>(state.provider.impl().get(), state.key);
  frame.build.declare(frame, std::move(state), child);
  return TargetProvider(std::move(child));
}

TargetProvider mount_target(Ctx& ctx, TargetState state) {
  Check(state);
  StableKey::Array keys = state.provider.impl()->keys;
  keys.push_back(state.key);
  auto component = std::make_shared<TargetComponent>(std::move(state));
  CtxAccess::use_child(ctx, subpath(Symbol{"cocoindex/mount_target"}, std::move(keys)), component);
  return component->child();
}

}  // namespace cocoindex::inline v0
