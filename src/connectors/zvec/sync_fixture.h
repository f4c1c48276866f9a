// connectors/zvec/sync_fixture.h: for tests: the real engine and the real database in a directory of their
// own.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "cocoindex/cocoindex.h"
#include "cocoindex/connectors/zvec.h"
#include "cocozvec/base/log.h"
#include "connectors/zvec/connection_impl.h"
#include "connectors/zvec/handlers.h"

namespace cocoindex::inline v0::connectors::zvec::testing_only {

namespace zc = cocoindex::connectors::zvec;
namespace fs = std::filesystem;

inline constexpr coco::ContextKey<zc::ManagedConnection> DB{"main_db"};

struct Doc {
  std::string id;
  std::string title;
  Annotated<std::vector<float>, VectorSchema{4}> embedding;
};

inline Doc MakeDoc(std::string id, std::string title) {
  const auto seed = static_cast<float>(std::hash<std::string>{}(id) % 97);
  return {.id = std::move(id), .title = std::move(title), .embedding = std::vector<float>{seed, 1, 2, 3}};
}

/// What a run declares.
struct Plan {
  std::map<std::string, std::vector<Doc>> files{};
  bool collection = true;
  coco::ManagedBy managed_by = coco::ManagedBy::system;
  std::uint32_t dimension = 4;
  bool title_indexed = true;
  bool memo = false;
};

inline void index_file(coco::Ctx& ctx, const std::vector<Doc>& docs,
                       const zc::CollectionTarget<Doc>& target) {
  for (const Doc& doc : docs) target.declare_row(ctx, doc);
}

inline void app_main(coco::Ctx& ctx, const Plan& plan) {
  if (!plan.collection) return;
  auto schema = zc::CollectionSchema<Doc>::from_class(
      {.primary_key = {"id"},
       .column_overrides = {{"embedding", VectorSchema{plan.dimension}},
                            {"title", zc::ZvecType{zc::DataType::STRING, plan.title_indexed}}}});
  auto target =
      zc::mount_collection_target(ctx, DB, "docs", std::move(schema), {.managed_by = plan.managed_by});
  for (const auto& [name, docs] : plan.files) {
    if (plan.memo) {
      ctx.mount(coco::subpath("file", name), coco::fn<&index_file>({.memo = true, .version = 1}), docs,
                target);
    } else {
      ctx.mount(coco::subpath("file", name), coco::fn<&index_file>(), docs, target);
    }
  }
}

class SyncTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/connector_zvec_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    dir_ = pattern;
    cocozvec::SetLogCallback(
        [this](cocozvec::LogLevel, std::string_view m) { log_ += std::string(m) + "\n"; },
        cocozvec::LogLevel::kWarning);
    Start();
  }
  void TearDown() override {
    Stop();
    cocozvec::SetLogCallback({});
    fs::remove_all(dir_);
  }
  void Start() {
    env_.emplace(coco::Settings{.db_path = dir_ / "state", .durable = durable_, .threads = threads_},
                 [this](coco::EnvironmentBuilder& b) {
                   if (!provide_) return;
                   b.provide(DB, zc::connect(data_.empty() ? dir_ / "data" : data_,
                                             {.durability = durable_ ? ::zvec::Durability::kDurable
                                                                     : ::zvec::Durability::kRelaxed}));
                 });
    app_ = std::make_unique<coco::App>(*env_, "test", coco::fn<&app_main>(), Plan{});
  }
  void Stop() {
    app_.reset();
    if (env_) env_->stop();
    env_.reset();
  }
  void Restart() {
    Stop();
    Start();
  }

  coco::UpdateResult Run(const Plan& plan, bool full_reprocess = false) {
    return app_->update_blocking({.full_reprocess = full_reprocess}, plan);
  }
  /// Runs, and expects that nothing failed.
  coco::TargetCounts RunWell(const Plan& plan) {
    const coco::UpdateResult result = Run(plan);
    for (const auto& f : result.failures) ADD_FAILURE() << f.path.display() << ": " << f.message;
    return Documents(result);
  }
  static coco::TargetCounts Documents(const coco::UpdateResult& result) {
    const auto at = result.stats.by_target.find("/\"cocoindex/zvec/collection\"/[\"main_db\", \"docs\"]");
    return at == result.stats.by_target.end() ? coco::TargetCounts{} : at->second;
  }

  zc::ManagedConnection& Connection() { return env_->context().get(DB); }
  std::uint64_t Opens() { return Connection().impl()->opens(); }
  fs::path Path() { return Connection().collection_path("docs"); }

  /// id -> title of everything that is stored.
  std::map<std::string, std::string> Stored() {
    std::map<std::string, std::string> out;
    const auto handle = Connection().open_existing("docs");
    auto it = handle->Iterate().value();
    ::zvec::Doc doc;
    while (it->Next(&doc).value()) out[doc.id] = *doc.Get<std::string>("title");
    return out;
  }
  static std::map<std::string, std::string> Declared(const Plan& plan) {
    std::map<std::string, std::string> out;
    for (const auto& [name, docs] : plan.files) {
      for (const Doc& doc : docs) out[doc.id] = doc.title;
    }
    return out;
  }
  std::set<std::string> Names() {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(dir_ / "data")) names.insert(entry.path().filename());
    return names;
  }

  fs::path dir_, data_;
  bool provide_ = true;
  bool durable_ = true;
  unsigned threads_ = 2;
  std::string log_;
  std::optional<coco::Environment> env_;
  std::unique_ptr<coco::App> app_;
};

inline Plan Small() {
  return {.files = {{"a", {MakeDoc("a#1", "one"), MakeDoc("a#2", "two")}}, {"b", {MakeDoc("b#1", "three")}}}};
}

}  // namespace cocoindex::inline v0::connectors::zvec::testing_only
