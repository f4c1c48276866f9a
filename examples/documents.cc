// Keeps a collection in step with a list of documents.
//   example_documents STORE
#include <cocoindex/cocoindex.h>
#include <cocoindex/connectors/zvec.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::VectorSchema;

inline constexpr coco::ContextKey<zc::ManagedConnection> ZVEC_DB{"main_db"};

struct Doc {
  std::string id;
  std::string title;
  Annotated<std::vector<float>, VectorSchema{4}> embedding;
};

void index_docs(coco::Ctx& ctx, const std::vector<Doc>& docs) {
  auto target = zc::mount_collection_target(ctx, ZVEC_DB, "docs",
                                            zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}));
  for (const Doc& doc : docs) target.declare_row(ctx, doc);
}

void update(coco::App& app, const char* what, std::vector<Doc> docs) {
  const coco::UpdateResult result = app.update_blocking({}, std::move(docs));
  const coco::TargetCounts counts = result.stats.target_total();
  std::printf("%-14s upserted %llu, deleted %llu, documents %llu\n", what,
              static_cast<unsigned long long>(counts.upserted),
              static_cast<unsigned long long>(counts.deleted),
              static_cast<unsigned long long>(zc::count_documents(app, ZVEC_DB, "docs")));
  for (const coco::Failure& failure : result.failures)
    std::fprintf(stderr, "  failed: %s\n", failure.message.c_str());
}

int main(int argc, char** argv) try {
  const std::string store = argc > 1 ? argv[1] : "./documents.store";
  coco::Environment env({.db_path = store + "/state"}, [&](coco::EnvironmentBuilder& builder) {
    builder.provide(ZVEC_DB, zc::connect(store + "/data"));
  });
  coco::App app(env, "documents", coco::fn<&index_docs>(), std::vector<Doc>{});

  std::vector<Doc> docs{{.id = "alice", .title = "Alice", .embedding = std::vector<float>{1, 0, 0, 0}},
                        {.id = "bob", .title = "Bob", .embedding = std::vector<float>{0, 1, 0, 0}},
                        {.id = "carol", .title = "Carol", .embedding = std::vector<float>{0, 0, 1, 0}}};
  update(app, "first run", docs);
  update(app, "nothing new", docs);
  docs[1].title = "Robert";
  docs.pop_back();
  update(app, "two changes", docs);

  // Reading is done on the database handle.
  auto collection = env.context().get(ZVEC_DB).open_existing("docs");
  const auto hits =
      collection->Query({.field = "embedding", .vector = std::vector<float>{0.1f, 1, 0, 0}, .topk = 2})
          .value();
  for (const zvec::Hit& hit : hits.hits) {
    std::printf("%-6s %-8s distance %.3f\n", hit.doc.id.c_str(), hit.doc.Get<std::string>("title")->c_str(),
                static_cast<double>(hit.score));
  }
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
