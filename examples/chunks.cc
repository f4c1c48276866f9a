// The main job: files are split into chunks, chunks become vectors, vectors are searched. Only changed files
// are processed.
//   example_chunks STORE QUERY FILE...
#include <cocoindex/cocoindex.h>
#include <cocoindex/connectors/zvec.h>
#include <cocoindex/text/splitter.h>
#include <cocoindex/text/static_embedder.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace zc = cocoindex::connectors::zvec;
using coco::Annotated;
using coco::text::StaticEmbedder;

inline constexpr coco::ContextKey<zc::ManagedConnection> ZVEC_DB{"main_db"};
inline constexpr coco::ContextKey<StaticEmbedder> EMBEDDER{"embedder", {.detect_change = true}};

struct File {
  std::string path;
  std::string text;
};

// The size of the vectors is the embedder's, known when the program runs: another embedder is another schema,
// and the collection is built anew.
struct Chunk {
  std::string id, file;
  std::int64_t start;
  std::string text;
  Annotated<std::vector<float>, &EMBEDDER, zc::ZvecVectorDef{.quantize = zc::Quantize::int8}> embedding;
};

void process_file(coco::Ctx& ctx, const File& file, const zc::CollectionTarget<Chunk>& target) {
  const StaticEmbedder& embedder = ctx.use(EMBEDDER);
  for (const auto& piece : coco::text::RecursiveSplitter({.size = 400, .overlap = 60}).split(file.text)) {
    auto vector = embedder.embed(piece.text);
    if (coco::text::is_zero(vector)) continue;  // nothing to search for
    target.declare_row(ctx, {.id = file.path + "#" + std::to_string(piece.start),
                             .file = file.path,
                             .start = static_cast<std::int64_t>(piece.start),
                             .text = std::string(piece.text),
                             .embedding = std::move(vector)});
  }
}

void app_main(coco::Ctx& ctx, const std::vector<File>& files) {
  auto target = zc::mount_collection_target(
      ctx, ZVEC_DB, "chunks", zc::CollectionSchema<Chunk>::from_class(ctx, {.primary_key = {"id"}}));
  for (const File& file : files) {
    ctx.mount(coco::subpath("process_file", file.path), coco::fn<&process_file>({.memo = true, .version = 1}),
              file, target);
  }
}

File read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path);
  return {path, {std::istreambuf_iterator<char>(in), {}}};
}

int main(int argc, char** argv) try {
  if (argc < 4) {
    std::fprintf(stderr, "usage: %s STORE QUERY FILE...\n", argv[0]);
    return 2;
  }
  const std::string store = argv[1];
  std::vector<File> files;
  for (int i = 3; i < argc; ++i) files.push_back(read_file(argv[i]));

  coco::Environment env({.db_path = store + "/state"}, [&](coco::EnvironmentBuilder& builder) {
    builder.provide(ZVEC_DB, zc::connect(store + "/data"));
    builder.provide(EMBEDDER, StaticEmbedder());
  });
  coco::App app(env, "chunks", coco::fn<&app_main>(), files);
  const coco::UpdateResult result = app.update_blocking();
  for (const coco::Failure& failure : result.failures)
    std::fprintf(stderr, "failed: %s\n", failure.message.c_str());
  std::printf("files processed %llu, chunks %llu\n", static_cast<unsigned long long>(result.stats.executed),
              static_cast<unsigned long long>(zc::count_documents(app, ZVEC_DB, "chunks")));

  auto collection = env.context().get(ZVEC_DB).open_existing("chunks");
  const auto query = env.context().get(EMBEDDER).embed(std::string_view(argv[2]));
  const auto hits = collection->Query({.field = "embedding", .vector = query, .topk = 3}).value();
  for (const zvec::Hit& hit : hits.hits) {
    std::printf("\n%.3f  %s\n%s\n", static_cast<double>(hit.score), hit.doc.id.c_str(),
                hit.doc.Get<std::string>("text")->c_str());
  }
  return result.failures.empty() ? 0 : 4;
} catch (const std::exception& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
