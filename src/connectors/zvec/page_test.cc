// The program of the guide (docs/connectors/zvec.md) and its snippets, as a user writes them: that they
// compile is half of the test.
#include <cocoindex/cocoindex.h>
#include <cocoindex/connectors/zvec.h>
#include <cocoindex/text/hashing_embedder.h>
#include <cocoindex/text/splitter.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <map>

namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::VectorSchema;

namespace {

// ---- the full example

inline constexpr coco::ContextKey<zc::ManagedConnection> ZVEC_DB{"main_db"};

struct Doc {
  std::string id;
  std::string title;
  Annotated<std::vector<float>, VectorSchema{384}> embedding;
};

std::string g_base = "./zvec_data";

void coco_lifespan(coco::EnvironmentBuilder& builder) {
  builder.provide(ZVEC_DB, zc::managed_connection(g_base));
}
const coco::lifespan registered{coco_lifespan};

void index_docs(coco::Ctx& ctx, const std::vector<Doc>& docs) {
  auto target = zc::mount_collection_target(ctx, ZVEC_DB, "docs",
                                            zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}));
  for (const Doc& doc : docs) target.declare_row(ctx, doc);
}

int run(std::vector<Doc> docs) {
  coco::App app{"DocIndex", coco::fn<&index_docs>(), std::move(docs)};
  app.update_blocking();
  return 0;
}

// ---- pending, resolved by use_mount; documents only, in a collection that exists already

zc::CollectionTarget<Doc, coco::state::Pending> setup(coco::Ctx& ctx, zc::CollectionSchema<Doc> schema) {
  return zc::declare_collection_target(ctx, ZVEC_DB, "docs", std::move(schema),
                                       {.managed_by = zc::ManagedBy::user});
}
void index_one(coco::Ctx& ctx) {
  auto schema = zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}});
  zc::CollectionTarget<Doc> target = ctx.use_mount("setup", setup, schema);
  target.declare_row(ctx, {.id = "1", .title = "Alice", .embedding = std::vector<float>(384)});
}

// ---- schemas

struct DocY {
  std::string id;
  std::string title;
  std::int64_t year;
  Annotated<std::vector<float>, VectorSchema{384}> embedding;
};
struct MyRow {
  std::string id;
  Annotated<int, zc::ZvecType{zc::DataType::INT32, false}> count;
  Annotated<std::vector<float>, VectorSchema{384}> embedding;
};
struct Tuned {
  std::string id;
  Annotated<std::vector<float>, VectorSchema{384},
            zc::ZvecVectorDef{.metric = zc::Metric::cosine, .quantize = zc::Quantize::int8}>
      embedding;
};
struct Half {
  std::string id;
  Annotated<std::vector<coco::half>, VectorSchema{384}> embedding;
};
struct Fixed {
  std::string id;
  std::array<float, 384> embedding;
};
struct SparseDoc {
  std::string id;
  Annotated<std::map<std::uint32_t, float>, zc::ZvecVectorDef{.sparse = true}> sparse;
};
struct Hybrid {
  std::string id;
  Annotated<std::vector<float>, VectorSchema{384}> dense;
  Annotated<std::map<std::uint32_t, float>, zc::ZvecVectorDef{.sparse = true}> sparse;
};
struct Article {
  std::string id;
  Annotated<std::string, zc::ZvecFtsType{.tokenizer_name = "standard", .filters = {"lowercase"}}> body;
  Annotated<std::vector<float>, VectorSchema{384}> embedding;
};

// ---- the main job: files, chunks, an embedder whose size is known at run time, a collection

using coco::text::HashingEmbedder;
inline constexpr coco::ContextKey<HashingEmbedder> EMBEDDER{"embedder", {.detect_change = true}};

struct File {
  std::string path;
  std::string text;
};
struct Chunk {
  std::string id, file;
  std::int64_t start;
  Annotated<std::string, zc::ZvecFtsType{}> text;
  Annotated<std::vector<float>, &EMBEDDER, zc::ZvecVectorDef{.quantize = zc::Quantize::int8}> embedding;
};
void process_file(coco::Ctx& ctx, const File& f, const zc::CollectionTarget<Chunk>& target) {
  const auto& embedder = ctx.use(EMBEDDER);
  for (const auto& p : coco::text::RecursiveSplitter({.size = 40, .overlap = 0}).split(f.text)) {
    target.declare_row(ctx, {.id = f.path + "#" + std::to_string(p.start),
                             .file = f.path,
                             .start = static_cast<std::int64_t>(p.start),
                             .text = std::string(p.text),
                             .embedding = embedder.embed(p.text)});
  }
}
void app_main(coco::Ctx& ctx, const std::vector<File>& files) {
  auto target = zc::mount_collection_target(
      ctx, ZVEC_DB, "chunks", zc::CollectionSchema<Chunk>::from_class(ctx, {.primary_key = {"id"}}));
  for (const File& f : files) {
    ctx.mount(coco::subpath("process_file", f.path), coco::fn<&process_file>({.memo = true, .version = 1}), f,
              target);
  }
}

