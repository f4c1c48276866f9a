// The example of the README: documents are declared, the collection follows.
#include <cocoindex/cocoindex.h>
#include <cocoindex/connectors/zvec.h>
#include <cocoindex/text/hashing_embedder.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::VectorSchema;

inline constexpr coco::ContextKey<zc::ManagedConnection> ZVEC_DB{"main_db"};

struct Doc {
  std::string id;
  std::string title;
  Annotated<std::vector<float>, VectorSchema{384}> embedding;
};

void coco_lifespan(coco::EnvironmentBuilder& builder) {
  builder.provide(ZVEC_DB, zc::managed_connection("./zvec_data"));
}
const coco::lifespan registered{coco_lifespan};

void index_docs(coco::Ctx& ctx, const std::vector<Doc>& docs) {
  auto target = zc::mount_collection_target(ctx, ZVEC_DB, "docs",
                                            zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}));
  for (const Doc& doc : docs) target.declare_row(ctx, doc);
}

int run(std::vector<Doc> docs, unsigned long long upserted, unsigned long long deleted) {
  coco::App app{"DocIndex", coco::fn<&index_docs>(), std::move(docs)};
  const coco::UpdateResult result = app.update_blocking();
  for (const coco::Failure& failure : result.failures) std::printf("%s\n", failure.message.c_str());
  coco::TargetCounts rows;
  for (const auto& [name, counts] : result.stats.by_target) {
    if (name.find("docs") != name.npos) rows += counts;
  }
  std::printf("%llu written, %llu deleted\n", static_cast<unsigned long long>(rows.upserted),
              static_cast<unsigned long long>(rows.deleted));
  return result.failures.empty() && rows.upserted == upserted && rows.deleted == deleted ? 0 : 1;
}

int main() {
  setenv("COCOINDEX_DB", "./doc_index_state", 1);
  const coco::text::HashingEmbedder embedder;
  const auto doc = [&](std::string id, std::string title) { return Doc{id, title, embedder.embed(title)}; };
  if (run({doc("1", "logs are synced first"), doc("2", "filters are complete")}, 2, 0) != 0) return 1;
  if (run({doc("1", "logs are synced first"), doc("2", "filters are complete")}, 0, 0) != 0) return 1;
  return run({doc("1", "logs are synced first")}, 0, 1);
}
