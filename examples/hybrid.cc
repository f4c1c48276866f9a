// Several vectors in one collection: a dense one for each title, a dense one in half precision for each text,
// and a sparse one with the words of the text. Each is searched by itself on the database handle, and the
// rankings are fused by reciprocal ranks.
//   example_hybrid STORE [WORDS]
#include <cocoindex/cocoindex.h>
#include <cocoindex/connectors/zvec.h>
#include <cocoindex/text/hashing_embedder.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::VectorSchema;

inline constexpr coco::ContextKey<zc::ManagedConnection> ZVEC_DB{"main_db"};

constexpr std::uint32_t kTitleDim = 64;
constexpr std::uint32_t kTextDim = 128;

struct Article {
  std::string id, title, text;
  std::vector<std::string> tags;  // an array column: filter with "tags contain_any ('tea')"
  Annotated<std::vector<float>, VectorSchema{kTitleDim}, zc::ZvecVectorDef{.quantize = zc::Quantize::int8}>
      title_vector;
  Annotated<std::vector<float>, VectorSchema{kTextDim, coco::DType::float16}> text_vector;
  Annotated<std::map<std::uint32_t, float>, zc::ZvecVectorDef{.sparse = true}> words;
};

struct Source {
  std::string id, title, text;
  std::vector<std::string> tags;
};

/// One dimension a word, its weight the number of times that it stands there.
std::map<std::uint32_t, float> words_of(std::string_view text) {
  std::map<std::uint32_t, float> words;
  std::uint32_t hash = 0;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (letter) hash = (hash ^ static_cast<unsigned char>(c | 32)) * 16777619u + 1;
    if (!letter && hash != 0) words[std::exchange(hash, 0) % 1000003] += 1;
  }
  if (hash != 0) words[hash % 1000003] += 1;
  return words;
}

void index_articles(coco::Ctx& ctx, const std::vector<Source>& sources) {
  auto target = zc::mount_collection_target(
      ctx, ZVEC_DB, "articles", zc::CollectionSchema<Article>::from_class({.primary_key = {"id"}}));
  const coco::text::HashingEmbedder titles({.dimension = kTitleDim});
  const coco::text::HashingEmbedder texts({.dimension = kTextDim});
  for (const Source& s : sources) {
    target.declare_row(ctx, {.id = s.id,
                             .title = s.title,
                             .text = s.text,
                             .tags = s.tags,
                             .title_vector = titles.embed(std::string_view(s.title)),
                             .text_vector = texts.embed(std::string_view(s.text)),
                             .words = words_of(s.text)});
  }
}

void add_ranks(const zvec::HitList& hits, const char* field, std::map<std::string, double>& fused) {
  std::printf("%s:", field);
  int rank = 0;
  for (const zvec::Hit& hit : hits.hits) {
    std::printf(" %s", hit.doc.id.c_str());
    fused[hit.doc.id] += 1.0 / (60 + ++rank);
  }
  std::printf("\n");
}

int main(int argc, char** argv) try {
  const std::string store = argc > 1 ? argv[1] : "./hybrid.store";
  const std::string_view query = argc > 2 ? argv[2] : "brewing green tea";
  coco::Environment env({.db_path = store + "/state"}, [&](coco::EnvironmentBuilder& builder) {
    builder.provide(ZVEC_DB, zc::connect(store + "/data"));
  });
  const std::vector<Source> sources{
      {"tea",
       "Brewing tea",
       "Green tea wants water of eighty degrees, black tea boiling water.",
       {"drink", "tea"}},
      {"coffee",
       "Brewing coffee",
       "Grind the beans just before brewing; water a little below boiling.",
       {"drink"}},
      {"garden", "Green plants", "Most plants are green because of chlorophyll.", {"nature"}},
  };
  coco::App app(env, "hybrid", coco::fn<&index_articles>(), sources);
  const coco::UpdateResult result = app.update_blocking();
  for (const coco::Failure& f : result.failures) std::fprintf(stderr, "failed: %s\n", f.message.c_str());
  if (!result.failures.empty()) return 4;

  auto collection = env.context().get(ZVEC_DB).open_existing("articles");
  std::map<std::string, double> fused;
  add_ranks(collection
                ->Query({.field = "title_vector",
                         .vector = coco::text::HashingEmbedder({.dimension = kTitleDim}).embed(query),
                         .topk = 3})
                .value(),
            "title_vector", fused);
  std::vector<zvec::Half> half;
  for (const float v : coco::text::HashingEmbedder({.dimension = kTextDim}).embed(query))
    half.push_back(zvec::ToHalf(v));
  add_ranks(collection->Query({.field = "text_vector", .vector = half, .topk = 3}).value(), "text_vector",
            fused);
  zvec::SparseVector sparse;
  for (const auto& [index, weight] : words_of(query)) {
    sparse.indices.push_back(index);
    sparse.values.push_back(weight);
  }
  add_ranks(collection->Query({.field = "words", .vector = sparse, .topk = 3}).value(), "words", fused);

  const auto best = std::max_element(fused.begin(), fused.end(),
                                     [](const auto& a, const auto& b) { return a.second < b.second; });
  std::printf("best: %s\n", best->first.c_str());
  return 0;
} catch (const std::exception& e) {
  std::fprintf(stderr, "error: %s\n", e.what());
  return 1;
}
