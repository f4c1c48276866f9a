// Containers in containers: what becomes of the levels below one that is replaced (reliability.md E11).
#include <map>

#include "base/mutex.h"
#include "cocoindex/runtime/engine_test.h"

namespace cocoindex::inline v0 {
namespace {

using ::testing::IsEmpty;
using testing::Text;
using ::testing::UnorderedElementsAre;

/// Database > table > row, by path; a container that is replaced or removed takes everything below it along.
struct Tree {
  std::map<std::string, std::string> nodes;
  std::vector<std::string> ops;
  std::function<void(const std::string& op)> after;  ///< of each action; may throw
};

struct NodeAction : TargetAction {
  std::string path, op;
  std::optional<std::string> value;
  int depth = 0;
};

class NodeHandler;

class NodeSink final : public TargetSink {
 public:
  explicit NodeSink(Tree* tree) : tree_(tree) {}
  ApplyResult apply(const ContextProvider&, std::span<const std::shared_ptr<TargetAction>> actions,
                    const Fingerprint&) override {
    for (const auto& a : actions) {
      const auto& action = static_cast<const NodeAction&>(*a);
      if (action.op == "keep") continue;
      const std::string op = action.op + " " + action.path;
      tree_->ops.push_back(op);
      if (action.op != "put") {
        std::erase_if(tree_->nodes, [&](const auto& node) { return node.first.starts_with(action.path); });
      }
      if (action.value) tree_->nodes[action.path] = *action.value;
      if (tree_->after) tree_->after(op);
    }
    return {};
  }
  std::shared_ptr<TargetHandler> child_handler(const ContextProvider&, const TargetAction& action) override;

 private:
  Tree* const tree_;
};

class NodeHandler final : public TargetHandler {
 public:
  NodeHandler(Tree* tree, std::string prefix, int depth)
      : prefix_(std::move(prefix)), depth_(depth), sink_(std::make_shared<NodeSink>(tree)) {}

  std::optional<ReconcileOutput> reconcile(const ReconcileInput& in) override {
    const auto* text = static_cast<const Text*>(in.desired);
    const bool container = depth_ < 2;
    bool same = !in.previous.empty() && !in.previous_may_be_missing;
    bool other = false;
    for (const std::string_view p : in.previous) {
      same = same && text != nullptr && p == text->text;
      other = other || text == nullptr || p != text->text;
    }
    if (text == nullptr && in.previous.empty()) return std::nullopt;
    if (!container && same) return std::nullopt;
    auto action = std::make_shared<NodeAction>();
    action->path = prefix_ + testing::key_text(in.key) + (container ? "/" : "");
    action->depth = depth_;
    action->op = text == nullptr      ? "remove"
                 : container && same  ? "keep"
                 : container && other ? "replace"
                                      : "put";
    if (text != nullptr) action->value = text->text;
    ReconcileOutput out{action, sink_, std::nullopt, ChildInvalidation::none};
    if (text != nullptr) out.record = text->text;
    if (action->op == "replace") out.child_invalidation = ChildInvalidation::destructive;
    return out;
  }

 private:
  const std::string prefix_;
  const int depth_;
  const std::shared_ptr<NodeSink> sink_;
};

std::shared_ptr<TargetHandler> NodeSink::child_handler(const ContextProvider&, const TargetAction& action) {
  const auto& node = static_cast<const NodeAction&>(action);
  if (!node.value) return nullptr;
  return std::make_shared<NodeHandler>(tree_, node.path, node.depth + 1);
}

class ThreeLevels : public EngineTest {
 protected:
  ThreeLevels()
      : EngineTest({.threads = 1}),
        root_(register_root_target_states_provider("test/three_levels",
                                                   std::make_shared<NodeHandler>(&tree_, "", 0))) {}
  ~ThreeLevels() override {
    stop();
    unregister_root_provider("test/three_levels");
  }

  static TargetState Node(const TargetProvider& provider, const std::string& key, const std::string& value) {
    return {.provider = provider, .key = key, .value = std::make_shared<Text>(value), .fingerprint = {}};
  }
  std::function<void(Ctx&)> Declaring(const std::string& database, const std::string& table,
                                      const Rows& rows) {
    return [=, this](Ctx& ctx) {
      const TargetProvider tables = mount_target(ctx, Node(root_, "db", database));
      const TargetProvider leaves = mount_target(ctx, Node(tables, "table", table));
      ctx.mount("rows", [leaves, rows](Ctx& c) {
        for (const auto& [key, value] : rows) declare(c, leaves, key, value);
      });
    };
  }
  std::vector<std::string> OpsOf(std::function<void(Ctx&)> main) {
    main_ = std::move(main);
    tree_.ops.clear();
    run();
    return tree_.ops;
  }
  Rows Leaves() const {
    Rows rows;
    for (const auto& [path, value] : tree_.nodes) {
      if (path.starts_with("db/table/") && path != "db/table/") rows[path.substr(9)] = value;
    }
    return rows;
  }

  Tree tree_;
  TargetProvider root_;
};

// Covers: E11
TEST_F(ThreeLevels, AReplacedContainerStartsAllLevelsAnewAndDeletesNoFreshRow) {
  const Rows before{{"a", "1"}, {"b", "1"}}, after{{"a", "1"}, {"c", "1"}};
  EXPECT_THAT(OpsOf(Declaring("v1", "v1", before)),
              UnorderedElementsAre("put db/", "put db/table/", "put db/table/a", "put db/table/b"));
  EXPECT_THAT(OpsOf(Declaring("v1", "v1", before)), IsEmpty());
  // The outermost is replaced: nothing of what was below is deleted one by one, all of it is made again.
  EXPECT_THAT(OpsOf(Declaring("v2", "v1", after)),
              UnorderedElementsAre("replace db/", "put db/table/", "put db/table/a", "put db/table/c"));
  EXPECT_EQ(Leaves(), after);
  EXPECT_THAT(OpsOf(Declaring("v2", "v1", after)), IsEmpty());
  // The one in the middle.
  EXPECT_THAT(OpsOf(Declaring("v2", "v2", before)),
              UnorderedElementsAre("replace db/table/", "put db/table/a", "put db/table/b"));
  EXPECT_EQ(Leaves(), before);
  restart();
  EXPECT_THAT(OpsOf(Declaring("v2", "v2", before)), IsEmpty());
}

// Covers: E11, E8
TEST_F(ThreeLevels, AFailureAfterAnyActionOfAReplacementHeals) {
  const Rows before{{"a", "1"}, {"b", "1"}}, after{{"a", "1"}, {"c", "1"}};
  for (int fail_at = 0; fail_at < 5; ++fail_at) {
    const std::string version = std::to_string(fail_at);
    OpsOf(Declaring("v" + version, "v1", before));
    int calls = 0;
    tree_.after = [&](const std::string&) {
      if (calls++ == fail_at) throw std::runtime_error("planned");
    };
    main_ = Declaring("w" + version, "v1", after);
    try {
      update();
    } catch (const std::exception&) {
    }
    tree_.after = nullptr;
    OpsOf(Declaring("w" + version, "v1", after));
    EXPECT_EQ(Leaves(), after) << fail_at;
    EXPECT_THAT(OpsOf(Declaring("w" + version, "v1", after)), IsEmpty()) << fail_at;
  }
}

}  // namespace
}  // namespace cocoindex::inline v0