// ---- and they work

class PageTest : public testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/connector_page_XXXXXX";
    ASSERT_NE(mkdtemp(pattern), nullptr);
    dir_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }

  std::uint64_t Count(const std::string& path) {
    auto handle = ::zvec::Collection::Open(path, {.read_only = true});
    return handle.ok() ? (*handle)->Stats().doc_count : 0;
  }
  coco::Environment Environment(std::uint32_t dimension) {
    return coco::Environment({.db_path = dir_ / "state"}, [this, dimension](coco::EnvironmentBuilder& b) {
      b.provide(ZVEC_DB, zc::connect(dir_ / "data"));
      b.provide(EMBEDDER, HashingEmbedder({.dimension = dimension}));
    });
  }
  std::filesystem::path dir_;
};

// Covers: R3, R18, R23, R25, R65
TEST_F(PageTest, FullExampleRuns) {
  ASSERT_EQ(setenv("COCOINDEX_DB", (dir_ / "state").c_str(), 1), 0);
  g_base = dir_ / "zvec_data";
  run({{.id = "1", .title = "Alice", .embedding = std::vector<float>(384, 0.5f)},
       {.id = "2", .title = "Bob", .embedding = std::vector<float>(384, 0.25f)}});
  coco::Environment::default_environment().stop();
  EXPECT_EQ(Count(dir_ / "zvec_data" / "docs"), 2u);
}

// Covers: R6, R11, R15, R65
TEST_F(PageTest, ConnectSnippets) {
  zc::ManagedConnection a = zc::connect(dir_ / "zvec");
  zc::ManagedConnection b = zc::connect(dir_ / "plain", {.enable_mmap = false});
  std::filesystem::path p = a.collection_path("docs");
  EXPECT_EQ(p, dir_ / "zvec" / "docs");
  a.close();
  {
    auto scoped = zc::managed_connection(dir_ / "zvec");
  }
}

// Covers: R57, R58, R65
TEST_F(PageTest, SchemaSnippets) {
  EXPECT_EQ(zc::CollectionSchema<DocY>::from_class({.primary_key = {"id"}}).columns().size(), 4u);
  EXPECT_EQ(zc::CollectionSchema<MyRow>::from_class({.primary_key = {"id"}}).columns()[1].type,
            zc::DataType::INT32);
  EXPECT_EQ(zc::CollectionSchema<Tuned>::from_class({.primary_key = {"id"}}).columns()[1].quantize,
            zc::Quantize::int8);
  EXPECT_EQ(zc::CollectionSchema<Half>::from_class({.primary_key = {"id"}}).columns()[1].type,
            zc::DataType::VECTOR_FP16);
  EXPECT_EQ(zc::CollectionSchema<Fixed>::from_class({.primary_key = {"id"}}).columns()[1].dimension, 384u);
  EXPECT_EQ(zc::CollectionSchema<SparseDoc>::from_class({.primary_key = {"id"}}).columns()[1].kind,
            zc::ColumnKind::sparse);
  EXPECT_EQ(zc::CollectionSchema<Hybrid>::from_class({.primary_key = {"id"}}).columns().size(), 3u);
  EXPECT_EQ(zc::CollectionSchema<Article>::from_class({.primary_key = {"id"}}).columns()[1].kind,
            zc::ColumnKind::fts);
}

// Covers: R20, R25, R65
TEST_F(PageTest, PendingTargetIsResolvedByUseMount) {
  coco::Environment env = Environment(384);
  env.context().get(ZVEC_DB).open_or_create(
      "docs", zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}).core()->database_schema("docs"));
  coco::App app(env, "one", coco::fn<&index_one>());
  EXPECT_TRUE(app.update_blocking().failures.empty());
  env.context().get(ZVEC_DB).close();
  EXPECT_EQ(Count(dir_ / "data" / "docs"), 1u);
}

// Covers: R35, R65, S20
// An embedder of another size: the collection is replaced and every row embedded again.
TEST_F(PageTest, MainJobFollowsItsEmbedder) {
  const std::vector<File> files{{"a.md", "The first file is about cats and dogs, and says so at length."},
                                {"b.md", "Short."}};
  std::uint64_t documents = 0;
  for (const std::uint32_t dimension : {64u, 64u, 128u}) {
    coco::Environment env = Environment(dimension);
    coco::App app(env, "chunks", coco::fn<&app_main>(), files);
    const coco::UpdateResult result = app.update_blocking();
    EXPECT_TRUE(result.failures.empty());
    documents = zc::count_documents(app, ZVEC_DB, "chunks");
    EXPECT_GE(documents, 3u);
    auto handle = env.context().get(ZVEC_DB).open_existing("chunks");
    EXPECT_EQ(handle->schema().Find("embedding")->dimension, dimension);
    EXPECT_EQ(handle->Stats().doc_count, documents);
    env.stop();
  }
}

}  // namespace
