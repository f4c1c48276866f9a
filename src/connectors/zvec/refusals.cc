// Not compiled into anything: each CASE_ must be refused by the compiler with the sentence that
// CMakeLists.txt names.
#include <string>
#include <vector>

#include "cocoindex/cocoindex.h"
#include "cocoindex/connectors/zvec.h"

namespace zc = cocoindex::connectors::zvec;
using coco::Annotated, coco::VectorSchema;

struct Doc {
  std::string id;
  Annotated<std::vector<float>, VectorSchema{4}> embedding;
};
inline constexpr coco::ContextKey<zc::ManagedConnection> DB{"db"};

template <class Row>
void make() {
  (void)zc::CollectionSchema<Row>::from_class({.primary_key = {"id"}});
}

#if defined(CASE_pending_target)
void f(coco::Ctx& ctx, zc::CollectionSchema<Doc> schema) {
  auto target = zc::declare_collection_target(ctx, DB, "docs", schema);
  target.declare_row(ctx, Doc{});
}
#elif defined(CASE_row_of_another_type)
struct Other {
  int x;
};
void f(coco::Ctx& ctx, zc::CollectionTarget<Doc> target) { target.declare_row(ctx, Other{1}); }
#elif defined(CASE_byte_list)
struct Row {
  std::string id;
  std::vector<std::uint8_t> bytes;
};
void f() { make<Row>(); }
#elif defined(CASE_character)
struct Row {
  std::string id;
  char letter;
};
void f() { make<Row>(); }
#elif defined(CASE_enumeration)
enum class Colour { red };
struct Row {
  std::string id;
  Colour colour;
};
void f() { make<Row>(); }
#elif defined(CASE_record_with_base)
struct Row : Doc {
  int more;
};
void f() { make<Row>(); }
#elif defined(CASE_encoder_for_another_type)
std::string text_of(const std::vector<int>&);
struct Row {
  std::string id;
  Annotated<std::string, zc::Encode<&text_of>{}> title;
};
void f() { make<Row>(); }
#elif defined(CASE_long_annotation)
struct Row {
  std::string id;
  Annotated<std::string,
            zc::ZvecFtsType{.tokenizer_name = "a tokenizer with a name of far more than 31 bytes"}>
      body;
};
void f() { make<Row>(); }
#elif defined(CASE_sparse_on_a_list)
struct Row {
  std::string id;
  Annotated<std::vector<float>, zc::ZvecVectorDef{.sparse = true}> sparse;
};
void f() { make<Row>(); }
#elif defined(CASE_vector_schema_on_text)
struct Row {
  std::string id;
  Annotated<std::string, VectorSchema{4}> title;
};
void f() { make<Row>(); }
#endif
