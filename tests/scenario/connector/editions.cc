// A program and the same program after an edit: EDITION 2 has a field more in its record. Runs once over ten
// files in the directory argv[1] and prints what that took.
#include <cocoindex/cocoindex.h>
#include <cocoindex/connectors/zvec.h>

#include <cstdio>

namespace zc = cocoindex::connectors::zvec;

namespace {

inline constexpr coco::ContextKey<zc::ManagedConnection> DB{"db"};

struct Page {
  std::string id;
#if EDITION == 2
  std::int64_t length;
#endif
  coco::Annotated<std::vector<float>, coco::VectorSchema{4}> embedding;
};

int g_embedded = 0;
std::vector<float> embed(coco::Ctx&, const std::string& text) {
  ++g_embedded;
  return {static_cast<float>(text.size()), 1, 2, 3};
}

void index_file(coco::Ctx& ctx, const std::string& text, const zc::CollectionTarget<Page>& target) {
  target.declare_row(ctx, {.id = text,
#if EDITION == 2
                           .length = static_cast<std::int64_t>(text.size()),
#endif
                           .embedding = ctx.call(coco::fn<&embed>({.memo = true, .version = 1}), text)});
}

void app_main(coco::Ctx& ctx) {
  const auto target = zc::mount_collection_target(
      ctx, DB, "pages", zc::CollectionSchema<Page>::from_class({.primary_key = {"id"}}));
  for (int i = 0; i < 10; ++i) {
    ctx.mount(coco::subpath("file", i), coco::fn<&index_file>({.memo = true, .version = 1}),
              std::string(static_cast<std::size_t>(i + 1), 'x'), target);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const std::string base = argv[1];
  coco::Environment env({.db_path = base + "/state", .threads = 1},
                        [&](coco::EnvironmentBuilder& b) { b.provide(DB, zc::connect(base + "/data")); });
  coco::App app(env, "pages", coco::fn<&app_main>());
  const coco::UpdateResult result = app.update_blocking();
  std::uint64_t with_length = 0;
#if EDITION == 2
  auto it = env.context().get(DB).open_existing("pages")->Iterate().value();
  for (::zvec::Doc doc; it->Next(&doc).value();) {
    with_length += *doc.Get<std::int64_t>("length") == static_cast<std::int64_t>(doc.id.size());
  }
#endif
  std::printf("failures %zu executed %llu embedded %d upserted %llu deleted %llu with_length %llu\n",
              result.failures.size(), static_cast<unsigned long long>(result.stats.executed), g_embedded,
              static_cast<unsigned long long>(result.stats.target_total().upserted),
              static_cast<unsigned long long>(result.stats.target_total().deleted),
              static_cast<unsigned long long>(with_length));
  return 0;
}
