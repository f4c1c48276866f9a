// The engine alone: a target of one's own that keeps rows in a map.
#include <cocoindex/cocoindex.h>

#include <cstdio>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace {

std::map<std::string, std::string> table;

struct Text final : coco::TargetValue {
  explicit Text(std::string t) : text(std::move(t)) {}
  std::string text;
};
struct Put final : coco::TargetAction {
  std::string key;
  std::optional<std::string> text;
};

struct TableSink final : coco::TargetSink {
  coco::ApplyResult apply(const coco::ContextProvider&,
                          std::span<const std::shared_ptr<coco::TargetAction>> actions,
                          const coco::Fingerprint&) override {
    for (const auto& action : actions) {
      const Put& put = static_cast<const Put&>(*action);
      if (put.text) {
        table[put.key] = *put.text;
      } else {
        table.erase(put.key);
      }
    }
    return {};
  }
};

struct TableHandler final : coco::TargetHandler {
  std::optional<coco::ReconcileOutput> reconcile(const coco::ReconcileInput& in) override {
    const Text* desired = static_cast<const Text*>(in.desired);
    if (desired && !in.previous_may_be_missing && in.previous.size() == 1 &&
        in.previous[0] == desired->text) {
      return std::nullopt;
    }
    auto put = std::make_shared<Put>();
    put->key = *in.key.get_if<std::string>();
    coco::ReconcileOutput out{.action = put, .sink = sink, .record = std::nullopt};
    if (desired) out.record = put->text = desired->text;
    return out;
  }
  std::shared_ptr<TableSink> sink = std::make_shared<TableSink>();
};

const coco::TargetProvider kTable =
    coco::register_root_target_states_provider("foreign/table", std::make_shared<TableHandler>());

void keep(coco::Ctx& ctx, const std::vector<std::string>& lines) {
  for (const std::string& line : lines) {
    coco::declare_target_state(ctx, {kTable, line.substr(0, 1), std::make_shared<Text>(line), std::nullopt});
  }
}

bool update(coco::App& app, std::vector<std::string> lines, std::uint64_t upserted, std::uint64_t deleted) {
  const coco::UpdateResult result = app.update_blocking({}, lines);
  const coco::TargetCounts counts = result.stats.target_total();
  std::printf("%zu rows, %llu written, %llu deleted\n", table.size(),
              static_cast<unsigned long long>(counts.upserted),
              static_cast<unsigned long long>(counts.deleted));
  return result.failures.empty() && table.size() == lines.size() && counts.upserted == upserted &&
         counts.deleted == deleted;
}

}  // namespace

int main() {
  coco::App app{coco::Environment{{.db_path = "engine_state"}}, "table", coco::fn<&keep>(),
                std::vector<std::string>{}};
  app.drop_blocking();  // of an earlier run
  const bool right = update(app, {"a one", "b two", "c three"}, 3, 0) &&
                     update(app, {"a one", "b two", "c three"}, 0, 0) && update(app, {"a one", "b 2"}, 1, 1);
  return right ? 0 : 1;
}
