// One update of the engine alone, on the workloads of peer.py; scripts/bench_engine.py runs both side by
// side.
//
//   bench_engine WORKLOAD STORE     WORKLOAD: rows, vectors, components
//
// Prints one JSON line: count, seconds (of the update alone; the rows exist before it starts), applied (rows
// handed to the sink), executed (component bodies run), peak_mib. The target keeps nothing: what is measured
// is the engine.
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cocoindex/cocoindex.h"

namespace {

constexpr std::size_t kRows = 100'000;
constexpr std::size_t kComponents = 10'000;
constexpr std::size_t kDimension = 384;

struct Row {
  std::string key;
  std::string text;
  std::vector<float> vector;  // empty in two of the workloads
};
using Rows = std::vector<Row>;

struct RowValue final : coco::TargetValue {
  /// Of a row that outlives the update, as the package is handed objects that exist already.
  explicit RowValue(const Row* r) : row(r) {}
  explicit RowValue(Row r) : own(std::move(r)), row(&own) {}
  Row own;
  const Row* row;
};

std::atomic<std::uint64_t> applied{0};

class CountingSink final : public coco::TargetSink {
 public:
  coco::ApplyResult apply(const coco::ContextProvider&,
                          std::span<const std::shared_ptr<coco::TargetAction>> actions,
                          const coco::Fingerprint&) override {
    applied += actions.size();
    return {};
  }
};

/// A target that forgets: every row is tracked, nothing is stored.
class Keeper final : public coco::TargetHandler {
 public:
  bool tracks_fingerprint() const noexcept override { return true; }
  std::optional<coco::ReconcileOutput> reconcile(const coco::ReconcileInput& in) override {
    coco::ReconcileOutput out;
    out.action = std::make_shared<coco::TargetAction>();
    out.sink = sink_;
    if (in.desired != nullptr) {
      const Row& row = *static_cast<const RowValue*>(in.desired)->row;
      const coco::Fingerprint fp = FingerprintOf(row);
      out.record.emplace(reinterpret_cast<const char*>(fp.bytes.data()), fp.bytes.size());
      bool same = !in.previous_may_be_missing && !in.previous.empty();
      for (std::string_view previous : in.previous) same = same && previous == *out.record;
      if (same) return std::nullopt;
    }
    return out;
  }

  static coco::Fingerprint FingerprintOf(const Row& row) {
    coco::Hasher hasher;
    hasher.text(row.text);
    if (!row.vector.empty()) hasher.floats(row.vector);
    return hasher.finish();
  }

 private:
  std::shared_ptr<CountingSink> sink_ = std::make_shared<CountingSink>();
};

const coco::TargetProvider kProvider =
    coco::register_root_target_states_provider("bench/rows", std::make_shared<Keeper>());

void Declare(coco::Ctx& ctx, std::shared_ptr<const RowValue> value) {
  const coco::Fingerprint fingerprint = Keeper::FingerprintOf(*value->row);
  const coco::StableKey key(value->row->key);
  coco::declare_target_state(ctx, {kProvider, key, std::move(value), fingerprint});
}

void DeclareRows(coco::Ctx& ctx, const Rows* rows) {
  for (const Row& row : *rows) Declare(ctx, std::make_shared<const RowValue>(&row));
}

struct Item {
  std::string key;
  std::string text;
};

void OneComponent(coco::Ctx& ctx, const Item& item) {
  Declare(ctx, std::make_shared<const RowValue>(Row{item.key, item.text, {}}));
}

void DeclareComponents(coco::Ctx& ctx, const std::vector<std::pair<std::string, Item>>& items) {
  ctx.mount_each(coco::fn<&OneComponent>({.memo = true, .version = 1}), items);
}

std::string Key(std::size_t i) {
  char text[16];
  std::snprintf(text, sizeof text, "%08zu", i);
  return text;
}

std::string Text(std::size_t i) {
  std::string text;
  for (int j = 0; j < 12; ++j) text += "row " + std::to_string(i) + " ";
  text.resize(92);  // with its key 100 bytes
  return text;
}

Rows MakeRows(bool vectors) {
  Rows rows(kRows);
  for (std::size_t i = 0; i < kRows; ++i) {
    rows[i] = {Key(i), Text(i), std::vector<float>(vectors ? kDimension : 0)};
    for (std::size_t d = 0; d < rows[i].vector.size(); ++d) {
      rows[i].vector[d] = static_cast<float>(i) * 0.001f + static_cast<float>(d);
    }
  }
  return rows;
}

int Report(std::string_view workload, std::size_t count, coco::App& app) {
  const auto began = std::chrono::steady_clock::now();
  const coco::UpdateResult result = app.update_blocking();
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (!result.failures.empty()) {
    const coco::Failure& first = result.failures.front();
    std::fprintf(stderr, "%zu failures, the first: %s: %s\n", result.failures.size(),
                 first.path.display().c_str(), first.message.c_str());
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  std::printf(
      "{\"workload\": \"%.*s\", \"count\": %zu, \"seconds\": %.6f, \"applied\": %llu, \"executed\": %llu, "
      "\"peak_mib\": %ld}\n",
      static_cast<int>(workload.size()), workload.data(), count, seconds,
      static_cast<unsigned long long>(applied.load()), static_cast<unsigned long long>(result.stats.executed),
      usage.ru_maxrss / 1024);
  return result.failures.empty() ? 0 : 1;
}

int Run(std::string_view workload, const std::string& store) {
  const coco::Environment environment{{.db_path = store}};
  if (workload == "components") {
    std::vector<std::pair<std::string, Item>> items;
    for (std::size_t i = 0; i < kComponents; ++i) items.push_back({Key(i), {Key(i), Text(i)}});
    coco::App app{environment, "bench", coco::fn<&DeclareComponents>(), std::move(items)};
    return Report(workload, kComponents, app);
  }
  const Rows rows = MakeRows(workload == "vectors");
  coco::App app{environment, "bench", coco::fn<&DeclareRows>(), &rows};
  return Report(workload, kRows, app);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view workload = argc > 1 ? argv[1] : "";
  if (argc != 3 || (workload != "rows" && workload != "vectors" && workload != "components")) {
    std::fprintf(stderr, "usage: %s rows|vectors|components STORE\n", argv[0]);
    return 2;
  }
  try {
    return Run(workload, argv[2]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_engine: %s: %s\n", argv[2], e.what());
    return 1;
  }
}
