// What a user's translation unit costs: the page's program with a record of 12 fields.
// scripts/bench_compile.py measures it.
#include <cocoindex/cocoindex.h>
#include <cocoindex/connectors/zvec.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::VectorSchema;

inline constexpr coco::ContextKey<zc::ManagedConnection> ZVEC_DB{"main_db"};

struct Doc {
  std::string id;
  std::string title;
  std::string body;
  std::int64_t year;
  double score;
  bool draft;
  std::optional<std::string> note;
  Annotated<int, zc::ZvecType{zc::DataType::INT32, false}> count;
  std::chrono::year_month_day day;
  std::vector<std::string> tags;
  Annotated<std::vector<float>, VectorSchema{384}> embedding;
  Annotated<std::map<std::uint32_t, float>, zc::ZvecVectorDef{.sparse = true}> sparse;
};

void index_docs(coco::Ctx& ctx, const std::vector<Doc>& docs) {
  auto target = zc::mount_collection_target(ctx, ZVEC_DB, "docs",
                                            zc::CollectionSchema<Doc>::from_class({.primary_key = {"id"}}));
  for (const Doc& doc : docs) target.declare_row(ctx, doc);
}
